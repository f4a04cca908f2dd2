"""Names that densekit.functional and densekit.reference no longer have: where their operations are now."""

from __future__ import annotations

# Operations on distributions; in functional, next to the losses, cross_entropy was taken for PyTorch's.
OF_INFO = ("cross_entropy", "entropy", "kl", "perplexity", "surprisal")


def moved(module: str, name: str) -> str:
    """The text of the AttributeError for a name that `module` does not have."""
    text = f"module {module!r} has no attribute {name!r}"
    if name not in OF_INFO:
        return text
    info = "densekit.info" if module == "densekit.functional" else "densekit.reference.info"
    text += f": {info}.{name} has it, for distributions"
    if name == "cross_entropy":
        text += f"; the loss of logits against labels or probabilities is {module}.softmax_cross_entropy"
    return text


__all__ = ["OF_INFO", "moved"]
