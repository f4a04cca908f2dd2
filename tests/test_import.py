"""What importing densekit does to a process: nothing. And where it is refused, and how threadpoolctl learns of it."""

from __future__ import annotations

import os
import sys

import pytest
from processes import run_script, succeeds

# Prints the differences between before and after; `state` is a dictionary of everything that an import could change.
STATE = """
import builtins, ctypes, ctypes.util, decimal, gc, hashlib, locale, logging, os, pickle, random, resource, signal
import sys, threading, warnings
import numpy as np

libm = ctypes.CDLL(ctypes.util.find_library("m"))
x86 = os.uname().machine == "x86_64"  # there the last word is MXCSR

def digest(value):
    return hashlib.sha256(pickle.dumps(value)).hexdigest()

def state():
    floating = ctypes.create_string_buffer(256)  # fegetenv writes 32 bytes on x86-64, less elsewhere
    assert libm.fegetenv(floating) == 0
    with open("/proc/self/status") as status:
        lines = dict(line.split(":", 1) for line in status)
    own = ~(3 << 31)  # 32 and 33 are the C library's, which catches them when it makes its first thread
    return {
        "threads": int(lines["Threads"]),
        "masks of signals": [int(lines[name], 16) & own for name in ("SigBlk", "SigIgn", "SigCgt")],
        "environment": dict(os.environ),
        "signal handlers": {s: signal.getsignal(s) for s in signal.valid_signals()},
        "rounding": (libm.fegetround(), int.from_bytes(floating.raw[28:32], "little") & ~0x3F if x86 else 0),
        "denormals": (np.full(9, 1e-40, np.float32) * np.float32(0.5)).tolist(),
        "locale": locale.setlocale(locale.LC_ALL),
        "directory": os.getcwd(),
        "hooks": (sys.excepthook, sys.displayhook, threading.excepthook, sys.unraisablehook),
        "tracing": (sys.gettrace(), sys.getprofile()),
        "warnings": list(warnings.filters) + [warnings.showwarning],
        "NumPy": (np.geterr(), np.geterrcall(), np.get_printoptions(), digest(np.random.get_state()), np.getbufsize()),
        "random": digest(random.getstate()),
        "decimal": repr(decimal.getcontext()),
        "path": (list(sys.path), list(sys.path_hooks)),
        "finders": [f for f in sys.meta_path if type(f).__module__ != "densekit._threadpoolctl"],
        "interpreter": (sys.getrecursionlimit(), sys.getswitchinterval(), gc.get_threshold(), gc.isenabled()),
        "limits": [resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")],
        "Python threads": threading.enumerate(),
        "logging": (logging.root.handlers, logging.root.level),
        "built-in names": sorted(vars(builtins)),
        "umask": [os.umask(0o22), os.umask(0o22)][1:],
        "files": sorted(set(os.listdir("/proc/self/fd"))),
    }

def changes(before, after):
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}
"""

# All but plots, which is matplotlib's, and preprocessing, whose classes are scikit-learn's where that is installed.
MODULES = """
import densekit, densekit.functional as F
for name in densekit.__all__:
    if name not in ("plots", "preprocessing"):
        getattr(densekit, name)
"""

needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs /proc")


@needs_proc
def test_import_changes_nothing_in_the_process():
    """Of all that an import can change; threads start with the first large call. From an empty environment."""
    succeeds(
        STATE
        + """
before, modules = state(), set(sys.modules)
assert before["threads"] == 1, before["threads"]
"""
        + MODULES
        + """
after = state()
assert not changes(before, after), changes(before, after)
foreign = {m.partition(".")[0] for m in set(sys.modules) - modules} - set(sys.stdlib_module_names)
assert foreign <= {"densekit", "numpy"}, foreign
from densekit import _core
F.relu(np.ones(10))
assert not changes(before, state()), "a small call changes something"
_core.set_threads(2)
_core.set_serial_threshold(0)
F.relu(np.ones(2_000_000))  # worth waking threads for
assert set(changes(before, state())) == {"threads"} and state()["threads"] == 2, changes(before, state())
""",
        environment={"OPENBLAS_NUM_THREADS": "1"},
        bare=True,
    )


@needs_proc
def test_import_before_numpy_leaves_what_numpy_leaves():
    """Whoever imports densekit first has what importing NumPy first gives, and no other package."""
    script = """
    import sys
    {first}
    import os, warnings, signal, numpy, json
    names = sorted({{m.partition(".")[0] for m in sys.modules}} - set(sys.stdlib_module_names) - {{"densekit"}})
    print(json.dumps([dict(os.environ), names, repr(warnings.filters), repr(numpy.geterr())]))
    """
    ours, theirs = (
        succeeds(script.format(first=first), bare=True)
        for first in ("import densekit, densekit.functional, densekit.layers", "import numpy, numpy.random")
    )
    assert ours == theirs


# A second interpreter in the process, as mod_wsgi and others make them.

SECOND = """
import sys
{first}
try:
    import _interpreters as interpreters  # Python 3.13
    make = lambda: interpreters.create("legacy")
except ImportError:
    import _xxsubinterpreters as interpreters
    make = lambda: interpreters.create(isolated=False)
code = '''
for attempt in range(2):
    try:
        import densekit{module}
        print("imported")
    except ImportError as error:
        print(error)
'''
try:
    interpreters.run_string(make(), code)
except Exception as error:
    print("escaped:", error)
{after}
"""


@pytest.mark.parametrize("module", ["", ".functional", "._core"])
@pytest.mark.parametrize(
    "first", ["", "import numpy, densekit, densekit.functional"], ids=["alone", "after the main one"]
)
def test_a_second_interpreter_is_refused_at_once(first, module):
    pytest.importorskip("_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters")
    after = "print(densekit.functional.relu(numpy.ones(3)).sum())" if first else ""
    out = succeeds(SECOND.format(first=first, module=module, after=after), timeout=30).splitlines()
    assert len(out) == 3 if first else 2, out
    for line in out[:2]:
        assert "main interpreter" in line, out
        assert "mod_wsgi" in line
        assert "processes" in line
    if first:
        assert out[2] == "3.0", "the main interpreter goes on"


# threadpoolctl

SEEN = """
import os
def seen():
    import threadpoolctl
    ours = [row for row in threadpoolctl.threadpool_info() if row["internal_api"] == "densekit"]
    assert len(ours) == 1, threadpoolctl.threadpool_info()
    assert ours[0]["version"] == densekit.__version__
    assert ours[0]["threading_layer"] == "pool"
    densekit.set_num_threads(3)
    with threadpoolctl.threadpool_limits(limits=1):
        assert densekit.get_num_threads() == 1
    assert densekit.get_num_threads() == 3
    with threadpoolctl.threadpool_limits(limits=2, user_api="densekit"):
        assert densekit.get_num_threads() == 2
"""
ORDERS = {
    "densekit first": "import densekit, threadpoolctl",
    "threadpoolctl first": "import threadpoolctl, densekit",
    "densekit first, threadpoolctl from a function": "import densekit",
    "after a look whether it is installed": """
import importlib.util, densekit
assert importlib.util.find_spec("threadpoolctl") is not None
assert "KMP_DUPLICATE_LIB_OK" not in os.environ
""",
    "after a try that failed": """
import sys, densekit
before, sys.path[:] = list(sys.path), []
try:
    import threadpoolctl
    raise SystemExit("it was to fail")
except ImportError:
    sys.path[:] = before
""",
    "by somebody else": "import densekit, sklearn",
}


@pytest.mark.parametrize("order", ORDERS)
def test_threadpoolctl_sees_and_limits_our_threads_whichever_is_imported_first(order):
    pytest.importorskip("threadpoolctl", reason="threadpoolctl is not installed")
    if "sklearn" in ORDERS[order]:
        pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    succeeds(
        SEEN
        + ORDERS[order]
        + """
seen()
import sys, threadpoolctl
assert not [f for f in sys.meta_path if type(f).__module__.startswith("densekit")], "the finder stays"
loader = threadpoolctl.__loader__
assert loader is threadpoolctl.__spec__.loader and not type(loader).__module__.startswith("densekit")
assert loader.get_source("threadpoolctl")
""",
        bare=True,
    )


def test_a_threadpoolctl_that_knows_no_controllers_is_left_alone(tmp_path):
    """Versions before 3.2 have no register; an import of theirs must not fail because of us."""
    (tmp_path / "threadpoolctl.py").write_text("version = 'old'\n")
    succeeds(f"""
    import sys
    sys.path.insert(0, {str(tmp_path)!r})
    import densekit, threadpoolctl
    assert threadpoolctl.version == "old"
    """)


def test_where_threadpoolctl_is_forbidden_nothing_waits_for_it():
    succeeds("""
    import sys
    sys.modules["threadpoolctl"] = None
    before = list(sys.meta_path)
    import densekit
    assert sys.meta_path == before
    """)


def test_import_with_a_bad_setting_leaves_no_half_of_a_package():
    done = run_script("import densekit", environment={"DENSEKIT_NUM_THREADS": "many"})
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("ImportError")
