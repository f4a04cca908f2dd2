"""tools/platforms.py: each platform has its files; what is not installed is said. What they build: make platforms."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent
SCRIPT, TOOLCHAINS = ROOT / "tools" / "platforms.py", ROOT / "tools" / "toolchains"

pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="not in a checkout")


def run(*platforms):
    """Where no compiler is."""
    command = [sys.executable, str(SCRIPT), *platforms]
    return subprocess.run(command, env={"PATH": "/nowhere"}, capture_output=True, text=True, timeout=60)


def names():
    return re.findall(r'(?m)^    Platform\("(\w+)"', SCRIPT.read_text(encoding="utf-8"))


def test_each_platform_has_presets_and_says_what_to_install():
    presets = json.loads((ROOT / "CMakePresets.json").read_text(encoding="utf-8"))
    assert len(names()) >= 8
    for name in names():
        for kind in ("configurePresets", "buildPresets", "testPresets"):
            assert [p["name"] for p in presets[kind]].count(name) == 1, (name, kind)
        assert (
            "apt install"
            in (ROOT / "tools" / "toolchains" / f"{name}.cmake").read_text(encoding="utf-8").splitlines()[0]
        )
    assert sorted(path.stem for path in (ROOT / "tools" / "toolchains").iterdir()) == sorted(names())


def test_what_is_not_installed_is_left_out():
    done = run()
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("not installed: ") == len(names())


def test_what_is_named_must_be_installed():
    done = run("s390x")
    assert done.returncode == 1
    assert re.search(r"FAILED +s390x .* not installed: s390x-linux-gnu-g\+\+", done.stdout)
    assert "libcxx" not in done.stdout


def test_unknown_platforms_are_errors():
    done = run("s390")
    assert done.returncode == 2
    assert "there is no platform s390; there are libcxx" in done.stderr
