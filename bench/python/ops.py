"""Every operation of the register beside the best plain NumPy way, measured in turn in one run.

    python bench/python/ops.py                 all operations, one thread each
    python bench/python/ops.py --quick         small cases, few repetitions: does everything run and agree?
    python bench/python/ops.py --only 'adam|gelu' --threads 2

ratio is NumPy's time divided by ours (above 1: we are faster): the median over pairs of neighbouring measurements, with
the 95 % bootstrap interval of that median. Before anything is timed, our result is compared with the float64 reference
within the operation's tolerance, and NumPy's with ours. Exit code 1: an operation has no peer, or answers differ.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy_peers import Peer

    from densekit.registry import Call, Op

Results = tuple[Any, ...]  # arrays
THREAD_VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "DENSEKIT_NUM_THREADS",
)
# What NumPy's float32 peers may be off by, beside the operation's own tolerance: their functions err by a few ulp each
# and their sums are carried in float32. In eps of the largest element of the result. It tells a wrong formula, not a
# rounding.
PEER_EPSILONS = 64


def for_arrays(function: Callable[[Any], Any], call: Call) -> Call:
    """The call with every array, and every array in a list, replaced by function of it."""
    import numpy as np

    from densekit.registry import Call

    def each(value: Any) -> Any:
        if isinstance(value, list):
            return [each(v) for v in value]
        return function(value) if isinstance(value, np.ndarray) else value

    return Call(tuple(map(each, call.args)), {k: each(v) for k, v in call.kwargs.items()})


def fresh(call: Call) -> Call:
    """The call with arrays of its own."""
    return for_arrays(lambda a: a.copy(), call)


def results(op: Op, function: Callable[..., Any], call: Call) -> Results:
    """What the call returns, lists spread out, or what it updates in place, as arrays."""
    import inspect

    import numpy as np

    result = function(*call.args, **call.kwargs)
    if op.in_place:
        names = inspect.signature(op.function).parameters
        given = dict(zip(names, call.args, strict=False)) | call.kwargs
        result = tuple(given[name] for name in op.in_place)
    parts = result if isinstance(result, tuple) else (result,)
    flat = [a for part in parts for a in (part if isinstance(part, list) else [part])]
    return tuple(np.asarray(a) for a in flat if a is not None)


def allowed(op: Op, call: Call, expected: Any, number: int) -> Any:
    import numpy as np

    return op.tolerance_of(number).allowed(call, expected, np.float32)


def assert_near(
    op: Op, call: Call, got: tuple[Any, ...], expected: tuple[Any, ...], what: str, epsilons: float
) -> None:
    """AssertionError unless got is near expected: the operation's tolerance plus `epsilons` of the largest element."""
    import numpy as np

    assert len(got) == len(expected), f"{op.name}: {len(got)} results, {what} gives {len(expected)}"
    for number, (g, e) in enumerate(zip(got, expected, strict=True)):
        assert g.shape == e.shape, f"{op.name}: result {number} is {g.shape}, {what} gives {e.shape}"
        if e.dtype.kind != "f":
            assert (g == e).all(), f"{op.name}: result {number} differs from {what}"
            continue
        e64 = e.astype(np.float64)
        slack = epsilons * float(np.finfo(np.float32).eps) * float(np.abs(e64).max(initial=0))
        error, bound = np.abs(g - e64), allowed(op, call, e64, number) + slack
        worst = float((error - bound).max(initial=-1))
        assert (error <= bound).all(), (
            f"{op.name}: result {number} differs from {what} by {worst:.3g} more than allowed"
        )


def check_ours(op: Op, call: Call) -> None:
    """Ours against the float64 reference within the operation's tolerance."""
    exact = for_arrays(lambda a: a.astype("f8") if a.dtype.kind == "f" else a, fresh(call))
    expected = results(op, op.reference, exact)
    assert_near(op, call, results(op, op.function, fresh(call)), expected, "the reference", 0)


def cases(op: Op, peer: Peer, rng: Any, quick: bool) -> Iterator[tuple[str, Call]]:
    import numpy as np

    if peer.cases is not None:
        for label, make in peer.cases.items():
            yield label, make(rng)
            if quick:
                return
        return
    for size in (1_000,) if quick else (1_000, 100_000, 1_000_000):
        yield f"{size:,}", op.domain(rng, np.float32, size)


def timer(function: Callable[..., Any], call: Call, target: float) -> Callable[[], float]:
    """Seconds of one call, the mean over as many as fill `target` seconds."""
    args, kwargs = call.args, call.kwargs

    def run(count: int) -> float:
        start = time.perf_counter()
        for _ in range(count):
            function(*args, **kwargs)
        return (time.perf_counter() - start) / count

    run(1)
    count = max(1, int(target / max(run(3), 1e-9)))
    return lambda: run(count)


def compare(op: Op, peer: Peer, call: Call, pairs: int, target: float) -> tuple[float, float, float, float, float]:
    """Median microseconds of ours and of NumPy, the median ratio, and its interval."""
    import numpy as np
    from medians import ratio

    ours, theirs = timer(op.function, fresh(call), target), timer(peer.function, fresh(call), target)
    times = np.empty((pairs, 2))
    for i in range(pairs):
        for which in (0, 1) if i % 2 == 0 else (1, 0):  # who goes first alternates as well
            times[i, which] = (ours, theirs)[which]()
    return (*(1e6 * np.median(times, axis=0)), *ratio(times[:, 1], times[:, 0]))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small cases and few repetitions, for CI")
    parser.add_argument("--threads", type=int, default=1, help="threads of densekit and of NumPy's BLAS (default 1)")
    parser.add_argument("--only", default="", help="a regular expression: only operations whose name contains it")
    parser.add_argument("--pairs", type=int, default=0, help="pairs of measurements (default 31, with --quick 5)")
    parser.add_argument("--json", type=Path, help="write the table to this file")
    given = parser.parse_args(arguments)
    if given.threads < 1 or given.pairs < 0:
        parser.error("--threads and --pairs must be positive")
    for variable in THREAD_VARIABLES:  # read when NumPy and densekit are imported
        os.environ[variable] = str(given.threads)

    import numpy as np

    sys.path.insert(0, str(Path(__file__).parent))
    from machine import load, machine
    from numpy_peers import PEERS

    import densekit
    import densekit.functional
    import densekit.info  # the two fill the register
    from densekit import _core
    from densekit.registry import OPS

    missing = [name for name in OPS if name not in PEERS]
    if missing:
        print(f"no NumPy peer in bench/python/numpy_peers for: {', '.join(missing)}", file=sys.stderr)
        return 1
    print(
        f"densekit {densekit.__version__} ({_core.active_level()}), NumPy {np.__version__}, "
        f"Python {platform.python_version()}, float32, {given.threads} thread(s) each"
    )
    print(f"{'operation':<24}{'case':>16}{'ours us':>12}{'NumPy us':>12}{'ratio':>8}   95 % interval")
    pairs, target = given.pairs or (5 if given.quick else 31), 2e-4 if given.quick else 1e-3
    failures, rows = 0, []
    gc.disable()
    for op in OPS.values():
        if not re.search(given.only, op.name):
            continue
        peer = PEERS[op.name]
        try:
            rng = np.random.default_rng(20261122)
            check_ours(op, op.domain(rng, np.float32, 1_000))
            for label, call in cases(op, peer, rng, given.quick):
                mine, numpys = results(op, op.function, fresh(call)), results(op, peer.function, fresh(call))
                if peer.agree is None:
                    assert_near(op, call, numpys, mine, "densekit", PEER_EPSILONS)
                else:
                    assert peer.agree(mine, numpys, call), f"{op.name}: NumPy's result does not agree with ours"
                a, b, ratio, low, high = compare(op, peer, call, pairs, target)
                row = {"ours": a, "numpy": b, "ratio": ratio, "low": low, "high": high}
                rows.append({"operation": op.name, "case": label, **row})
                print(
                    f"{op.name:<24}{label:>16}{a:>12.2f}{b:>12.2f}{ratio:>8.2f}   {low:.2f} to {high:.2f}", flush=True
                )
        except AssertionError as error:
            print(f"FAILED {error}", file=sys.stderr, flush=True)
            failures += 1
    if given.json:
        about = {"machine": machine(), "threads": given.threads, "date": time.strftime("%Y-%m-%d"), "load": load()}
        about["command"] = "python bench/python/ops.py " + " ".join(sys.argv[1:])
        given.json.write_text(json.dumps(about | {"rows": rows}, indent=1), encoding="utf-8")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
