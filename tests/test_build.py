"""What the compiler and the linker made: instructions only where they are dispatched, no symbol that another build
could replace, nothing exported but what is meant to be.

The objects come from DENSEKIT_BUILD_DIR or the newest build/*; a wheel has none, and its symbols are stripped.
"""

from __future__ import annotations

import os
import pathlib
import platform
import re
import shutil
import subprocess

import pytest

from densekit import _core

ROOT = pathlib.Path(__file__).parent.parent
X86 = platform.machine() in ("x86_64", "AMD64")
EXTRAS = {"x86_v4_bf16", "x86_v4_amx"} if X86 else set()  # more than a level, for processors that have it
EXPORTED = {"PyInit__core", "densekit_get_num_threads", "densekit_set_num_threads"}

pytestmark = pytest.mark.skipif(os.name != "posix" or platform.system() != "Linux", reason="reads ELF files")


def tool(name, *arguments) -> str:
    if shutil.which(name) is None:
        pytest.skip(f"no {name} here (binutils)")
    return subprocess.run([name, *map(str, arguments)], capture_output=True, text=True, check=True, timeout=300).stdout


def build_directory() -> pathlib.Path:
    if named := os.environ.get("DENSEKIT_BUILD_DIR"):
        directories = [pathlib.Path(named)]
        assert directories[0].is_dir(), f"DENSEKIT_BUILD_DIR={named} is no directory"
    else:
        directories = [d for d in (ROOT / "build").glob("*") if kernel_objects(d) and is_plain(d)]
    if not directories or not kernel_objects(directories[0]):
        pytest.skip("no build directory with objects: set DENSEKIT_BUILD_DIR")
    return max(directories, key=lambda d: max(o.stat().st_mtime for o in kernel_objects(d)))


def is_plain(directory) -> bool:
    """Whether a directory was built for this machine and without sanitizers."""
    cache = directory / "CMakeCache.txt"
    if not cache.exists():
        return False
    settings = cache.read_text(encoding="utf-8")
    return bool(re.search(r"(?m)^DENSEKIT_SANITIZE:\w+=(OFF)?$", settings)) and "CMAKE_TOOLCHAIN_FILE:" not in settings


def kernel_objects(directory) -> list[pathlib.Path]:
    return sorted(directory.glob("CMakeFiles/densekit_*.dir/cpp/kernels/*.o"))


def level_of(path) -> str:
    return re.search(r"densekit_(\w+)\.dir", str(path))[1]


def test_kernel_objects_have_no_weak_symbols():
    """A weak symbol is merged by the linker with one from another level: then an old machine may run AVX-512 code."""
    objects = kernel_objects(build_directory())
    assert {level_of(o) for o in objects} == {name for name, _ in _core.levels()} | EXTRAS
    for path in objects:
        weak = [line for line in tool("nm", "--defined-only", path).splitlines() if re.search(r"\s[wWvVu]\s", line)]
        assert not weak, f"{path.name} of {level_of(path)}: {weak[:5]}"


def test_kernel_objects_define_only_their_table():
    for path in kernel_objects(build_directory()):
        defined = [line.split()[-1] for line in tool("nm", "--defined-only", "--extern-only", path).splitlines()]
        assert len(defined) == 1, f"{level_of(path)} defines {defined}"
        assert level_of(path) in defined[0]
        assert "table" in defined[0]


def test_kernels_call_nothing_but_memory_functions():
    """No libm, no C++ library: what a kernel computes must not depend on the machine's libraries."""
    allowed = {"memcpy", "memset", "memmove", "_GLOBAL_OFFSET_TABLE_"}
    for path in kernel_objects(build_directory()):
        wanted = {line.split()[-1] for line in tool("nm", "--undefined-only", path).splitlines()}
        assert wanted <= allowed, f"{level_of(path)} needs {sorted(wanted - allowed)}"


def vector_instructions(text) -> list[str]:
    """Lines of a disassembly that need AVX: names that begin with v (but verr and verw, of 1982), or wide registers."""
    found = []
    for line in text.splitlines():
        parts = line.split("\t")
        if len(parts) >= 2 and (re.match(r"v(?!err|erw|mcall|mfunc)", parts[1]) or re.search(r"%[yz]mm|%k[0-7]", line)):
            found.append(line.strip())
    return found


@pytest.mark.skipif(not X86, reason="x86-64 levels")
def test_objects_outside_the_levels_have_no_avx():
    directory = build_directory()
    objects = [o for o in directory.glob("CMakeFiles/*.dir/cpp/**/*.o") if "densekit_x86" not in str(o)]
    assert {"parallel.cpp.o", "matmul.cpp.o", "kernels.cpp.o"} <= {o.name for o in objects}
    for path in objects:
        found = vector_instructions(tool("objdump", "-d", "--no-show-raw-insn", path))
        assert not found, f"{path}: {found[:5]}"


@pytest.mark.skipif(not X86, reason="x86-64 levels")
def test_levels_use_what_they_are_named_for():
    """The AVX2 level has wide registers and fused multiply-adds but no AVX-512; the AVX-512 level has its registers."""
    text = {level_of(o): tool("objdump", "-d", "--no-show-raw-insn", o) for o in kernel_objects(build_directory())}
    assert not vector_instructions(text["baseline"])
    assert vector_instructions(text["x86_v3"])
    assert "%ymm" in text["x86_v3"]
    assert "vfmadd" in text["x86_v3"]
    assert not re.search(r"%zmm|%k[0-7]|%[xy]mm(1[6-9]|2\d|3[01])", text["x86_v3"])
    assert "%zmm" in text["x86_v4"]
    assert "vfmadd" in text["x86_v4"]


@pytest.mark.skipif(not X86, reason="x86-64 levels")
def test_extension_runs_wide_instructions_only_in_their_levels():
    """The finished extension: every symbol that holds an AVX instruction is one of a dispatched level."""
    if ".symtab" not in tool("readelf", "-S", "-W", _core.__file__):
        pytest.skip("the extension is stripped: no local symbols to tell the levels apart")
    symbol, seen, wrong = "", set(), []
    for line in tool("objdump", "-d", "-C", "--no-show-raw-insn", _core.__file__).splitlines():
        if match := re.match(r"[0-9a-f]+ <(.*)>:$", line):
            symbol = match[1]
        elif vector_instructions(line):
            level = next((name for name in ("x86_v3", "x86_v4", *EXTRAS) if f"densekit::{name}::" in symbol), None)
            seen.add(level)
            if level is None or (level == "x86_v3" and "%zmm" in line):
                wrong.append((symbol, line.strip()))
    assert not wrong, wrong[:5]
    assert seen == {"x86_v3", "x86_v4"} | EXTRAS


def test_extension_exports_only_its_initialiser_and_thread_control():
    lines = tool("nm", "-D", "--defined-only", _core.__file__).splitlines()
    names = {line.split()[-1].partition("@")[0] for line in lines}
    assert names == EXPORTED, f"also exported: {sorted(names - EXPORTED)}; missing: {sorted(EXPORTED - names)}"


def test_extension_needs_only_the_systems_libraries():
    needed = set(re.findall(r"NEEDED.*\[(.*?)\]", tool("readelf", "-d", "-W", _core.__file__)))
    known = r"(lib(stdc\+\+|m|gcc_s|c|pthread|rt|dl)\.so.*|ld-linux.*)"
    assert all(re.fullmatch(known, name) for name in needed), needed


def test_openmp_library_exports_its_table_and_alone_needs_an_openmp_runtime():
    if "openmp" not in _core.thread_backends():
        pytest.skip("this build has no OpenMP backend")
    library = pathlib.Path(_core.__file__).parent / "libdensekit_openmp.so"
    defined = tool("nm", "-D", "--defined-only", library).splitlines()
    assert {line.split()[-1].partition("@")[0] for line in defined} == {"densekit_openmp"}
    needed = set(re.findall(r"NEEDED.*\[(.*?)\]", tool("readelf", "-d", "-W", library)))
    assert [name for name in needed if re.match(r"lib(gomp|omp|iomp)", name)], needed


def test_stack_is_not_executable_and_addresses_are_fixed_up_at_load():
    headers = tool("readelf", "-l", "-W", _core.__file__)
    stack = re.search(r"GNU_STACK.*", headers)[0]
    assert " RWE" not in stack
    assert "GNU_RELRO" in headers
