"""NumPy course code on densekit's kernels: change one import, keep the code and the numbers.

densekit.compat.cs231n    # the modules of Stanford's CS231n assignments: layers, optim, solver, classifiers.fc_net, ...
densekit.compat.dlfs      # the layer objects of "Deep Learning from Scratch": layers, optimizer, trainer, ...

Call shapes, in-place contracts, random draws from NumPy's global generator and printed lines are those of the courses;
float64 in gives float64 out. densekit is not affiliated with either course and holds none of their code: these modules
were written from published call shapes and formulas. Convolution and pooling raise ConvolutionNotSupported.
"""

from __future__ import annotations

from densekit.compat._shared import ConvolutionNotSupported

__all__ = ["ConvolutionNotSupported"]
