"""Two commits of densekit in turn: is the new one faster?

    python bench/compare.py main                     HEAD beside main: W1 to W6b on one thread
    python bench/compare.py v0.1 --new topic --only 'W3|W6' --threads 1,2
    python bench/compare.py HEAD~5 --ops 'gelu|adam' single operations of the register instead

Each commit is checked out and built in build/compare/<commit> with this interpreter (once: a commit does not change).
Their processes are asked in turn, who goes first changes, and what runs is the benchmark of this checkout. ratio is the
old time divided by the new one (above 1: the new commit is faster): the median over pairs of neighbours with its 95 %
bootstrap interval; an interval that contains 1 is a tie. On one thread CPU time is compared, else time on the wall.
The processes are started eight times, because where their arrays happen to lie makes some per cent; the bootstrap
draws starts first, then pairs in them. Of twenty things that did not change one is expected to look as if it had.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent / "python"))
from medians import ratio_of_groups
from training.worker import OPERATIONS, Worker
from training.workloads import WORKLOADS

ROOT = Path(__file__).resolve().parents[1]
PAUSE = 0.002
# Processes of the same commit differ by some per cent where memory is the limit, because their arrays lie elsewhere.
STARTS = 8


def run(*command: Any, where: Path = ROOT) -> str:
    done = subprocess.run([str(c) for c in command], cwd=where, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"compare.py: {' '.join(map(str, command))} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout.strip()


def built(revision: str) -> tuple[str, Path]:
    """The commit, and a folder that has its densekit; built if it is not there."""
    commit = run("git", "rev-parse", "--short=12", "--verify", revision + "^{commit}")
    tree = ROOT / "build/compare" / commit
    package = tree / "python"
    extension = "_core" + sysconfig.get_config_var("EXT_SUFFIX")
    if (package / "densekit" / extension).exists():
        return commit, package
    print(f"building {revision} ({commit})", flush=True)
    if not tree.exists():
        run("git", "worktree", "prune")
        run("git", "worktree", "add", "--detach", tree, commit)
    tools = Path(sys.executable).parent
    cmake, ninja = (shutil.which(name, path=f"{tools}{os.pathsep}{os.environ['PATH']}") for name in ("cmake", "ninja"))
    if cmake is None or ninja is None:
        sys.exit(f"compare.py: cmake and ninja are needed ({sys.executable} -m pip install cmake ninja pybind11)")
    pybind11 = run(sys.executable, "-m", "pybind11", "--cmakedir")
    options = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}", "-DCMAKE_BUILD_TYPE=Release"]
    options += [f"-DPython_EXECUTABLE={sys.executable}", f"-Dpybind11_DIR={pybind11}"]
    run(cmake, "-S", tree, "-B", tree / "build/compare", *options)
    run(cmake, "--build", tree / "build/compare", "--target", "_core")
    shutil.copy(tree / "build/compare" / extension, package / "densekit" / extension)
    return commit, package


Times = dict[str, list[Any]]  # for each thing that was measured pairs of (wall, CPU) seconds of old and new


def collect(workers: list[Worker], label: str, work: Any, count: int, into: Times) -> None:
    """work: a workload, or a regular expression of operations. Says what only one commit has, and other results."""
    found = [worker("prepare", work, []) for worker in workers]
    for name in [*found[0], *(n for n in found[1] if n not in found[0])]:
        key = f"{label}{name}"
        if name not in found[0] or name not in found[1]:
            if key not in into:
                print(f"{key}: only in the {'old' if name in found[0] else 'new'} commit")
            into[key] = []
            continue
        losses = [f[name].get("loss") for f in found]
        if losses[0] != losses[1] and key not in into:
            print(
                f"{key}: the same steps end in the loss {losses[0]!r} with the old commit, {losses[1]!r} with the new"
            )
        for i in range(count):
            both: list[Any] = [None, None]
            for which in (0, 1) if i % 2 == 0 else (1, 0):
                time.sleep(PAUSE)
                both[which] = workers[which]("measure", name)
            into.setdefault(key, []).append(both)
    for worker in workers:
        worker("release")


def show(times: Times, threads: int) -> None:
    print(f"\n{f'{threads} thread(s)':<39}{'old':>12}{'new':>12}{'ratio':>8}   95 % interval")
    for key, pairs in times.items():
        if not pairs:
            continue
        clock = np.array(pairs)[:, :, 1 if threads == 1 else 0]
        value, low, high = ratio_of_groups(*clock.T.reshape(2, STARTS, -1))
        verdict = "faster" if low > 1 else "slower" if high < 1 else "tie"
        old, new = 1e6 * np.median(clock, axis=0)
        print(f"{key:<39}{old:>12.5g}{new:>12.5g}{value:>8.3f}   {low:.3f} to {high:<8.3f}{verdict}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", help="the commit to compare with")
    parser.add_argument("--new", default="HEAD", help="the commit to judge (default HEAD)")
    parser.add_argument("--only", default="", help="a regular expression: only workloads whose name contains it")
    parser.add_argument("--ops", help="a regular expression: these operations instead of workloads")
    parser.add_argument("--threads", default="1", help="numbers of threads, e.g. 1,2 (default 1)")
    parser.add_argument("--pairs", type=int, default=32, help="pairs of measurements (default 32)")
    given = parser.parse_args()
    works = [w for name, w in WORKLOADS.items() if re.search(given.only, name)]
    if not works or given.pairs < 1 or not re.fullmatch(r"[1-9]\d*(,[1-9]\d*)*", given.threads):
        parser.error(f"--only must match one of {', '.join(WORKLOADS)}; --threads be like 1,2; --pairs be positive")
    if run("git", "status", "--porcelain", "--untracked-files=no") and given.new == "HEAD":
        print("changes that are not committed take no part")
    commits, packages = zip(*(built(revision) for revision in (given.base, given.new)), strict=True)
    print(f"old {commits[0]}, new {commits[1]}; {given.pairs} pairs, microseconds of a step or call")
    for threads in map(int, given.threads.split(",")):
        library = "densekit" if given.ops is None else OPERATIONS
        times: Times = {}
        for _ in range(STARTS):
            workers = [Worker(library, threads, str(package)) for package in packages]
            try:
                for label, work in [(f"{w.name:<5}", w) for w in works] if given.ops is None else [("", given.ops)]:
                    collect(workers, label, work, -(-given.pairs // STARTS), times)
            finally:
                for worker in workers:
                    worker.close()
        show(times, threads)
    return 0


if __name__ == "__main__":
    sys.exit(main())
