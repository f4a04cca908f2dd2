"""Prints docs/kinds.md, the table of all kinds with their fields, defaults and ranges, from their records: make docs"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from densekit import _core

About = dict[str, Any]  # of a field: its type, range, words, default, and the version since which it is there

INTRODUCTION = """\
# Kinds

Made by `make docs` from the records of `cpp/include/densekit`, by which specs are read, written and checked. What each
kind computes: [A network as data](network.md). A field without a default has to be given; "since" is the first version
of the spec that has a field, which has its default in older ones."""
TYPES = {"initializer": "an initialiser", "penalty": "a penalty", "text": "text"}
LISTS = {"layers": "layers", "parameters": "`{name, shape}` of each"}
COLUMNS = ["field", "may be", "default", "since"]


def bound(x: float) -> str:
    """A bound as people write it: 2⁴⁸, not 281474976710656."""
    if x < 2**16 or math.log2(x) % 1:
        return f"{x:g}"
    return "2" + f"{math.log2(x):g}".translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def interval(limits: About) -> str:
    """As errors write it: [0, 1), with ∞ where there is no bound; "" for all numbers."""
    low, high = limits["low"], limits["high"]
    if low is None and high is None:
        return ""
    left = "(-∞" if low is None else ("(" if limits["open_low"] else "[") + bound(low)
    right = "∞)" if high is None else bound(high) + (")" if limits["open_high"] else "]")
    return f" in {left}, {right}"


def may_be(name: str, about: About) -> str:
    """The values that a field takes, in words."""
    if name == "parameter":
        return "the number of the activation"
    if name == "activation":
        return "an activation"
    if about["type"] in ("number", "whole"):
        number = "a number" if about["type"] == "number" else "a whole number"
        return number + interval(about["range"]) + (", or null" if about["optional"] else "")
    if about["type"] == "bool":
        return "true, false"
    if about["type"] == "word":
        return ", ".join(f'"{word}"' for word in about["words"])
    if about["type"] == "list":
        one = ", or one" if isinstance(about["default"], int) else ""
        return LISTS.get(name, f"whole numbers{interval(about['range'])}{one}")
    return TYPES[about["type"]]


def default(name: str, about: About) -> str:
    """As in a spec; nothing where it is no value that the field takes, for then it has to be given."""
    value, low = about["default"], about["range"]["low"]
    must_be_given = value == "" or (value == [] and name not in LISTS) or (low is not None and value < low)
    return "" if must_be_given else f"`{json.dumps(value)}`"


def targets(record: About) -> str:
    """Which targets a loss takes."""
    columns = "(n, m)" if record["outputs"] == 1 else f"(n, m), of {record['outputs']} m outputs"
    return " or ".join(["labels (n)"] * record["labels"] + [columns] * record["values"])


def rows(fields: dict[str, About]) -> Iterator[list[str]]:
    for name, about in fields.items():
        since = "" if about["since"] == 1 else f"version {about['since']}"
        yield [f"`{name}`", may_be(name, about), default(name, about), since]


def line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def table(columns: list[str], lines: list[list[str]]) -> str:
    return "\n".join(map(line, [columns, ["---"] * len(columns), *lines]))


def kinds_of(group: str, kinds: dict[str, About], common: dict[str, About]) -> str:
    """The table of a group: what each kind has, a row a field."""
    more = {"losses": ["targets"]}.get(group, [])
    lines = []
    for kind, record in kinds.items():
        own = record["fields"]
        if group == "optimizers":
            own = {"lr": common["lr"] | {"default": record["lr"]}, **own}
        first = [f"`{kind}`", *([targets(record)] if more else [])]
        for row in list(rows(own)) or [[""] * len(COLUMNS)]:
            lines.append([*first, *row])
            first = [""] * len(first)
    return table(["kind", *more, *COLUMNS], lines)


def numbers_of(activations: dict[str, About]) -> str:
    lines = []
    for name, about in activations.items():
        number = [f"`{about['parameter']}`", f"a number{interval(about['range'])}", f"`{about['default']}`"]
        lines.append([f"`{name}`", *(["", "", ""] if about["parameter"] is None else number)])
    return table(["activation", "its number", "may be", "default"], lines)


def page() -> Iterator[str]:
    kinds = _core.kinds()
    yield INTRODUCTION
    for group in ("layers", "losses", "optimizers", "initializers"):
        yield f"## {group.capitalize()}"
        common = kinds["common"].get(group, {"fields": {}})["fields"]
        if shared := {name: about for name, about in common.items() if name != "lr"}:
            yield f"Each of them has:\n\n{table(COLUMNS, list(rows(shared)))}"
        yield kinds_of(group, kinds[group], common)
    yield f"## Activations\n\n{numbers_of(kinds['activations'])}"


if __name__ == "__main__":
    print("\n\n".join(page()))
