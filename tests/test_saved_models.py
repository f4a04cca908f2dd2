"""Models that earlier versions saved load, predict what they predicted then, and train on as they would have."""

from __future__ import annotations

import io
import pathlib
import sys
import zipfile

import numpy as np
import pytest
from saved_objects import CUSTOM

import densekit as dk

ROOT = pathlib.Path(__file__).parent.parent
ARCHIVES = sorted((ROOT / "tests" / "saved").glob("*.zip"))
GOLDEN = ()  # versions whose bits are promised: from the first release with golden hashes on
# Since then a schedule inside a WarmUp counts the model's epochs in train_on_batch, too.
COUNTED_UPDATES_AS_EPOCHS = {("0.1.0", "schedule-warm_up")}

sys.path.insert(0, str(ROOT / "tools"))
from make_saved_models import LAYERS, LOSSES, OPTIMIZERS, data, models, targets  # noqa: E402


def member(archive, name):
    return np.load(io.BytesIO(archive.read(name)))


def assert_close(ours, theirs, what, exact):
    """Within the bounds of the operations: a few roundings a layer and an update."""
    if exact:
        np.testing.assert_array_equal(ours, theirs, err_msg=what)
    else:
        eps = np.finfo(theirs.dtype).eps
        np.testing.assert_allclose(ours, theirs, rtol=1e4 * eps, atol=1e3 * eps, err_msg=what)


def test_the_oldest_version_is_there():
    assert "0.1.0.zip" in [path.name for path in ARCHIVES]
    assert sum(path.stat().st_size for path in ARCHIVES) < 2**20


@pytest.mark.parametrize("path", ARCHIVES, ids=lambda path: path.stem)
def test_an_archive_has_every_kind(path):
    with zipfile.ZipFile(path) as archive:
        names = {name.removesuffix(".npz") for name in archive.namelist() if name.endswith(".npz")}
    wanted = {f"{a}-{b}-{dtype}" for a in LAYERS for b in OPTIMIZERS for dtype in ("float32", "float64")}
    assert wanted | {f"loss-{name}" for name in LOSSES} <= names


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("path", ARCHIVES, ids=lambda path: path.stem)
def test_saved_models_load_predict_and_train_on(path, engine, tmp_path):
    x, y = data()
    kinds = {name: kind for name, (_, kind) in models().items()}
    file, exact = tmp_path / "model.npz", path.stem in GOLDEN and engine == "native"
    with zipfile.ZipFile(path) as archive:
        np.testing.assert_array_equal(member(archive, "x.npy"), x)
        names = [name.removesuffix(".npz") for name in archive.namelist() if name.endswith(".npz")]
        for name in names:
            file.write_bytes(archive.read(f"{name}.npz"))
            model = dk.load(file, CUSTOM, engine=engine)
            assert model.name == name
            if name == "unbuilt":
                assert not model.built
                continue
            assert_close(model.predict(x), member(archive, f"{name}.predictions.npy"), name, exact)
            wanted = targets(kinds[name], y)
            schedule = model.optimizer.schedule
            for half in (slice(0, 4), slice(4, 8)):
                if (path.stem, name) in COUNTED_UPDATES_AS_EPOCHS:
                    model.set_lr(float(schedule.values(model.step, 1, steps_per_epoch=1)[0]))
                model.train_on_batch(x[half], wanted[half])
            assert_close(model.predict(x), member(archive, f"{name}.after.npy"), f"{name}, trained on", exact)


@pytest.mark.parametrize("path", ARCHIVES, ids=lambda path: path.stem)
def test_what_is_loaded_can_be_saved_again(path, tmp_path):
    x, _ = data()
    with zipfile.ZipFile(path) as archive:
        for name in [n for n in archive.namelist() if n.endswith("float32.npz") or n.startswith("loss")]:
            if not name.endswith(".npz"):
                continue
            (tmp_path / "old.npz").write_bytes(archive.read(name))
            model = dk.load(tmp_path / "old.npz", CUSTOM)
            model.save(tmp_path / "new.npz")
            again = dk.load(tmp_path / "new.npz", CUSTOM)
            np.testing.assert_array_equal(again.predict(x), model.predict(x), err_msg=name)
            assert again.step == model.step
