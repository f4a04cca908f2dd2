"""Prints a stub of those functions of a module of densekit.functional that are made from their twins: make docs

python tools/make_stubs.py activations > python/densekit/functional/_made_activations.pyi
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from densekit.reference._twin import twins

IMPORTS = {
    "typing": ("Any", "Literal"),
    "numpy.typing": ("ArrayLike", "NDArray"),
    "densekit._arrays": ("Floats", "Out", "Reduction"),
}


def parameters(function: Callable[..., Any]) -> Iterator[str]:
    """The parameters as they are written, with the star."""
    starred = False
    for p in inspect.signature(function).parameters.values():
        if p.kind is p.KEYWORD_ONLY and not starred:
            starred = True
            yield "*"
        yield f"{p.name}: {p.annotation}" + ("" if p.default is p.empty else f" = {p.default!r}")


def definition(function: Callable[..., Any]) -> str:
    head = f"def {function.__name__}({', '.join(parameters(function))}) -> {function.__annotations__['return']}:"
    text = inspect.cleandoc(function.__doc__ or "")
    lines = f'"""{text}\n"""' if "\n" in text else f'"""{text}"""'
    return "\n".join([head, *(f"    {line}".rstrip() for line in lines.splitlines())]) + "\n"


def stub(name: str) -> str:
    functions = vars(importlib.import_module(f"densekit.functional.{name}"))
    twins_of = twins(importlib.import_module(f"densekit.reference.{name}"))
    made = [function for function, twin in twins_of.items() if twin.domain is not None]
    definitions = "\n".join(definition(functions[function]) for function in made)
    imports = [
        f"from {source} import {', '.join(used)}"
        for source, names in IMPORTS.items()
        if (used := [n for n in names if re.search(rf"\b{n}\b", definitions)])
    ]
    listed = "".join(f'    "{function}",\n' for function in sorted(made))
    head = f'"""Made by `make docs`, of densekit.reference.{name}."""\n\n'
    return head + "\n\n".join(imports) + "\n\n" + definitions + f"\n__all__ = [\n{listed}]\n"


if __name__ == "__main__":
    print(stub(sys.argv[1]), end="")
