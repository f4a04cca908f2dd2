"""What it costs to begin: import, memory, size on disk, and from the start of the process to a trained network.

    python bench/python/footprint.py                 the libraries that are installed, in turn
    python bench/python/footprint.py --quick         two rounds: does everything run?

import: seconds of the import statement in a new process beyond those of NumPy's. process: from its start to its end,
with nothing but the import. peak: the largest resident memory of that process. disk: the files of the distribution and
of all that it requires. trained: from the start of the process to its end, in which W3's network learns 8,000 images
(28 x 28, written digits enlarged, moved and with noise) for 5 epochs of batches of 128 and is tested with 2,000 others.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from training.worker import LIBRARIES, THREAD_VARIABLES

EPOCHS, TRAIN, TEST = 5, 8_000, 2_000
# Library: what is imported, the distribution, which contender of train.py trains.
BEGINNERS = {
    "numpy": ("numpy", "numpy", "numpy epoch"),
    "densekit": ("densekit", "densekit", "densekit fit"),
    "torch": ("torch", "torch", "torch fused epoch"),
    "jax": ("jax, jax.numpy", "jax", "jax scan"),
    "keras": ("keras", "keras", "keras fit"),
    "sklearn": ("sklearn.neural_network", "scikit-learn", "sklearn"),
}
assert set(BEGINNERS) == set(LIBRARIES)
# Prints the largest resident memory in KiB; getrusage would count what was there before exec, too. Linux only.
PEAK = """
try:
    print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
except OSError:
    print("nan")
"""


def images(path: Path) -> None:
    """Digits of 8 x 8 made 24 x 24, at a random place in 28 x 28, with noise. The test's come from other originals."""
    import numpy as np

    from densekit.datasets import load_digits

    rng = np.random.default_rng(0)
    arrays = {}
    for part, (x, y), count in zip(("train", "test"), load_digits(), (TRAIN, TEST), strict=True):
        pick = rng.integers(0, len(x), count)
        large = x[pick].reshape(-1, 8, 8).repeat(3, axis=1).repeat(3, axis=2)
        whole = rng.normal(0, 0.1, (count, 28, 28)).astype(np.float32)
        for image, digit, (top, left) in zip(whole, large, rng.integers(0, 5, (count, 2)), strict=True):
            image[top : top + 24, left : left + 24] += digit
        arrays[f"x_{part}"], arrays[f"y_{part}"] = whole.reshape(count, -1), y[pick].astype(np.int64)
    np.savez(path, **arrays)


def child(library: str, path: str) -> None:
    """Trains and prints the accuracy."""
    import importlib

    import numpy as np
    from training.workloads import W3, Problem, probabilities, problem

    data = np.load(path)
    w = replace(W3, batch=128, steps=len(data["x_train"]) // 128)
    rows = w.rows  # a last short batch is left out by everybody
    given = Problem(data["x_train"][:rows], data["y_train"][:rows], problem(replace(w, steps=1)).weights)
    module = importlib.import_module(LIBRARIES[library][0])
    trainer = module.trainers(w)[BEGINNERS[library][2]](w, given)
    trainer.load(given.weights)
    for _ in range(EPOCHS):
        trainer.epoch(True)
    guess = probabilities(trainer.weights(), data["x_test"]).argmax(axis=1)
    print(float((guess == data["y_test"]).mean()))
    exec(PEAK)


def process(code: list[str], threads: int) -> tuple[float, list[str]]:
    """Seconds and the words printed by a Python process."""
    environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(threads)) | {"KERAS_BACKEND": keras_backend()}
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *code], stdout=subprocess.PIPE, text=True, env=environment, check=True)
    return time.perf_counter() - start, done.stdout.split()


def keras_backend() -> str:
    return "jax" if importlib.util.find_spec("jax") else "torch"


def disk(distribution: str, found: dict[str, float]) -> None:
    """MiB of the distribution and of what it requires, by name."""
    try:
        about = importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        if distribution == "densekit":  # from a checkout
            import densekit

            files = Path(str(densekit.__file__)).parent.rglob("*")
            found[distribution] = sum(f.stat().st_size for f in files if f.is_file() and f.suffix != ".pyc") / 2**20
            disk("numpy", found)
        return
    name = about.metadata["Name"].lower()
    if name in found:
        return
    found[name] = sum(f.locate().stat().st_size for f in about.files or [] if f.locate().exists()) / 2**20
    for requirement in about.requires or []:
        if "extra ==" not in requirement:
            disk(re.split(r"[\s;<>=!~\[(]", requirement)[0], found)


def measure(library: str, threads: int, images_path: Path, into: dict[str, Any]) -> None:
    imported = BEGINNERS[library][0]
    timed = f"import time, numpy; s = time.perf_counter(); import {imported}; print(time.perf_counter() - s)"
    seconds, output = process(["-c", f"{timed}\n{PEAK}"], threads)
    trained, accuracy = process([__file__, "--child", library, str(images_path)], threads)
    found = {
        "import": 0.0 if library == "numpy" else float(output[-2]),
        "process": seconds,
        "peak": float(output[-1]) / 1024,
        "trained": trained,
        "accuracy": float(accuracy[-2]),
        "trained_peak": float(accuracy[-1]) / 1024,
    }
    for key, value in found.items():
        into.setdefault(key, []).append(value)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two rounds")
    parser.add_argument("--rounds", type=int, default=0, help="default 7")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="default: all")
    parser.add_argument("--libraries", default=",".join(BEGINNERS), help="separated by commas")
    parser.add_argument("--json", type=Path, help="write everything to this file")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(*given.child)
        return 0
    import numpy as np
    from machine import load, machine

    results: dict[str, dict[str, Any]] = {}
    for name in given.libraries.split(","):
        if name not in BEGINNERS:
            parser.error(f"--libraries: no {name!r} among {', '.join(BEGINNERS)}")
        if importlib.util.find_spec(LIBRARIES[name][1]) is None:
            print(f"{name} is not installed: skipped")
        else:
            results[name] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npz"
        images(path)
        for r in range(given.rounds or (2 if given.quick else 7)):
            for name in list(results) if r % 2 == 0 else list(results)[::-1]:
                measure(name, given.threads, path, results[name])
    print(f"{given.threads} thread(s), load {load():.1f}; medians")
    print(f"{'':<12}{'import s':>10}{'process s':>11}{'peak MiB':>10}{'disk MiB':>10}{'trained s':>11}{'accuracy':>10}")
    for name, row in results.items():
        sizes: dict[str, float] = {}
        disk(BEGINNERS[name][1], sizes)
        if name == "keras":
            disk(keras_backend(), sizes)
        row["disk"] = sizes
        median = {key: float(np.median(row[key])) for key in ("import", "process", "peak", "trained", "accuracy")}
        print(
            f"{name:<12}{median['import']:>10.3f}{median['process']:>11.3f}{median['peak']:>10.0f}{sum(sizes.values()):>10.1f}"
            f"{median['trained']:>11.2f}{median['accuracy']:>10.3f}"
        )
    wheels = {w.name: w.stat().st_size / 2**20 for w in (Path(__file__).parents[2] / "dist").glob("densekit-*.whl")}
    for name, size in wheels.items():
        print(f"dist/{name}: {size:.2f} MiB")
    if given.json:
        document = {"machine": machine(), "threads": given.threads, "date": time.strftime("%Y-%m-%d"), "load": load()}
        document["command"] = "python bench/python/footprint.py " + " ".join(sys.argv[1:])
        given.json.write_text(json.dumps(document | {"rows": results, "wheels": wheels}, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
