"""The dense modules of "Deep Learning from Scratch" (ゼロから作るDeep Learning): densekit.compat.dlfs for `common`.

    from densekit.compat.dlfs.layers import *
    from densekit.compat.dlfs.multi_layer_net_extend import MultiLayerNetExtend
    from densekit.compat.dlfs.trainer import Trainer

Conventions: dropout_ratio is the probability to drop, and the test multiplies by 1 - dropout_ratio. Batch norm:
momentum weighs the old value, 10e-7 is added to the variance, the running variance is biased and starts at 0, images
are normalized per activation. Cross entropy adds 1e-7 inside the logarithm; sum_squared_error is 1/2 sum. Weight decay
is 1/2 lambda sum(W^2). Nesterov uses the updated v; Adam adds 1e-7 to sqrt(v) as it is.
Relu.backward writes into dout; optimizers update params[key] in place, and layers hold the same arrays.
Not affiliated with the book's author or publishers; written from the published call shapes and formulas.
"""

from __future__ import annotations
