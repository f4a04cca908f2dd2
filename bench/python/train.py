"""Training and prediction beside other libraries: same network, data, weights and number of steps, in turn in one run.

    python bench/python/train.py                       W1 to W6b, one and two threads: about 15 minutes
    python bench/python/train.py --quick               small networks, few pairs: does everything run and agree?
    python bench/python/train.py --only 'W5|W6' --threads 2 --pairs 31 --json result.json
    python bench/python/train.py --scaling             W3's network over batch, square networks over width
    python bench/python/train.py --compile             torch.compile too: half a minute for each network
    python bench/python/train.py --medium              precision="medium" and autocast to bfloat16, too

Each library runs in a process of its own and is asked in turn, the others being stopped; who goes first changes from
round to round. A time is that of one step, the mean over an epoch that starts from the same weights each time: on one
thread the CPU time of the process, as in the native benchmarks and the probe, so that a busy machine disturbs little;
else by the clock on the wall. "step" contenders go through batches that were cut beforehand; "epoch" contenders
(densekit fit, jax scan, keras fit, sklearn, ... epoch) also shuffle and gather rows. ratio is the contender's time
divided by densekit's (above 1: we are faster): the median over rounds with the 95 % bootstrap interval of that median.
"of floor" is the time that the machine's FMA rate and bandwidth, probed before and after, allow at least, divided by
the time taken.

Before anything is timed, everybody trains one epoch without dropout and without shuffling: the losses of the weights
that result, evaluated by one piece of NumPy in float64, must be equal to 2e-3 relative. After the measurements, with
dropout and shuffling, they must be within 15 % (dropout) or 10 % of densekit's; of products of bfloat16 only this is
asked. Predictions must be within 1e-5 of float64. Exit code 1: something did not run or did not agree.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
from machine import load, machine
from medians import ratio
from training import roofline
from training.worker import LIBRARIES, Worker
from training.workloads import BATCHES, WIDTHS, WORKLOADS, Workload, floor_seconds, flops, stream_bytes

OURS = "densekit fit"
ROUGH = ("densekit fit medium", "torch fused bfloat16")  # products of bfloat16
# Losses after the same steps: a relu whose input is within rounding of 0 may go either way, a few in an epoch of W3,
# and Adam makes a step of lr of it. Where none does, losses agree to 1e-7.
SAME_LOSS, SAME_OUTPUT = 2e-3, 1e-5
SAME_LOSS_SMALL = 2e-2  # batches below 32: hundreds of steps, each as long as those of a large batch
BAND, BAND_DROPOUT = 0.10, 0.15
# With --scaling the best of each library.
SCALING_ONLY = ("densekit fit", "torch", "torch fused", "jax", "jax scan", "keras fit", "sklearn", "numpy")


def ours_of(w: Workload) -> str:
    """Which of our roads the others are compared with."""
    if w.kind == "train":
        return OURS
    return "densekit model(x)" if w.rows == 1 else "densekit predict"


def default_rounds(w: Workload, given: argparse.Namespace) -> int:
    if given.quick:
        return 3
    if given.scaling:
        return 7  # for curves, not for claims
    return 11 if flops(w) > 2e10 else 31  # where a step takes a second


class Run:
    """One number of threads: the workers, and a workload after the other."""

    def __init__(self, threads: int, libraries: list[str], given: argparse.Namespace) -> None:
        self.threads, self.given = threads, given
        self.failures: list[str] = []
        self.workers: dict[str, Worker] = {}
        for library in libraries:
            try:
                self.workers[library] = Worker(library, threads)
            except RuntimeError as error:
                self.fail(f"{library} does not start: {error}")

    def fail(self, message: str) -> None:
        print(f"FAILED {message}", file=sys.stderr, flush=True)
        self.failures.append(message)

    def close(self) -> None:
        for worker in self.workers.values():
            worker.close()

    def prepare(self, w: Workload) -> dict[str, dict[str, Any]]:
        """{contender: {"library", "setup", …}} of those that run."""
        found: dict[str, dict[str, Any]] = {}
        left_out = [] if self.given.compile else ["torch compile"]
        left_out += [] if self.given.medium else ROUGH
        if self.given.scaling:
            names = {*SCALING_ONLY}
            left_out += [n for n in ALL_CONTENDERS if n not in names]
        for library, worker in self.workers.items():
            try:
                for name, about in worker("prepare", w, left_out).items():
                    found[name] = {"library": library, **about}
            except RuntimeError as error:
                self.fail(f"{w.name}: {error}")
        return found

    def agree(self, w: Workload, found: dict[str, dict[str, Any]]) -> None:
        if w.kind == "predict":
            for name, about in found.items():
                if not about["error"] <= SAME_OUTPUT:
                    self.fail(f"{w.name}: probabilities of {name} differ from float64 by {about['error']:.2g}")
            return
        if OURS not in found:
            return
        expected, band = found[OURS]["loss"], SAME_LOSS if w.batch >= 32 else SAME_LOSS_SMALL
        for name, about in found.items():
            if name not in ROUGH and not abs(about["loss"] - expected) <= band * expected:
                self.fail(
                    f"{w.name}: the loss of {name} is {about['loss']:.6g} after the same steps, ours {expected:.6g}"
                )

    def in_band(self, w: Workload, found: dict[str, dict[str, Any]]) -> None:
        for about_name, about in found.items():
            about["final_loss"] = self.workers[about["library"]]("final_loss", about_name)
        band = BAND_DROPOUT if w.rate > 0 else BAND
        # With smaller batches the order of the rows, which everybody draws for himself, decides.
        expected = found[OURS]["final_loss"] if OURS in found and w.batch >= 32 else None
        for name, about in found.items():
            if expected is not None and not abs(about["final_loss"] - expected) <= band * expected:
                self.fail(f"{w.name}: {name} ends with the loss {about['final_loss']:.4g}, ours with {expected:.4g}")

    def measure(self, w: Workload) -> dict[str, Any]:
        found = self.prepare(w)
        self.agree(w, found)
        ours, names = ours_of(w), list(found)
        pairs = self.given.pairs or default_rounds(w, self.given)
        level = self.level()
        stream, _, size = stream_bytes(w)
        before = roofline.limits(stream, size, self.threads, level) if level else None
        clocks: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
        for r in range(pairs):
            order = names if r % 2 == 0 else names[::-1]
            shift = r // 2 % max(1, len(names))
            for name in order[shift:] + order[:shift]:
                clocks[name].append(self.workers[found[name]["library"]]("measure", name))
        after = roofline.limits(stream, size, self.threads, level) if level else None
        if w.kind == "train":
            self.in_band(w, found)
        for worker in self.workers.values():
            worker("release")
        result: dict[str, Any] = {"workload": asdict(w), "threads": self.threads, "pairs": pairs, "ours": ours}
        result |= {"load": load(), "flops": flops(w), "limits": None, "rows": {}}
        if before and after:
            mean = {key: (before[key] * after[key]) ** 0.5 for key in before}
            drift = max(max(before[k] / after[k], after[k] / before[k]) for k in before)
            result["limits"] = mean | {"drift": drift, "floor": floor_seconds(w, mean)}
        clock = 1 if self.threads == 1 else 0
        times = {name: [pair[clock] for pair in clocks[name]] for name in names}
        for name in names:
            row: dict[str, Any] = dict(found[name])
            row["seconds"] = float(np.median(times[name]))
            row["wall"], row["cpu"] = np.array(clocks[name]).T.tolist()
            row["cpu_share"] = float(np.median(np.array(row["cpu"]) / row["wall"]))
            if ours in times:
                row["ratio"], row["low"], row["high"] = ratio(times[name], times[ours])
            if result["limits"]:
                row["of_floor"] = result["limits"]["floor"] / row["seconds"]
            result["rows"][name] = row
        return result

    def level(self) -> str | None:
        """Our instruction set, if the probe is built."""
        if self.given.quick or "densekit" not in self.workers or not roofline.available():
            return None
        return re.sub(r".*\((.*)\)", r"\1", self.workers["densekit"].version)


ALL_CONTENDERS = (
    "densekit fit",
    "densekit step",
    "densekit fit medium",
    "torch",
    "torch fused",
    "torch fused epoch",
    "torch fused bfloat16",
    "torch compile",
    "jax",
    "jax scan",
    "keras fit",
    "keras train_on_batch",
    "sklearn",
    "numpy",
    "numpy epoch",
)


def show(result: dict[str, Any]) -> None:
    w, limits = result["workload"], result["limits"]
    scale, unit = (1e3, "ms") if max(r["seconds"] for r in result["rows"].values()) > 0.02 else (1e6, "us")
    what = "a step" if w["kind"] == "train" else "a call"
    print(f"\n{w['name']}: {w['title']}, {result['threads']} thread(s), {result['pairs']} rounds", end="")
    if limits:
        print(
            f"; FMA {limits['fma_f32'] / 1e9:.0f} GFLOP/s, stream {limits['stream'] / 1e9:.1f} GB/s: "
            f"floor {limits['floor'] * scale:.4g} {unit}; probe moved by {limits['drift']:.2f}x",
            end="",
        )
    print(f"\n  {'':<22}{unit + ' ' + what:>12}{'ratio':>8}   {'95 % interval':<18}{'of floor':>9}{'loss':>10}")
    for name, row in result["rows"].items():
        share = f"{100 * row['of_floor']:.0f} %" if "of_floor" in row else ""
        loss = f"{row['final_loss']:.4f}" if "final_loss" in row else ""
        ratios = f"{row['ratio']:>8.2f}   {row['low']:.2f} to {row['high']:<12.2f}" if "ratio" in row else " " * 29
        print(f"  {name:<22}{row['seconds'] * scale:>12.4g}{ratios}{share:>9}{loss:>10}", flush=True)
    if result["threads"] == 1:
        disturbed = min(row["cpu_share"] for row in result["rows"].values())
        if disturbed < 0.95:
            print(f"  the machine was busy: a contender had its processor {100 * disturbed:.0f} % of the time")


def chosen(given: argparse.Namespace) -> list[Workload]:
    everything = {**BATCHES, **WIDTHS} if given.scaling else WORKLOADS
    found = [w for name, w in everything.items() if re.search(given.only, name)]
    if not found:
        sys.exit(f"train.py: no workload matches {given.only!r}; there are {', '.join(everything)}")
    return [w.small() for w in found] if given.quick else found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small networks and three rounds, for CI")
    parser.add_argument("--threads", default="", help="numbers of threads, default 1,2 (with --quick 1)")
    parser.add_argument("--only", default="", help="a regular expression: only workloads whose name contains it")
    parser.add_argument("--libraries", default=",".join(LIBRARIES), help="which to compare, separated by commas")
    parser.add_argument("--pairs", type=int, default=0, help="rounds (default 31; 11 for W5; 7 with --scaling)")
    parser.add_argument("--scaling", action="store_true", help="over batch and width instead of W1 to W6b")
    parser.add_argument("--compile", action="store_true", help="torch.compile, too")
    parser.add_argument("--medium", action="store_true", help="products of bfloat16, too")
    parser.add_argument("--json", type=Path, help="write everything to this file")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.libraries.split(",") if name not in LIBRARIES]
    if unknown or given.pairs < 0:
        parser.error(
            f"--libraries: no {unknown[0]!r} among {', '.join(LIBRARIES)}" if unknown else "--pairs is negative"
        )
    try:
        threads = [int(t) for t in (given.threads or ("1" if given.quick else "1,2")).split(",")]
    except ValueError:
        parser.error(f"--threads must be numbers such as 1,2, got {given.threads!r}")

    workloads = chosen(given)
    libraries = []
    for name in given.libraries.split(","):
        if importlib.util.find_spec(LIBRARIES[name][1]) is None:
            print(f"{name} is not installed: skipped (pip install {LIBRARIES[name][1]})")
        else:
            libraries.append(name)
    if not given.compile:
        print("torch.compile is left out; --compile brings it in")
    if not given.quick and not roofline.available():
        print(f"no percentages of the floor: the probe is not built ({roofline.BUILD})")
    about = machine()
    document: dict[str, Any] = {"machine": about, "command": "python bench/python/train.py " + " ".join(sys.argv[1:])}
    document |= {"date": time.strftime("%Y-%m-%d"), "versions": {}, "results": []}
    failures = []
    for count in threads:
        if count < 1 or count > (about["processors"] or 1):
            print(f"{count} threads: this process may use {about['processors']} processors; skipped")
            continue
        run = Run(count, libraries, given)
        document["versions"] = {name: worker.version for name, worker in run.workers.items()}
        print(f"\n{about['cpu']}, {', '.join(document['versions'].values())}, {count} thread(s), load {load():.1f}")
        try:
            for w in workloads:
                document["results"].append(run.measure(w))
                show(document["results"][-1])
                if given.json:
                    given.json.write_text(json.dumps(document, indent=1), encoding="utf-8")
        finally:
            run.close()
        failures += run.failures
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
