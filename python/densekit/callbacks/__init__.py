"""Callbacks: objects that fit tells what happens, and that may stop it, save the model or go back to better weights.

They are called in the order in which they are given, the History first. `loss` among the logs is the objective:
data_loss + penalty, on what the network put out while it learned; val_loss is that of the weights after the epoch.
"""

from densekit.callbacks._base import Callback, CallbackList, LambdaCallback
from densekit.callbacks._history import History
from densekit.callbacks._showing import CSVLogger, Progress
from densekit.callbacks._watching import Checkpoint, EarlyStopping, TerminateOnNaN

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "Checkpoint",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "Progress",
    "TerminateOnNaN",
]
