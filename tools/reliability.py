"""Measures the goals of docs/reliability.md that take long, and prints the figure of each.

    python tools/reliability.py            # all of them: some hours
    python tools/reliability.py 3 12       # these

A figure is what a test prints after "figure:", and the last line of pytest, of ctest or of a fuzzer. The rows at the
end are those of the table, for this machine and this day. The exit code is 1 if a goal is missed.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


@dataclasses.dataclass(frozen=True)
class Goal:
    number: int
    name: str
    commands: tuple[str, ...]  # of a shell, in the root of the project; PYTHON is this interpreter


def tests(*names: str) -> str:
    return f"DENSEKIT_THOROUGH=1 PYTHON -m pytest -q -s {' '.join('tests/' + n for n in names)}"


GOALS = [
    Goal(3, "guard pages", (tests("test_guard_pages.py"),)),
    Goal(12, "resume = uninterrupted", (tests("test_resume.py", "test_files.py"),)),
    Goal(
        15,
        "threads in containers, oversubscribed",
        (tests("test_threads.py", "test_import.py"), "PYTHON tests/oversubscribed.py 20"),
    ),
    Goal(16, "Ctrl-C within 200 ms", (tests("test_interrupt.py", "test_interrupt_everywhere.py"),)),
    Goal(17, "the n-th allocation fails", (tests("test_failing_allocations.py", "test_memory_exhausted.py"),)),
    Goal(18, "arrays of 9.2 GB", (tests("test_nine_gigabytes.py"),)),
    Goal(21, "fuzzing", ("make -s fuzz",)),
    Goal(23, "sanitizers", ("make -s sanitize",)),
]
FIGURE = re.compile(
    r"figure: .*|\d+ (?:passed|failed).* in [\d.]+s.*|\d+% tests passed.*|stat::number_of_executed_units: \d+"
)


def measure(goal: Goal) -> tuple[bool, list[str]]:
    """Runs its commands, which print as they go; whether all went well, and the figures in what they printed."""
    well, figures = True, []
    for command in goal.commands:
        print(f"goal {goal.number}, {goal.name}: {command}", flush=True)
        command = command.replace("PYTHON", sys.executable)
        run = subprocess.Popen(
            command, shell=True, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ
        )
        assert run.stdout is not None
        for line in run.stdout:
            print(line, end="", flush=True)
            figures += FIGURE.findall(line)
        well = run.wait() == 0 and well
    return well, [f.removeprefix("figure: ") for f in figures]


def main(numbers: list[int]) -> int:
    unknown = set(numbers) - {goal.number for goal in GOALS}
    if unknown:
        known = ", ".join(str(goal.number) for goal in GOALS)
        print(f"no goal {', '.join(map(str, sorted(unknown)))} is measured here; these are: {known}", file=sys.stderr)
        return 2
    rows = []
    for goal in GOALS:
        if numbers and goal.number not in numbers:
            continue
        well, figures = measure(goal)
        state = "holds" if well else "**missed**"
        rows.append(f"| {goal.number} {goal.name} | {state} | {'; '.join(figures)} | {datetime.date.today()} |")
    print("\n| goal | state | figure | date |\n|---|---|---|---|")
    print("\n".join(rows))
    return int(any("**missed**" in row for row in rows))


if __name__ == "__main__":
    sys.exit(main([int(number) for number in sys.argv[1:]]))
