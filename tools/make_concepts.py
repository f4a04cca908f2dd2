"""docs/concepts.md from docs/concepts.toml and a test run.

    python tools/make_concepts.py build/tests.xml > docs/concepts.md

The run is pytest's JUnit file. A concept has its tick only if every test that it names ran in that run, and passed, in
each of its parametrizations. A skipped test is no proof; a test that is not in the run is none either.
"""

from __future__ import annotations

import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
INTRODUCTION = """# Concepts

What densekit computes, diagnoses and draws: the call, the tests that hold it to its definition, and the page that
explains it. A tick stands only where the tests named ran and passed when this page was made (`make test` makes it).
"""


def outcomes(junit: Path) -> dict[str, set[str]]:
    """{"tests/test_x.py::test_y": {"passed", "failed", "skipped"}} of all parametrizations of a test."""
    found: dict[str, set[str]] = {}
    for case in ElementTree.parse(junit).iter("testcase"):
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        kind = "failed" if kinds & {"failure", "error"} else "skipped" if kinds else "passed"
        parts = case.attrib["classname"].split(".")
        depth = next((i for i, part in enumerate(parts) if part.startswith("test_")), len(parts) - 1)
        name = "::".join(["/".join(parts[: depth + 1]) + ".py", *parts[depth + 1 :], case.attrib["name"].split("[")[0]])
        found.setdefault(name, set()).add(kind)
    return found


def proved(tests: list[str], run: dict[str, set[str]]) -> bool:
    return bool(tests) and all(run.get(test) == {"passed"} for test in tests)


def table(concepts: dict[str, Any], run: dict[str, set[str]]) -> str:
    lines = [INTRODUCTION]
    for group in concepts["group"]:
        lines += [f"## {group['title']}", "", "| | concept | call | tests | |", "|---|---|---|---|---|"]
        for row in group["row"]:
            tests = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in row["tests"])
            page = f"[{row['name']}](gallery/{row['page']}.rst)"
            lines.append(
                f"| {row['id']} | {page} | `{row['call']}` | {tests} | {'✓' if proved(row['tests'], run) else ''} |"
            )
        lines.append("")
    rows = [row for group in concepts["group"] for row in group["row"]]
    ticks = sum(proved(row["tests"], run) for row in rows)
    return "\n".join(lines) + f"\n{ticks} of {len(rows)} concepts proved.\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    concepts = tomllib.loads((ROOT / "docs" / "concepts.toml").read_text(encoding="utf-8"))
    sys.stdout.write(table(concepts, outcomes(Path(sys.argv[1]))))
