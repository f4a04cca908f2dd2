"""Golden hashes: the same bits on every instruction set with FMA, and in every later version."""

from __future__ import annotations

import dataclasses
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from conftest import LEVELS
from thorough import some

import densekit as dk
from densekit import _core, _verify

GOLDEN = pathlib.Path(__file__).parent / "golden"
TRAININGS = list(_verify.read((GOLDEN / "trainings.txt").read_text(encoding="utf-8").splitlines()))
HASHES = _verify.read_hashes((GOLDEN / "hashes.txt").read_text(encoding="utf-8").splitlines())
SOME = some(TRAININGS, 10)


def test_there_are_enough_trainings_with_hashes_for_all():
    assert len(TRAININGS) >= 500
    assert len({one.name for one in TRAININGS}) == len(TRAININGS)
    assert set(HASHES) == {
        (one.name, dtype, family) for one in TRAININGS for dtype in _verify.DTYPES for family in ("fma", "baseline")
    }
    assert len(set(HASHES.values())) > 0.99 * len(HASHES)  # they depend on what was trained
    fma = [HASHES[one.name, "float64", "fma"] for one in TRAININGS]
    baseline = [HASHES[one.name, "float64", "baseline"] for one in TRAININGS]
    assert sum(a != b for a, b in zip(fma, baseline, strict=True)) > 450


@pytest.mark.parametrize("dtype", _verify.DTYPES)
def test_trainings_have_their_golden_bits(level, dtype):
    differ = [t.name for t in SOME if t.hash(dtype) != HASHES[t.name, dtype, _verify.family(level)]]
    assert not differ, "a change of bits: run tools/make_golden.py hashes, and write a line in the changelog"


def test_a_training_survives_as_text():
    for one in TRAININGS:
        assert _verify.Training.of_line(one.line()) == one


def test_the_data_are_what_they_were():
    """Exact arithmetic on Philox words: pinned, because NumPy must not change them."""
    one = next(t for t in TRAININGS if t.targets == "numbers")
    x, y, _ = one.data("float64")
    assert np.abs(x).max() < 1 < np.abs(y).max() < 2
    assert (x * 2**32 == np.round(x * 2**32)).all()
    assert sorted(one.order(0)) == list(range(one.rows))
    assert (one.order(0) != one.order(1)).any()


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_no_number_of_threads_changes_golden_bits(backend, threads_forced, threads):
    threads_forced(threads)
    family = _verify.family(_core.active_level())
    for one in SOME[::5]:
        for dtype in _verify.DTYPES:
            assert one.hash(dtype) == HASHES[one.name, dtype, family], one.name


# verify.


def test_verify_agrees_on_every_level_of_this_machine():
    before = _core.active_level()
    found = dk.verify("all")
    assert _core.active_level() == before
    assert found
    assert list(found.checked) == LEVELS
    assert min(found.checked.values()) >= 40
    assert f"{LEVELS[0]:>9}: all" in str(found)


def test_verify_names_what_differs(monkeypatch):
    trainings, hashes = _verify._shipped()
    wrong = dict(hashes)
    family = _verify.family(_core.active_level())
    wrong[trainings[3].name, "float32", family] = "0" * 64
    monkeypatch.setattr(_verify, "_shipped", lambda: (trainings, wrong))
    found = dk.verify()
    assert not found
    assert found.failed == [(_core.active_level(), trainings[3].name, "float32")]
    assert f"1 of {2 * len(trainings)} trainings DIFFER" in str(found)
    assert f"{trainings[3].name} in float32" in str(found)


def test_another_seed_of_the_data_would_be_noticed():
    one = dataclasses.replace(TRAININGS[0], seed=TRAININGS[0].seed + 1)
    assert one.hash("float64") != TRAININGS[0].hash("float64")


def test_verify_refuses_levels_that_are_not_there():
    with pytest.raises(ValueError, match=r"verify: level must be one of .*'x99'"):
        dk.verify("x99")


def test_what_ships_is_a_part_of_the_golden_trainings():
    trainings, hashes = _verify._shipped()
    everything = {one.name: one for one in TRAININGS}
    assert all(everything[one.name] == one for one in trainings)
    assert {key: HASHES[key] for key in hashes} == hashes
    kinds = {kind for one in trainings for kind in kinds_of(one)}
    assert kinds == {kind for one in TRAININGS for kind in kinds_of(one)}


def kinds_of(one):
    sys.path.insert(0, str(GOLDEN.parent.parent / "tools"))
    from make_golden import kinds_of

    return kinds_of(one)


def test_the_command_line(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "densekit", "verify"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f"{level:>9}: all" in done.stdout for level in LEVELS)
    done = subprocess.run(
        [sys.executable, "-m", "densekit", "verify", "--isa", "mmx"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 2
    assert "mmx" in done.stderr
