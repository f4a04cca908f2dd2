"""Says what a wheel holds and whether that is what the README promises: python tools/check_wheel.py dist/densekit-*.whl

Size below 2 MB, NumPy the only requirement, types, stubs and data with their licences, libgomp only with its licence
and only behind the library of the OpenMP backend. It also prints, without judging, how long importing it takes beyond
NumPy.
"""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

NEEDED = ["py.typed", "_core.pyi", "datasets/digits.npz", "datasets/digits-licence.txt"]
OPENMP = "libdensekit_openmp."
IMPORTS = (
    "import time; import numpy; t = time.perf_counter(); import densekit.functional; print(time.perf_counter() - t)"
)


def problems(path: Path) -> list[str]:
    found = []
    if path.stat().st_size >= 2_000_000:
        found.append(f"the wheel is {path.stat().st_size:,} bytes, expected less than 2,000,000")
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        metadata = wheel.read(next(n for n in names if n.endswith(".dist-info/METADATA"))).decode()
        # The names of the libraries that a file needs stand in it as text.
        needing = [n for n in names if re.search(r"\.(so|dylib|pyd|dll)$", n) and b"libgomp" in wheel.read(n)]
    found += [f"densekit/{name} is missing" for name in NEEDED if f"densekit/{name}" not in names]
    if not any(".dist-info/licenses/LICENSE" in n for n in names):
        found.append("LICENSE is missing")
    required = [r for r in re.findall(r"^Requires-Dist: (.*)$", metadata, re.MULTILINE) if "extra ==" not in r]
    if [re.split(r"[^\w-]", r)[0] for r in required] != ["numpy"]:
        found.append(f"requires {required}, expected numpy alone")
    if (
        any("libgomp" in n for n in names if n.startswith("densekit.libs/"))
        and "densekit/licenses/libgomp.txt" not in names
    ):
        found.append("carries libgomp without its licence (cmake.define.DENSEKIT_BUNDLED_LIBGOMP=ON)")
    for name in needing:
        if name.startswith("densekit/") and not name.startswith(f"densekit/{OPENMP}"):
            found.append(f"{name} needs libgomp; only {OPENMP} may, which is loaded when it is chosen")
    if any("libgomp" in n for n in names) and not any(n.startswith(f"densekit/{OPENMP}") for n in names):
        found.append(f"carries libgomp, but not {OPENMP}, which needs it")
    return found


def import_seconds() -> float:
    runs = [
        subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True) for _ in range(7)
    ]
    return sorted(float(run.stdout) for run in runs)[3]


if __name__ == "__main__":
    wrong = []
    for argument in sys.argv[1:]:
        path = Path(argument)
        wrong += [f"{path.name}: {problem}" for problem in problems(path)]
        print(f"{path.name}: {path.stat().st_size:,} bytes")
    print(f"import densekit.functional: {1e3 * import_seconds():.0f} ms beyond NumPy (median of 7)")
    sys.exit("\n".join(wrong) or 0)
