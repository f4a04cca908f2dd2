"""The pictures of docs/benchmarks.md: one function for each JSON file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import matplotlib.ticker
import numpy as np

plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True})
COLORS = {
    "densekit": "#c0392b",
    "torch": "#e08e45",
    "jax": "#3b7ea1",
    "keras": "#7f5fa8",
    "sklearn": "#4f9d69",
    "numpy": "#7a7a7a",
}
FLOOR = "#111111"


def median(values: Any) -> float:
    return float(np.median(values))


def save(figure: Any, folder: Path, name: str) -> None:
    figure.savefig(folder / f"{name}.png", dpi=110, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)


def by_name(document: dict[str, Any]) -> dict[str, dict[int, dict[str, Any]]]:
    """{workload: {threads: result}}."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for result in document["results"]:
        found.setdefault(result["workload"]["name"], {})[result["threads"]] = result
    return found


def grid_of(count: int, height: float) -> tuple[Any, list[Any]]:
    rows = -(-count // 2)
    figure, axes = plt.subplots(rows, 2, figsize=(11, height * rows), squeeze=False, layout="constrained")
    flat = list(axes.flat)
    for unused in flat[count:]:
        unused.axis("off")
    return figure, flat[:count]


def training(document: dict[str, Any], folder: Path) -> None:
    """A panel for each workload, a pair of bars for each contender, log-scaled."""
    found = by_name(document)
    figure, axes = grid_of(len(found), 3.6)
    for axis, (name, results) in zip(axes, found.items(), strict=True):
        first = next(iter(results.values()))
        names = sorted(first["rows"], key=lambda n: first["rows"][n]["seconds"], reverse=True)
        thick = 0.8 / len(results)
        everything = [row["seconds"] for result in results.values() for row in result["rows"].values()]
        for number, (threads, result) in enumerate(results.items()):
            for place, contender in enumerate(names):
                if contender not in result["rows"]:
                    continue
                row = result["rows"][contender]
                at = place + 0.4 - thick * (number + 0.5)
                alpha = 1.0 if number == 0 else 0.5
                axis.barh(at, row["seconds"], thick, color=COLORS[row["library"]], alpha=alpha)
                text = f" {spoken(row['seconds'])}" + (f" ({threads}T)" if len(results) > 1 else "")
                axis.text(row["seconds"], at, text, va="center", fontsize=6.5)
            if result["limits"]:
                floor = result["limits"]["floor"]
                everything.append(floor)
                style = "-" if number == 0 else "--"
                axis.axvline(floor, color=FLOOR, linestyle=style, lw=1, label=f"floor, {threads}T")
        axis.set_xscale("log")
        axis.set_xlim(min(everything) * 0.6, max(everything) * 4)
        axis.set_yticks(range(len(names)), names)
        axis.xaxis.set_major_locator(
            mpl.ticker.LogLocator(subs=(1, 2, 5) if max(everything) < 20 * min(everything) else (1,))
        )
        axis.xaxis.set_major_formatter(lambda value, _: spoken(value))
        axis.xaxis.set_minor_formatter(mpl.ticker.NullFormatter())
        axis.set_title(f"{name}: {first['workload']['title']}", loc="left", fontsize=8.5)
        if axis.get_legend_handles_labels()[0]:
            axis.legend(loc="upper right", fontsize=7, frameon=False)
    figure.suptitle(
        "Time of a training step (W1 to W5) or of a call (W6): shorter is better; upper bar of a pair: fewer threads"
    )
    save(figure, folder, "training")


def spoken(seconds: float) -> str:
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= 0.9995 * scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def in_float32(name: str) -> bool:
    return "bfloat16" not in name and "medium" not in name


def best_of(result: dict[str, Any]) -> dict[str, float]:
    """The fastest float32 contender's seconds of each library; of ours the one that the others are compared with."""
    best: dict[str, float] = {}
    for name, row in result["rows"].items():
        if in_float32(name) and (row["library"] != "densekit" or name == result["ours"]):
            best[row["library"]] = min(best.get(row["library"], np.inf), row["seconds"])
    return best


def grouped(axis: Any, groups: list[str], values: dict[str, list[float]]) -> None:
    """values: for each library one number a group (nan: none)."""
    thick = 0.8 / max(1, len(values))
    for number, (library, row) in enumerate(values.items()):
        at = np.arange(len(groups)) - 0.4 + thick * (number + 0.5)
        axis.bar(at, row, thick, color=COLORS[library], label=library)
        for x, value in zip(at, row, strict=True):
            if np.isfinite(value):
                axis.text(
                    x, value, f"{value:.2g}" if value < 10 else f"{value:.0f}", ha="center", va="bottom", fontsize=6
                )
    axis.set_xticks(range(len(groups)), groups)


def share(document: dict[str, Any], folder: Path) -> None:
    found = by_name(document)
    counts = sorted({t for results in found.values() for t, r in results.items() if r["limits"]})
    if not counts:
        return
    figure, axes = plt.subplots(len(counts), 1, figsize=(11, 2.6 * len(counts)), squeeze=False, layout="constrained")
    for axis, threads in zip(axes.flat, counts, strict=True):
        results = [r[threads] for r in found.values() if threads in r and r[threads]["limits"]]
        values = {
            library: [100 * r["limits"]["floor"] / best_of(r).get(library, np.nan) for r in results]
            for library in COLORS
        }
        grouped(axis, [r["workload"]["name"] for r in results], values)
        axis.axhline(100, color=FLOOR, lw=1)
        axis.set_ylabel(f"floor / time, %, {threads}T")
    axes.flat[0].legend(ncols=6, fontsize=7, frameon=False, loc="lower left", bbox_to_anchor=(0, 1))
    save(figure, folder, "share")


def threads(document: dict[str, Any], folder: Path) -> None:
    found = {name: results for name, results in by_name(document).items() if len(results) > 1}
    if not found:
        return
    figure, axis = plt.subplots(figsize=(11, 3), layout="constrained")
    values: dict[str, list[float]] = {library: [] for library in COLORS}
    for results in found.values():
        few, many = best_of(results[min(results)]), best_of(results[max(results)])
        for library, row in values.items():
            row.append(few[library] / many[library] if library in few and library in many else np.nan)
    grouped(axis, list(found), values)
    axis.axhline(1, color=FLOOR, lw=1)
    first = next(iter(found.values()))
    axis.set_ylabel(f"times as fast with {max(first)} threads as with {min(first)}")
    axis.legend(ncols=6, fontsize=7, frameon=False, loc="lower left", bbox_to_anchor=(0, 1))
    save(figure, folder, "threads")


def lines_over(document: dict[str, Any], folder: Path, kind: str, label: str, amount: Callable[[Any], float]) -> None:
    """log-log lines of amount / seconds over the number in the workload's name, a panel for each number of threads."""
    results = [r for r in document["results"] if r["workload"]["name"].startswith(kind + "-")]
    counts = sorted({r["threads"] for r in results})
    if not counts:
        return
    figure, axes = plt.subplots(
        1, len(counts), figsize=(5.5 * len(counts), 4), squeeze=False, sharey=True, layout="constrained"
    )
    for axis, count in zip(axes.flat, counts, strict=True):
        mine = [r for r in results if r["threads"] == count]
        for name in dict.fromkeys(n for r in mine for n in r["rows"]):
            found = [(int(r["workload"]["name"].split("-")[1]), r) for r in mine if name in r["rows"]]
            x = [n for n, _ in found]
            y = [amount(r) / r["rows"][name]["seconds"] for _, r in found]
            library = found[0][1]["rows"][name]["library"]
            style = "--" if name in ("torch", "jax") else "-"
            width = 2.4 if library == "densekit" else 1.3
            axis.plot(x, y, style, marker="o", ms=3, lw=width, color=COLORS[library], label=name)
        roof = [
            (int(r["workload"]["name"].split("-")[1]), amount(r) / r["limits"]["floor"]) for r in mine if r["limits"]
        ]
        if roof:
            axis.plot(*zip(*roof, strict=True), color=FLOOR, lw=1, label="roofline")
        axis.set(xscale="log", yscale="log", xlabel=kind, title=f"{count} thread(s)")
        ticks = sorted({int(r["workload"]["name"].split("-")[1]) for r in mine})
        axis.set_xticks(ticks, [str(t) for t in ticks])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes.flat[0].set_ylabel(label)
    axes.flat[-1].legend(fontsize=7, frameon=False)
    save(figure, folder, kind)


def train(document: dict[str, Any], folder: Path) -> None:
    for draw in (training, share, threads):
        draw(document, folder)


def scaling(document: dict[str, Any], folder: Path) -> None:
    lines_over(document, folder, "batch", "samples a second", lambda r: r["workload"]["batch"])
    lines_over(document, folder, "width", "GFLOP/s of the products", lambda r: r["flops"] / 1e9)


def best_rows(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The fastest row of each library."""
    best: dict[str, dict[str, Any]] = {}
    for row in sorted(result["rows"].values(), key=lambda r: r["seconds"]):
        best.setdefault(row["library"], row)
    return best


def kernels(document: dict[str, Any], folder: Path) -> None:
    """Each library's time divided by ours, a panel for each number of threads."""
    counts = sorted({r["threads"] for r in document["results"]})
    most = max(sum(r["threads"] == count for r in document["results"]) for count in counts)
    figure, axes = plt.subplots(
        1, len(counts), figsize=(5.5 * len(counts), 0.24 * most + 1), squeeze=False, sharey=True, layout="constrained"
    )
    for axis, count in zip(axes.flat, counts, strict=True):
        results = [r for r in document["results"] if r["threads"] == count][::-1]
        for library in COLORS:
            found = [(place, best_rows(r).get(library)) for place, r in enumerate(results)]
            points = [(row["ratio"], place) for place, row in found if row and "ratio" in row]
            if points and library != "densekit":
                axis.plot(*zip(*points, strict=True), "o", ms=5, color=COLORS[library], label=library)
        limits = [
            (r["limits"]["floor"] / best_rows(r)["densekit"]["seconds"], place)
            for place, r in enumerate(results)
            if r["limits"] and "densekit" in best_rows(r)
        ]
        if limits:
            axis.plot(*zip(*limits, strict=True), "|", ms=9, color=FLOOR, label="limit")
        axis.axvline(1, color=COLORS["densekit"], lw=1)
        axis.set(xscale="log", xlabel="time / densekit's", title=f"{count} thread(s)", xlim=(0.08, None))
        axis.set_yticks(range(len(results)), [r["case"] for r in results], fontsize=7)
        axis.grid(axis="x", alpha=0.3)
    axes.flat[0].legend(fontsize=7, loc="lower right")
    save(figure, folder, "kernels")


def footprint(document: dict[str, Any], folder: Path) -> None:
    keys = {
        "import": "import beyond NumPy, s",
        "trained": "process start to trained, s",
        "peak": "peak MiB after import",
    }
    figure, axes = plt.subplots(1, 4, figsize=(12, 2.4), sharey=True, layout="constrained")
    names = list(document["rows"])[::-1]
    columns = {label: [median(document["rows"][n][key]) for n in names] for key, label in keys.items()}
    columns["MiB on disk, with what it needs"] = [sum(document["rows"][n]["disk"].values()) for n in names]
    for axis, (label, values) in zip(axes, columns.items(), strict=True):
        shown = [value if value > 0 else np.nan for value in values]  # NumPy's import beyond NumPy's
        axis.barh(names, shown, color=[COLORS[n] for n in names])
        for place, value in enumerate(shown):
            if np.isfinite(value):
                axis.text(value, place, f" {value:.3g}", va="center", fontsize=7)
        axis.set(xscale="log", title=label)
        axis.title.set_size(8.5)
        axis.set_xlim(np.nanmin(shown) * 0.4, np.nanmax(shown) * 4)
        axis.xaxis.set_major_formatter(lambda number, _: f"{number:g}")
        axis.xaxis.set_minor_formatter(mpl.ticker.NullFormatter())
    save(figure, folder, "start")


def ops(document: dict[str, Any], folder: Path) -> None:
    """A row for each operation, a point for each case, sorted by the median ratio."""
    cases: dict[str, list[tuple[float, str]]] = {}
    for row in document["rows"]:
        cases.setdefault(row["operation"], []).append((row["ratio"], row["case"]))
    names = sorted(cases, key=lambda n: median([value for value, _ in cases[n]]))
    figure, axis = plt.subplots(figsize=(8, 0.16 * len(names) + 1), layout="constrained")
    common = {"1,000": ("o", "#3b7ea1"), "100,000": ("s", "#4f9d69"), "1,000,000": ("D", "#c0392b")}
    for place, name in enumerate(names):
        for value, case in cases[name]:
            marker, color = common.get(case, ("x", "#555555"))
            axis.plot(value, place, marker, ms=4, color=color)
    for case, (marker, color) in {**common, "other cases": ("x", "#555555")}.items():
        axis.plot([], [], marker, ms=4, color=color, label=case)
    axis.axvline(1, color=FLOOR, lw=1)
    axis.set(xscale="log", xlabel="NumPy's time / ours (right of the line we are faster)", ylim=(-1, len(names)))
    axis.set_yticks(range(len(names)), names, fontsize=6.5)
    axis.grid(axis="x", alpha=0.3)
    axis.legend(fontsize=7, loc="lower right")
    save(figure, folder, "operations")


def medians_of(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """google-benchmark's repetitions of each name: the median of each number."""
    runs: dict[str, list[dict[str, Any]]] = {}
    for run in document["benchmarks"]:
        if run["run_type"] == "iteration":
            runs.setdefault(run["run_name"].removesuffix("/real_time"), []).append(run)
    numbers = ("cpu_time", "real_time", "GFLOP/s", "GB/s", "limit%")
    return {
        name: {key: median([r[key] for r in same]) for key in numbers if key in same[0]} | {"label": same[0]["label"]}
        for name, same in runs.items()
    }


def native(document: dict[str, Any], folder: Path) -> None:
    """Products in float32 beside the FMA peak."""
    rows = {name: row for name, row in medians_of(document).items() if name.startswith("gemm/f32/")}
    shapes = list(dict.fromkeys(name.rsplit("/", 2)[0] for name in rows))[::-1]
    kinds = sorted({name.rsplit("/", 1)[1] for name in rows})
    figure, axis = plt.subplots(figsize=(8, 0.3 * len(shapes) + 1), layout="constrained")
    thick = 0.8 / max(1, len(kinds))
    for number, kind in enumerate(kinds):
        at = np.arange(len(shapes)) + 0.4 - thick * (number + 0.5)
        values = [
            next((r["limit%"] for n, r in rows.items() if n.startswith(s + "/") and n.endswith(kind)), np.nan)
            for s in shapes
        ]
        axis.barh(at, values, thick, color=COLORS["densekit"], alpha=1 if number == 0 else 0.5, label=kind)
    axis.axvline(100, color=FLOOR, lw=1)
    axis.set_yticks(range(len(shapes)), [s.removeprefix("gemm/f32/") for s in shapes], fontsize=7)
    axis.set_xlabel("% of what FMA rate or bandwidth allow, float32, rows x columns x inner")
    axis.legend(fontsize=7, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    save(figure, folder, "products")


DRAW = {
    "train": train,
    "scaling": scaling,
    "kernels": kernels,
    "footprint": footprint,
    "ops": ops,
    "native": native,
}
