"""What the pictures show is what was computed; labels are there; nothing is shown or left open."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import densekit as dk
from densekit import diagnostics, optim2d, plots, taylor
from densekit.layers import BatchNorm, Dense, Dropout

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")
matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402


@pytest.fixture(autouse=True)
def _close_figures(monkeypatch):
    monkeypatch.setattr(pyplot, "show", lambda *a, **k: pytest.fail("plt.show was called"))
    yield
    pyplot.close("all")


@pytest.fixture
def data(rng):
    X = rng.normal(size=(60, 3))
    return X, np.sin(X[:, 0]) + X[:, 1]


def compiled(*layers, optimizer="adam", loss="mse"):
    return dk.Sequential(layers, seed=0).compile(optimizer, loss)


def check(display):
    """Drawn, labelled, drawable again into given Axes."""
    display.figure_.canvas.draw()
    assert display.ax_.get_xlabel()
    assert display.ax_.get_ylabel()
    given = pyplot.figure().add_subplot()
    assert display.plot(given) is display
    assert display.ax_ is given
    assert display.figure_ is given.figure
    return given


def test_history(data):
    history = compiled(Dense(4, "tanh"), Dense(1)).fit(*data, epochs=3, validation_split=0.2, verbose=0)
    display = plots.HistoryDisplay.from_history(history)
    ax = check(display)
    assert [line.get_label() for line in ax.lines] == ["loss", "val_loss"]
    for line in ax.lines:
        np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
        np.testing.assert_array_equal(line.get_ydata(), history.history[line.get_label()])
    assert ax.lines[0].get_color() == ax.lines[1].get_color()
    assert ax.lines[0].get_linestyle() != ax.lines[1].get_linestyle()
    with pytest.raises(ValueError, match="did you mean 'loss'"):
        plots.HistoryDisplay.from_history(history, ["losss"])


def test_gradient_flow(data):
    model = compiled(*(Dense(8, "sigmoid") for _ in range(6)), Dense(1))
    flow = diagnostics.gradient_flow(model, *data)
    ax = check(plots.GradientFlowDisplay.from_model(model, *data))
    heights = [bar.get_height() for bar in ax.patches]
    np.testing.assert_allclose(heights, [at.gradient_rms for at in flow.layers])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [at.update_ratio for at in flow.layers])
    assert ax.get_yscale() == "log"
    assert plots.GradientFlowDisplay.from_flow(flow).flow is flow


def test_gradient_heat_map(data):
    watch = diagnostics.GradientFlow(*data)
    with pytest.raises(ValueError, match="nothing was recorded"):
        plots.GradientHeatMapDisplay.from_callback(watch)
    compiled(Dense(4, "tanh"), Dense(3, "tanh"), Dense(1)).fit(*data, epochs=4, callbacks=[watch], verbose=0)
    ax = check(plots.GradientHeatMapDisplay.from_callback(watch))
    (mesh,) = ax.collections
    np.testing.assert_allclose(mesh.get_array().reshape(3, 4), np.log10(watch.rms.T))
    assert [t.get_text() for t in ax.get_yticklabels()] == watch.layers


def test_gradcheck():
    found = diagnostics.gradcheck(lambda w: (np.sin(w).sum(), np.cos(w)), np.ones(3), directions=2)
    ax = check(plots.GradCheckDisplay.from_check(found))
    solid = [line for line in ax.lines if line.get_linestyle() == "-"]
    assert len(solid) == 4
    np.testing.assert_array_equal(
        solid[2].get_ydata(), np.where(found.remainders[0, 1] > 0, found.remainders[0, 1], np.nan)
    )
    dotted = [line for line in ax.lines if line.get_linestyle() == ":"]
    for line, slope in zip(dotted, (1, 2), strict=True):
        x, y = line.get_data()
        np.testing.assert_allclose(np.diff(np.log(y)) / np.diff(np.log(x)), slope)
    with pytest.raises(TypeError, match="method='taylor'"):
        plots.GradCheckDisplay.from_check(diagnostics.gradcheck(lambda w: (w @ w, 2 * w), np.ones(2), method="central"))


def test_zigzag():
    display = plots.ZigzagDisplay.from_neuron()
    ax = check(display)
    for line, (name, path) in zip(ax.lines, display.paths.items(), strict=False):
        np.testing.assert_array_equal(line.get_xydata(), path)
        moves = np.diff(path, axis=0)
        assert display.coherence[name] == pytest.approx((moves[:, 0] * moves[:, 1] > 0).mean())
    assert display.coherence["sigmoid"] == 1  # all weights of the neuron have the sign of its delta
    assert display.coherence["tanh"] < 0.7
    assert display.detours["sigmoid"] > 1.5 * display.detours["tanh"]


@pytest.mark.parametrize("name", optim2d.SURFACES)
def test_trajectories(name):
    display = plots.TrajectoriesDisplay.from_surface(name, ["sgd", "adam"], start=(1.0, 0.5), steps=20)
    ax = check(display)
    paths = [
        line.get_xydata() for line in ax.lines if line.get_label() in ("sgd", "adam", "sgd (reached)", "adam (reached)")
    ]
    assert len(paths) == 2
    for path, optimizer in zip(paths, ("sgd", "adam"), strict=True):
        np.testing.assert_array_equal(path, optim2d.trajectory(name, optimizer, start=(1.0, 0.5), steps=20).points)


def test_trajectories_over_several_surfaces_are_refused():
    paths = [optim2d.trajectory(name, steps=1) for name in ("beale", "saddle")]
    with pytest.raises(ValueError, match="over one surface"):
        plots.TrajectoriesDisplay(paths)


def test_restarts():
    rates = optim2d.restart_rates("himmelblau", "sgd", most=4, trials=100, steps=50)
    ax = check(plots.RestartsDisplay.from_rates(rates))
    np.testing.assert_allclose(ax.lines[0].get_ydata(), 100 * rates.expected)
    np.testing.assert_allclose(ax.lines[1].get_ydata(), 100 * rates.rates)


def test_taylor():
    display = plots.TaylorDisplay.from_function("cos", 0.5, orders=(1, 4))
    ax = check(display)
    for line, order in zip(ax.lines, (1, 4), strict=False):
        c = taylor.coefficients("cos", 0.5, order)
        np.testing.assert_allclose(line.get_ydata(), taylor.polynomial(c, 0.5, display.x))
    np.testing.assert_array_equal(ax.lines[2].get_ydata(), np.cos(display.x))


def test_loss_landscape(data):
    from densekit.plots._landscape import filter_normalised

    model = compiled(Dense(6, "relu"), BatchNorm(), Dropout(0.5), Dense(1))
    model.fit(*data, epochs=3, verbose=0)
    before = model.get_weights()
    middle = model.evaluate(*data)["loss"]
    for dimensions in (1, 2):
        display = plots.LossLandscapeDisplay.from_model(model, *data, dimensions=dimensions, points=5, span=0.5)
        ax = check(display)
        assert display.loss.shape == (5,) * dimensions
        # The middle is the model itself, in inference mode: batch-norm statistics are frozen, nothing is dropped.
        assert display.loss[(2,) * dimensions] == pytest.approx(middle, rel=1e-5)
        if dimensions == 1:
            np.testing.assert_array_equal(ax.lines[0].get_ydata(), display.loss)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    engine = model._ready()
    direction = filter_normalised(engine, np.random.default_rng(0))
    for s in engine.segments:
        if s["kind"] == "parameter":
            part = direction[s["offset"] :][: int(np.prod(s["shape"]))].reshape(s["shape"])
            w = engine.parameters[s["offset"] :][: int(np.prod(s["shape"]))].reshape(s["shape"])
            expected = np.linalg.norm(w, axis=0) if len(s["shape"]) == 2 else 0
            np.testing.assert_allclose(np.linalg.norm(part, axis=0), expected, rtol=1e-6)
    with pytest.raises(ValueError, match="points must be odd"):
        plots.LossLandscapeDisplay.from_model(model, *data, points=4)


def test_batch_size_noise(data):
    model = compiled(Dense(4, "tanh"), Dense(1), optimizer=dk.optimizers.SGD(0.02))
    display = plots.BatchSizeNoiseDisplay.from_model(model, *data, batch_sizes=(1, 20, "full"), epochs=6)
    ax = check(display)
    assert [len(v) for v in display.losses.values()] == [360, 18, 6]
    assert display.noise[1] > display.noise[20] > display.noise["full"]
    drawn = {len(line.get_ydata()): line.get_ydata() for line in ax.lines}
    for values in display.losses.values():
        np.testing.assert_array_equal(drawn[len(values)], values)
    assert not model.built  # clones were trained


def test_curves(data):
    def make(seed):
        return compiled(Dense(4, "tanh"), Dense(1)).clone(seed=seed)

    curve = diagnostics.learning_curve(make, *data, *data, sizes=(20, 60), repeats=2, epochs=2)
    ax = check(plots.LearningCurveDisplay.from_curve(curve))
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [20, 60])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), curve.training.mean(axis=1))
    np.testing.assert_allclose(ax.lines[1].get_ydata(), curve.validation.mean(axis=1))
    assert len(ax.collections) == 2  # bands

    def penalised(lam):
        return dk.Sequential([Dense(1)], seed=0).compile("sgd", "mse", regularizer=dk.regularizers.L2(lam))

    found = diagnostics.validation_curve(penalised, [0.001, 0.1, 1.0], *data, *data, epochs=3, name="λ")
    ax = check(plots.ValidationCurveDisplay.from_curve(found))
    assert ax.get_xscale() == "log"
    assert ax.get_xlabel() == "λ"
    np.testing.assert_allclose(ax.lines[1].get_ydata(), found.validation[:, 0])
    assert ax.lines[2].get_xdata()[0] == found.best
    words = diagnostics.validation_curve(
        lambda a: compiled(Dense(3, a), Dense(1)), ["tanh", "relu"], *data, *data, epochs=1
    )
    ax = check(plots.ValidationCurveDisplay.from_curve(words))
    assert [t.get_text() for t in ax.get_xticklabels()] == ["tanh", "relu"]


def test_every_name_of_the_table_is_there():
    for name in plots.__all__:
        assert isinstance(getattr(plots, name), type), name
    assert dir(plots) == sorted(plots.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        plots.Nothing  # noqa: B018


def test_without_matplotlib():
    """Numbers can be had, pictures say what to install."""
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import densekit as dk\n"
        "import numpy as np\n"
        "display = dk.plots.HistoryDisplay([1], {'loss': [1.0]})\n"
        "try:\n    display.plot()\n"
        "except ImportError as error:\n    print(error)\n"
        "assert dk.diagnostics.gradcheck(lambda w: (w @ w, 2 * w), np.ones(2))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "HistoryDisplay needs matplotlib, which is not installed: pip install matplotlib"
