"""Ctrl-C in every public call that may take long: KeyboardInterrupt within 200 ms, inputs as they were, objects usable.

As in test_interrupt.py, what is bounded is the processor time of the main thread from signal to exception.
"""

from __future__ import annotations

import importlib.util
import json
import os

import numpy as np
import pytest
from helpers import OPS
from processes import run_script

pytestmark = pytest.mark.skipif(not hasattr(__import__("time"), "pthread_getcpuclockid"), reason="clocks of POSIX")

# `calls`: by name, functions that take long or are repeated without end. `after`: by name, what must hold afterwards.
PROGRAM = """
import faulthandler, json, signal, sys, threading, time, warnings
import numpy as np
import densekit as dk
import densekit.functional as F
from densekit.layers import BatchNorm, Dense, Dropout, Lambda
{setup}

signal.signal(signal.SIGINT, signal.default_int_handler)
main = threading.main_thread().ident
clock = time.pthread_getcpuclockid(main)
rng = np.random.default_rng({seed})
wanted, tries = json.loads({wanted!r}), {tries}

def interrupted(call):
    "Processor time of the main thread, and time, from a signal at a random moment to the exception, in ms."
    faulthandler.dump_traceback_later(60, exit=True)  # where it hangs, if a handler or an extension swallows it
    begun, sent = threading.Event(), []
    def send():
        begun.wait()
        time.sleep(rng.uniform(0.001, {latest}))
        sent.append((time.clock_gettime(clock), time.perf_counter()))
        signal.pthread_kill(main, signal.SIGINT)
    sender = threading.Thread(target=send)
    sender.start()
    try:
        begun.set()
        while True:
            call()
    except KeyboardInterrupt:
        processor, wall = time.thread_time(), time.perf_counter()
    sender.join()
    faulthandler.cancel_dump_traceback_later()
    return 1e3 * (processor - sent[0][0]), 1e3 * (wall - sent[0][1])

found = {{}}
for name in wanted:
    found[name] = [interrupted(calls[name]) for _ in range(tries)]
    if name in after:
        after[name]()
print(json.dumps(found))
"""


def check(setup, wanted, *, tries=3, latest=0.25, timeout=300):
    program = PROGRAM.format(
        setup=setup, wanted=json.dumps(list(wanted)), tries=tries, latest=latest, seed=len("".join(wanted))
    )
    done = run_script(program, environment={"DENSEKIT_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "1"}, timeout=timeout)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert set(found) == set(wanted)
    for name, times in found.items():
        processor, wall = np.array(times).T
        assert processor.max() <= 200, f"{name}: {processor} ms of the processor, {wall} ms"
        # A thread that sleeps uses no processor, but nor does one that the system lets wait for others.
        patience = 400 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        assert np.median(wall) <= patience, f"{name}: {wall} ms"


def together(calls, most):
    """The calls in groups of at most `most`, each the parameter of a test: starting the interpreter and making the data
    take longer than a call's tries. What fails is named in the message."""
    groups = [calls[i : i + most] for i in range(0, len(calls), most)]
    return pytest.mark.parametrize("calls", groups, ids=", ".join)


# Every operation, with arguments of which one call takes some milliseconds to seconds; inputs are compared with a copy.
OPERATIONS = """
import densekit.info
from densekit import registry
sizes = {{"matrix_norm": 700, "distances": 4000}}
calls, after = {{}}, {{}}
for op in registry.OPS.values():
    if op.name not in {names!r}:
        continue
    size = sizes.get(op.name, 300_000)
    while True:  # until a call takes 30 ms, or its arrays are large
        given = op.domain(np.random.default_rng(1), np.float32, size)
        begin = time.perf_counter()
        op.function(*given.args, **given.kwargs)
        took = time.perf_counter() - begin
        arrays = [a for v in given.args for a in (v if isinstance(v, list) else [v]) if isinstance(a, np.ndarray)]
        bytes_ = sum(a.nbytes for a in arrays)
        if took > 0.03 or bytes_ > 60e6:
            break
        # At once to where one of the two holds: drawing the arguments takes longer than the calls.
        size = int(size * max(1.5, min(1.5 * 0.03 / took, 1.1 * 60e6 / max(bytes_, 1))))
    calls[op.name] = lambda op=op, given=given: op.function(*given.args, **given.kwargs)
    if not op.in_place:
        kept = [a.copy() for a in arrays]
        def unchanged(arrays=arrays, kept=kept, name=op.name):
            same = [np.array_equal(a, b, equal_nan=True) for a, b in zip(arrays, kept)]
            assert all(same), f"{{name}} changed its input"
        after[op.name] = unchanged
"""


@pytest.mark.parametrize("part", range(4))
def test_every_operation(part):
    names = sorted(OPS)[part::4]
    check(OPERATIONS.format(names=names), names, tries=2, latest=0.1)


# Single calls of seconds: a loop around a short call would hide that they never ask.
LONG = """
big = np.random.default_rng(0)
a, b = (big.normal(size=(3000, 3000)).astype(np.float32) for _ in range(2))
rows, far = big.normal(size=(6000, 300)), big.normal(size=(40, 60_000))
square = big.normal(size=(4000, 4000))
points = rows.ravel()[:20_000]
# Made here: NumPy does not ask for signals while it fills fresh memory, and that is not what is measured.
ones, ones_again = np.ones((4000, 2000)), np.ones((4000, 2000))
many = np.broadcast_to(a[:, :64], (100, 3000, 64)).reshape(-1, 64)
after = {}

def made(width, initializer):
    dk.Sequential([Dense(width, kernel_initializer=initializer, inputs=width)], seed=0).build(width)

calls = {
    "matmul": lambda: F.matmul(square, square),
    "dense": lambda: F.dense(a, b, activation="gelu"),
    "dense_backward": lambda: F.dense_backward(a, a, b),
    "distances l1": lambda: F.distances(rows, rows, metric="l1"),
    "distances l2": lambda: F.distances(rows, rows, precise=True),
    "distances l2 by products, all equal": lambda: F.distances(ones, ones_again),
    "distances linf": lambda: F.distances(rows, rows, metric="linf"),
    "distances lp": lambda: F.distances(rows, rows, metric="lp", p=2.5),
    "distances of few long rows": lambda: F.distances(far, far, metric="lp", p=1.5),
    "singular values": lambda: F.matrix_norm(a[:1200, :1200], "nuc"),
    "log likelihood": lambda: F.log_likelihood("gaussian", points, mean=points, std=1.0),
    "orthogonal": lambda: made(2500, "orthogonal"),
    "initial values": lambda: made(6000, "truncated_normal"),
    "a batch norm of many rows": lambda: F.batch_norm(many),
}
"""
LONG_CALLS = [line.split('"')[1] for line in LONG.splitlines() if line.startswith('    "')]


@together(LONG_CALLS, 7)
def test_one_long_call(calls):
    check(LONG, calls, tries=4, latest=0.4)


TRAINING = """
for name in dk.__all__:  # an import that is cut off may leave modules of others in pieces
    if name != "plots":
        getattr(dk, name)
try:
    import scipy.optimize, scipy.stats
except ImportError:
    pass
data = np.random.default_rng(0)
X = data.normal(size=(20_000, 32)).astype(np.float32)
t = np.sin(X[:, :1]) + X[:, 1:2]
y = (X[:, 0] > 0).astype(int)
new = X + np.float32(0.3)
images = data.uniform(size=(1500, 64)).astype(np.float32)
warnings.simplefilter("ignore")

def model(*layers, optimizer="adam", loss="mse", seed=0, engine=None, width=64):
    inside = layers or (Dense(width, "tanh"), BatchNorm(), Dropout(0.2), Dense(width, "gelu"))
    return dk.Sequential([*inside, Dense(1)], seed=seed).compile(optimizer, loss, engine=engine)

def plain(seed=0):
    return model(Dense(64, "tanh"), seed=seed)

class Watch(dk.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass

def usable(m):
    assert np.isfinite(m.predict(X[:10])).all()
    step = m.step
    m.fit(X[:64], t[:64], batch_size=64, epochs=1, verbose=0)
    assert m.step >= step
    assert np.isfinite(m.predict(X[:10])).all()

fitted, by_batches, second, host, reference = (
    model(), model(), plain().compile(dk.optimizers.LBFGS(maxiter=10**6, tol=0, ftol=0, maxfun=10**9), "mse"),
    model(Dense(64), Lambda(lambda x: x * 0.5, lambda dy, x, y: dy * 0.5)), model(engine="reference"))
trained = plain()
trained.fit(X[:1000], t[:1000], verbose=0)

def squares(out, y):
    return float(((out - y) ** 2).mean()), 2 * (out - y) / out.size

own_loss = plain().compile("sgd", squares)
grids = {"mean": np.linspace(-1, 1, 300), "std": np.linspace(0.5, 2, 300)}
long = dict(epochs=10**6, verbose=0)
calls = {
    "fit": lambda: fitted.fit(X, t, **long),
    "fit, validation": lambda: fitted.fit(X, t, validation_split=0.5, **long),
    "fit, batch by batch": lambda: by_batches.fit(X, t, callbacks=[Watch()], **long),
    "fit, L-BFGS": lambda: second.fit(X, t, verbose=0),
    "fit, a layer in Python": lambda: host.fit(X, t, **long),
    "fit, a loss in Python": lambda: own_loss.fit(X, t, **long),
    "fit, reference": lambda: reference.fit(X, t, **long),
    "train_on_batch": lambda: fitted.train_on_batch(X, t),
    "predict": lambda: fitted.predict(X),
    "predict, Monte Carlo": lambda: fitted.predict(X, mc_samples=1000),
    "evaluate": lambda: fitted.evaluate(X, t),
    "lr_finder": lambda: dk.lr_finder(plain(), X, t, steps=1000),
    "penalty_path": lambda: dk.sweeps.penalty_path(X, t[:, 0]),
    "dropout_sweep": lambda: dk.sweeps.dropout_sweep(model(Dense(64, "tanh"), Dropout(0.5)), X, t, (X, t), epochs=1000),
    "restarts": lambda: dk.diagnostics.restarts(plain, 1000, X, t, epochs=10),
    "learning_curve": lambda: dk.diagnostics.learning_curve(plain, X, t, X, t, epochs=100),
    "bias_variance": lambda: dk.diagnostics.bias_variance(plain, X, t, X, t, epochs=100),
    "diagnose": lambda: dk.diagnostics.diagnose(trained, X, t, X, t),
    "gradcheck": lambda: dk.diagnostics.gradcheck(plain(), X[:500], t[:500], method="central", coordinates=1000),
    "gradient_flow": lambda: dk.diagnostics.gradient_flow(trained, X, t, rows=20_000),
    "sign_coherence": lambda: dk.diagnostics.sign_coherence(trained, X, t),
    "stationary_point": lambda: dk.diagnostics.stationary_point(trained, X[:2000], t[:2000], steps=1000),
    "explain_backward": lambda: dk.diagnostics.explain_backward(trained, X[:1], t[:1]),
    "shift.report": lambda: dk.shift.report(X, new),
    "shift.report, labels": lambda: dk.shift.report(X, new, y_ref=y, y_new=y),
    "classifier_test": lambda: dk.shift.classifier_test(X, new),
    "ks_test": lambda: dk.shift.ks_test(X, new),
    "density_ratio_weights": lambda: dk.shift.density_ratio_weights(X, new),
    "autoencoder": lambda: dk.manifold.autoencoder(64, seed=0).fit(images, images, **long),
    "intrinsic_dimension": lambda: dk.manifold.intrinsic_dimension(X[:3000]),
    "hidden_spaces": lambda: dk.manifold.hidden_spaces(trained, X),
    "restart_rates": lambda: dk.optim2d.restart_rates("rastrigin"),
    "trajectory": lambda: dk.optim2d.trajectory("rosenbrock", steps=10**6),
    "likelihood.surface": lambda: dk.likelihood.surface("gaussian", X[:500, 0], grids),
    "MinMaxScaler": lambda: dk.preprocessing.MinMaxScaler().fit_transform(X),
    "StandardScaler": lambda: dk.preprocessing.StandardScaler().fit_transform(X),
    "clone and save": lambda: trained.clone().save("interrupted.npz"),
}
models = {
    "fit": fitted, "fit, validation": fitted, "fit, batch by batch": by_batches, "fit, L-BFGS": second,
    "fit, a layer in Python": host, "fit, a loss in Python": own_loss, "fit, reference": reference,
    "train_on_batch": fitted, "predict, Monte Carlo": fitted, "evaluate": fitted, "diagnose": trained,
}
after = {name: lambda one=one: usable(one) for name, one in models.items()}
"""
TRAINING_CALLS = [
    line.split('"')[1]
    for line in TRAINING.partition("calls = {")[2].partition("\n}")[0].splitlines()
    if line.startswith('    "')
]


@together(TRAINING_CALLS, 8)
def test_every_public_call_that_takes_long(calls, tmp_path, monkeypatch):
    if importlib.util.find_spec("scipy") is None:
        calls = [call for call in calls if "L-BFGS" not in call]
    monkeypatch.chdir(tmp_path)  # one of them saves
    check(TRAINING, calls, tries=5, latest=0.3)


ESTIMATORS = """
from densekit.sklearn import MLPClassifier, MLPRegressor
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from densekit.preprocessing import StandardScaler

data = np.random.default_rng(0)
X = data.normal(size=(5000, 20)).astype(np.float32)
y, t = (X[:, 0] > 0).astype(int), X[:, :2] @ [1.0, 2.0]
warnings.simplefilter("ignore")
begun = dict(max_iter=10**6, tol=0.0, n_iter_no_change=10**6, random_state=0)

def classifier(**more):
    return MLPClassifier((64,), **begun, **more)

def regressor(**more):
    return MLPRegressor(hidden_layer_sizes=(64,), **begun, **more)

made = {
    "classifier": classifier(),
    "classifier, early stopping": classifier(early_stopping=True),
    "classifier, lbfgs": classifier(solver="lbfgs", max_fun=10**9),
    "regressor": regressor(),
    "regressor, sgd, batch norm": regressor(solver="sgd", learning_rate_init=1e-4, batch_norm=True),
    "regressor, lbfgs": regressor(solver="lbfgs", max_fun=10**9),
}

def usable(one):
    target = y if isinstance(one, MLPClassifier) else t
    assert np.isfinite(one.score(X, target))
    assert one.predict(X).shape == target.shape
    assert all(np.isfinite(c).all() for c in one.coefs_)
    assert abs(one.n_iter_ - len(one.history_.get("loss", []))) <= 1

fitted = MLPClassifier((64,), max_iter=2, random_state=0).fit(X, y)
calls = {name: lambda one=one: one.fit(X, t if isinstance(one, MLPRegressor) else y) for name, one in made.items()} | {
    "partial_fit": lambda: fitted.partial_fit(X, y),
    "predict_proba": lambda: fitted.predict_proba(X),
    "grid search": lambda: GridSearchCV(classifier(), {"alpha": [1e-4, 1e-3]}, cv=3).fit(X, y),
    "cross validation of a pipeline": lambda: cross_val_score(make_pipeline(StandardScaler(), regressor()), X, t, cv=3),
}
after = {name: lambda one=one: usable(one) for name, one in made.items()}
"""
ESTIMATOR_CALLS = [line.split('"')[1] for line in ESTIMATORS.splitlines() if line.startswith('    "')]


@together(ESTIMATOR_CALLS, 5)
def test_estimators(calls):
    """No fit swallows the exception; a grid search ends with it instead of going on to the next cell."""
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    check(ESTIMATORS, calls, tries=5, latest=0.4)


@pytest.mark.parametrize("early", [False, True])
def test_an_interrupted_estimator_has_the_weights_so_far(early):
    """The epochs before the interrupt count: with early stopping the best of them, else the last."""
    sklearn = pytest.importorskip("densekit.sklearn", reason="scikit-learn is not installed")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 5))
    y = (X[:, 0] > 0).astype(int)
    settings = {"early_stopping": early, "random_state": 0, "tol": 0.0, "n_iter_no_change": 1000}
    settings |= {"learning_rate_init": 0.05}
    clf = sklearn.MLPClassifier((8,), max_iter=50, **settings)

    from densekit.sklearn import _training

    before, epochs = _training.record, []

    def record(estimator, logs):
        before(estimator, logs)
        epochs.append(logs)
        if len(epochs) == 20:
            raise KeyboardInterrupt

    _training.record = record
    try:
        with pytest.raises(KeyboardInterrupt):
            clf.fit(X, y)
    finally:
        _training.record = before
    assert clf.n_iter_ == 20
    assert clf.score(X, y) > 0.7
    if not early:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            whole = sklearn.MLPClassifier((8,), max_iter=20, **settings).fit(X, y)
        for a, b in zip(clf.coefs_, whole.coefs_, strict=True):
            np.testing.assert_array_equal(a, b)
