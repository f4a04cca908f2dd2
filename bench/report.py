"""From the JSON files of a run of all benchmarks to docs/benchmarks.md and its pictures.

    python bench/report.py build/bench/results            writes docs/benchmarks.md and docs/benchmarks/*.png

Reads what is there of train.json, scaling.json, kernels.json, footprint.json, ops.json and native.json; bench/run makes
them all.
Needs matplotlib.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import pictures

ROOT = Path(__file__).resolve().parents[1]

TITLES = {
    "train": "Training and prediction beside other libraries",
    "scaling": "Over batch and width",
    "kernels": "Single kernels beside other libraries",
    "footprint": "To begin",
    "ops": "Single operations beside NumPy",
    "native": "Kernels beside the machine's limits",
}


def short(seconds: float) -> str:
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= scale or unit == "us":
            return f"{seconds / scale:.3g} {unit}" if seconds / scale < 1000 else f"{seconds / scale:.0f} {unit}"
    raise AssertionError


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines] + [""]


def source(document: dict[str, Any], file: str) -> list[str]:
    """The command and the machine."""
    about = document["machine"]
    machine = f"{about['cpu']}, {about['processors']} processors, {about['system']}, Python {about['python']}"
    versions = ", ".join(document.get("versions", {}).values())
    loads = [r["load"] for r in document.get("results", [])] or [document["load"]]
    busy = f"load average {min(loads):.1f} to {max(loads):.1f}" if min(loads) < max(loads) else f"load {loads[0]:.1f}"
    return [
        f"`{document['command'].strip()}`, {document['date']}. {machine}; {busy}. {versions}".rstrip(" .") + ".",
        "",
    ]


def fastest_peer(result: dict[str, Any]) -> str | None:
    rows = result["rows"].items()
    peers = [name for name, row in rows if row["library"] != "densekit" and pictures.in_float32(name)]
    return min(peers, key=lambda name: result["rows"][name]["seconds"]) if peers else None


def rounded(document: dict[str, Any]) -> list[str]:
    """Products of bfloat16 beside each other."""
    rows = []
    for result in document["results"]:
        ours, theirs = (result["rows"].get(name) for name in ("densekit fit medium", "torch fused bfloat16"))
        if ours is None or theirs is None:
            continue
        clock = "cpu" if result["threads"] == 1 else "wall"
        ratio = pictures.median([t / o for t, o in zip(theirs[clock], ours[clock], strict=True)])
        cells = [result["workload"]["name"], f"{result['threads']}T", short(ours["seconds"]), short(theirs["seconds"])]
        rows.append([*cells, f"{ratio:.2f}"])
    head = ["", "threads", 'densekit, `precision="medium"`', "PyTorch, autocast to bfloat16, fused", "ratio"]
    return ["With products of bfloat16:", "", *table(head, rows)] if rows else []


def train(document: dict[str, Any]) -> list[str]:
    lines = [
        "The best peer of each row is the fastest in float32. ratio: its time divided by ours, median over",
        "",
    ]
    lines[0] += " rounds with the 95 % interval of that median; an interval that contains 1 is a tie."
    rows = []
    for result in document["results"]:
        peer, ours = fastest_peer(result), result["rows"].get(result["ours"])
        if ours is None or peer is None:
            continue
        best = result["rows"][peer]
        limits = result["limits"]
        rows.append(
            [
                result["workload"]["name"],
                f"{result['threads']}T",
                short(limits["floor"]) if limits else "",
                short(ours["seconds"]),
                f"{100 * ours['of_floor']:.0f} %" if limits else "",
                f"{peer}, {short(best['seconds'])}",
                f"{best['ratio']:.2f} ({best['low']:.2f} to {best['high']:.2f})",
                str(result["pairs"]),
            ]
        )
    lines += table(["", "threads", "floor", "ours", "of floor", "best peer", "ratio", "rounds"], rows)
    lines += rounded(document)
    lines += ["![Time of a step or call](benchmarks/training.png)", ""]
    lines += ["![Share of the floor](benchmarks/share.png)", "", "![Two threads](benchmarks/threads.png)", ""]
    lines += ["### Everybody", ""]
    for result in document["results"]:
        limits = result["limits"]
        lines.append(f"**{result['workload']['name']}**: {result['workload']['title']}, {result['threads']}T")
        if limits:
            lines[-1] += (
                f". FMA {limits['fma_f32'] / 1e9:.0f} GFLOP/s, stream {limits['stream'] / 1e9:.1f} GB/s, "
                f"floor {short(limits['floor'])}; the probe moved by {limits['drift']:.2f}x in the run"
            )
        lines[-1] += "."
        lines.append("")
        rows = []
        for name, row in result["rows"].items():
            ratio = f"{row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f})" if "ratio" in row else ""
            share = f"{100 * row['of_floor']:.0f} %" if "of_floor" in row else ""
            loss = f"{row['final_loss']:.4f}" if "final_loss" in row else f"{row['error']:.1e}"
            rows.append([name, short(row["seconds"]), ratio, share, loss, short(row["setup"])])
        last = "final loss" if result["workload"]["kind"] == "train" else "largest error"
        lines += table(["", "time", "ratio", "of floor", last, "setup"], rows)
    return lines


def scaling(document: dict[str, Any]) -> list[str]:
    lines = [
        "W3's network over the batch, samples a second; square networks over the width, FLOPs of a step a second.",
        "",
    ]
    lines += ["![Over the batch](benchmarks/batch.png)", "", "![Over the width](benchmarks/width.png)", ""]
    for kind, unit in (("batch", "thousand samples/s"), ("width", "GFLOP/s")):
        results = [r for r in document["results"] if r["workload"]["name"].startswith(kind)]
        names = list(dict.fromkeys(name for r in results for name in r["rows"]))
        rows = []
        for r in results:
            amount = r["workload"]["batch"] / 1e3 if kind == "batch" else r["flops"] / 1e9
            cells = [f"{amount / r['rows'][n]['seconds']:.3g}" if n in r["rows"] else "" for n in names]
            roof = f"{amount / r['limits']['floor']:.3g}" if r["limits"] else ""
            rows.append([r["workload"]["name"], f"{r['threads']}T", *cells, roof])
        lines += [f"{unit}:", "", *table(["", "threads", *names, "roofline"], rows)] if rows else []
    return lines


def kernels(document: dict[str, Any]) -> list[str]:
    lines = [
        "limit: the time that FMA rate or bandwidth, probed in the run, allow at least. ratio: the other's time",
        "",
    ]
    lines[0] += " divided by ours, median over rounds with its 95 % interval; each library's fastest way."
    lines += ["![Kernels](benchmarks/kernels.png)", ""]
    others = [name for name in pictures.COLORS if any(name in pictures.best_rows(r) for r in document["results"])]
    rows = []
    for result in document["results"]:
        best, limits = pictures.best_rows(result), result["limits"]
        cells = [result["case"], f"{result['threads']}T", short(limits["floor"]) if limits else ""]
        for name in others:
            row = best.get(name)
            if row is None:
                cells.append("")
            elif name == "densekit":
                share = f", {100 * row['of_limit']:.0f} %" if limits else ""
                cells.append(f"{short(row['seconds'])}{share}")
            else:
                cells.append(f"{short(row['seconds'])}: {row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f})")
        rows.append(cells)
    return lines + table(["", "threads", "limit", *others], rows)


def footprint(document: dict[str, Any]) -> list[str]:
    lines = [
        "import: beyond NumPy's. trained: from the start of the process to the end of one that learns 8,000 images for",
        "",
    ]
    lines[0] += " 5 epochs with W3's network. disk: the distribution and all that it requires."
    rows = []
    for name, row in document["rows"].items():
        seconds = [short(pictures.median(row[key])) for key in ("import", "process", "trained")]
        numbers = [f"{pictures.median(row['peak']):.0f}", f"{sum(row['disk'].values()):.0f}"]
        rows.append([name, *seconds, f"{pictures.median(row['accuracy']):.3f}", *numbers])
    lines += table(["", "import", "process", "trained", "accuracy", "peak MiB", "disk MiB"], rows)
    for name, size in document["wheels"].items():
        lines += [f"`{name}`: {size:.2f} MiB.", ""]
    return [*lines, "![To begin](benchmarks/start.png)", ""]


def ops(document: dict[str, Any]) -> list[str]:
    lines = ["ratio: NumPy's time divided by ours.", "", "![Operations](benchmarks/operations.png)", ""]
    rows = [
        [
            r["operation"],
            r["case"],
            f"{r['ours']:.3g}",
            f"{r['numpy']:.3g}",
            f"{r['ratio']:.2f} ({r['low']:.2f} to {r['high']:.2f})",
        ]
        for r in document["rows"]
    ]
    return lines + table(["", "case", "ours us", "NumPy us", "ratio"], rows)


def native(document: dict[str, Any]) -> list[str]:
    lines = ["Medians of three. limit: the time that the probe's figures allow, divided by the time taken.", ""]
    lines += ["![Products](benchmarks/products.png)", ""]
    rows = []
    for name, row in pictures.medians_of(document).items():
        rates = [f"{row[key]:.4g}" if row.get(key) else "" for key in ("GFLOP/s", "GB/s")]
        rows.append([name, f"{row['cpu_time'] if name.endswith('1T') else row['real_time']:.4g}", *rates])
        rows[-1] += [f"{row['limit%']:.0f} %", row["label"]]
    return lines + table(["", "us", "GFLOP/s", "GB/s", "limit", "which"], rows)


def native_source(document: dict[str, Any]) -> dict[str, Any]:
    """What google-benchmark wrote, in the words of the other files."""
    context = document["context"]
    about = {
        "cpu": "the machine above",
        "processors": context["num_cpus"],
        "system": context["host_name"],
        "python": "-",
    }
    load = context.get("load_avg") or [float("nan")]
    return document | {"machine": about, "command": "densekit_bench", "date": context["date"][:10], "load": load[0]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="the folder with the JSON files")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where benchmarks.md goes (default docs)")
    given = parser.parse_args()
    lines = [
        "# Benchmarks",
        "",
        "Made by `make bench`; how to read and repeat it: [bench/README.md](../bench/README.md).",
        "",
    ]
    folder = given.docs / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    for picture in folder.glob("*.png"):
        picture.unlink()
    writers = {
        "train": train,
        "scaling": scaling,
        "kernels": kernels,
        "footprint": footprint,
        "ops": ops,
        "native": native,
    }
    for name, write in writers.items():
        file = given.results / f"{name}.json"
        if not file.exists():
            print(f"{file} is not there: left out")
            continue
        document = json.loads(file.read_text(encoding="utf-8"))
        pictures.DRAW[name](document, folder)
        about = source(document if "machine" in document else native_source(document), name)
        lines += [f"## {TITLES[name]}", "", *about, *write(document)]
    drawn = {f"(benchmarks/{picture.name})" for picture in folder.glob("*.png")}
    lines = [line for line in lines if not line.startswith("![") or line[line.index("](") + 1 :] in drawn]
    (given.docs / "benchmarks.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    print(f"wrote {given.docs / 'benchmarks.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
