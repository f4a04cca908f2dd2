"""densekit.shift: tests beside SciPy, false alarms, shifts of known kind, and corrections of known truth."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest
import shift_rates
from shift_rates import classifier, two_classes

import densekit as dk
from densekit import shift
from densekit.layers import Dense
from densekit.shift import _pvalues as pvalues

# Numbers.


def test_tail_probabilities_are_those_of_scipy():
    stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
    for x in (0.05, 0.3, 0.7, 0.99, 1.0, 1.3, 2.0, 4.0):
        assert pvalues.kolmogorov_sf(x) == pytest.approx(stats.kstwobign.sf(x), rel=1e-9, abs=1e-13)
    for x, dof in [(0.1, 1), (3.84, 1), (5.0, 7), (40.0, 7), (300.0, 250), (900.0, 3)]:
        assert pvalues.chi2_sf(x, dof) == pytest.approx(stats.chi2.sf(x, dof), rel=1e-10)
    for z in (-3.0, 0.0, 1.5, 9.0):
        assert pvalues.normal_sf(z) == pytest.approx(stats.norm.sf(z), rel=1e-12)


def test_corrections():
    p = [0.01, 0.04, 0.03, 0.005]
    np.testing.assert_allclose(pvalues.adjusted(p, "bonferroni"), [0.04, 0.16, 0.12, 0.02])
    np.testing.assert_allclose(pvalues.adjusted(p, "holm"), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(pvalues.adjusted(p, "none"), p)
    with pytest.raises(ValueError, match=r"got 'holmes' \(did you mean 'holm'\?\)"):
        pvalues.adjusted(p, "holmes")


def test_ks_is_that_of_scipy(rng):
    stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
    a, b = rng.normal(size=(80, 3)), rng.normal(0.3, 1, size=(60, 3)).round(1)  # with ties
    found = shift.ks_test(a, b, correction="none")
    series = shift.ks_test(a, b, correction="none", method="series")
    for j in range(3):
        theirs = stats.ks_2samp(a[:, j], b[:, j], method="exact")
        assert found.statistic[j] == pytest.approx(theirs.statistic, abs=1e-15)
        assert found.p_value[j] == pytest.approx(theirs.pvalue, rel=1e-12)
        assert series.p_value[j] == pytest.approx(theirs.pvalue, rel=0.15)


def test_ks_without_scipy(rng, monkeypatch):
    a, b = rng.normal(size=50), rng.normal(size=40)
    series = shift.ks_test(a, b, method="series")
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    assert shift.ks_test(a, b).p == series.p
    with pytest.raises(ImportError, match="pip install scipy"):
        shift.ks_test(a, b, method="exact")


def test_chi2_is_that_of_scipy(rng):
    stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
    a, b = rng.integers(0, 4, 200), rng.integers(0, 3, 150)
    found = shift.chi2_test(a, b)
    theirs = stats.chi2_contingency([np.bincount(a, minlength=4), np.bincount(b, minlength=4)], correction=False)
    assert found.statistic[0] == pytest.approx(theirs.statistic, rel=1e-12)
    assert found.p == pytest.approx(theirs.pvalue, rel=1e-9)
    words = np.array(["red", "green", "blue", "grey"])
    assert shift.chi2_test(words[a], words[b]).p == pytest.approx(theirs.pvalue, rel=1e-9)
    assert shift.chi2_test(["a"] * 9, ["a"] * 5).p == 1


def test_columns_that_changed_are_named(rng):
    a, b = rng.normal(size=(200, 5)), rng.normal(size=(200, 5))
    b[:, 3] += 1
    b[:, 1] += 2
    found = shift.ks_test(a, b)
    assert found.features == ["x1", "x3"]
    assert str(found).startswith("Kolmogorov-Smirnov: changed, p = ")
    assert "bonferroni over 5); clearest in x1, x3" in str(found)
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    names = ["age", "weight", "height", "pulse", "sugar"]
    assert shift.ks_test(pandas.DataFrame(a, columns=names), b).features == ["weight", "pulse"]


@pytest.mark.parametrize("method", ["accuracy", "auc"])
def test_classifier_sees_what_no_single_column_shows(rng, method):
    a = rng.normal(size=(400, 3))
    b = rng.multivariate_normal(np.zeros(3), [[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]], 400)
    assert not shift.ks_test(a, b).rejected
    found = shift.classifier_test(a, b, method=method)
    assert found.rejected
    assert sorted(found.features) == ["x0", "x1"]
    again = shift.classifier_test(a, b, method=method)
    assert again.p == found.p


def test_area_under_curve_is_that_of_the_metric(rng):
    from densekit.shift._classifier import area_under_curve

    scores, y = rng.integers(0, 9, 60).astype(float), rng.integers(0, 2, 60)
    pairs = scores[y == 1][:, None] - scores[y == 0]
    assert area_under_curve(scores, y) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean(), abs=1e-12)


@pytest.mark.parametrize("name", shift_rates.RUNS)
def test_false_alarms(name):
    """60 runs here, 500 by the script's --full. 9 or more of 60 has a chance of 0.3 % at 0.05 a run."""
    if "exact" in name:
        pytest.importorskip("scipy", reason="SciPy is not installed")
    assert shift_rates.false_alarms(name, 60) <= 8


# Kinds.


def test_simulated_shifts_keep_what_they_say(rng):
    X, y = two_classes(rng, 4000)
    covariate = shift.simulate_covariate(X, y, strength=1, direction=[1, 0, 0, 1], seed=3)
    np.testing.assert_array_equal(X[covariate.index], covariate.X)
    np.testing.assert_array_equal(y[covariate.index], covariate.y)
    assert len(np.unique(covariate.index)) == len(covariate.index)
    assert covariate.X[:, 3].mean() > 0.2
    assert abs(covariate.X[:, 1].mean()) < 0.1
    # The ratio turns means over the table into means over the sample.
    np.testing.assert_allclose(np.average(X, axis=0, weights=covariate.ratio), covariate.X.mean(axis=0), atol=0.06)
    label = shift.simulate_label(X, y, [0.9, 0.1], seed=3)
    assert label.y.mean() == pytest.approx(0.1, abs=1e-3)
    assert label.ratio.mean() == pytest.approx(1)
    np.testing.assert_allclose(label.X[label.y == 1].mean(axis=0), X[y == 1].mean(axis=0), atol=0.2)
    concept = shift.simulate_concept(X, y, direction=2)
    np.testing.assert_array_equal(concept.y != y, X[:, 2] > X[:, 2].mean())
    numbers = shift.simulate_concept(X, X[:, 0], strength=2, direction=2).y
    np.testing.assert_allclose(numbers, X[:, 0] + 2 * X[:, 0].std() * (X[:, 2] - X[:, 2].mean()) / X[:, 2].std())


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", shift_rates.KINDS)
def test_report_names_the_kind(kind, seed):
    (X, y), (X_new, y_new) = shift_rates.shifted(kind, two_classes, seed)
    found = shift.report(X, X_new, y_ref=y, y_new=y_new, seed=seed)
    assert found.kind == kind, str(found)
    assert found.changed == (kind != "none")
    unnamed = shift.report(X, X_new, seed=seed)
    # Without labels no kind is named, and a change of the concept alone cannot be seen.
    assert unnamed.kind == ("unknown" if kind in ("covariate", "label") else "none"), str(unnamed)
    if kind == "covariate":
        assert found.features[0] == "x1"
        assert "only labels of new rows can tell" in unnamed.message


def test_report_of_numbers_and_categories(rng):
    X = np.column_stack([rng.normal(size=(800, 2)), rng.integers(0, 3, 800)])
    y = X[:, 0] + 0.3 * rng.normal(size=800)
    moved = shift.simulate_concept(X[400:], y[400:], strength=1, direction=1)
    found = shift.report(X[:400], moved.X, y_ref=y[:400], y_new=moved.y, categorical=[2])
    assert found.kind == "concept"
    assert found.test("chi-squared").names == ("x2",)
    assert found.test("Kolmogorov-Smirnov").names == ("x0", "x1")
    with pytest.raises(KeyError, match="no test 'MMD'; there are 'Kolmogorov-Smirnov', 'chi-squared'"):
        found.test("MMD")


def test_report_with_a_model(rng):
    (X, y), (X_ref, y_ref), (X_pool, y_pool) = (two_classes(rng, n) for n in (1500, 1000, 3000))
    model = classifier(X, y)
    new = shift.simulate_label(X_pool, y_pool, [0.9, 0.1], size=800)
    unnamed = shift.report(X_ref, new.X, y_ref=y_ref, model=model)
    assert unnamed.kind == "unknown"
    assert unnamed.test("model outputs (BBSD)").rejected
    assert "The model's outputs changed, too" in unnamed.message
    assert unnamed.priors.priors_new[1] == pytest.approx(0.1, abs=0.03)
    named = shift.report(X_ref, new.X, y_ref=y_ref, y_new=new.y, model=model)
    assert named.kind == "label"
    assert "bbse" in named.advice
    turned = shift.simulate_concept(X_pool[:1000], y_pool[:1000])
    named = shift.report(X_ref, turned.X, y_ref=y_ref, y_new=turned.y, model=model)
    assert named.kind == "concept"
    assert named.test("model accuracy").statistic[0] == pytest.approx(0.3, abs=0.15)
    assert str(named).endswith("Try: train on new labelled rows: no weights make the old labels right")


# Corrections.


@pytest.mark.parametrize("seed", range(3))
def test_label_shift_is_recovered(seed):
    """50:50 becomes 90:10; the estimate is within 0.03, and the corrections help."""
    even, new = shift_rates.even_and_uneven(seed)
    model = classifier(even.X[:3000], even.y[:3000], seed)
    found = shift.bbse(model, even.X[3000:], even.y[3000:], new.X)
    assert abs(found.priors_new[0] - 0.9) < 0.03
    assert abs(found.priors_new[0] - 0.9) < 4 * found.std[0]
    np.testing.assert_allclose(found.weights, found.priors_new / found.priors_ref)
    np.testing.assert_allclose(found.joint @ (found.priors_new / found.priors_ref), found.predicted, atol=1e-12)
    np.testing.assert_array_equal(found.sample_weight([1, 0]), found.weights[[1, 0]])
    plain = model.predict(new.X)
    corrected = shift.posterior_correction(plain, found.weights)
    before, after = ((p.argmax(axis=1) == new.y).mean() for p in (plain, corrected))
    assert after > before + 0.03
    again = dk.Sequential([Dense(16, "relu"), Dense(2, "softmax")], seed=0)
    again.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    again.fit(even.X[:3000], even.y[:3000], sample_weight=found.sample_weight(even.y[:3000]), epochs=5, verbose=0)
    assert again.evaluate(new.X, new.y)["accuracy"] > before


def test_words_as_labels_of_a_scikit_learn_model(rng):
    linear = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    X, y = rng.normal(size=(900, 2)), rng.normal(size=900)
    words = np.where(X[:, 0] + 0.3 * y > 0, "yes", "no")
    model = linear.LogisticRegression().fit(X[:300], words[:300])
    new = shift.simulate_label(X[600:], (words[600:] == "yes").astype(int), [0.8, 0.2])
    found = shift.bbse(model, X[300:600], words[300:600], new.X)
    assert list(found.classes) == ["no", "yes"]
    assert found.priors_new[1] == pytest.approx(0.2, abs=0.1)
    np.testing.assert_array_equal(found.sample_weight(["yes", "no"]), found.weights[[1, 0]])
    assert str(found).startswith("class no: ")
    unnamed = shift.report(X[300:600], new.X, y_ref=words[300:600], model=model)
    assert unnamed.priors.priors_new[1] == found.priors_new[1]
    with pytest.raises(ValueError, match="y_ref has the label perhaps, but the model knows 2 classes, no to yes"):
        shift.bbse(model, X[:2], ["yes", "perhaps"], X)


def test_new_rows_far_from_all_old_ones_are_told(rng):
    X = rng.normal(size=(200, 2))
    found = shift.density_ratio_weights(X, X + 20)
    assert found.mean < 0.1
    assert "where 1 is right: many new rows have no old ones near" in str(found)


def test_size_of_the_numbers_does_not_matter(rng):
    X, Z = rng.normal(size=(200, 2)), rng.normal(1, 1, size=(200, 2))
    plain, huge = shift.classifier_test(X, Z), shift.classifier_test(X * 1e200, Z * 1e200)
    assert plain.rejected
    assert huge.p == pytest.approx(plain.p, rel=1e-3)


def test_labels_of_one_class(rng):
    X = rng.normal(size=(200, 2))
    one = np.zeros(100, int)
    assert shift.report(X[:100], X[100:], y_ref=one, y_new=one).kind == "none"
    assert shift.report(X[:100], X[100:], y_ref=one, y_new=one + 1).kind == "label"


def test_confusing_models_are_refused(rng):
    X, y = rng.normal(size=(400, 2)), rng.integers(0, 2, 400)
    with pytest.raises(ValueError, match=r"confuses the classes: the condition number .* above max_condition=20"):
        shift.bbse(lambda X: np.column_stack([X[:, 0] > 0, X[:, 0] <= 0]).astype(float), X, y, X)
    with pytest.raises(ValueError, match="y_ref has no row of class 0"):
        shift.bbse(lambda X: np.full((len(X), 2), 0.5), X, np.ones(400, int), X)


def test_weighted_risk_is_unbiased():
    """Means over old rows with estimated weights are those over new rows: eight samples, the mean error about 0."""
    plain, weighted = [], []
    for seed in range(8):
        rng = np.random.default_rng([seed, 3])
        X, pool = rng.normal(size=(800, 2)), rng.normal(size=(1600, 2))
        new = shift.simulate_covariate(pool, strength=1, seed=seed).X
        w = shift.density_ratio_weights(X, new, clip=1.0, seed=seed).weights
        truth = np.average(_risk(pool), weights=shift.simulate_covariate(pool, strength=1, seed=seed).ratio)
        plain.append(_risk(X).mean() - truth)
        weighted.append(np.average(_risk(X), weights=w) - truth)
    assert np.mean(plain) < -0.5
    assert abs(np.mean(weighted)) < 0.08


def _risk(X):
    return (X[:, 0] + 0.5) ** 2 + X[:, 0]


def test_density_ratio(rng):
    X, pool = rng.normal(size=(2000, 2)), rng.normal(size=(4000, 2))
    new = shift.simulate_covariate(pool, strength=1)
    found = shift.density_ratio_weights(X, new.X)
    truth = 2 / (1 + np.exp(-2 * X[:, 0]))
    assert np.corrcoef(found.weights, truth)[0, 1] > 0.95
    assert found.weights.mean() == pytest.approx(1, abs=0.1)
    assert found.effective_rows == pytest.approx(found.weights.sum() ** 2 / (found.weights**2).sum())
    assert found.weights.max() == found.limit
    assert found.clipped == 20
    assert re.fullmatch(r"2000 rows weigh as much as \d+; 20 weights clipped at [\d.]+", str(found))


def test_posterior_correction_is_bayes(rng):
    p = rng.dirichlet(np.ones(3), 5)
    w = np.array([0.5, 1.0, 2.0])
    np.testing.assert_allclose(shift.posterior_correction(p, w), p * w / (p * w).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(shift.posterior_correction([0.25, 0.5], [1, 3]), [0.5, 0.75])
    assert shift.posterior_correction([[0.25]], [1, 3]).shape == (1, 1)
    with pytest.raises(ValueError, match="row 0 of p is certain of a class that weighs 0"):
        shift.posterior_correction([[1.0, 0.0]], [0, 1])


# What is refused.

ROWS = np.arange(60.0).reshape(30, 2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: shift.ks_test(ROWS, ROWS[:, :1]), ValueError, r"X_ref is \(30, 2\) but X_new is \(30, 1\)"),
        (lambda: shift.ks_test(ROWS, ROWS[:0]), ValueError, r"X_new is \(0, 2\): it has no rows"),
        (lambda: shift.ks_test(ROWS, np.where(ROWS == 3, np.nan, ROWS)), ValueError, r"X_new\[1, 1\] is nan"),
        (lambda: shift.ks_test(ROWS, ROWS, alpha=0), ValueError, r"alpha must be .* \(0, 1\), got 0"),
        (lambda: shift.ks_test(ROWS, ROWS, correction="bon"), ValueError, "correction must be one of"),
        (lambda: shift.classifier_test(ROWS[:9], ROWS), ValueError, "9 and 30 rows, expected 20 or more of each"),
        (lambda: shift.report(ROWS, ROWS, y_new=ROWS[:, 0]), ValueError, "y_new is given without y_ref"),
        (lambda: shift.report(ROWS, ROWS, y_ref=[1], y_new=[1]), ValueError, r"y_ref is \(1,\) but X has 30 rows"),
        (lambda: shift.report(ROWS, ROWS, categorical=[2]), ValueError, "categorical must be .* from 0 to 1, got 2"),
        (lambda: shift.bbsd(3, ROWS, ROWS), TypeError, "must have predict_proba or predict, .* got 3"),
        (lambda: shift.bbsd(lambda X: X, ROWS, ROWS), ValueError, "must give probabilities .* from 0 to 59"),
        (lambda: shift.simulate_label(ROWS, ROWS[:, 0], [0.5, 0.5]), TypeError, "y must be labels"),
        (lambda: shift.simulate_label(ROWS, [0, 1] * 15, [0.5, 0.6]), ValueError, "priors add up to 1.1"),
        (
            lambda: shift.simulate_label(ROWS, [0, 1] * 15, [0.5, 0.5], size=40),
            ValueError,
            "size=40 needs 20 rows of class 0, y has 15",
        ),
        (lambda: shift.simulate_covariate(ROWS, direction=[1]), ValueError, r"direction is \(1,\)"),
        (lambda: shift.simulate_covariate(np.ones((4, 1))), ValueError, "all rows lie at the same place"),
        (lambda: shift.simulate_concept(ROWS, None), TypeError, "y is None"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
