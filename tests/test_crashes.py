"""A checkpoint is there completely or not at all: processes that die, kill -9, disks that are full."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import signal
import stat
import time
import warnings

import numpy as np
import pytest

import densekit as dk
from densekit import _atomic
from densekit.layers import Dense

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

CALLS = ("open", "write", "fchmod", "fsync", "link", "close", "replace", "unlink")


@pytest.fixture(params=["without a name", "under a temporary name"], autouse=True)
def way(request, monkeypatch):
    """Files that have no name until they are whole, and what stands in for them where the system has none."""
    if request.param == "under a temporary name":
        monkeypatch.setattr(_atomic, "_through_nameless_file", lambda *_: False)
    return request.param


def model(value, width=300):
    made = dk.Sequential([Dense(width, inputs=100)], seed=1).compile("adam", "mse")
    made.weights["dense.kernel"][...] = value
    return made


def value_of(path):
    """Which of the models is in the file; it must be one of them completely."""
    kernel = dk.load(path).weights["dense.kernel"]
    np.testing.assert_array_equal(kernel, kernel[0, 0])
    return float(kernel[0, 0])


@contextlib.contextmanager
def calls_patched(wrap):
    """os.write and the like of _atomic replaced by wrap(name, original)."""

    class Patched:
        def __getattr__(self, name):
            original = getattr(os, name)
            return wrap(name, original) if name in CALLS else original

    before, _atomic.os = _atomic.os, Patched()
    try:
        yield
    finally:
        _atomic.os = before


def in_child(action):
    """Runs it in a fork that ends without any cleaning up; returns its process id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads
        child = os.fork()
    if child == 0:
        try:
            action()
            os._exit(0)
        except BaseException:
            os._exit(99)
    return child


def count_calls(save):
    seen = []
    with calls_patched(lambda name, original: lambda *a, **k: (seen.append(name), original(*a, **k))[1]):
        save()
    return seen


@pytest.mark.parametrize("exists", [True, False], ids=["over an old file", "new"])
@pytest.mark.parametrize("when", ["before", "in the middle", "after"])
def test_a_process_that_dies_at_any_call(tmp_path, when, exists):
    path = tmp_path / "model.npz"
    old, new = model(1.0), model(2.0)
    if exists:
        old.save(path)
    total = len(count_calls(lambda: old.save(path)))
    assert total >= 10
    found = []
    for last in range(total):
        path.unlink(missing_ok=True)
        if exists:
            old.save(path)
        count = iter(range(total + 1))

        def wrap(name, original, count=count, last=last):
            def call(*arguments, **options):
                if next(count) != last:
                    return original(*arguments, **options)
                if when == "after":
                    with contextlib.suppress(OSError):
                        original(*arguments, **options)
                if when == "in the middle" and name == "write":
                    original(arguments[0], arguments[1][: len(arguments[1]) // 2])
                os._exit(7)

            return call

        def dying():
            with calls_patched(wrap):
                new.save(path)

        assert os.waitstatus_to_exitcode(os.waitpid(in_child(dying), 0)[1]) == 7
        found.append(value_of(path) if path.exists() else None)
    old.save(path)
    assert os.listdir(tmp_path) == ["model.npz"]  # what a process leaves, the next save takes away
    none = 1.0 if exists else None
    assert set(found) == {none, 2.0}
    assert found == sorted(found, key=lambda v: v == 2.0)  # once it is there it stays


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_call_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, code):
    path = tmp_path / "model.npz"
    old, new = model(1.0), model(2.0)
    old.save(path)
    names = count_calls(lambda: old.save(path))
    for last in range(len(names)):
        old.save(path)
        count = itertools.count()

        def wrap(name, original, count=count, last=last):
            def call(*arguments, **options):
                if next(count) == last:
                    if name == "close":
                        original(*arguments)
                    raise OSError(code, os.strerror(code))
                return original(*arguments, **options)

            return call

        failed = None
        with calls_patched(wrap):
            try:
                new.save(path)
            except OSError as error:
                failed = error.errno
        assert failed in (None, code)
        if failed:
            assert value_of(path) == (1.0 if last <= names.index("replace") else 2.0)
        else:  # it could do without that call: the look for leftovers, a file without a name
            assert names[last] in ("open", "link", "close")
            assert value_of(path) == 2.0
        assert os.listdir(tmp_path) == ["model.npz"]
        assert failed or names[last] not in ("write", "fsync", "replace")


def test_short_writes_are_continued(tmp_path):
    with calls_patched(lambda name, f: (lambda file, part: f(file, part[:1000])) if name == "write" else f):
        model(3.0).save(tmp_path / "model.npz")
    assert value_of(tmp_path / "model.npz") == 3.0


def test_a_hundred_kills(tmp_path):
    path = tmp_path / "model.npz"
    models = [model(float(i)) for i in range(2)]
    models[0].save(path)
    random = np.random.default_rng(1)

    def saving():
        for i in range(10_000):
            models[i % 2].save(path)

    started = time.monotonic()
    for _ in range(40):
        child = in_child(saving)
        time.sleep(random.uniform(0, 0.03))
        os.kill(child, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        assert value_of(path) in (0.0, 1.0)
        if time.monotonic() - started > 60:
            break
    models[0].save(path)
    assert os.listdir(tmp_path) == ["model.npz"]


def test_a_file_without_a_name_leaves_nothing_when_its_process_dies(tmp_path, way):
    """Dying while it is written: nothing is there, without any next save."""
    path = tmp_path / "model.npz"

    def dying():
        with calls_patched(lambda name, f: (lambda *a: os._exit(7)) if name == "fsync" else f):
            model(1.0).save(path)

    assert os.waitstatus_to_exitcode(os.waitpid(in_child(dying), 0)[1]) == 7
    can = hasattr(os, "O_TMPFILE") and way == "without a name"
    assert os.listdir(tmp_path) == ([] if can else [".densekit-0.tmp"])
    model(1.0).save(tmp_path / "another.npz")
    assert os.listdir(tmp_path) == ["another.npz"]


def test_the_file_of_a_process_that_lives_is_left_alone(tmp_path):
    """Many processes save into one folder, stopped and continued: nobody takes away what another is writing."""
    random = np.random.default_rng(2)
    (tmp_path / ".densekit-3.tmp").write_bytes(b"left by somebody")  # nobody holds a lock on it
    (tmp_path / ".densekit-x.tmp").write_bytes(b"not ours")

    def saving(i):
        for _ in range(40):
            model(float(i), width=2000).save(tmp_path / f"{i}.npz")

    children = [in_child(lambda i=i: saving(i)) for i in range(6)]
    for _ in range(40):
        child = children[random.integers(6)]
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGSTOP)
            time.sleep(0.01)
            os.kill(child, signal.SIGCONT)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 6
    assert [value_of(tmp_path / f"{i}.npz") for i in range(6)] == list(range(6))
    model(1.0).save(tmp_path / "0.npz")
    assert sorted(os.listdir(tmp_path)) == sorted([".densekit-x.tmp", *(f"{i}.npz" for i in range(6))])


def test_a_full_disk(tmp_path):
    """A limit on the size of files, at 100 places: OSError, the old file, no temporary one."""
    import resource

    path = tmp_path / "model.npz"
    old, new = model(1.0), model(2.0)
    old.save(path)
    size = path.stat().st_size

    def limited(limit):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        try:
            new.save(path)
        except OSError as error:
            os._exit(3 if error.errno == errno.EFBIG else 4)

    for limit in np.linspace(0, size - 1, 100).astype(int).tolist():
        child = in_child(lambda limit=limit: limited(limit))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
        assert value_of(path) == 1.0
        assert os.listdir(tmp_path) == ["model.npz"]


def test_the_mode_and_a_link_are_kept(tmp_path):
    path, link = tmp_path / "model.npz", tmp_path / "link.npz"
    model(1.0).save(path)
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    for mode in (0o600, 0o640, 0o444):
        path.chmod(mode)
        model(2.0).save(path)
        assert stat.S_IMODE(path.stat().st_mode) == mode
    link.symlink_to("model.npz")
    model(3.0).save(link)
    assert link.is_symlink()
    assert value_of(path) == 3.0
    (tmp_path / "dangling.npz").symlink_to("new.npz")
    model(4.0).save(tmp_path / "dangling.npz")
    assert value_of(tmp_path / "new.npz") == 4.0


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_the_owner_is_kept(tmp_path):
    path = tmp_path / "model.npz"
    model(1.0).save(path)
    path.chmod(0o640)
    os.chown(path, 1234, 4321)
    model(2.0).save(path)
    found = path.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 4321, 0o640)


def test_a_pipe_and_a_folder(tmp_path):
    """A pipe (or a device, such as /dev/null) is written to and stays one; a folder is an error."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    child = in_child(lambda: model(1.0).save(pipe))
    content = pipe.read_bytes()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    (tmp_path / "copy.npz").write_bytes(content)
    assert value_of(tmp_path / "copy.npz") == 1.0
    with pytest.raises(IsADirectoryError):
        model(1.0).save(tmp_path)


def test_long_names(tmp_path):
    """What open can name, save can, too."""
    for name in ("n" * 251 + ".npz", "é" * 125 + ".npz"):
        model(1.0).save(tmp_path / name)
        assert value_of(tmp_path / name) == 1.0
    with pytest.raises(ValueError, match="at most 255 bytes"):
        model(1.0).save(tmp_path / ("n" * 252 + ".npz"))
    assert len(os.listdir(tmp_path)) == 2


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        model(1.0).save(tmp_path / "nowhere" / "model.npz")
