"""densekit.sklearn beside scikit-learn's networks: scores of the same fits, and their times, in one run.

    python bench/python/scikit_learn.py                   five data sets, 20 seeds, one thread, then two: minutes
    python bench/python/scikit_learn.py --threads 2       one of them
    python bench/python/scikit_learn.py --dtype float32   float64, as scikit-learn's data come, is the default
    python bench/python/scikit_learn.py --quick           three seeds, few rows: does everything run and agree?

The data that ship with scikit-learn (digits, breast_cancer, wine, diabetes), and a table of 50,000 x 100 with two
classes, all standardized. Each seed splits the rows and is the random_state of both; 100 hidden units, Adam and all
other defaults, a fixed number of epochs. score: accuracy, or R², of the held-out quarter, in points of a hundred.
difference: ours minus theirs, the mean over the seeds with its 95 % interval (Student's t over pairs). ratio:
scikit-learn's time of fit divided by ours (above 1: we are faster), the median over the pairs with its 95 % bootstrap
interval; who goes first alternates. On one thread a time is CPU time of the process, else by the clock on the wall.

Exit code 1: an interval of the difference leaves ±0.5 point. (The file is not called sklearn.py: as a neighbour of the
other scripts it would be what they import by that name.)
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "DENSEKIT_NUM_THREADS")
POINTS, ASKED_RATIO = 0.5, 3.0


class Case(NamedTuple):
    name: str
    classes: bool
    epochs: int


CASES = (
    Case("digits", True, 50),
    Case("breast_cancer", True, 50),
    Case("wine", True, 50),
    Case("diabetes", False, 50),
    Case("table", True, 3),
)


def data(name: str, quick: bool, dtype: str) -> tuple[Any, Any]:
    import numpy as np
    from sklearn import datasets
    from sklearn.preprocessing import scale

    if name == "table":
        rows = 2000 if quick else 50_000
        X, y = datasets.make_classification(rows, 100, n_informative=20, class_sep=1.5, random_state=0)
    else:
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    if name == "diabetes":
        y = scale(y).astype(dtype)
    return np.ascontiguousarray(scale(X), dtype), y


def compare(case: Case, seeds: int, quick: bool, dtype: str, clock: Any) -> Any:
    """(seeds, 4): the scores of ours and of scikit-learn's, and the seconds of their fits."""
    import numpy as np
    from sklearn import neural_network
    from sklearn.model_selection import train_test_split

    from densekit import sklearn as ours

    X, y = data(case.name, quick, dtype)
    kind = "MLPClassifier" if case.classes else "MLPRegressor"
    contenders = getattr(ours, kind), getattr(neural_network, kind)
    epochs = min(case.epochs, 5) if quick else case.epochs
    result = np.empty((seeds, 4))
    for seed in range(-1, seeds):  # the first is not counted: nobody starts cold
        parts = train_test_split(X, y, random_state=max(seed, 0), stratify=y if case.classes else None)
        train_x, test_x, train_y, test_y = parts
        for which in (0, 1) if seed % 2 else (1, 0):
            model = contenders[which](
                hidden_layer_sizes=(100,),
                max_iter=epochs,
                tol=0,
                n_iter_no_change=epochs + 1,
                random_state=max(seed, 0),
            )
            start = clock()
            model.fit(train_x, train_y)
            took = clock() - start
            assert model.n_iter_ == epochs
            result[seed, which], result[seed, 2 + which] = 100 * model.score(test_x, test_y), took
    return result


def one_run(given: argparse.Namespace) -> int:
    for variable in THREAD_VARIABLES:  # read when NumPy and densekit are imported
        os.environ[variable] = str(given.threads)
    sys.path.insert(0, str(HERE))

    import numpy as np
    import sklearn
    from medians import ratio
    from scipy import stats

    import densekit
    from densekit import _core

    warnings.simplefilter("ignore")  # that the fixed number of epochs is not enough
    seeds = given.seeds or (3 if given.quick else 20)
    clock = time.process_time if given.threads == 1 else time.perf_counter
    print(
        f"densekit {densekit.__version__} ({_core.active_level()}), scikit-learn {sklearn.__version__}, NumPy "
        f"{np.__version__}, Python {platform.python_version()}, {given.dtype}, {given.threads} thread(s), {seeds} seeds"
    )
    print(
        f"{'fit':<15}{'ours':>7}{'theirs':>8}   difference, 95 %     {'ours s':>8}{'theirs s':>10}{'ratio':>8}   95 %"
    )
    failures = 0
    for case in CASES:
        if given.only and case.name not in given.only:
            continue
        found = compare(case, seeds, given.quick, given.dtype, clock)
        gap = found[:, 0] - found[:, 1]
        half = stats.t.ppf(0.975, seeds - 1) * gap.std(ddof=1) / np.sqrt(seeds)
        low, high = gap.mean() - half, gap.mean() + half
        failures += not (given.quick or -POINTS <= low <= high <= POINTS)
        faster, least, most = ratio(found[:, 3], found[:, 2])
        score, their_score, seconds, their_seconds = found.mean(axis=0)
        print(
            f"{case.name:<15}{score:>7.2f}{their_score:>8.2f}   {gap.mean():+.3f} ({low:+.3f} to {high:+.3f})"
            f"{seconds:>9.4f}{their_seconds:>10.4f}{faster:>8.2f}   {least:.2f} to {most:.2f}"
            f"{'' if faster >= ASKED_RATIO else '   below 3'}",
            flush=True,
        )
    return 1 if failures else 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three seeds, few rows and epochs, for CI")
    parser.add_argument(
        "--threads", type=int, default=0, help="threads of densekit and of NumPy's BLAS (default: 1, then 2)"
    )
    parser.add_argument("--seeds", type=int, default=0, help="pairs of fits (default 20, with --quick 3)")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64")
    parser.add_argument("--only", nargs="*", choices=[case.name for case in CASES], help="some of the data sets")
    given = parser.parse_args(arguments)
    if given.threads < 0 or given.seeds < 0 or given.seeds == 1:
        parser.error("--threads must be positive, and --seeds at least 2")
    if given.threads:
        return one_run(given)
    again = [sys.executable, __file__, *(sys.argv[1:] if arguments is None else arguments), "--threads"]
    return max(subprocess.run([*again, threads], check=False).returncode for threads in ("1", "2"))


if __name__ == "__main__":
    sys.exit(main())
