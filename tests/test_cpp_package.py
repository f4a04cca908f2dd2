"""The C++ package: installed, found by find_package, used by a program, which shares model files with Python."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

import densekit as dk
from densekit.datasets import load_digits
from densekit.layers import BatchNorm, Dense, Dropout, Residual

ROOT = pathlib.Path(__file__).parent.parent


def cmake(*arguments) -> None:
    beside = pathlib.Path(sys.executable).with_name("cmake")
    program = str(beside) if beside.exists() else shutil.which("cmake")
    if program is None or not (ROOT / "CMakeLists.txt").exists():
        pytest.skip("no cmake or no sources here")
    ninja = pathlib.Path(sys.executable).with_name("ninja")
    if "-S" in arguments and ninja.exists():
        arguments = (*arguments, "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}")
    run = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=1500)
    assert run.returncode == 0, run.stdout + run.stderr


def library(folder: pathlib.Path) -> pathlib.Path:
    """A build tree with the library in it: the newest that is there and not sanitized, else a new one."""
    plain = re.compile(r"^DENSEKIT_SANITIZE:\w+=(OFF)?$", re.MULTILINE)
    caches = {f.parent: f.read_text(encoding="utf-8") for f in (ROOT / "build").glob("*/CMakeCache.txt")}
    trees = [d for d, text in caches.items() if plain.search(text) and "CMAKE_TOOLCHAIN_FILE:" not in text]
    trees = [d for d in trees if list(d.glob("*densekit.*")) and (d / "cmake_install.cmake").exists()]
    if trees:
        return max(trees, key=lambda d: max(f.stat().st_mtime for f in d.glob("*densekit.*")))
    cmake("-S", ROOT, "-B", folder, "-DDENSEKIT_PYTHON=OFF")
    return folder


def model() -> dk.Sequential:
    layers = [Dense(32, "relu"), BatchNorm(), Residual([Dense(32, "gelu"), Dropout(0.1)]), Dense(10, "softmax")]
    return dk.Sequential(layers, seed=3).compile("nadam", "sparse_categorical_crossentropy", metrics=["accuracy"])


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Where the C++ package is installed."""
    folder = tmp_path_factory.mktemp("cpp")
    tree = library(folder / "library")
    cmake("--build", tree, "--target", "densekit")
    cmake("--install", tree, "--component", "cpp", "--prefix", folder / "installed")
    return folder / "installed"


def consumer(installed: pathlib.Path, build: pathlib.Path, *options: str) -> pathlib.Path:
    prefix = f"-DCMAKE_PREFIX_PATH={installed}"
    cmake("-S", ROOT / "tests/consumer", "-B", build, prefix, "-DCMAKE_BUILD_TYPE=Release", *options)
    cmake("--build", build)
    return build / "consumer"


def given(folder: pathlib.Path) -> tuple[np.ndarray, np.ndarray, dk.Sequential]:
    """What the program reads in its folder: rows, labels, a model; and the same here."""
    (X, y), _ = load_digits()
    X.tofile(folder / "x.f32")
    y.astype(np.int32).tofile(folder / "y.i32")
    ours = model()
    ours.fit(X, y, epochs=2, verbose=0)
    ours.set_lr(ours.optimizer.lr)  # C++ keeps where it was
    ours.save(folder / "python.npz")
    return X, y, ours


def test_a_program_that_uses_the_installed_library(installed, tmp_path):
    headers = {f.name for f in (installed / "include/densekit").iterdir()}
    assert headers == {f.name for f in (ROOT / "cpp/include/densekit").iterdir()}
    assert not list(installed.rglob("_core*"))

    program = consumer(installed, tmp_path / "consumer")
    X, y, ours = given(tmp_path)
    run = subprocess.run([program, tmp_path], capture_output=True, text=True, timeout=300, check=True)
    assert "this is no model file: it does not begin like one" in run.stdout
    assert f"order[1] is -1, expected the number of one of {len(X)} rows, from 0" in run.stdout

    # What C++ trained and saved, here.
    theirs = dk.load(tmp_path / "cpp.npz")
    P = np.fromfile(tmp_path / "cpp.f32", np.float32).reshape(-1, 10)
    np.testing.assert_array_equal(np.fromfile(tmp_path / "cpp_loaded.f32", np.float32), P.ravel())
    np.testing.assert_array_equal(theirs.predict(X), P)
    assert (P.argmax(axis=1) == y).mean() > 0.98
    assert theirs.step == 20 * -(-len(X) // 32)
    same = dk.Sequential([Dense(128, "relu"), Dense(10)], seed=0).compile(dk.optimizers.Adam(1e-3), "cross_entropy")
    same.set_lr(float(np.float32(1e-3)))
    same.fit(X, y, epochs=20, shuffle=False, verbose=0)
    np.testing.assert_array_equal(same.predict(X), P)  # the same network trained here

    # What Python trained, there: the same predictions, and the same weights after one more epoch.
    np.testing.assert_array_equal(np.fromfile(tmp_path / "python.f32", np.float32), ours.predict(X).ravel())
    ours.fit(X, y, epochs=3, initial_epoch=2, shuffle=False, verbose=0)
    back = dk.load(tmp_path / "python_trained.npz")
    assert back.step == ours.step
    assert back._schedule_start == ours._schedule_start != dk.Sequential()._schedule_start
    for name, value in ours.weights.items():
        np.testing.assert_array_equal(back.weights[name], value, err_msg=name)
    assert back.config() == ours.config()


def openmp_library(installed: pathlib.Path) -> pathlib.Path:
    found = list(installed.rglob("libdensekit_openmp.*"))
    if not found:
        pytest.skip("this build has no OpenMP backend")
    assert len(found) == 1, found
    return found[0]


def test_the_static_library_needs_no_openmp(installed):
    """No symbol of an OpenMP runtime in it, and none in the requirements that find_package hands on."""
    nm = shutil.which("nm")
    if nm is None:
        pytest.skip("no nm here (binutils)")
    archive = next(installed.rglob("libdensekit.a"))
    names = subprocess.run([nm, "-A", archive], capture_output=True, text=True, check=True, timeout=60).stdout
    assert not re.search(r"\b(GOMP_|omp_|__kmpc_)", names)
    for file in installed.rglob("*.cmake"):
        text = file.read_text(encoding="utf-8")
        assert "find_dependency(OpenMP" not in text, file
        assert "OpenMP::" not in text, file


@pytest.mark.parametrize("how", ["linked", "beside the program", "missing"])
def test_a_program_that_chooses_the_openmp_backend(installed, tmp_path, how):
    """Linked to densekit::openmp or with the library beside it, the same numbers; without it, an error that says so."""
    library = openmp_library(installed)
    program = consumer(
        installed, tmp_path / "consumer", "-DCONSUMER_OPENMP=ON" if how == "linked" else "-DCONSUMER_OPENMP=OFF"
    )
    if how == "beside the program":
        shutil.copy(library, program.parent)
    given(tmp_path)
    run = subprocess.run(
        [program, tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"DENSEKIT_THREAD_BACKEND": "openmp"},
    )
    if how == "missing":
        assert run.returncode != 0
        assert library.name in run.stderr
        assert "'pool'" in run.stderr
        return
    assert run.returncode == 0, run.stderr
    by_openmp = (tmp_path / "cpp.f32").read_bytes()
    pool = os.environ | {"DENSEKIT_THREAD_BACKEND": "pool"}
    subprocess.run([program, tmp_path], capture_output=True, timeout=300, env=pool, check=True)
    assert (tmp_path / "cpp.f32").read_bytes() == by_openmp
