"""Prints docs/operations.md, the table of all operations, from the register: make docs"""

import inspect

import densekit.functional
import densekit.info  # noqa: F401  the two fill the register
from densekit.registry import OPS, Op, Tolerance


def described(tolerance: Tolerance) -> str:
    parts = [f"{tolerance.ulps:g} ulp"] if tolerance.ulps else []
    if tolerance.epsilons:
        parts.append(f"{tolerance.epsilons:g} eps of {tolerance.unit}")
    return " + ".join(parts) or "exact"


def bound(op: Op) -> str:
    """Of all results; of each in their order where they differ."""
    each = op.tolerance if isinstance(op.tolerance, tuple) else (op.tolerance,)
    texts = [described(tolerance) for tolerance in each]
    return "; ".join(texts if len(set(texts)) > 1 else texts[:1])


def signature(op: Op) -> str:
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in inspect.signature(op.function).parameters.values()]
    return f"{op.name}{inspect.Signature(plain)}"


if __name__ == "__main__":
    print("# Operations\n")
    print("Made by `make docs` from the register. Each exists in `densekit.functional` and, in NumPy, in")
    print("`densekit.reference`; those under Info are in `densekit.info` and `densekit.reference.info`. The bound")
    print("is what the tests hold the result to, against the reference in float64, on every instruction set; eps")
    print("is that of the dtype.")
    for family in sorted({op.family for op in OPS.values()}):
        print(f"\n## {family.replace('_', ' ').capitalize()}\n\n| operation | | bound |\n|---|---|---|")
        for op in OPS.values():
            if op.family == family:
                print(f"| `{signature(op)}` | {op.summary.replace('|', '&#124;')} | {bound(op)} |")
