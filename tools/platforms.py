"""Builds the native tests for other compilers, systems and processors, and runs them, emulated where need be.

    python tools/platforms.py            # all that are installed
    python tools/platforms.py libcxx     # these

A platform is a preset of CMakePresets.json and a file in tools/toolchains, which says what to install. One that is not
installed is left out, unless it was named. The exit code is 1 if anything failed.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "platforms"
BESIDE = pathlib.Path(sys.executable).parent  # of a virtual environment: it may have cmake and ninja
PATH = os.pathsep.join([str(BESIDE), os.environ.get("PATH", ""), "/usr/lib/wine"])


@dataclasses.dataclass(frozen=True)
class Platform:
    name: str
    what: str
    programs: tuple[str, ...]  # that it needs


PLATFORMS = [
    Platform("libcxx", "this machine, Clang, libc++", ("clang++",)),
    Platform("i686", "32-bit x86, GCC", ("i686-linux-gnu-g++",)),
    Platform("aarch64", "64-bit Arm, GCC, qemu", ("aarch64-linux-gnu-g++", "qemu-aarch64")),
    Platform("armhf", "32-bit Arm, GCC, qemu", ("arm-linux-gnueabihf-g++", "qemu-arm")),
    Platform("riscv64", "64-bit RISC-V, GCC, qemu", ("riscv64-linux-gnu-g++", "qemu-riscv64")),
    Platform("s390x", "IBM Z (big-endian), GCC, qemu", ("s390x-linux-gnu-g++", "qemu-s390x")),
    Platform("mingw", "64-bit Windows, MinGW GCC, Wine", ("x86_64-w64-mingw32-g++-posix", "wine64")),
    Platform("emscripten", "WebAssembly, Clang, node", ("em++", "node")),
]


def missing(platform: Platform) -> list[str]:
    lacks = [name for name in platform.programs if shutil.which(name, path=PATH) is None]
    if platform.name == "libcxx" and not lacks:
        header = ["clang++", "-stdlib=libc++", "-fsyntax-only", "-include", "string", "-x", "c++", os.devnull]
        if subprocess.run(header, capture_output=True).returncode:
            lacks.append("libc++")
    return lacks


def call(*command: str) -> bool:
    wine = {"WINEPREFIX": str(BUILD / "wine"), "WINEDEBUG": "-all"}  # not the user's own
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "PATH": PATH, **wine}).returncode == 0


def tests_of(platform: Platform) -> str:
    """How many tests ctest ran last."""
    text = (BUILD / platform.name / "Testing" / "Temporary" / "LastTest.log").read_text(
        encoding="utf-8", errors="replace"
    )
    passed, skipped = (len(re.findall(rf"(?m)^Test {word}\.$", text)) for word in ("Passed", "Skipped"))
    return f"{passed} tests" + (f", {skipped} skipped" if skipped else "")


def run(platform: Platform, named: bool) -> tuple[bool, str]:
    """Whether all is well, and what is to be said of it."""
    if lacks := missing(platform):
        return not named, "not installed: " + ", ".join(lacks)
    print(f"\n== {platform.name}: {platform.what}", flush=True)
    start = time.monotonic()
    for failure, command in {
        "not configured": ["cmake", "--preset", platform.name],
        "not built": ["cmake", "--build", "--preset", platform.name],
        "tests failed": ["ctest", "--preset", platform.name],
    }.items():
        if not call(*command):
            return False, failure
    return True, f"passed: {tests_of(platform)} in {time.monotonic() - start:.0f} s"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("platforms", nargs="*", metavar="PLATFORM", help=", ".join(p.name for p in PLATFORMS))
    named = parser.parse_args().platforms
    if unknown := set(named) - {p.name for p in PLATFORMS}:
        parser.error(
            f"there is no platform {', '.join(sorted(unknown))}; there are {', '.join(p.name for p in PLATFORMS)}"
        )
    BUILD.mkdir(parents=True, exist_ok=True)
    results = [(p, *run(p, bool(named))) for p in PLATFORMS if not named or p.name in named]
    print()
    for platform, good, result in results:
        print(f"{'' if good else 'FAILED':<7}{platform.name:<11}{platform.what:<33}{result}")
    return 0 if all(good for _, good, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
