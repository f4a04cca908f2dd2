"""Displays of norms, penalties, likelihood, dropout, shift, manifolds and decisions: the plotted data."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import densekit as dk
from densekit import datasets, likelihood, manifold, plots, shift, sweeps
from densekit.layers import Dense, Dropout

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")
matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def line(ax, label):
    (found,) = [one for one in ax.lines if one.get_label() == label]
    return np.asarray(found.get_xdata()), np.asarray(found.get_ydata())


def assert_labelled(ax):
    assert ax.get_xlabel()
    assert ax.get_title(loc="left")


def test_norm_balls_have_norm_1():
    display = plots.NormBallsDisplay.from_orders([0.5, 1, 2, np.inf])
    for p, name in zip(display.orders, ("0.5", "1", "2", "∞"), strict=True):
        x, y = line(display.ax_, f"p = {name}")
        for w in zip(x[::60], y[::60], strict=True):
            assert dk.functional.vector_norm(np.array(w), p) == pytest.approx(1, abs=1e-12)
    assert (line(display.ax_, "p = 1")[1] == 0).any(), "the corner is on the axis"
    assert display.ax_.get_aspect() == 1
    assert_labelled(display.ax_)
    with pytest.raises(ValueError, match="greater than 0, got 0"):
        plots.NormBallsDisplay.from_orders([0])


@pytest.mark.parametrize("kind", ["l1", "l2", "elastic_net"])
def test_penalised_minimum_is_the_best_of_its_ball(kind, rng):
    X = rng.normal(size=(60, 2))
    y = X @ [1.5, 0.4] + 0.3 * rng.normal(size=60) + 5
    display = plots.PenaltyContoursDisplay.from_data(X, y, kind, 1.2)
    inside = display.penalty <= display.budget
    best = np.unravel_index(np.where(inside, display.loss, np.inf).argmin(), display.loss.shape)
    step = display.grid[0][1] - display.grid[0][0]
    found = [axis[i] for axis, i in zip(display.grid, best, strict=True)]
    np.testing.assert_allclose(found, display.solution, atol=2.5 * step)
    at = np.searchsorted(display.grid[0], 0.3), np.searchsorted(display.grid[1], -0.5)
    w = [axis[i] for axis, i in zip(display.grid, at, strict=True)]
    residual = (X - X.mean(axis=0)) @ w - (y - y.mean())
    assert display.loss[at] == pytest.approx((residual**2).mean(), rel=1e-10)
    np.testing.assert_array_equal(np.ravel(line(display.ax_, "least squares")), display.least)
    assert (display.solution[1] == 0) == (kind == "l1")
    assert_labelled(display.ax_)


def test_penalty_path(rng):
    X = rng.normal(size=(40, 3))
    path = sweeps.penalty_path(X, X @ [2.0, -1, 0], "l2", [3.0, 0.1, 1.0])
    ax = plots.PenaltyPathDisplay.from_path(path).ax_
    for j in range(3):
        x, y = line(ax, f"x{j}")
        np.testing.assert_array_equal(x, [0.1, 1.0, 3.0])
        np.testing.assert_array_equal(y, path.coefficients[[1, 2, 0], j])
    assert_labelled(ax)
    assert plots.PenaltyPathDisplay.from_data(X, X[:, 0], "l2", [0.0, 1.0]).ax_.get_xscale() == "linear"


def test_likelihood_surface(rng):
    data = rng.normal(3, 2, 30)
    grids = {"mean": np.linspace(2, 4, 30), "std": np.linspace(1, 3, 20)}
    display = plots.LikelihoodSurfaceDisplay.from_data("gaussian", data, grids)
    assert display.estimate == likelihood.mle("gaussian", data)
    np.testing.assert_array_equal(np.ravel(line(display.ax_, "closed-form estimate")), list(display.estimate.values()))
    assert [display.ax_.get_xlabel(), display.ax_.get_ylabel()] == ["mean", "std"]
    curve = plots.LikelihoodSurfaceDisplay.from_data("poisson", [0, 3, 4], {"rate": np.linspace(0, 9, 50)})
    y = curve.ax_.lines[0].get_ydata()
    np.testing.assert_array_equal(y, curve.surface.log_likelihood - curve.surface.log_likelihood.max())
    assert "nats" in curve.ax_.get_ylabel()
    assert plots.LikelihoodSurfaceDisplay.from_data("gaussian", [1.0, 1.0], grids).estimate is None


def test_dropout_sweep(rng):
    losses = rng.random((2, 3, 4))
    sweep = sweeps.DropoutSweep(np.array([0.0, 0.5, 0.9]), ("inverted", "classic"), losses, losses + 1)
    ax = plots.DropoutSweepDisplay.from_sweep(sweep).ax_
    np.testing.assert_array_equal(line(ax, "validation, classic")[1], sweep.val_loss[1].mean(axis=1))
    np.testing.assert_array_equal(line(ax, "training, inverted")[0], sweep.rates)
    assert len(ax.collections) == 4, "a band each"
    assert_labelled(ax)


def test_uncertainty(rng):
    model = dk.Sequential([Dense(8, "relu"), Dropout(0.3), Dense(1)], seed=0)
    X, y = rng.uniform(0, 2, (20, 1)), rng.normal(size=20)
    display = plots.UncertaintyDisplay.from_model(model, X, y, mc_samples=9, margin=0.0, points=50)
    mean, std = model.predict(display.x.reshape(-1, 1), mc_samples=9, return_std=True)
    np.testing.assert_allclose(line(display.ax_, "mean of the samples")[1], mean[:, 0])
    np.testing.assert_allclose(display.std, std[:, 0])
    np.testing.assert_array_equal(line(display.ax_, "data")[1], y)
    assert display.x[[0, -1]] == pytest.approx([X.min(), X.max()])


def test_shift_report(rng):
    X = rng.normal(size=(400, 3))
    new = X[200:].copy()
    new[:, 2] += 2
    found = shift.report(X[:200], new)
    ax = plots.ShiftReportDisplay.from_report(found).ax_
    x, y = line(ax, "changed")
    np.testing.assert_allclose(x, np.maximum([test.p for test in found.tests], 1e-16))
    np.testing.assert_array_equal(y, [0, 1])
    assert [text.get_text() for text in ax.texts] == ["x2", "x2"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["Kolmogorov-Smirnov", "classifier (accuracy)"]
    assert ax.get_title(loc="left") == "Verdict: something changed"
    calm = plots.ShiftReportDisplay.from_report(shift.report(X[:200], X[200:])).ax_
    assert len(line(calm, "no change found")[0]) == 2


def test_swiss_roll_is_drawn_in_three_dimensions():
    X, t = datasets.swiss_roll(60)
    display = plots.PointsDisplay.from_data(X, t)
    (drawn,) = display.ax_.collections
    np.testing.assert_allclose(np.sort(drawn._offsets3d[2]), np.sort(X[:, 2]))
    np.testing.assert_allclose(np.sort(drawn.get_array()), np.sort(t))
    with pytest.raises(ValueError, match='projection="3d"'):
        plots.PointsDisplay.from_data(X, ax=plt.figure().add_subplot())


def test_classes_have_colours_and_shapes_of_their_own():
    X, y = datasets.spirals(90, arms=3)
    ax = plots.PointsDisplay.from_data(X, y).ax_
    assert len(ax.collections) == 3
    for k, drawn in enumerate(ax.collections):
        np.testing.assert_array_equal(drawn.get_offsets(), X[y == k])
    assert len({tuple(drawn.get_facecolor()[0]) for drawn in ax.collections}) == 3
    assert len({drawn.get_paths()[0].vertices.tobytes() for drawn in ax.collections}) == 3


def test_many_columns_are_drawn_by_their_principal_components(rng):
    decomposition = pytest.importorskip("sklearn.decomposition", reason="scikit-learn is not installed")
    X = rng.normal(size=(50, 6)) * [1, 2, 3, 4, 5, 6]
    display = plots.PointsDisplay.from_data(X)
    theirs = decomposition.PCA(2).fit_transform(X)
    np.testing.assert_allclose(np.abs(display.points), np.abs(theirs), atol=1e-9)


def test_hidden_spaces():
    X, y = datasets.moons(40)
    model = dk.Sequential([Dense(5, "tanh"), Dense(2, "tanh"), Dense(1, "sigmoid")], seed=0)
    display = plots.HiddenSpacesDisplay.from_model(model, X, y)
    assert list(display.spaces) == list(manifold.hidden_spaces(model, X))
    drawn = np.concatenate([c.get_offsets() for c in display.axes_[1].collections])
    np.testing.assert_allclose(np.sort(drawn, axis=0), np.sort(model.transform(X, "dense_1"), axis=0))
    assert [ax.get_xlabel() for ax in display.axes_] == ["first principal component", "unit 0", "row"]
    assert display.axes_[-1].get_legend() is not None
    figure = plt.figure()
    assert display.plot(figure).figure_ is figure


def test_intrinsic_dimension(rng):
    display = plots.IntrinsicDimensionDisplay.from_data(rng.random((200, 2)))
    x, y = line(display.ax_, f"dimension {display.found.dimension:.2f}")
    assert y[1] / x[1] == pytest.approx(display.found.dimension)
    np.testing.assert_array_equal(line(display.ax_, "rows")[0], display.found.log_ratio[: display.found.used])


def test_decision_boundary():
    X, y = datasets.spirals(60, arms=3)
    model = dk.Sequential([Dense(8, "tanh"), Dense(3, "softmax")], seed=0)
    display = plots.DecisionBoundaryDisplay.from_model(model, X, y, points=20, labels=("east", "north"))
    corner = [[display.grid[0][3], display.grid[1][17]]]
    np.testing.assert_allclose(display.probability[3, 17], model.predict(corner)[0], atol=1e-6)
    (picture,) = display.ax_.images
    assert picture.get_array().shape == (20, 20, 3)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("east", "north")
    assert display.grid[0][0] < X[:, 0].min()
    # What is drawn at a place is the colour of its class, on white.
    from matplotlib.colors import to_rgb

    from densekit.plots._style import color

    best = display.probability[3, 17].argmax()
    sure = (display.probability[3, 17].max() - 1 / 3) * 1.5
    expected = 1 - (0.08 + 0.42 * sure) * (1 - np.array(to_rgb(color(best))))
    np.testing.assert_allclose(picture.get_array()[17, 3], expected, atol=1e-6)
    with pytest.raises(ValueError, match=r"X has 60 rows but y is \(3,\)"):
        plots.DecisionBoundaryDisplay.from_model(model, X, [0, 1, 2])


def test_displays_draw_into_given_axes_and_show_nothing(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *a, **k: pytest.fail("a Display never shows"))
    ax = plt.figure().add_subplot()
    display = plots.NormBallsDisplay.from_orders([2], ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"NormBallsDisplay needs matplotlib.*pip install matplotlib"):
        plots.NormBallsDisplay.from_orders([2])
    with pytest.raises(ImportError, match=r"HiddenSpacesDisplay needs matplotlib.*pip install matplotlib"):
        plots.HiddenSpacesDisplay({"a": np.zeros((2, 2))}).plot()
