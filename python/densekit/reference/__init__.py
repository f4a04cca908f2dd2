"""The same operations as densekit.functional in plain NumPy: what each one means, and the oracle of the tests.

Everything is computed in float64 and rounded once, at the end, to the dtype of the arguments.
"""

from typing import Any as _Any

from densekit._moved import moved as _moved
from densekit.reference import info as info
from densekit.reference.activations import *  # noqa: F403
from densekit.reference.dense import *  # noqa: F403
from densekit.reference.distances import *  # noqa: F403
from densekit.reference.dropout import *  # noqa: F403
from densekit.reference.likelihoods import *  # noqa: F403
from densekit.reference.losses import *  # noqa: F403
from densekit.reference.noise import *  # noqa: F403
from densekit.reference.normalization import *  # noqa: F403
from densekit.reference.norms import *  # noqa: F403
from densekit.reference.optimizers import *  # noqa: F403
from densekit.reference.penalties import *  # noqa: F403
from densekit.reference.prelu import *  # noqa: F403
from densekit.reference.scaling import *  # noqa: F403
from densekit.reference.softmax import *  # noqa: F403


def __getattr__(name: str) -> _Any:
    raise AttributeError(_moved("densekit.reference", name))
