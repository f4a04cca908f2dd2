"""Updates of parameters, in place; each returns None.

Every function takes the parameters w, their gradient dw and its state arrays, all of one shape and dtype, and updates w
and the states; if anything is wrong with a call, none of them changes. States begin as zeros. The definitions are
PyTorch's (2.x), but for `weight_decay`, which is decoupled from the gradient everywhere: w <- w - lr weight_decay w.
`maximize` goes up instead of down.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _core, reference
from densekit._arrays import Floats, check_target, contiguous, flag, floats, number, same_shape, whole
from densekit.registry import Call, Domain, Tolerance, op

Rule = _core.Optimizer


def _step(name: str, rule: Any, w: Any, gradient: Any, states: Any, numbers: Any) -> None:
    try:
        _core.optimizer_update(rule, w, gradient, states, numbers)
    except ValueError as error:  # the step size does not fit the dtype
        raise ValueError(f"{name}: {error}") from None


def _update(name: str, rule: Any, numbers: Any, w: Floats, dw: ArrayLike, **states: Floats) -> None:
    """One step of a rule: everything is checked before the first write."""
    given = (w, *states.values())
    if _core.ready((dw,), given):
        _step(name, rule, w, dw, given[1:], numbers)
        return
    targets = {"w": w, **states}
    target_names = list(targets)
    pairs = [x for pair in targets.items() for x in pair]
    gradient, *arrays = floats(name, "dw", dw, *pairs)
    same_shape(name, "dw", gradient, *[x for pair in zip(target_names, arrays, strict=True) for x in pair])
    for key, target in targets.items():
        check_target(name, key, target, gradient.shape, gradient.dtype)
        if np.may_share_memory(target, gradient):
            gradient = gradient.copy()
    for a, b in combinations(target_names, 2):
        if np.may_share_memory(targets[a], targets[b]) and np.shares_memory(targets[a], targets[b]):
            raise ValueError(f"{name}: {a} and {b} share memory; each is updated in place and needs its own")
    written = [contiguous(a) for a in arrays]
    _step(name, rule, written[0], contiguous(gradient), written[1:], numbers)
    for target, result in zip(targets.values(), written, strict=True):
        if result is not target:
            target[...] = result


def _size(name: str, lr: float, weight_decay: float, maximize: bool) -> tuple[float, float, bool]:
    return (
        number(name, "lr", lr, low=0),
        number(name, "weight_decay", weight_decay, low=0),
        flag(name, "maximize", maximize),
    )


def _unit(name: str, key: str, value: float) -> float:
    """A share that may be all: 0 <= value <= 1."""
    return number(name, key, value, low=0, high=1)


def _beta(name: str, key: str, value: float) -> float:
    """A share that is never all, because 1 - beta^step is divided by: 0 <= value < 1."""
    return number(name, key, value, low=0, high=1, open_high=True)


def _moments(name: str, step: int, beta1: float, beta2: float, eps: float) -> tuple[float, float, float, float]:
    """What the relatives of Adam have in common."""
    return (
        float(whole(name, "step", step, low=1, high=2**53)),
        _beta(name, "beta1", beta1),
        _beta(name, "beta2", beta2),
        number(name, "eps", eps, low=0),
    )


def _state_of(name: str, option: str, on: bool, key: str, state: Floats | None) -> dict[str, Floats]:
    """The state that an option keeps, or none where it is off."""
    if state is None and on:
        raise TypeError(f"{name}: {key} is None; {option} keeps a state there, an array like w that begins as zeros")
    if state is not None and not on:
        raise TypeError(f"{name}: {key} is given, and is the state of {option}, which is off")
    return {} if state is None else {key: state}


# Where the functions are tested, and how closely. A step p + s costs 2 ulp of the new p and 4 eps of s: the last sum
# and the decay are rounded once each, and s is a handful of products, quotients and roots of half an ulp each. s itself
# may be a difference, so its size is measured with absolute values, before anything cancels. States likewise.


def _domain(states: str, **kwargs: Any) -> Domain:
    """w, dw and states in the middle of a training: "m" has a sign, "v" is positive, as a square is."""

    def make(rng: np.random.Generator, dtype: Any, size: int) -> Call:
        arrays = [rng.normal(size=size), rng.normal(size=size)]
        arrays += [rng.normal(size=size) if kind == "m" else rng.uniform(0.1, 2, size) for kind in states]
        return Call(tuple(a.astype(dtype) for a in arrays), {"weight_decay": 0.02, **kwargs})

    return make


def _after(function: Callable[..., Any], call: Call, result: int, states: Any) -> Any:
    """The size of result number `result` of a step from w = 0 with absolute values of dw and `states` of the states."""
    w, dw, *given = (np.asarray(a, np.float64) for a in call.args)
    arrays = [np.zeros_like(w), np.abs(dw), *(states(a).copy() for a in given)]
    function(*arrays, **call.kwargs)
    return np.abs(arrays[0 if result == 0 else result + 1])


def _tolerances(function: Callable[..., Any], states: int) -> tuple[Tolerance, ...]:
    def tolerance(result: int) -> Tolerance:
        # What is added to a state is all that a state of zeros becomes; what is added to w depends on the states
        # (as they are, too: a negative square is nonsense, yet adamax takes its maximum).
        def scale(call: Call, _: Any) -> Any:
            if result:
                return _after(function, call, result, np.zeros_like)
            return np.fmax(_after(function, call, 0, np.abs), _after(function, call, 0, np.asarray))

        return Tolerance(2, 4, scale, "what is added")

    return tuple(tolerance(i) for i in range(states + 1))


def _lion_step(call: Call, _: Any) -> NDArray[np.float64]:
    """lr; where rounding decides the sign of beta1 m + (1 - beta1) g, 2 lr / eps, which allows either."""
    g, m = (np.asarray(a, np.float64) for a in call.args[1:])
    info = np.finfo(np.asarray(call.args[0]).dtype)
    eps, tiny = float(info.eps), float(info.smallest_subnormal)  # half of tiny rounds to zero
    undecided = np.abs(0.9 * m + 0.1 * g) <= 4 * eps * (0.9 * np.abs(m) + 0.1 * np.abs(g)) + 2 * tiny
    return np.where(undecided, 2 / eps, 1.0) * float(call.kwargs["lr"])


@op(
    reference=reference.sgd,
    domain=_domain("", lr=0.1),
    tolerance=_tolerances(reference.sgd, 0),
    in_place=("w",),
)
def sgd(w: Floats, dw: ArrayLike, *, lr: float, weight_decay: float = 0.0, maximize: bool = False) -> None:
    """Gradient descent: w <- w - lr dw - lr weight_decay w, in place.

    w: the parameters, any shape. dw: their gradient, the same shape. weight_decay: decoupled, 0 or more.
    maximize: go up instead.

    >>> w = np.array([1.0, 2.0])
    >>> densekit.functional.sgd(w, np.array([1.0, -1.0]), lr=0.5)
    >>> w
    array([0.5, 2.5])
    """
    _update("sgd", Rule.sgd, _core.sgd_numbers(*_size("sgd", lr, weight_decay, maximize)), w, dw)


@op(
    reference=reference.momentum,
    domain=_domain("m", lr=0.1, dampening=0.25),
    tolerance=_tolerances(reference.momentum, 1),
    in_place=("w", "v"),
)
def momentum(
    w: Floats,
    dw: ArrayLike,
    v: Floats,
    *,
    lr: float,
    momentum: float = 0.9,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> None:
    """Gradient descent with momentum: v <- momentum v + (1 - dampening) dw; w <- w - lr v, in place.

    w, dw, v: any one shape; v begins as zeros. momentum, dampening: 0 to 1. The rate stands outside of v, as in
    PyTorch; where it stands inside (v <- momentum v - lr dw: Keras, scikit-learn) a change of lr takes effect later.
    PyTorch's very first step sets v = dw, without the dampening; here it is a step like any other, which differs only
    if dampening is not 0. Polyak 1964.

    >>> w, v = np.array([1.0, 2.0]), np.zeros(2)
    >>> for _ in range(2):
    ...     densekit.functional.momentum(w, np.array([1.0, -1.0]), v, lr=0.1)
    >>> w.round(4), v.round(4)
    (array([0.71, 2.29]), array([ 1.9, -1.9]))
    """
    size = _size("momentum", lr, weight_decay, maximize)
    share, damped = _unit("momentum", "momentum", momentum), _unit("momentum", "dampening", dampening)
    _update("momentum", Rule.momentum, _core.momentum_numbers(*size, share, damped), w, dw, v=v)


@op(
    reference=reference.nesterov,
    domain=_domain("m", lr=0.1),
    tolerance=_tolerances(reference.nesterov, 1),
    in_place=("w", "v"),
)
def nesterov(
    w: Floats,
    dw: ArrayLike,
    v: Floats,
    *,
    lr: float,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> None:
    """Nesterov's momentum: v <- momentum v + dw; w <- w - lr (dw + momentum v), in place.

    w, dw, v: any one shape; v begins as zeros. momentum: 0 to 1. Sutskever et al., ICML 2013, in PyTorch's form, whose
    parameters are the point that looks ahead.

    >>> w, v = np.array([1.0, 2.0]), np.zeros(2)
    >>> densekit.functional.nesterov(w, np.array([1.0, -1.0]), v, lr=0.1)
    >>> w.round(4), v
    (array([0.81, 2.19]), array([ 1., -1.]))
    """
    size = _size("nesterov", lr, weight_decay, maximize)
    numbers = _core.nesterov_numbers(*size, _unit("nesterov", "momentum", momentum))
    _update("nesterov", Rule.momentum, numbers, w, dw, v=v)


@op(
    reference=reference.rmsprop,
    domain=_domain("v", lr=0.1),
    tolerance=_tolerances(reference.rmsprop, 1),
    in_place=("w", "s"),
)
def rmsprop(
    w: Floats,
    dw: ArrayLike,
    s: Floats,
    m: Floats | None = None,
    b: Floats | None = None,
    *,
    lr: float,
    rho: float = 0.99,
    eps: float = 1e-8,
    centered: bool = False,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> None:
    """RMSprop: s <- rho s + (1 - rho) dw^2; w <- w - lr dw / (sqrt(s) + eps), in place.

    w, dw, s: any one shape; s begins as zeros. rho: 0 to 1. eps: 0 or more, outside of the root.
    centered: the root is that of s - m^2, or of 0 if that is negative; the state m <- rho m + (1 - rho) dw.
    momentum: 0 to 1; above 0, b <- momentum b + dw / (sqrt(s) + eps) and w <- w - lr b. The states m and b are given
    with their options, and only with them. Tieleman and Hinton, Coursera 2012, lecture 6; Graves, arXiv 1308.0850.

    >>> w, s = np.array([1.0, 2.0]), np.zeros(2)
    >>> densekit.functional.rmsprop(w, np.array([1.0, -3.0]), s, lr=0.01)
    >>> w.round(4), s.round(4)
    (array([0.9, 2.1]), array([0.01, 0.09]))
    """
    size, share = _size("rmsprop", lr, weight_decay, maximize), _unit("rmsprop", "momentum", momentum)
    mean = _state_of("rmsprop", "centered=True", flag("rmsprop", "centered", centered), "m", m)
    sums = _state_of("rmsprop", "momentum > 0", share > 0, "b", b)
    numbers = _core.rmsprop_numbers(*size, _unit("rmsprop", "rho", rho), number("rmsprop", "eps", eps, low=0), share)
    _update("rmsprop", _RMSPROP[bool(mean), bool(sums)], numbers, w, dw, s=s, **mean, **sums)


_RMSPROP = {  # by whether it is centered, and whether it has momentum
    (False, False): Rule.rmsprop,
    (False, True): Rule.rmsprop_momentum,
    (True, False): Rule.rmsprop_centered,
    (True, True): Rule.rmsprop_centered_momentum,
}


@op(
    reference=reference.adagrad,
    domain=_domain("v", lr=0.1),
    tolerance=_tolerances(reference.adagrad, 1),
    in_place=("w", "s"),
)
def adagrad(
    w: Floats,
    dw: ArrayLike,
    s: Floats,
    *,
    lr: float,
    eps: float = 1e-10,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> None:
    """Adagrad: s <- s + dw^2; w <- w - lr dw / (sqrt(s) + eps), in place.

    w, dw, s: any one shape; s begins as zeros (or as any start that is not negative). eps: 0 or more.
    Duchi et al., JMLR 2011.

    >>> w, s = np.array([1.0, 2.0]), np.zeros(2)
    >>> densekit.functional.adagrad(w, np.array([1.0, -3.0]), s, lr=0.1)
    >>> w.round(4), s
    (array([0.9, 2.1]), array([1., 9.]))
    """
    size = _size("adagrad", lr, weight_decay, maximize)
    numbers = _core.adagrad_numbers(*size, number("adagrad", "eps", eps, low=0))
    _update("adagrad", Rule.rmsprop, numbers, w, dw, s=s)


@op(
    reference=reference.adadelta,
    domain=_domain("vv", lr=0.5),
    # u gains a square of a step, which depends on both states: its size is u's own.
    tolerance=(*_tolerances(reference.adadelta, 1), Tolerance(2, 4, lambda _, expected: np.abs(expected), "u")),
    in_place=("w", "s", "u"),
)
def adadelta(
    w: Floats,
    dw: ArrayLike,
    s: Floats,
    u: Floats,
    *,
    lr: float = 1.0,
    rho: float = 0.9,
    eps: float = 1e-6,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> None:
    """Adadelta: w <- w - lr d, d = sqrt(u + eps) / sqrt(s + eps) dw, in place; s and u are running means of dw^2, d^2.

    In this order: s <- rho s + (1 - rho) dw^2, then d with the old u, then u <- rho u + (1 - rho) d^2.
    w, dw, s, u: any one shape; s and u begin as zeros. rho: 0 to 1. eps: 0 or more, inside the roots.
    Zeiler, arXiv 1212.5701.

    >>> w, s, u = np.array([1.0, 2.0]), np.zeros(2), np.zeros(2)
    >>> densekit.functional.adadelta(w, np.array([1.0, -3.0]), s, u)
    >>> w.round(6)
    array([0.996838, 2.003162])
    """
    size = _size("adadelta", lr, weight_decay, maximize)
    numbers = _core.adadelta_numbers(*size, _unit("adadelta", "rho", rho), number("adadelta", "eps", eps, low=0))
    _update("adadelta", Rule.adadelta, numbers, w, dw, s=s, u=u)


@op(
    reference=reference.adam,
    domain=_domain("mv", lr=0.1, step=3),
    tolerance=_tolerances(reference.adam, 2),
    in_place=("w", "m", "v"),
)
def adam(
    w: Floats,
    dw: ArrayLike,
    m: Floats,
    v: Floats,
    v_max: Floats | None = None,
    *,
    step: int,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    amsgrad: bool = False,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> None:
    """Adam: w <- w - lr m' / (sqrt(v') + eps), m' and v' the running means of dw and dw^2 without their bias, in place.

    m <- beta1 m + (1 - beta1) dw, v <- beta2 v + (1 - beta2) dw^2;
    m' = m / (1 - beta1^step), v' = v / (1 - beta2^step).
    w, dw, m, v: any one shape; m and v begin as zeros. step: counts from 1, up to 2^53 without drift. beta1, beta2:
    from 0 to below 1. eps: 0 or more, added after the correction (Keras and scikit-learn add theirs before).
    amsgrad: the state v_max, which is given with it and only with it, becomes the largest v so far and takes v's place
    in v'. Kingma and Ba, arXiv 1412.6980; Reddi et al., ICLR 2018.

    >>> w, m, v = np.array([1.0, 2.0]), np.zeros(2), np.zeros(2)
    >>> densekit.functional.adam(w, np.array([1.0, -3.0]), m, v, step=1)
    >>> w.round(6), m.round(6), v.round(6)
    (array([0.999, 2.001]), array([ 0.1, -0.3]), array([0.001, 0.009]))
    """
    size, moments = _size("adam", lr, weight_decay, maximize), _moments("adam", step, beta1, beta2, eps)
    largest = _state_of("adam", "amsgrad=True", flag("adam", "amsgrad", amsgrad), "v_max", v_max)
    rule = Rule.amsgrad if largest else Rule.adam
    _update("adam", rule, _core.adam_numbers(*size, *moments), w, dw, m=m, v=v, **largest)


@op(
    reference=reference.adamw,
    domain=_domain("mv", lr=0.1, step=3),
    tolerance=_tolerances(reference.adamw, 2),
    in_place=("w", "m", "v"),
)
def adamw(
    w: Floats,
    dw: ArrayLike,
    m: Floats,
    v: Floats,
    v_max: Floats | None = None,
    *,
    step: int,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    amsgrad: bool = False,
    weight_decay: float = 0.01,
    maximize: bool = False,
) -> None:
    """AdamW: adam with decoupled weight decay, w <- w - lr (m' / (sqrt(v') + eps) + weight_decay w), in place.

    The arguments are those of adam; only the default of weight_decay differs (PyTorch's 0.01; Keras has 0.004).
    Loshchilov and Hutter, arXiv 1711.05101.

    >>> w, m, v = np.array([1.0, 2.0]), np.zeros(2), np.zeros(2)
    >>> densekit.functional.adamw(w, np.array([1.0, -3.0]), m, v, step=1)
    >>> w.round(6)
    array([0.99899, 2.00098])
    """
    size, moments = _size("adamw", lr, weight_decay, maximize), _moments("adamw", step, beta1, beta2, eps)
    largest = _state_of("adamw", "amsgrad=True", flag("adamw", "amsgrad", amsgrad), "v_max", v_max)
    rule = Rule.amsgrad if largest else Rule.adam
    _update("adamw", rule, _core.adam_numbers(*size, *moments), w, dw, m=m, v=v, **largest)


@op(
    reference=reference.adamax,
    domain=_domain("mv", lr=0.1, step=3),
    tolerance=_tolerances(reference.adamax, 2),
    in_place=("w", "m", "u"),
)
def adamax(
    w: Floats,
    dw: ArrayLike,
    m: Floats,
    u: Floats,
    *,
    step: int,
    lr: float = 2e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> None:
    """Adamax: u <- max(beta2 u, abs(dw) + eps); w <- w - lr m / ((1 - beta1^step) u), in place.

    m <- beta1 m + (1 - beta1) dw, as in adam. w, dw, m, u: any one shape; m and u begin as zeros. step: counts from 1.
    Kingma and Ba, arXiv 1412.6980, section 7, with eps where PyTorch has it.

    >>> w, m, u = np.array([1.0, 2.0]), np.zeros(2), np.zeros(2)
    >>> densekit.functional.adamax(w, np.array([1.0, -3.0]), m, u, step=1)
    >>> w.round(6), u.round(6)
    (array([0.998, 2.002]), array([1., 3.]))
    """
    size, moments = _size("adamax", lr, weight_decay, maximize), _moments("adamax", step, beta1, beta2, eps)
    numbers = _core.adamax_numbers(*size, *moments)
    _update("adamax", Rule.adamax, numbers, w, dw, m=m, u=u)


@op(
    reference=reference.nadam,
    domain=_domain("mv", lr=0.1, step=3),
    tolerance=_tolerances(reference.nadam, 2),
    in_place=("w", "m", "v"),
)
def nadam(
    w: Floats,
    dw: ArrayLike,
    m: Floats,
    v: Floats,
    *,
    step: int,
    lr: float = 2e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    momentum_decay: float = 4e-3,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> None:
    """NAdam: adam with Nesterov's momentum, w <- w - lr (a dw + b m) / (sqrt(v') + eps), in place.

    With mu_i = beta1 (1 - 0.96^(i momentum_decay) / 2) and P_t their product up to t:
    a = (1 - mu_t) / (1 - P_t), b = mu_(t+1) / (1 - P_(t+1)), t the step, which counts from 1; the rest as in adam.
    P_t follows from t alone and needs no state: it is soon nothing beside 1, so a late step costs no more than an early
    one. momentum_decay: 0 or more.
    Dozat, ICLR workshop 2016, as in PyTorch with decoupled_weight_decay.

    >>> w, m, v = np.array([1.0, 2.0]), np.zeros(2), np.zeros(2)
    >>> densekit.functional.nadam(w, np.array([1.0, -3.0]), m, v, step=1)
    >>> w.round(6)
    array([0.997887, 2.002113])
    """
    size, moments = _size("nadam", lr, weight_decay, maximize), _moments("nadam", step, beta1, beta2, eps)
    numbers = _core.nadam_numbers(*size, *moments, number("nadam", "momentum_decay", momentum_decay, low=0))
    _update("nadam", Rule.adam, numbers, w, dw, m=m, v=v)


@op(
    reference=reference.lion,
    domain=_domain("m", lr=0.1),
    tolerance=(Tolerance(2, 4, _lion_step, "what is added"), _tolerances(reference.lion, 1)[1]),
    in_place=("w", "m"),
)
def lion(
    w: Floats,
    dw: ArrayLike,
    m: Floats,
    *,
    lr: float = 1e-4,
    beta1: float = 0.9,
    beta2: float = 0.99,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> None:
    """Lion: w <- w - lr sign(beta1 m + (1 - beta1) dw); then m <- beta2 m + (1 - beta2) dw, in place.

    w, dw, m: any one shape; m begins as zeros. beta1, beta2: from 0 to below 1. sign(0) = 0.
    Chen et al., arXiv 2302.06675.

    >>> w, m = np.array([1.0, 2.0]), np.zeros(2)
    >>> densekit.functional.lion(w, np.array([1.0, -3.0]), m, lr=0.1)
    >>> w.round(6), m.round(6)
    (array([0.9, 2.1]), array([ 0.01, -0.03]))
    """
    size = _size("lion", lr, weight_decay, maximize)
    numbers = _core.lion_numbers(*size, _beta("lion", "beta1", beta1), _beta("lion", "beta2", beta2))
    _update("lion", Rule.lion, numbers, w, dw, m=m)


@op(
    reference=reference.yogi,
    domain=_domain("mv", lr=0.1, step=3),
    tolerance=_tolerances(reference.yogi, 2),
    in_place=("w", "m", "v"),
)
def yogi(
    w: Floats,
    dw: ArrayLike,
    m: Floats,
    v: Floats,
    *,
    step: int,
    lr: float = 1e-2,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-3,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> None:
    """Yogi: adam with v <- v - (1 - beta2) sign(v - dw^2) dw^2, in place.

    The arguments are those of adam; m and v begin as 1e-6 in `optimizers.Yogi`. Zaheer et al., NeurIPS 2018.

    >>> w, m, v = np.array([1.0, 2.0]), np.zeros(2), np.zeros(2)
    >>> densekit.functional.yogi(w, np.array([1.0, -3.0]), m, v, step=1)
    >>> w.round(6), v.round(6)
    (array([0.99001 , 2.009997]), array([0.001, 0.009]))
    """
    size, moments = _size("yogi", lr, weight_decay, maximize), _moments("yogi", step, beta1, beta2, eps)
    _update("yogi", Rule.yogi, _core.adam_numbers(*size, *moments), w, dw, m=m, v=v)


__all__ = [
    "adadelta",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "lion",
    "momentum",
    "nadam",
    "nesterov",
    "rmsprop",
    "sgd",
    "yogi",
]
