"""The reference engine: docs/network.md in plain NumPy.

It is the oracle of the native engine and written to be read, in this order: `layers` (each forward pass beside its
backward pass), `losses`, `updates`, `engine` (how they make a step and an epoch); `initializers` and `philox` draw.
It uses nothing of the compiled extension.
"""

from densekit._reference_engine.engine import ReferenceEngine, Tape

__all__ = ["ReferenceEngine", "Tape"]
