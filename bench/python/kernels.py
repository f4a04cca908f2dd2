"""Single kernels beside PyTorch, JAX, NumPy and the machine's limits, in turn in one run.

    python bench/python/kernels.py                        one and two threads: about 15 minutes
    python bench/python/kernels.py --quick                small arrays, few rounds: does everything run and agree?
    python bench/python/kernels.py --only 'adam|dropout' --threads 2 --json result.json

Each library has a process of its own, arrays that are made once and, where its interface allows, results that are
written into arrays that are there. On one thread CPU time counts, else the clock on the wall. ratio is the other's
time divided by ours, the median over rounds with its 95 % bootstrap interval. "of limit": the time that the FMA rate
or the bandwidth of that many bytes allows at least, whichever is longer, as probed before and after, divided by the
time taken; exponentials, random numbers, square roots and the cost of a call are not in it. Results are compared with
ours before anything is timed. Exit code 1: something did not run or did not agree.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
from kernel_peers.cases import CASES, Case, agree, small
from machine import load, machine
from medians import ratio
from training import roofline
from training.worker import Worker

LIBRARIES = {
    "densekit": "kernel_peers.ours",
    "torch": "kernel_peers.torch_peer",
    "jax": "kernel_peers.jax_peer",
    "numpy": "kernel_peers.numpy_peer",
}
OURS = "densekit"
LARGE = 100e6  # bytes of all arrays: calls that take up to a second


class Run:
    """One number of threads."""

    def __init__(self, threads: int, libraries: list[str]) -> None:
        self.threads, self.failures = threads, list[str]()
        self.workers: dict[str, Worker] = {}
        for library in libraries:
            try:
                self.workers[library] = Worker(library, threads, module=LIBRARIES[library])
            except RuntimeError as error:
                self.fail(f"{library} does not start: {error}")

    def fail(self, message: str) -> None:
        print(f"FAILED {message}", file=sys.stderr, flush=True)
        self.failures.append(message)

    def prepare(self, c: Case) -> dict[str, str]:
        """{contender: library} of those that run and agree with ours."""
        found: dict[str, str] = {}
        expected: Any = None
        for library, worker in self.workers.items():
            try:
                answers = worker("prepare", c, [])
            except RuntimeError as error:
                self.fail(f"{c.name}: {error}")
                continue
            for name, about in answers.items():
                expected = about["answer"] if name == OURS else expected
                if expected is not None and not agree(c, expected, about["answer"]):
                    self.fail(f"{c.name}: {name} does not agree with densekit")
                    continue
                found[name] = library
        return found

    def limits(self, c: Case, level: str | None) -> dict[str, float] | None:
        return roofline.limits(c.stream, c.footprint, self.threads, level) if level else None

    def measure(self, c: Case, wanted: int, level: str | None) -> dict[str, Any]:
        found = self.prepare(c)
        rounds = wanted or (11 if c.footprint > LARGE else 31)
        names = list(found)
        before = self.limits(c, level)
        clocks: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
        for r in range(rounds):
            shift = r // 2 % max(1, len(names))
            order = names if r % 2 == 0 else names[::-1]
            for name in order[shift:] + order[:shift]:
                clocks[name].append(self.workers[found[name]]("measure", name))
        after = self.limits(c, level)
        for worker in self.workers.values():
            worker("release")
        result: dict[str, Any] = {"case": c.name, "kind": c.kind, "threads": self.threads, "rounds": rounds}
        result |= {"load": load(), "limits": None, "rows": {}}
        if before and after:
            mean = {key: (before[key] * after[key]) ** 0.5 for key in before}
            result["limits"] = mean | {"floor": c.floor(mean)}
        times = {name: [pair[1 if self.threads == 1 else 0] for pair in clocks[name]] for name in names}
        for name in names:
            row: dict[str, Any] = {"library": found[name], "seconds": float(np.median(times[name]))}
            if OURS in times:
                row["ratio"], row["low"], row["high"] = ratio(times[name], times[OURS])
            if result["limits"]:
                row["of_limit"] = result["limits"]["floor"] / row["seconds"]
            result["rows"][name] = row
        return result


def show(result: dict[str, Any]) -> None:
    print(f"\n{result['case']}, {result['threads']} thread(s)", end="")
    if result["limits"]:
        print(f"; limit {1e6 * result['limits']['floor']:.4g} us", end="")
    print()
    for name, row in result["rows"].items():
        share = f"{100 * row['of_limit']:.0f} %" if "of_limit" in row else ""
        ratios = f"{row['ratio']:>8.2f}   {row['low']:.2f} to {row['high']:<12.2f}" if "ratio" in row else " " * 29
        print(f"  {name:<14}{1e6 * row['seconds']:>12.4g} us{ratios}{share:>7}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small arrays and three rounds, for CI")
    parser.add_argument("--threads", default="", help="numbers of threads, default 1,2 (with --quick 1)")
    parser.add_argument("--only", default="", help="a regular expression: only cases whose name contains it")
    parser.add_argument("--libraries", default=",".join(LIBRARIES), help="which to compare, separated by commas")
    parser.add_argument("--pairs", type=int, default=0, help="rounds (default 31; 11 for large arrays)")
    parser.add_argument("--json", type=Path, help="write everything to this file")
    given = parser.parse_args(arguments)
    chosen = [c for c in CASES if re.search(given.only, c.name)]
    unknown = [name for name in given.libraries.split(",") if name not in LIBRARIES]
    if unknown:
        parser.error(f"--libraries: no {unknown[0]!r} among {', '.join(LIBRARIES)}")
    if not chosen:
        parser.error(f"--only: no case matches {given.only!r}; there are {', '.join(c.name for c in CASES)}")
    try:
        threads = [int(t) for t in (given.threads or ("1" if given.quick else "1,2")).split(",")]
    except ValueError:
        parser.error(f"--threads must be numbers such as 1,2, got {given.threads!r}")
    if given.quick:
        chosen = list({s.name: s for s in map(small, chosen)}.values())

    libraries = []
    for name in given.libraries.split(","):
        if importlib.util.find_spec(name) is None:
            print(f"{name} is not installed: skipped (pip install {name})")
        else:
            libraries.append(name)
    probe = not given.quick and roofline.available()
    if not given.quick and not probe:
        print(f"no percentages of the limit: the probe is not built ({roofline.BUILD})")
    about = machine()
    document: dict[str, Any] = {"machine": about, "command": "python bench/python/kernels.py " + " ".join(sys.argv[1:])}
    document |= {"date": time.strftime("%Y-%m-%d"), "versions": {}, "results": []}
    failures: list[str] = []
    for count in threads:
        if count < 1 or count > (about["processors"] or 1):
            print(f"{count} threads: this process may use {about['processors']} processors; skipped")
            continue
        run = Run(count, libraries)
        document["versions"] = {name: worker.version for name, worker in run.workers.items()}
        print(f"\n{about['cpu']}, {', '.join(document['versions'].values())}, {count} thread(s), load {load():.1f}")
        level = re.sub(r".*\((.*)\)", r"\1", document["versions"][OURS]) if probe and OURS in run.workers else None
        try:
            for c in chosen:
                document["results"].append(run.measure(c, given.pairs or (3 if given.quick else 0), level))
                show(document["results"][-1])
                if given.json:
                    given.json.write_text(json.dumps(document, indent=1), encoding="utf-8")
        finally:
            for worker in run.workers.values():
                worker.close()
        failures += run.failures
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
