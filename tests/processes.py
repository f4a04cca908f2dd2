"""Programs in fresh interpreters, for what changes a process or ends it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

# What an interpreter needs to start; everything else in the environment is a guest of some library's.
_NEEDED = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "LD_PRELOAD", "ASAN_OPTIONS", "UBSAN_OPTIONS", "SYSTEMROOT")


def run_script(script, *, timeout=120, environment=None, path=None, bare=False):
    """Runs a program in a fresh interpreter.

    environment: more variables; those of densekit and OpenMP are taken away first, and with bare=True all that an
    interpreter does not need, so that nothing which a test process has set by its own imports is there. path: where to
    write the program.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DENSEKIT_", "OMP_"))}
    if bare:
        kept = {k: v for k, v in kept.items() if k in _NEEDED}
    python_path = os.pathsep.join(p for p in sys.path if p)
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script)]
    if path is not None:
        path.write_text(textwrap.dedent(script))
        command = [sys.executable, "-W", "error", str(path)]
    return subprocess.run(
        command,
        env={**kept, "PYTHONPATH": python_path, **(environment or {})},
        timeout=timeout,
        capture_output=True,
        text=True,
    )


def succeeds(*args, **kwargs):
    """Its output, without the spaces around."""
    done = run_script(*args, **kwargs)
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-8000:]}"
    return done.stdout.strip()
