"""NumPy arrays in, NumPy arrays out: every operation of a dense network as one compiled call.

densekit.reference has the same names and signatures in plain NumPy. float32 in gives float32 out, float64 likewise;
inputs are never changed; results go to `out=` where it is given; optimizers update their targets in place.
"""

from typing import Any as _Any

from densekit._moved import moved as _moved
from densekit.functional.activations import *  # noqa: F403
from densekit.functional.dense import *  # noqa: F403
from densekit.functional.density_losses import *  # noqa: F403
from densekit.functional.distances import *  # noqa: F403
from densekit.functional.dropout import *  # noqa: F403
from densekit.functional.likelihoods import *  # noqa: F403
from densekit.functional.losses import *  # noqa: F403
from densekit.functional.noise import *  # noqa: F403
from densekit.functional.normalization import *  # noqa: F403
from densekit.functional.norms import *  # noqa: F403
from densekit.functional.optimizers import *  # noqa: F403
from densekit.functional.penalties import *  # noqa: F403
from densekit.functional.prelu import *  # noqa: F403
from densekit.functional.row_losses import *  # noqa: F403
from densekit.functional.scaling import *  # noqa: F403
from densekit.functional.softmax import *  # noqa: F403


def __getattr__(name: str) -> _Any:
    raise AttributeError(_moved("densekit.functional", name))
