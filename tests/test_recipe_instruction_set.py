"""The recipe of CONTRIBUTING.md for an instruction set, followed on a copy of the sources: x86_v3 under another name.

The fast tests make every step but one and read what fails. With DENSEKIT_THOROUGH=1 all is built, which takes minutes,
and the hashes of the new name must be those of x86_v3.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAME = "x86_v3_copy"
THOROUGH = os.environ.get("DENSEKIT_THOROUGH") == "1"

# What a person does for each step of the recipe: the text of the file, or None where it is new, to what it becomes.
STEPS = {
    f"cpp/simd/isa_{NAME}.h": lambda tree, _: (tree / "cpp/simd/isa_x86_v3.h").read_text(),
    "CMakeLists.txt": lambda _, text: put(
        text,
        *("  list(APPEND levels x86_v3", f" {NAME}"),
        *("\n  set(flags_x86_v3 ", f"-march=x86-64-v3)\n  set(flags_{NAME} "),
    ),
    "cpp/core/cpu.cpp": lambda _, text: put(
        text,
        "bool has_neon() { return true; }\n",
        f'bool has_{NAME}() {{ return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }}\n',
    ),
}


def put(text, *places_and_additions):
    """The text with each addition behind its place, which must be there once."""
    for place, addition in zip(places_and_additions[::2], places_and_additions[1::2], strict=True):
        assert text.count(place) == 1, f"the recipe's step is out of date: no {place!r}"
        text = text.replace(place, place + addition)
    return text


def steps_of_the_recipe() -> list[str]:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split("## A new instruction set", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\d+\. `([^`]+)`", section, re.MULTILINE)


def tool(name: str) -> str:
    """cmake and ninja are beside this Python or on the path."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} here")
    return found


@pytest.fixture
def tree(tmp_path):
    if platform.machine() not in ("x86_64", "AMD64") or os.name != "posix":
        pytest.skip("x86_v3 is an instruction set of x86-64")
    for folder in ("cpp", "tests/native", "tests/fuzz"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("corpus"))
    (tmp_path / "tests/fuzz/corpus").mkdir()
    shutil.copy(ROOT / "CMakeLists.txt", tmp_path)
    return tmp_path


def follow(tree: Path, files: Iterable[str]) -> None:
    for file in files:
        path = tree / file
        path.write_text(STEPS[file](tree, path.read_text() if path.exists() else None))


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, timeout=3000)


def configured(tree: Path, *more: str) -> subprocess.CompletedProcess[str]:
    off = [f"-DDENSEKIT_{part}=OFF" for part in ("PYTHON", "OPENMP")]
    ninja = f"-DCMAKE_MAKE_PROGRAM={tool('ninja')}"
    levels = f"-DDENSEKIT_LEVELS={NAME}"  # baseline is in every build
    return run(tool("cmake"), "-S", tree, "-B", tree / "build", "-G", "Ninja", ninja, levels, *off, *more)


def built(tree: Path, target: str) -> subprocess.CompletedProcess[str]:
    return run(tool("cmake"), "--build", tree / "build", "--target", target)


def test_the_recipe_has_every_file_that_names_a_level():
    """Searched for is x86_v3, and neon, whose name is a part of others' names."""
    recipe = {step.replace("<name>", NAME) for step in steps_of_the_recipe()}
    assert recipe == set(STEPS), "CONTRIBUTING.md has other steps than this test follows"
    sources = [
        ROOT / "CMakeLists.txt",
        *(f for folder in ("cpp", "bench/native") for f in (ROOT / folder).rglob("*.*")),
    ]
    for level in ("x86_v3", "neon"):
        for path in sources:
            name = path.relative_to(ROOT).as_posix().replace(f"isa_{level}.h", f"isa_{NAME}.h")
            if re.search(rf"(\b|_){level}\b", path.read_text(encoding="utf-8")):
                assert name in recipe, f"{name} names {level}; the recipe of CONTRIBUTING.md does not have this file"


@pytest.mark.parametrize(
    ("forgotten", "told"),
    [
        (f"cpp/simd/isa_{NAME}.h", rf"The instruction set {NAME} has no file\s+cpp/simd/isa_{NAME}\.h"),
        ("CMakeLists.txt", rf"CMakeLists\.txt.*DENSEKIT_LEVELS: there is no instruction set\s+{NAME}"),
        ("cpp/core/cpu.cpp", rf"cpp/core/cpu\.cpp:\d+:.*has_{NAME}"),
        (None, None),
    ],
)
def test_what_is_forgotten_is_named(tree, forgotten, told):
    follow(tree, [file for file in STEPS if file != forgotten])
    done = configured(tree)
    if done.returncode == 0:
        done = built(tree, "CMakeFiles/densekit.dir/cpp/core/cpu.cpp.o")
    if forgotten is None:
        assert done.returncode == 0, done.stderr + done.stdout
        return
    assert done.returncode != 0, f"nothing says that {forgotten} lacks {NAME}"
    assert re.search(told, done.stderr + done.stdout, re.DOTALL), done.stderr + done.stdout


@pytest.mark.skipif(not THOROUGH, reason="builds the library: DENSEKIT_THOROUGH=1")
def test_the_copy_has_the_bits_of_x86_v3(tree):
    follow(tree, STEPS)
    fast = "-DCMAKE_CXX_FLAGS_RELEASE=-O1"  # to compile; no bit depends on it
    for done in (configured(tree, "-DDENSEKIT_NATIVE_TESTS=ON", fast), built(tree, "golden_hashes")):
        assert done.returncode == 0, done.stderr + done.stdout
    golden = ROOT / "tests/golden"
    texts = (golden / f"{name}.txt" for name in ("operations", "trainings", "hashes"))
    done = run(tree / "build/tests/native/golden_hashes", *texts, 20)
    assert done.returncode == 0, done.stderr + done.stdout
    assert f"{NAME}: kernels hashed" in done.stdout
    assert f"{NAME}: 20 trainings" in done.stdout
