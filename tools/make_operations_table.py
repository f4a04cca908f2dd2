"""Prints docs/operations.md, the table of all operations, from the register: make docs"""

import inspect

import densekit.functional  # noqa: F401  fills the register
from densekit.registry import OPS, Op


def bound(op: Op) -> str:
    parts = [f"{op.tolerance.ulps:g} ulp"] if op.tolerance.ulps else []
    if op.tolerance.epsilons:
        of = op.tolerance.unit or "1"
        parts.append(f"{op.tolerance.epsilons:g} eps of {of}")
    return " + ".join(parts) or "exact"


def signature(op: Op) -> str:
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in inspect.signature(op.function).parameters.values()]
    return f"{op.name}{inspect.Signature(plain)}"


if __name__ == "__main__":
    print("# Operations\n")
    print("Made by `make docs` from the register. Each exists in `densekit.functional` and, in NumPy, in")
    print("`densekit.reference`. The bound is what the tests hold the result to, against the reference in float64,")
    print("on every instruction set; eps is that of the dtype.")
    for family in sorted({op.family for op in OPS.values()}):
        print(f"\n## {family.capitalize()}\n\n| operation | | bound |\n|---|---|---|")
        for op in OPS.values():
            if op.family == family:
                print(f"| `{signature(op)}` | {op.summary.replace('|', '&#124;')} | {bound(op)} |")
