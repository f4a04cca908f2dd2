"""The same bits whoever does the work: threads, backends, batches, Python threads; and processes that fork or spawn."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
from multiprocessing.pool import ThreadPool

import numpy as np
import pytest
from helpers import OPS, fresh, run
from probing import is_row_wise, some_rows
from processes import run_script, succeeds

from densekit import _core

ROW_WISE = [name for name in OPS if is_row_wise(name)]
# Eight tasks of 16,384 elements; where a call is worth more than an element each, fewer rows are enough.
GROWING_SIZES = (64, 600, 4000, 20_000, 140_000)
ELEMENTS = 3_000_000  # more than this in one call takes too long


def call_for_threads(op, dtype, workers):
    """A call large enough for so many workers, which must be forced; skips an operation that is serial by nature."""
    for size in GROWING_SIZES:
        call = op.domain(np.random.default_rng(size), dtype, size)
        results = run(op, op.function, fresh(call))
        _core.last_workers()
        run(op, op.function, fresh(call))
        if _core.last_workers() == workers:
            return call
        arrays = [a for r in (*results, *call.args) for a in (r if isinstance(r, list) else [r])]
        if max(np.size(a) for a in arrays) * 5 > ELEMENTS:
            break
    return None


@pytest.mark.parametrize("op", OPS.values(), ids=OPS.keys())
def test_same_bits_for_any_number_of_threads(op, backend, dtype, threads_forced):
    threads_forced(8)
    call = call_for_threads(op, dtype, 8)
    assert call is not None, f"{op.name} never runs on 8 threads: is anything parallel in it?"
    threads_forced(1)
    alone = run(op, op.function, fresh(call))
    assert _core.last_workers() == 1
    for threads in (2, 3, 8):
        threads_forced(threads)
        got = run(op, op.function, fresh(call))
        assert _core.last_workers() == threads
        for a, b in zip(alone, got, strict=True):
            np.testing.assert_array_equal(a, b, strict=True)


@pytest.mark.parametrize("name", ROW_WISE)
def test_a_row_has_the_same_bits_alone_and_in_any_batch(name, level, dtype, rng):
    op = OPS[name]
    call = op.domain(rng, dtype, 700)
    rows = len(call.args[0])
    together = run(op, op.function, fresh(call))
    batches = [slice(i, i + 1) for i in (0, 1, rows // 2, rows - 1)]
    batches += [slice(0, 2), slice(1, 18), slice(rows // 3, rows), slice(0, rows, 3)]
    for batch in batches:
        for a, b in zip(together, run(op, op.function, some_rows(call, batch, rows, op)), strict=True):
            np.testing.assert_array_equal(a[batch], b, strict=True, err_msg=f"{name}: rows {batch}")


def test_concurrent_calls_from_python_threads(backend, threads_forced):
    """Eight threads call everything at once, in different orders; who finds the workers busy does its work alone."""
    calls = [
        (op, op.domain(np.random.default_rng(7), dtype, 3000))
        for op in OPS.values()
        for dtype in (np.float32, np.float64)
    ]
    _core.set_all_hands(False)
    threads_forced(1)
    alone = [run(op, op.function, fresh(call)) for op, call in calls]
    threads_forced(3)

    def everything(seed):
        order = np.random.default_rng(seed).permutation(len(calls))
        return {int(i): run(calls[i][0], calls[i][0].function, fresh(calls[i][1])) for i in order}

    with ThreadPool(8) as pool:
        for results in pool.map(everything, range(8)):
            for i, expected in enumerate(alone):
                for a, b in zip(expected, results[i], strict=True):
                    np.testing.assert_array_equal(a, b, strict=True, err_msg=calls[i][0].name)


WORK = """
import hashlib, numpy as np
from densekit import _core
import densekit.functional as F
_core.set_serial_threshold(0)

def work(seed=0):  # many tasks of several kinds; the digest of all bits
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=(200, 100)).astype(np.float32), rng.normal(size=(100, 90)).astype(np.float32)
    z = F.dense(x, w, activation="gelu")
    parts = (z, F.softmax(z), *F.dense_backward(z, x, w))
    return hashlib.sha256(b"".join(p.tobytes() for p in parts)).hexdigest()
"""

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no os.fork here")


@needs_fork
def test_fork_after_a_parallel_call():
    """A child made while the parent's workers exist, idle or busy, computes the same bits on both backends and ends."""
    succeeds(
        WORK
        + """
import os, signal, threading, time, warnings
warnings.filterwarnings("ignore", ".*fork.*", DeprecationWarning)  # Python 3.12 and later warn of what is tested here

def child(body):
    pid = os.fork()
    if pid == 0:
        code = 3
        try:
            code = body()
        finally:
            os._exit(code)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return "hang"

_core.set_threads(3)
before = work()

def both_backends():
    for name in _core.thread_backends():
        _core.use_thread_backend(name)
        if work() != before:
            return 1
    return 0

def with_a_grandchild():
    return both_backends() or child(both_backends)

for name in _core.thread_backends():
    _core.use_thread_backend(name)
    assert work() == before
    for body in (both_backends, with_a_grandchild):
        assert child(body) == 0, name
    assert work() == before  # the parent is unharmed

busy = True
def keep_busy():
    while busy:
        assert work() == before
_core.use_thread_backend("pool")
threads = [threading.Thread(target=keep_busy) for _ in range(2)]
for t in threads:
    t.start()
codes = [child(both_backends) for _ in range(10)]
busy = False
for t in threads:
    t.join()
assert codes == [0] * 10, codes
"""
    )


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_multiprocessing(method, tmp_path):
    import multiprocessing

    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no start method {method} here")
    succeeds(
        WORK
        + f"""
import multiprocessing, warnings
warnings.filterwarnings("ignore", ".*fork.*", DeprecationWarning)
if __name__ == "__main__":
    _core.set_threads(2)
    expected = [work(seed) for seed in range(4)]
    with multiprocessing.get_context("{method}").Pool(2) as pool:
        assert pool.map_async(work, range(4)).get(60) == expected
    print("done")
""",
        path=tmp_path / "program.py",
    )


PRINT_THREADS = """
from densekit import _core
for name in _core.thread_backends():
    _core.use_thread_backend(name)
    print(_core.threads(), end=" ")
"""


@pytest.mark.parametrize(
    ("environment", "threads"),
    [
        ({"DENSEKIT_NUM_THREADS": "3"}, 3),
        ({"DENSEKIT_NUM_THREADS": " 5 "}, 5),
        ({"OMP_NUM_THREADS": "3"}, 3),
        ({"OMP_NUM_THREADS": "4,2"}, 4),
        ({"OMP_NUM_THREADS": " 4 , 2"}, 4),
        ({"DENSEKIT_NUM_THREADS": "2", "OMP_NUM_THREADS": "7"}, 2),
        ({"DENSEKIT_NUM_THREADS": "7", "OMP_NUM_THREADS": "2"}, 7),
    ],
    ids=str,
)
def test_number_of_threads_from_the_environment(environment, threads):
    assert set(succeeds(PRINT_THREADS, environment=environment).split()) == {str(threads)}


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_number_of_threads_follows_the_affinity():
    script = """
        import os
        from densekit import _core
        everything = os.sched_getaffinity(0)
        for name in _core.thread_backends():
            _core.use_thread_backend(name)
            assert 1 <= _core.threads() <= len(everything), _core.threads()
            os.sched_setaffinity(0, {min(everything)})
            assert _core.threads() == 1, (name, _core.threads())
            os.sched_setaffinity(0, everything)
        """
    succeeds(script)


WITH_GROUPS = """
import os
from densekit import _core
everything = len(os.sched_getaffinity(0))
print(everything, _core.threads())
"""


def threads_in(prepare):
    """(processors, threads) of a process in control groups that a shell has prepared; skips where it may not."""
    python_path = os.pathsep.join(p for p in sys.path if p)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("DENSEKIT_", "OMP_"))}
    shell = f"set -e; {prepare}; exec {sys.executable} -c '{WITH_GROUPS}'"
    done = subprocess.run(
        ["unshare", "-r", "-m", "sh", "-c", shell],
        env={**environment, "PYTHONPATH": python_path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    if "densekit" not in done.stderr and done.returncode:
        pytest.skip(f"control groups cannot be prepared here: {done.stderr.strip()[:200]}")
    assert done.returncode == 0, done.stderr
    return tuple(map(int, done.stdout.split()))


needs_groups = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("unshare") is None, reason="control groups of Linux"
)


@needs_groups
@pytest.mark.parametrize(
    ("files", "threads"),
    [
        ({"cpu.max": "100000 100000"}, 1),
        ({"cpu.max": "10000 100000"}, 1),
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({"cpu.max": "garbage"}, None),
    ],
    ids=str,
)
def test_number_of_threads_follows_the_quota_of_a_container(files, threads):
    """As a container sees its own group, in both versions of the interface: at the root of what is mounted."""
    write = "; ".join(
        f'mkdir -p "/sys/fs/cgroup/{os.path.dirname(f)}"; echo {v} > /sys/fs/cgroup/{f}' for f, v in files.items()
    )
    everything, found = threads_in(f"mount -t tmpfs none /sys/fs/cgroup; {write}")
    assert found == (everything if threads is None else min(everything, threads))


@needs_groups
@pytest.mark.parametrize("above", [False, True], ids=["its own group", "a group above"])
def test_number_of_threads_follows_the_quota_of_a_service(above):
    """A real group below the root, as systemd makes for a service, where one may be made; its limit or one above."""
    version_1 = os.path.exists("/sys/fs/cgroup/cpu/cpu.cfs_period_us")
    root = "/sys/fs/cgroup/cpu" if version_1 else "/sys/fs/cgroup"
    group = f"{root}/densekit_test_{os.getpid()}"
    try:
        os.makedirs(f"{group}/inner")
    except OSError as error:
        pytest.skip(f"no group can be made: {error}")
    try:
        limited = group if above else f"{group}/inner"
        try:
            if version_1:
                pathlib.Path(f"{limited}/cpu.cfs_quota_us").write_text("50000")
            else:
                pathlib.Path(f"{limited}/cpu.max").write_text("50000 100000")
        except OSError as error:
            pytest.skip(f"no quota can be set: {error}")
        script = f"""
import os, pathlib
pathlib.Path("{group}/inner/cgroup.procs").write_text(str(os.getpid()))
from densekit import _core
assert _core.threads() == 1, _core.threads()
"""
        succeeds(script)
    finally:
        os.rmdir(f"{group}/inner")
        os.rmdir(group)


def test_a_number_that_omp_cannot_mean_is_ignored():
    """OMP_NUM_THREADS belongs to others: what is wrong with it is for them to say."""
    plain = succeeds("from densekit import _core; print(_core.threads())")
    for value in ("many", "-2", "0", ""):
        got = succeeds("from densekit import _core; print(_core.threads())", environment={"OMP_NUM_THREADS": value})
        assert got.splitlines()[-1] == plain, value


@pytest.mark.parametrize(
    ("variable", "value", "valid"),
    [
        ("DENSEKIT_NUM_THREADS", "many", ["1", "1024"]),
        ("DENSEKIT_NUM_THREADS", "0", ["1", "1024"]),
        ("DENSEKIT_NUM_THREADS", "-3", ["1", "1024"]),
        ("DENSEKIT_NUM_THREADS", "2.5", ["1", "1024"]),
        ("DENSEKIT_NUM_THREADS", "99999999999999999999999", ["1", "1024"]),
        ("DENSEKIT_ISA", "pentium", [name for name, supported in _core.levels() if supported]),
        ("DENSEKIT_ISA", "BASELINE", [name for name, supported in _core.levels() if supported]),
        ("DENSEKIT_THREAD_BACKEND", "tbb", _core.thread_backends()),
    ],
)
def test_a_bad_setting_is_an_import_error_that_says_what_is_valid(variable, value, valid):
    done = run_script("import densekit.functional", environment={variable: value})
    assert done.returncode == 1
    message = done.stderr.strip().splitlines()[-1]
    assert message.startswith("ImportError"), done.stderr
    assert f"'{value}'" in message
    for word in valid:
        assert word in message
    if variable == "DENSEKIT_NUM_THREADS":
        assert variable in message


def test_settings_at_run_time_are_checked():
    for bad in (-1, 1025, 10**6):
        with pytest.raises(ValueError, match=str(bad)):
            _core.set_threads(bad)
    with pytest.raises(ValueError, match=r"'tbb'.*pool"):
        _core.use_thread_backend("tbb")
    with pytest.raises(ValueError, match=r"'pentium'.*baseline"):
        _core.use_level("pentium")


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_workers_leave_signals_to_the_program():
    """Every worker blocks them, so Ctrl-C interrupts what the main thread waits for; faults stay unblocked."""
    succeeds(
        WORK
        + """
import os, signal, time
_core.use_thread_backend("pool")
_core.set_threads(3)
work()

def blocked():
    masks = []
    for t in os.listdir("/proc/self/task"):
        if int(t) != os.getpid():
            with open(f"/proc/self/task/{t}/status") as status:
                masks.append(int(next(line for line in status if line.startswith("SigBlk")).split()[1], 16))
    return masks

def blocks(mask, number):
    return bool(mask >> number - 1 & 1)

# A thread that the system has made but not yet run blocks everything: wait until both have run.
until = time.monotonic() + 20
while any(blocks(mask, signal.SIGSEGV) for mask in blocked()) and time.monotonic() < until:
    time.sleep(0.01)
ours = [mask for mask in blocked() if blocks(mask, signal.SIGINT)]
assert len(ours) == 2, ours
for mask in ours:
    assert blocks(mask, signal.SIGTERM) and not blocks(mask, signal.SIGSEGV) and not blocks(mask, signal.SIGBUS), ours
""",
        environment={"OPENBLAS_NUM_THREADS": "1"},
    )


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space")
def test_threads_that_the_system_refuses_are_done_without():
    """Where no thread can be made (a limit of the container), the caller does all the work."""
    succeeds(
        WORK
        + """
import resource, threading
_core.use_thread_backend("pool")
_core.set_threads(1)
expected = work()
_core.set_threads(8)
threading.stack_size(0)
with open("/proc/self/statm") as sizes:
    used = int(sizes.read().split()[0]) * resource.getpagesize()
limit = used + (6 << 20)  # less than the stack of one thread
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
refused = False
try:
    threading.Thread(target=print).start()
except RuntimeError:
    refused = True
assert refused, "the limit does not stop threads here"
x = np.ones(100_000, np.float32)
assert (F.relu(x) == x).all()
""",
        environment={"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
    )


@pytest.mark.skipif(
    os.uname().machine != "x86_64" or sys.platform != "linux", reason="sets MXCSR through glibc's fenv_t"
)
def test_tasks_run_with_the_callers_float_state():
    """Another library made this thread flush denormals: then every task does, on whatever thread, and no other call."""
    succeeds(
        """
import ctypes, ctypes.util
import numpy as np
from densekit import _core
import densekit.functional as F

libm = ctypes.CDLL(ctypes.util.find_library("m"))
def set_mxcsr(bits):
    environment = ctypes.create_string_buffer(32)
    libm.fegetenv(environment)
    raw = bytearray(environment.raw)
    raw[28:32] = bits.to_bytes(4, "little")
    libm.fesetenv((ctypes.c_char * 32).from_buffer(raw))

_core.set_serial_threshold(0)
_core.set_all_hands(True)
tiny = np.full(200_000, 1e-40, np.float32)
kept, flushed = F.silu(tiny).astype(np.float64), np.zeros(len(tiny))
assert (kept != 0).all()
for name in _core.thread_backends():
    _core.use_thread_backend(name)
    for threads in (1, 2, 3):
        _core.set_threads(threads)
        set_mxcsr(0x9FC0)  # flush to zero, denormals are zero
        got = F.silu(tiny)
        bits = got.view(np.int32) & 0x7FFFFFFF
        set_mxcsr(0x1F80)
        assert (bits == 0).all(), (name, threads)
        assert (F.silu(tiny).astype(np.float64) == kept).all(), (name, threads)
"""
    )
