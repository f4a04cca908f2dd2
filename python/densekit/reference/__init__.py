"""The same operations as densekit.functional in plain NumPy: what each one means, and the oracle of the tests.

Everything is computed in float64 and rounded once, at the end, to the dtype of the arguments.
"""

from densekit.reference.activations import *  # noqa: F403
from densekit.reference.dense import *  # noqa: F403
from densekit.reference.optimizers import *  # noqa: F403
from densekit.reference.softmax import *  # noqa: F403
