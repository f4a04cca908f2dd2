"""The OpenMP backend: a library beside the extension, loaded by who chooses it and by nobody else."""

from __future__ import annotations

import os
import pathlib
import re
import shutil

import pytest
from processes import run_script, succeeds

import densekit
from densekit import _core

LIBRARY = "libdensekit_openmp.so"
HERE = pathlib.Path(_core.__file__).parent
needs_openmp = pytest.mark.skipif("openmp" not in _core.thread_backends(), reason="this build has no OpenMP backend")
needs_maps = pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="needs /proc")

MAPS = """
import re
def openmp():
    with open("/proc/self/maps") as maps:
        name = re.compile(r"/(lib(?:densekit_openmp|gomp|omp|iomp)[^/]*)$")
        return sorted({found for line in maps for found in name.findall(line.strip())})
"""
WORK = """
import numpy as np, densekit, densekit.functional as F
from densekit import _core
from densekit._runtime import openmp_runtimes
_core.set_serial_threshold(0)
_core.set_threads(2)
def work():
    x = np.random.default_rng(0).normal(size=(200, 100)).astype(np.float32)
    return F.softmax(F.matmul(x.T, x)).tobytes()
"""


@needs_maps
def test_a_process_that_uses_the_pool_never_maps_an_openmp_runtime():
    """Not by importing, asking what there is, computing, training, saving, or a wrong name of a backend."""
    succeeds(
        MAPS
        + WORK
        + """
from densekit.layers import Dense
work()
_core.thread_backends()
densekit._runtime.versions()
m = densekit.Sequential([Dense(8, "relu"), Dense(1)], seed=0).compile("adam", "mse")
m.fit(np.ones((64, 3)), np.ones(64), verbose=0)
m.predict(np.ones((64, 3)))
try:
    _core.use_thread_backend("tbb")
except ValueError as error:
    assert "pool" in str(error)
_core.use_thread_backend("pool")
assert openmp() == [], openmp()
assert openmp_runtimes() == []
""",
        bare=True,
    )


@needs_openmp
@needs_maps
@pytest.mark.parametrize("how", ["a call", "the environment"])
def test_who_chooses_it_loads_it_and_gets_the_same_bits(how):
    environment = {"DENSEKIT_THREAD_BACKEND": "openmp"} if how == "the environment" else {}
    succeeds(
        MAPS
        + WORK
        + f"""
if {how == "a call"}:
    assert openmp() == []
    expected = work()
    _core.use_thread_backend("openmp")
else:
    assert _core.thread_backend() == "openmp"
assert any(name.startswith("libdensekit_openmp") for name in openmp()), openmp()
assert openmp_runtimes(), openmp_runtimes()
_core.set_all_hands(True)
_core.last_workers()
found = work()
assert _core.last_workers() == 2
_core.set_all_hands(False)
_core.use_thread_backend("pool")  # and back
assert found == work()
_core.use_thread_backend("openmp")
assert found == work()
""",
        environment=environment,
    )


@pytest.fixture
def without(tmp_path):
    """A copy of the package without the library."""
    shutil.copytree(HERE, tmp_path / "densekit", ignore=shutil.ignore_patterns(LIBRARY, "__pycache__"))
    return tmp_path


# The copy first on the path; a library that the loader would find elsewhere must not help.
FROM_COPY = "import sys; sys.path.insert(0, {path!r})\n"


def test_a_missing_library_is_an_error_that_says_so(without):
    out = succeeds(
        FROM_COPY.format(path=str(without))
        + WORK
        + """
assert densekit.__file__.startswith(sys.path[0])
assert _core.thread_backends() == ["pool"]
try:
    _core.use_thread_backend("openmp")
    raise SystemExit("it was to fail")
except ValueError as error:
    print(error)
assert _core.thread_backend() == "pool"
work()
"""
    )
    for words in (LIBRARY, str(without / "densekit"), "DENSEKIT_OPENMP", "'pool'"):
        assert words in out, out
    done = run_script(
        FROM_COPY.format(path=str(without)) + "import densekit", environment={"DENSEKIT_THREAD_BACKEND": "openmp"}
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError")
    assert LIBRARY in last
    assert "(from the environment)" in last


@needs_openmp
def test_a_file_that_is_not_the_library_is_an_error(without):
    """Not a library, and a library of somebody else's: an error that names the file, the backend as before."""
    for content in (b"no library", pathlib.Path(_core.__file__).read_bytes()):
        (without / "densekit" / LIBRARY).write_bytes(content)
        out = succeeds(
            FROM_COPY.format(path=str(without))
            + """
from densekit import _core
try:
    _core.use_thread_backend("openmp")
    raise SystemExit("it was to fail")
except ValueError as error:
    print(error)
assert _core.thread_backend() == "pool"
"""
        )
        assert "'openmp'" in out
        assert str(without / "densekit") in out, out


@needs_openmp
def test_threadpoolctl_limits_it_whenever_it_is_loaded():
    """A limit of the OpenMP runtime counts, set before or after the library was loaded; OMP_NUM_THREADS is none."""
    pytest.importorskip("threadpoolctl", reason="threadpoolctl is not installed")
    script = """
import ctypes
from densekit import _core
import threadpoolctl
if {loaded_before}:  # by another library of the process, as far as the runtime knows
    ctypes.CDLL("{library}")
    limits = threadpoolctl.threadpool_limits(1, user_api="openmp")
    _core.use_thread_backend("openmp")
else:
    _core.use_thread_backend("openmp")
    assert _core.threads() == 3, _core.threads()
    limits = threadpoolctl.threadpool_limits(1, user_api="openmp")
assert _core.threads() == 1, _core.threads()
limits.restore_original_limits()
assert _core.threads() == 3, _core.threads()
"""
    for loaded_before in (False, True):
        succeeds(
            script.format(loaded_before=loaded_before, library=HERE / LIBRARY), environment={"OMP_NUM_THREADS": "3"}
        )


def test_what_show_versions_says():
    backends = ", ".join(_core.thread_backends())
    assert re.search(rf"\(.*{backends}\)", densekit._runtime.versions()["thread backend"])
