"""Optimizers: PyTorch's trajectories, bias corrections at any step, in-place targets of any layout, refusals."""

from __future__ import annotations

import dataclasses
import inspect

import mpmath
import numpy as np
import optimizer_trajectories
import pytest
from helpers import LAYOUTS, OPS, SIZES, assert_agrees, expected_results, fresh, run
from optimizer_trajectories import RUNS

import densekit.functional as F
from densekit import _core, reference
from densekit.functional.optimizers import _tolerances
from densekit.registry import Call


def with_option(name, *states, **options):
    """The record of an operation with an option on, whose states it takes behind its own."""
    op = OPS[name]
    arrays = ["w", "dw", *states]

    def bound(function):
        def call(*given, **more):
            return function(**dict(zip(arrays, given, strict=True)), **options, **more)

        known = inspect.signature(function).parameters
        left = [p for p in known.values() if p.kind is p.KEYWORD_ONLY and p.name not in options]
        call.__signature__ = inspect.Signature([*(known[name] for name in arrays), *left])
        return call

    def domain(rng, dtype, size):
        """m is small beside the root of s, as it is in a training: otherwise their difference loses its digits."""
        call = op.domain(rng, dtype, size)
        drawn = {"m": rng.uniform(-0.2, 0.2, size), "b": rng.normal(size=size), "v_max": rng.uniform(0.1, 2, size)}
        more = [drawn[state].astype(dtype) for state in states[len(call.args) - 2 :]]
        return Call((*call.args, *more), call.kwargs)

    function, twin = bound(op.function), bound(op.reference)
    return dataclasses.replace(
        op,
        family=", ".join(options),
        function=function,
        reference=twin,
        domain=domain,
        tolerance=_tolerances(twin, len(states)),
        in_place=("w", *states),
    )


VARIANTS = [
    with_option("rmsprop", "s", "m", centered=True),
    with_option("rmsprop", "s", "b", momentum=0.75),
    with_option("rmsprop", "s", "m", "b", centered=True, momentum=0.75),
    with_option("adam", "m", "v", "v_max", amsgrad=True),
    with_option("adamw", "m", "v", "v_max", amsgrad=True),
]


def called(op):
    return f"{op.name}, {op.family}" if op.family != "optimizers" else op.name


OPTIMIZERS = [*(op for op in OPS.values() if op.family == "optimizers"), *VARIANTS]
ALL = pytest.mark.parametrize("op", OPTIMIZERS, ids=called)
COUNTED = {name for name in F.optimizers.__all__ if "step" in inspect.signature(getattr(F, name)).parameters}

# The parameters after 1, 10 and 50 steps by torch.optim, PyTorch 2.13.0 (CPU), printed by optimizer_trajectories.py
TORCH = {
    "sgd": [
        [0.9492982274300933, -2.008819323502006, 0.2668246212490971, 3.0108545100527757],
        [0.6416015060685802, -1.9615594127712646, 0.01050583705810077, 2.9951579548493776],
        [0.10509187984178608, -1.7581773868195885, 0.007487110972800149, 2.9834357746984934],
    ],
    "momentum": [
        [0.9797192909720374, -2.0035277294008025, 0.40672984849963884, 3.0043418040211103],
        [0.3874537188656047, -1.9336137455845042, -0.026782960079575747, 3.0011879186422825],
        [0.07769352291722294, -1.2486521567627393, -0.018372028222391108, 2.932424915027241],
    ],
    "nesterov": [
        [0.9614666528468709, -2.0067026858615247, 0.3227867121493138, 3.0082494276401093],
        [0.33274084473688437, -1.9249045582042639, 0.024246285604926057, 2.99913224234503],
        [0.0547491741656157, -1.2312702649505514, 0.003975841368551995, 2.9325592061475256],
    ],
    "rmsprop": [
        [0.9000000098615872, -2.0999999433063414, 0.40000000214430875, 3.0999999539362193],
        [0.573868268596959, -1.901261269764211, 0.11688015528276008, 3.0282255628054093],
        [0.14376624283333245, -1.5520001776972696, 0.002216842913351718, 3.00818133686653],
    ],
    "adagrad": [
        [0.9000000000098616, -2.0999999999433063, 0.4000000000021443, 3.099999999953936],
        [0.5778633435093433, -1.9025708873468807, 0.11947819495317329, 3.0287062003511998],
        [0.16411140629192755, -1.574723177561781, 0.0024446898453823218, 3.009886035086619],
    ],
    "adadelta": [
        [0.9968377377164402, -2.0031617695770216, 0.4968377230668485, 3.003161942215838],
        [0.9718920222695028, -1.9905399134040302, 0.4670670307267402, 2.9993844507913536],
        [0.8553019441946595, -1.9356775992483484, 0.33653286197053245, 2.996805385138294],
    ],
    "adam": [
        [0.9900000000986159, -2.009999999433063, 0.49000000002144306, 3.009999999539362],
        [0.9041089024088861, -1.9773690551288492, 0.40073812188518726, 3.008185287625776],
        [0.5488857637910121, -1.8142220373321551, 0.08632995029679391, 2.9909449637821863],
    ],
    "adamw": [
        [0.9899000000986159, -2.009799999433063, 0.48995000002144307, 3.009699999539362],
        [0.9031564383510656, -1.9753750442414861, 0.4002868815431503, 3.0051785818343806],
        [0.5453510638629541, -1.8047144781087439, 0.0854082518396484, 2.975974471840164],
    ],
    "adamax": [
        [0.9900000000986159, -2.009999999433063, 0.49000000002144306, 3.009999999539362],
        [0.9183324887837561, -1.9858884520375166, 0.40475599640187904, 3.0083702040040525],
        [0.648975907284859, -1.8873414733766092, 0.14047085493734568, 2.9961748483376076],
    ],
    "nadam": [
        [0.9894354823206291, -2.0105645171846125, 0.48943548223909966, 3.010564517296912],
        [0.9257923236211189, -1.9806670100034138, 0.4214329498561422, 3.0020142574306647],
        [0.5932496325052165, -1.8181880469580127, 0.13236766351944623, 2.9890962366982965],
    ],
    "nadam with decay": [
        [0.9884039318744176, -2.0085960676293464, 0.48890393179264474, 3.0075960677419813],
        [0.9176078848612537, -1.9612807918041535, 0.41831387465354664, 2.972603910301115],
        [0.5559175039934808, -1.7283503028957896, 0.11521325507632985, 2.841969888152045],
    ],
    "adam upwards": [
        [1.0099999999013842, -1.990000000566937, 0.5099999999785569, 2.990000000460638],
        [1.0965128953798038, -2.0226312577603913, 0.6004000761832533, 2.991814131654644],
        [1.4896821682362267, -2.1873775354900498, 1.0306088426721944, 3.009053405942718],
    ],
    "rmsprop, centered": [
        [0.899496228435278, -2.100503724259599, 0.3994962206400472, 3.10050373499685],
        [0.56599983755552, -1.900844116235045, 0.11231320210904996, 3.028698599218674],
        [0.12139651038501255, -1.5437522173056404, 0.0021330145348017328, 3.0085082154762404],
    ],
    "rmsprop with momentum": [
        [0.9900000009861587, -2.009999994330634, 0.49000000021443085, 3.009999995393622],
        [0.786549110977621, -1.964904788224563, 0.2732274843498881, 3.0298603061438265],
        [0.132365281901539, -1.621260471631129, -0.03244063177189588, 3.0080470969834456],
    ],
    "rmsprop, centered, with momentum": [
        [0.9966666667762398, -2.0033333327034035, 0.4966666666904923, 3.0033333328215135],
        [0.9128509792840127, -1.9870624336195783, 0.40480484479339385, 3.0102383863003617],
        [0.20836572535600403, -1.8125025603680556, -0.044967703780374006, 2.998011784233837],
    ],
    "adam, amsgrad": [
        [0.9900000000986159, -2.009999999433063, 0.49000000002144306, 3.009999999539362],
        [0.9041089024088861, -1.9773690551288492, 0.40073812188518726, 3.008185287625776],
        [0.5488857637910121, -1.8142287576933993, 0.08632995029679394, 2.9909458473225525],
    ],
    "adamw, amsgrad": [
        [0.9899000000986159, -2.009799999433063, 0.4899500000214431, 3.009699999539362],
        [0.9019068702407445, -1.9754780865761166, 0.39966908525110384, 3.0051879034819557],
        [0.5492024904604106, -1.810235694556149, 0.09539423532914913, 2.9763570308479514],
    ],
}


def settings(op, **more):
    """A step with a large rate, and without decay, unless said otherwise."""
    return {"lr": 0.1, "weight_decay": 0.0, **({"step": 3} if op.name in COUNTED else {}), **more}


def arrays_for(op, rng, dtype, size=37):
    """w, dw and states, as the register's domain makes them."""
    return list(op.domain(rng, dtype, size).args)


def targets_of(op, arrays):
    return [a for i, a in enumerate(arrays) if i != 1]


# Definitions


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("module", [F, reference], ids=["functional", "reference"])
def test_trajectory_is_pytorchs(name, module):
    for ours, torchs in zip(optimizer_trajectories.ours(module, name), TORCH[name], strict=True):
        np.testing.assert_allclose(ours, torchs, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", RUNS)
def test_float32_stays_near(name, level):
    for ours, torchs in zip(optimizer_trajectories.ours(F, name, np.float32), TORCH[name], strict=True):
        np.testing.assert_allclose(ours, torchs, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", RUNS)
def test_trajectory_of_the_installed_pytorch(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; its trajectories are here as literals")
    live = optimizer_trajectories.torchs(torch, name)
    for ours, theirs in zip(optimizer_trajectories.ours(F, name), live, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("module", [F, reference], ids=["functional", "reference"])
def test_lion_by_hand(module):
    # Algorithm 2 of arXiv 2302.06675 on paper: direction 0.9 m + 0.1 g, then m = 0.99 m + 0.01 g.
    w, m = np.array([1.0, 1.0]), np.zeros(2)
    module.lion(w, np.array([2.0, 0.0]), m, lr=0.1)  # 0.2; and sign(0) = 0
    np.testing.assert_allclose([*w, *m], [0.9, 1.0, 0.02, 0.0], rtol=1e-14)
    module.lion(w, np.array([-0.1, -3.0]), m, lr=0.1)  # 0.018 - 0.01 > 0, although g < 0
    np.testing.assert_allclose([*w, *m], [0.8, 1.1, 0.0188, -0.03], rtol=1e-14)
    module.lion(w, np.array([-0.2, 0.3]), m, lr=0.1)  # 0.01692 - 0.02 < 0; -0.027 + 0.03 > 0
    np.testing.assert_allclose([*w, *m], [0.9, 1.0, 0.016612, -0.0267], rtol=1e-14)


@pytest.mark.parametrize("module", [F, reference], ids=["functional", "reference"])
def test_dampening_holds_from_the_first_step(module):
    # On paper: v = 0.75 g, then 0.5 v + 0.75 g. PyTorch's first v would be g.
    w, v = np.array([1.0]), np.zeros(1)
    for expected in ([0.25, 0.75], [-0.875, 1.125]):
        module.momentum(w, np.array([1.0]), v, lr=1.0, momentum=0.5, dampening=0.25)
        np.testing.assert_allclose([*w, *v], expected, rtol=1e-15)


@ALL
def test_weight_decay_is_decoupled(op, level, dtype):
    """w <- w - lr weight_decay w beside the step, whatever the gradient; it never enters the states."""
    rng = np.random.default_rng(5)
    arrays = [a.astype(np.float64) for a in arrays_for(op, rng, dtype)]
    plain, decayed = [a.astype(dtype) for a in arrays], [a.astype(dtype) for a in arrays]
    op.function(*plain, **settings(op))
    op.function(*decayed, **settings(op, weight_decay=0.5))
    shrunk = arrays[0] * 0.05
    np.testing.assert_allclose(
        decayed[0], plain[0] - shrunk, rtol=8 * np.finfo(dtype).eps, atol=4 * np.finfo(dtype).eps
    )
    for a, b in zip(plain[2:], decayed[2:], strict=True):
        np.testing.assert_array_equal(a, b)


def test_only_adamw_decays_by_default():
    decay = {op.name: inspect.signature(op.function).parameters["weight_decay"].default for op in OPTIMIZERS}
    assert decay.pop("adamw") == 0.01
    assert set(decay.values()) == {0.0}


@ALL
def test_maximize_turns_the_gradient(op, level, dtype, rng):
    up = arrays_for(op, rng, dtype)
    down = [a.copy() for a in up]
    op.function(*up, **settings(op, maximize=True))
    op.function(down[0], -down[1], *down[2:], **settings(op))
    for a, b in zip(targets_of(op, up), targets_of(op, down), strict=True):
        np.testing.assert_array_equal(a, b)


@ALL
def test_zero_gradient_moves_nothing_at_first(op, level, dtype, rng):
    for size in SIZES:
        w = rng.normal(size=size).astype(dtype)
        before = w.copy()
        states = [np.zeros(size, dtype) for _ in range(len(op.in_place) - 1)]
        op.function(w, np.zeros(size, dtype), *states, **settings(op, **({"step": 1} if op.name in COUNTED else {})))
        np.testing.assert_array_equal(w, before)


# Numbers that are hard to get right


@pytest.mark.parametrize("t", [1, 2, 1000, 2**20, 2**40, 2**53])
@pytest.mark.parametrize(("beta1", "beta2"), [(0.9, 0.999), (0.0, 0.0), (0.5, 1 - 1e-9), (1 - 1e-12, 1 - 2.0**-53)])
def test_bias_correction_never_drifts(t, beta1, beta2):
    """A step from m = v = 1 with no gradient shows sqrt(1 - beta2^t) / (1 - beta1^t): mpmath's, with 60 digits."""
    if beta1 == 0:
        g, m, v = 1.0, 0.0, 0.0
    else:
        g, m, v = 0.0, 1.0, 1.0
    with mpmath.workdps(60):
        b1, b2 = mpmath.mpf(beta1), mpmath.mpf(beta2)
        first = (b1 * m + (1 - b1) * g) / (1 - b1**t)
        second = (b2 * v + (1 - b2) * g * g) / (1 - b2**t)
        adam, adamax = -first / mpmath.sqrt(second), -first / max(b2 * v, mpmath.mpf(g))
    for function, expected in ((F.adam, adam), (F.adamax, adamax)):
        arrays = [np.array([x]) for x in (0.0, g, m, v)]
        function(*arrays, step=t, lr=1.0, beta1=beta1, beta2=beta2, eps=0.0)
        assert abs(arrays[0][0] / float(expected) - 1) <= 8 * np.finfo(np.float64).eps


@pytest.mark.parametrize("t", [1, 7, 400, 5000])
@pytest.mark.parametrize("beta1", [0.9, 0.0, 1 - 1e-9])
@pytest.mark.parametrize("momentum_decay", [0.0, 4e-3, 0.35, 2.0, 1e6])
def test_product_of_nadam(t, beta1, momentum_decay):
    with mpmath.workdps(30):
        b1, b2 = mpmath.mpf(beta1), mpmath.mpf("0.999")
        decay = mpmath.mpf(0.96) ** mpmath.mpf(momentum_decay)
        product = b1**t
        power = mpmath.mpf(1)
        for _ in range(t):
            power *= decay
            product *= 1 - power / 2
        mu, following = b1 * (1 - power / 2), b1 * (1 - power * decay / 2)
        m, v = b1 * 0.5 + (1 - b1), b2 * 0.25 + (1 - b2)
        direction = (1 - mu) / (1 - product) + following / (1 - product * following) * m
        expected = -direction / mpmath.sqrt(v / (1 - b2**t))
    w = np.array([0.0])
    F.nadam(
        w,
        np.array([1.0]),
        np.array([0.5]),
        np.array([0.25]),
        step=t,
        lr=1.0,
        beta1=beta1,
        eps=0.0,
        momentum_decay=momentum_decay,
    )
    assert abs(w[0] / float(expected) - 1) <= 1e-13


@pytest.mark.parametrize("momentum_decay", [0.0, 4e-3, 0.35, 10.0])
def test_late_steps_of_nadam_are_no_slower(momentum_decay):
    """2^40 factors would take hours; a late step is adam's with the two momenta that are left."""
    t = 2**40
    w, g, m, v = (np.array([x]) for x in (0.0, 1.0, 0.5, 0.25))
    F.nadam(w, g, m, v, step=t, lr=1.0, beta1=1 - 1e-9, momentum_decay=momentum_decay, eps=0.0)
    mu = (1 - 1e-9) * (1 - 0.5 * (1.0 if momentum_decay == 0 else 0.0))
    np.testing.assert_allclose(w, -((1 - mu) * g + mu * m) / np.sqrt(v), rtol=1e-12)


def test_running_means_in_float32_do_not_drift(level, rng):
    """5,000 steps of beta2 = 0.999: rounded to float32 as one factor it would put v off by 1.3e-5."""
    w, m, v = (np.zeros(64, np.float32) for _ in range(3))
    exact = np.zeros(64)
    for t in range(1, 5001):
        g = rng.normal(size=64).astype(np.float32)
        F.adam(w, g, m, v, step=t)
        exact = 0.999 * exact + 0.001 * g.astype(np.float64) ** 2
    assert abs(np.mean(v / exact - 1)) < 1e-6


def test_decay_in_float32_is_not_biased(level, rng):
    """1,000 steps that shrink by 1e-5: the nearest float32 to 1 - 1e-5 would lose 1.4e-5 in all."""
    start = rng.uniform(1, 2, 4096).astype(np.float32)
    w, zero = start.copy(), np.zeros(4096, np.float32)
    for _ in range(1000):
        F.sgd(w, zero, lr=1e-3, weight_decay=1e-2)
    assert abs(np.mean(w / start.astype(np.float64)) / (1 - 1e-5) ** 1000 - 1) < 1e-6


# NaN, infinity and large values


@ALL
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_propagate_as_in_numpy(op, level, dtype, value, rng):
    """In every array and at every position of a length that has whole vectors and a rest."""
    size = 21
    for which in range(len(op.in_place) + 1):
        for at in range(size):
            got = arrays_for(op, rng, dtype, size)
            got[which][at] = value
            expected = [a.astype(np.float64) for a in got]
            op.function(*got, **settings(op, weight_decay=0.25))
            op.reference(*expected, **settings(op, weight_decay=0.25))
            for g, e in zip(targets_of(op, got), targets_of(op, expected), strict=True):
                np.testing.assert_allclose(g, e, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["adam", "rmsprop"])
def test_squares_overflow_late(name, level):
    """(1 - beta2) g^2 is in range where g^2 is not: the factor is multiplied first."""
    op = OPS[name]
    got = [np.full(5, x, np.float32) for x in ([0.0, 1e20] + [0.0] * (len(op.in_place) - 1))]
    op.function(*got, **settings(op))
    assert np.isfinite(got[0]).all()
    assert (got[-1] > 0).all()
    assert np.isfinite(got[-1]).all()


# In place


@ALL
@pytest.mark.parametrize("layout", [n for n in LAYOUTS if n != "read_only"])
def test_targets_of_any_layout(op, level, dtype, layout, rng):
    """Parameters and states are updated where they are, with the bits of contiguous arrays."""
    for shape in [(0,), (1,), (33,), (5, 7)]:
        plain = [a.reshape(shape) for a in arrays_for(op, rng, dtype, int(np.prod(shape)))]
        laid = [LAYOUTS[layout](a.copy()) for a in plain]
        gradient = laid[1].copy()
        assert op.function(*plain, **settings(op)) is None
        assert op.function(*laid, **settings(op)) is None
        for a, b in zip(plain, laid, strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(laid[1], gradient)


@ALL
def test_zero_dimensions(op, dtype, rng):
    plain = arrays_for(op, rng, dtype, 1)
    scalar = [a.reshape(()).copy() for a in plain]
    op.function(*plain, **settings(op))
    op.function(*scalar, **settings(op))
    for a, b in zip(plain, scalar, strict=True):
        assert a[0] == b


@ALL
def test_interleaved_views_are_apart(op, level, dtype, rng):
    """Rows and columns of one block of memory do not overlap, and may be updated together."""
    plain = arrays_for(op, rng, dtype, 33)
    block = np.stack(plain, axis=1)
    op.function(*plain, **settings(op))
    op.function(*block.T, **settings(op))
    np.testing.assert_array_equal(block, np.stack(plain, axis=1))


@ALL
@pytest.mark.parametrize("shift", [0, 1])
def test_gradient_in_the_memory_of_a_target(op, level, dtype, shift, rng):
    """dw may be w, or a view of its memory: it is read before anything is written."""
    for number in range(len(op.in_place)):
        plain = arrays_for(op, rng, dtype, 40)
        place = number if number == 0 else number + 1
        memory = np.append(np.abs(plain[place]), dtype(0.5))
        plain[place], plain[1] = memory[:-1].copy(), memory[shift : shift + 40].copy()
        shared = [a.copy() for a in plain]
        shared[place], shared[1] = memory[:-1], memory[shift : shift + 40]
        op.function(*plain, **settings(op))
        op.function(*shared, **settings(op))
        for a, b in zip(targets_of(op, plain), targets_of(op, shared), strict=True):
            np.testing.assert_array_equal(a, b)


@ALL
def test_threads_change_no_bit(op, backend, threads_forced, dtype, rng):
    start = arrays_for(op, rng, dtype, 50_001)
    seen = []
    for count in (1, 2, 3):
        threads_forced(count)
        arrays = [a.copy() for a in start]
        op.function(*arrays, **settings(op))
        if count > 1:
            assert _core.last_workers() == count
        seen.append(arrays)
    for other in seen[1:]:
        for a, b in zip(seen[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@ALL
def test_integers_and_lists_as_gradient(op, dtype):
    arrays = [np.ones(3, dtype) for _ in range(len(op.in_place) + 1)]
    other = [a.copy() for a in arrays]
    op.function(arrays[0], np.array([1, 0, 2], np.int64), *arrays[2:], **settings(op))
    op.function(other[0], np.array([1, 0, 2], dtype), *other[2:], **settings(op))
    for a, b in zip(targets_of(op, arrays), targets_of(op, other), strict=True):
        np.testing.assert_array_equal(a, b)


# Options with states of their own


@pytest.mark.parametrize("op", VARIANTS, ids=called)
def test_options_agree_with_the_reference(op, level, dtype, rng):
    for size in SIZES:
        call = op.domain(rng, dtype, size)
        assert_agrees(op, call, run(op, op.function, fresh(call)), expected_results(op, call), dtype)


@pytest.mark.parametrize("module", [F, reference], ids=["functional", "reference"])
def test_a_root_that_rounding_made_negative_is_0(module):
    """s - m^2 of a gradient that never changes is nothing but rounding errors."""
    w, s, m = np.zeros(3), np.full(3, 0.25), np.array([0.5, -0.5, 0.5000001])
    module.rmsprop(w, 2 * m.copy(), s, m, lr=0.5, rho=1.0, eps=1.0, centered=True)
    np.testing.assert_array_equal(w, [-0.5, 0.5, -0.5000001])
    np.testing.assert_array_equal(m, [0.5, -0.5, 0.5000001])


@pytest.mark.parametrize(
    ("function", "options", "states", "message"),
    [
        (F.rmsprop, {"centered": True}, "", "rmsprop: m is None; centered=True keeps a state there"),
        (F.rmsprop, {"momentum": 0.5}, "", "rmsprop: b is None; momentum > 0 keeps a state there"),
        (F.rmsprop, {"momentum": 0.5}, "m", "rmsprop: m is given, and is the state of centered=True, which is off"),
        (F.rmsprop, {"centered": True}, "mb", "rmsprop: b is given, and is the state of momentum > 0, which is off"),
        (F.rmsprop, {"centered": 1}, "m", "rmsprop: centered must be True or False, got 1"),
        (F.adam, {"amsgrad": True, "step": 1}, "", "adam: v_max is None; amsgrad=True keeps a state there"),
        (F.adam, {"step": 1}, ("v_max",), "adam: v_max is given, and is the state of amsgrad=True, which is off"),
        (F.adamw, {"amsgrad": "yes", "step": 1}, ("v_max",), "adamw: amsgrad must be True or False, got 'yes'"),
    ],
)
def test_options_and_their_states_go_together(function, options, states, message):
    needed = 3 if function is F.rmsprop else 4
    arrays = [np.ones(5) for _ in range(needed)]
    with pytest.raises(TypeError, match=message):
        function(*arrays, lr=0.1, **options, **{state: np.ones(5) for state in states})
    assert all((a == 1).all() for a in arrays)


def yogi_of_the_paper(w, gradients, lr, beta1, beta2, eps):
    """Algorithm 2 of Zaheer et al., one number at a time; and without the bias of the means, as in Adam."""
    m = v = 0.0
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        v = v - (1 - beta2) * np.sign(v - g * g) * g * g
        w -= lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)) ** 0.5 + eps)
        yield w


@pytest.mark.parametrize("module", [F, reference], ids=["functional", "reference"])
def test_yogi_is_the_papers(module):
    """Beside Adam's, whose v falls fast after a large gradient; Yogi's by as much as the small gradients' squares."""
    gradients = np.array([[3.0, 0.1, -0.5, 0.2, 0.2, -1.0, 0.0, 0.3], [0.1, 0.1, 0.1, 5.0, -5.0, 0.1, 0.1, 0.1]])
    settings = {"lr": 0.1, "beta1": 0.8, "beta2": 0.9, "eps": 1e-3}
    w, m, v = np.array([1.0, -1.0]), np.zeros(2), np.zeros(2)
    expected = [list(yogi_of_the_paper(start, row, **settings)) for start, row in zip(w, gradients, strict=True)]
    for t, g in enumerate(gradients.T, 1):
        module.yogi(w, g.copy(), m, v, step=t, **settings)
        np.testing.assert_allclose(w, [row[t - 1] for row in expected], rtol=1e-13)
    assert v[0] > 0.8  # Adam's would be 0.9^7 · 0.9 and what the small ones add


# Refusals: the error quotes what is wrong, and nothing has changed


def refuses(op, arrays, error, match, **more):
    before = [np.array(a, copy=True) for a in arrays]
    with pytest.raises(error, match=match):
        op.function(*arrays, **settings(op, **more))
    for a, b in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(np.asarray(a), b)


BAD_SETTINGS = [
    ("lr", np.nan, ValueError),
    ("lr", np.inf, ValueError),
    ("lr", -1e-3, ValueError),
    ("lr", "0.1", TypeError),
    ("lr", None, TypeError),
    ("lr", True, TypeError),
    ("weight_decay", -1.0, ValueError),
    ("weight_decay", np.nan, ValueError),
    ("maximize", 1, TypeError),
    ("eps", -1e-8, ValueError),
    ("eps", np.inf, ValueError),
    ("rho", 1.5, ValueError),
    ("rho", np.nan, ValueError),
    ("momentum", -0.1, ValueError),
    ("momentum", np.nan, ValueError),
    ("dampening", 1.1, ValueError),
    ("beta1", 1.0, ValueError),
    ("beta1", -0.1, ValueError),
    ("beta2", 1.0, ValueError),
    ("beta2", np.nan, ValueError),
    ("momentum_decay", -1.0, ValueError),
    ("centered", 1, TypeError),
    ("amsgrad", 0, TypeError),
    ("step", 0, ValueError),
    ("step", -1, ValueError),
    ("step", 1.0, TypeError),
    ("step", True, TypeError),
    ("step", 2**53 + 1, ValueError),
]


@ALL
def test_refuses_settings(op, rng):
    for name, value, error in BAD_SETTINGS:
        if name in inspect.signature(op.function).parameters:
            refuses(op, arrays_for(op, rng, np.float64), error, f"{op.name}: {name} ", **{name: value})


@ALL
def test_refuses_steps_beyond_float32(op, rng):
    if op.name != "lion":
        refuses(op, arrays_for(op, rng, np.float32), ValueError, f"{op.name}: .* too large for float32", lr=1e300)
    refuses(op, arrays_for(op, rng, np.float64), ValueError, "too large for float64", lr=1e300, weight_decay=1e300)


@ALL
def test_refuses_arrays(op, rng):
    """Each target in turn: wrong shape, dtype, type, read-only, masked; all are checked before the first write."""
    for name in op.in_place:
        place = list(inspect.signature(op.function).parameters).index(name)
        for spoil, error, match in [
            (lambda a: a[:-1], ValueError, r"\(37,\).*\(36,\)|\(36,\).*\(37,\)"),
            (lambda a: a.reshape(1, -1), ValueError, r"\(1, 37\)"),
            (lambda a: a.astype(np.float32), TypeError, "float32"),
            (lambda a: a.astype(np.float16), TypeError, "float16"),
            (lambda a: a.astype(np.int64), TypeError, "int64"),
            (lambda a: a.astype(complex), TypeError, "complex"),
            (list, TypeError, "list"),
            (np.ma.masked_array, TypeError, "masked"),
            (LAYOUTS["read_only"], ValueError, "read-only"),
        ]:
            arrays = arrays_for(op, rng, np.float64)
            arrays[place] = spoil(arrays[place])
            refuses(op, arrays, error, match)
            refuses(op, arrays, error, f"{op.name}: .*{name}")
    for gradient, error in [(np.ones(36), ValueError), (np.ones(37, np.float32), TypeError), ("x", TypeError)]:
        arrays = arrays_for(op, rng, np.float64)
        arrays[1] = gradient
        refuses(op, arrays, error, f"{op.name}: .*dw")
    for missing in (0, 1):
        arrays = arrays_for(op, rng, np.float64)
        arrays[missing] = None
        with pytest.raises(TypeError, match="is None"):
            op.function(*arrays, **settings(op))


@pytest.mark.parametrize("op", [op for op in OPTIMIZERS if len(op.in_place) > 1], ids=called)
@pytest.mark.parametrize("shift", [0, 1, 39])
def test_refuses_targets_that_share_memory(op, shift, rng):
    memory = rng.uniform(1, 2, 80)
    for place in range(2, len(op.in_place) + 1):
        for other in [0, *range(2, place)]:
            arrays = arrays_for(op, rng, np.float64, 40)
            arrays[other], arrays[place] = memory[:40], memory[shift : shift + 40]
            first, second = sorted((other, place))
            names = list(inspect.signature(op.function).parameters)
            refuses(op, arrays, ValueError, f"{op.name}: {names[first]} and {names[second]} share memory")


def test_strict_binding_counts_states():
    p, numbers = np.ones(3), _core.momentum_numbers(0.1, 0.0, False, 0.9, 0.0)
    for states in ([], [np.ones(3), np.ones(3)], [np.ones(2)]):
        with pytest.raises(ValueError, match="state"):
            _core.optimizer_update(_core.Optimizer.momentum, p, np.ones(3), states, numbers)
    with pytest.raises(TypeError):
        _core.optimizer_update(_core.Optimizer.momentum, p, np.ones(3), [np.ones(3, np.float32)], numbers)
    np.testing.assert_array_equal(p, 1)
