"""Fixtures: every instruction set of this machine, every thread backend, and settings that are put back."""

from __future__ import annotations

import contextlib
import signal

import numpy as np
import pytest

import densekit
from densekit import _core

LEVELS = [name for name, supported in _core.levels() if supported]
UNSUPPORTED = [name for name, supported in _core.levels() if not supported]

# A shell that starts the suite in the background lets it ignore Ctrl-C, which some tests send to themselves.
with contextlib.suppress(ValueError):  # not the main thread
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=LEVELS)
def level(request):
    """Runs the test once on each instruction set that this machine has."""
    before = _core.active_level()
    _core.use_level(request.param)
    yield request.param
    _core.use_level(before)


@pytest.fixture
def each_level():
    """For tests that compare instruction sets within: switches to each in turn; put back afterwards."""
    before = _core.active_level()

    def switch():
        for name in LEVELS:
            _core.use_level(name)
            yield name

    yield switch
    _core.use_level(before)


@pytest.fixture(params=_core.thread_backends())
def backend(request):
    """Runs the test once on each thread backend of this build."""
    before = _core.thread_backend()
    _core.use_thread_backend(request.param)
    yield request.param
    _core.use_thread_backend(before)


@pytest.fixture
def threads_forced():
    """No call is too small for threads, and each waits until all its workers have begun; put back afterwards."""
    before = _core.serial_threshold()
    _core.set_serial_threshold(0)
    _core.set_all_hands(True)
    _core.last_workers()  # forget what came before
    yield _core.set_threads
    _core.set_all_hands(False)
    _core.set_serial_threshold(before)
    _core.set_threads(0)


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.fixture(params=["reference", "native"] if hasattr(_core, "NetworkFloat32") else ["reference"])
def engine(request):
    """Runs the test once on each engine of this build."""
    return request.param


@pytest.fixture
def rng():
    return np.random.default_rng(20261122)


@pytest.fixture
def table(rng):
    """A regression of 48 rows: X (48, 5), y."""
    X = rng.normal(size=(48, 5))
    return X, np.sin(X[:, 0]) + X[:, 1] * X[:, 2]


@pytest.fixture(autouse=True)
def _names_in_docstrings(doctest_namespace):
    doctest_namespace["np"] = np
    doctest_namespace["densekit"] = densekit
