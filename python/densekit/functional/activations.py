"""Activations and their backward products, element by element, on arrays of any shape.

Each `name_backward(dy, saved)` takes what the forward pass has to keep: the output y where the slope follows from it
(identity, relu, sigmoid, tanh), the input z elsewhere. The functions are made from those of
densekit.reference.activations, which have the formulas; editors and type checkers find them in activations.pyi.
"""

from __future__ import annotations

from densekit import _core
from densekit._activations import require_complete
from densekit.functional._elementwise import backward, forward
from densekit.reference import activations
from densekit.reference._twin import twins

require_complete(
    {name: "z" if _core.saves_input(kind) else "y" for name, kind in _core.Activation.__members__.items()},
    _core.kinds()["activations"],
)
for _name, _twin in twins(activations).items():
    _of = _name.removesuffix("_backward")
    globals()[_name] = forward(_twin) if _name == _of else backward(_twin, _of)

__all__ = list(activations.__all__)
