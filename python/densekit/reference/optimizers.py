"""Updates of parameters, in place."""

from densekit.reference._twin import twin


@twin("w", "dw", in_place=("w",))
def sgd(w, dw, *, lr, weight_decay=0.0, maximize=False):
    dw = -dw if maximize else dw
    w[...] = w * (1 - lr * weight_decay) - lr * dw


__all__ = ["sgd"]
