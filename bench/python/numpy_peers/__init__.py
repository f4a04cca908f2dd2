"""For each operation the best plain NumPy float32 way to do the same, as a good NumPy programmer would write it.

    @peer()
    def relu(z):
        return np.maximum(z, 0)

A peer takes the arguments of the operation and returns what it returns. Intermediate results are written in place. The
default cases come from the operation's domain in the register; `cases` names others. Where both draw random numbers,
`agree` says what they have in common. Peers whose operation does not exist (yet) are ignored; an operation without a
peer makes ops.py fail.
"""

import importlib
import pkgutil

from numpy_peers.peer import PEERS, Peer

for module in pkgutil.iter_modules(__path__):  # each file registers its own
    importlib.import_module(f"{__name__}.{module.name}")

__all__ = ["PEERS", "Peer"]
