"""The dense modules of the CS231n assignments: write densekit.compat.cs231n where the notebooks import cs231n.

    from densekit.compat.cs231n.layers import *
    from densekit.compat.cs231n.classifiers.fc_net import FullyConnectedNet
    from densekit.compat.cs231n.solver import Solver

Conventions: `reg` is 1/2 reg sum(W^2) on weights, not on biases (linear classifiers and neural_net: without the half).
Batch norm: momentum weighs the old value, default 0.9, eps 1e-5, biased running variance that starts at 0. Momentum:
v <- mu v - lr dw; w <- w + v. Adam adds eps after the correction. Dropout is inverted; dropout_param["p_means"] says
what p is: "keep" (the default; the course since 2018) or "drop" (the course's words until 2017). sgd updates w in
place, the other rules return a new array.
Not affiliated with Stanford University; written from the published call shapes and formulas.
"""

from __future__ import annotations
