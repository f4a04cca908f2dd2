"""Course code on densekit.compat beside the same formulas in plain NumPy, float64, measured in turn in one run.

    python bench/python/course_code.py               two and five layers of each course, one thread
    python bench/python/course_code.py --threads 2
    python bench/python/course_code.py --quick       small networks, few pairs: does everything run and agree?

The NumPy side is tests/numpy_cs231n.py and tests/numpy_dlfs.py. A step is one batch: loss, gradients and the update of
every parameter, as the courses' own loops call them. Five layers have batch norm and dropout, whose random numbers come
from NumPy's global generator on both sides. ratio is NumPy's time divided by ours (above 1: we are faster): the median
over pairs of neighbouring measurements, with its 95 % bootstrap interval. On one thread a time is CPU time of the
process, so that a busy machine disturbs little; else by the clock on the wall.

Before anything is timed, both sides train from the same seed, and their losses must agree to 1e-9, relative.
Exit code 1: they do not.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "DENSEKIT_NUM_THREADS")
STEPS_THAT_AGREE, SAME_LOSS = 20, 1e-9

Step = Callable[[], float]  # one step, returns its loss
Make = Callable[[list[int], int], tuple[Step, Step]]  # from sizes and batch: ours and NumPy's, from the same seed


class Case(NamedTuple):
    name: str
    make: Make
    sizes: list[int]
    batch: int
    quick_sizes: list[int]


def seeded(make: Callable[[], Step]) -> Step:
    import numpy as np

    np.random.seed(231)
    return make()


def cs231n(rule: str, rate: float, normalization: str | None, keep: float) -> Make:
    def make(sizes: list[int], batch: int) -> tuple[Step, Step]:
        import numpy as np
        import numpy_cs231n as plain

        from densekit.compat.cs231n import optim
        from densekit.compat.cs231n.classifiers.fc_net import FullyConnectedNet

        def loop(model: Any, rule: Any) -> Step:
            x, y = np.random.randn(8 * batch, sizes[0]), np.random.randint(sizes[-1], size=8 * batch)
            configs = {name: {"learning_rate": rate} for name in model.params}

            def step() -> float:
                rows = np.random.choice(len(x), batch)
                loss, grads = model.loss(x[rows], y[rows])
                for name, w in model.params.items():
                    model.params[name], configs[name] = rule(w, grads[name], configs[name])
                return float(loss)

            return step

        def ours() -> Step:
            model = FullyConnectedNet(
                sizes[1:-1], sizes[0], sizes[-1], keep, normalization, 1e-3, 3e-2, dtype=np.float64
            )
            return loop(model, getattr(optim, rule))

        def theirs() -> Step:
            return loop(plain.Network(sizes, keep, normalization, 1e-3, 3e-2), getattr(plain, rule))

        return seeded(ours), seeded(theirs)

    return make


def dlfs(rule: str, rate: float, **extras: Any) -> Make:
    def make(sizes: list[int], batch: int) -> tuple[Step, Step]:
        import numpy as np
        import numpy_dlfs as plain

        from densekit.compat.dlfs import multi_layer_net_extend, optimizer

        def loop(networks: Any, rules: Any) -> Step:
            network = networks.MultiLayerNetExtend(sizes[0], sizes[1:-1], sizes[-1], **extras)
            update = getattr(rules, rule)(lr=rate)
            x = np.random.rand(8 * batch, sizes[0]).astype(np.float32)  # as load_mnist gives it
            t = np.eye(sizes[-1])[np.random.randint(sizes[-1], size=8 * batch)]

            def step() -> float:
                rows = np.random.choice(len(x), batch)
                update.update(network.params, network.gradient(x[rows], t[rows]))
                return float(network.loss(x[rows], t[rows]))

            return step

        return seeded(lambda: loop(multi_layer_net_extend, optimizer)), seeded(lambda: loop(plain, plain))

    return make


CASES = [
    Case("cs231n, two layers, sgd_momentum", cs231n("sgd_momentum", 1e-3, None, 1), [3072, 100, 10], 100, [40, 20, 5]),
    Case(
        "cs231n, five layers, batch norm, dropout, adam",
        cs231n("adam", 1e-3, "batchnorm", 0.8),
        [3072, 100, 100, 100, 100, 10],
        100,
        [40, 20, 20, 20, 20, 5],
    ),
    Case("dlfs, two layers, SGD", dlfs("SGD", 0.1), [784, 50, 10], 100, [40, 20, 5]),
    Case(
        "dlfs, five layers, batch norm, dropout, Adam",
        dlfs("Adam", 1e-3, use_batchnorm=True, use_dropout=True, dropout_ration=0.2, weight_decay_lambda=1e-3),
        [784, 100, 100, 100, 100, 10],
        100,
        [40, 20, 20, 20, 20, 5],
    ),
]


def losses(step: Step, count: int) -> Any:
    import numpy as np

    np.random.seed(7)
    return np.array([step() for _ in range(count)])


def measure(ours: Step, theirs: Step, pairs: int, steps: int, clock: Callable[[], float]) -> Any:
    """Seconds of a step, (pairs, 2): ours, NumPy's."""
    import numpy as np

    times = np.empty((pairs, 2))
    for i in range(pairs):
        for which in (0, 1) if i % 2 == 0 else (1, 0):  # who goes first alternates
            step = (ours, theirs)[which]
            start = clock()
            for _ in range(steps):
                step()
            times[i, which] = (clock() - start) / steps
    return times


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small networks and few repetitions, for CI")
    parser.add_argument("--threads", type=int, default=1, help="threads of densekit and of NumPy's BLAS (default 1)")
    parser.add_argument("--pairs", type=int, default=0, help="pairs of measurements (default 31, with --quick 3)")
    given = parser.parse_args(arguments)
    if given.threads < 1 or given.pairs < 0:
        parser.error("--threads and --pairs must be positive")
    for variable in THREAD_VARIABLES:  # read when NumPy and densekit are imported
        os.environ[variable] = str(given.threads)
    sys.path[:0] = [str(HERE), str(HERE.parents[1] / "tests")]

    import numpy as np
    from medians import ratio

    import densekit
    from densekit import _core

    pairs, steps = given.pairs or (3 if given.quick else 31), 2 if given.quick else 5
    clock = time.process_time if given.threads == 1 else time.perf_counter
    print(
        f"densekit {densekit.__version__} ({_core.active_level()}), NumPy {np.__version__}, "
        f"Python {platform.python_version()}, float64, {given.threads} thread(s) each"
    )
    print(f"{'a step of':<50}{'batch':>6}{'ours ms':>9}{'NumPy ms':>10}{'ratio':>7}   95 % interval")
    failures = 0
    gc.disable()
    for case in CASES:
        ours, theirs = case.make(case.quick_sizes if given.quick else case.sizes, case.batch)
        a, b = losses(ours, STEPS_THAT_AGREE), losses(theirs, STEPS_THAT_AGREE)
        off = float(np.abs(a / b - 1).max())
        if not off <= SAME_LOSS:
            print(f"FAILED {case.name}: losses differ by {off:.2g}, relative", file=sys.stderr)
            failures += 1
            continue
        times = measure(ours, theirs, pairs, steps, clock)
        mine, numpys = 1e3 * np.median(times, axis=0)
        median, low, high = ratio(times[:, 1], times[:, 0])
        print(
            f"{case.name:<50}{case.batch:>6}{mine:>9.3f}{numpys:>10.3f}{median:>7.2f}   {low:.2f} to {high:.2f}",
            flush=True,
        )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
