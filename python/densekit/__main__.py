"""python -m densekit demo | info | verify"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m densekit", description="Dense neural networks on the CPU.")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="train a network on real handwritten digits and compare with NumPy")
    demo.add_argument("--seeds", type=int, default=10, help="how many networks to train (default 10)")
    demo.add_argument("--epochs", type=int, default=40, help="passes over the data (default 40)")
    demo.add_argument(
        "--out", type=Path, default=Path(), help="folder for the saved model and the picture (default: here)"
    )
    commands.add_parser("info", help="versions, compiler, instruction sets, threads: for bug reports")
    check = commands.add_parser(
        "verify", help="recompute trainings and compare their bits with those that every machine must give"
    )
    check.add_argument("--isa", default="all", help="one instruction set, or all that this machine has (default)")
    given = parser.parse_args(arguments)
    if given.command == "verify":
        from densekit import verify

        try:
            found = verify(given.isa)
        except ValueError as error:
            parser.error(str(error))
        print(found)
        return 0 if found else 1
    if given.command == "info":
        from densekit import show_versions

        show_versions()
        return 0
    if given.seeds < 1 or given.epochs < 1:
        parser.error(f"--seeds and --epochs must be at least 1, got {given.seeds} and {given.epochs}")
    if not given.out.is_dir():
        parser.error(f"--out {given.out} is not a folder")
    from densekit._demo import main as run_demo

    return run_demo(given.out, given.seeds, given.epochs)


if __name__ == "__main__":
    sys.exit(main())
