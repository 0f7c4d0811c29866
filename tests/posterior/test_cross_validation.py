"""Every trajectory is scored by fits that have not seen it."""

from __future__ import annotations

import dask
import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core.errors import DataError, ModelError, StoreError

STRATEGY = sb.Laplace(draws=26)
MODELS = {"linear": sb.SDEModel(observation=sb.Exact())}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    paths = np.zeros((9, 20, 1))
    for step in range(1, 20):
        paths[:, step] = 0.6 * paths[:, step - 1] + rng.standard_normal((9, 1))
    return sb.trajectories(list(paths), names=[f"n{i}" for i in range(9)], groups=list("aabbbcccc"))


def cross_validate(models, data, **options):
    return sb.cross_validate(models, data, STRATEGY, progress=False, **options)


@pytest.fixture(scope="module")
def table(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    return cross_validate(MODELS, data, folds=3, checkpoint=folder), folder


def test_scores_are_those_of_fits_to_the_other_folds(table, data):
    found, _ = table
    for fold in range(3):
        held_out = found["fold"].values == fold
        assert held_out.sum() == 3
        own = data.isel(trajectory=held_out)
        posterior = sb.fit(MODELS["linear"], data.isel(trajectory=~held_out), STRATEGY, progress=False)
        expected = sb.compare({"linear": posterior}, own)
        part = found.isel(trajectory=held_out).drop_vars("fold")
        xr.testing.assert_allclose(part["log_score"], expected["log_score"].drop_vars(["in_sample"]))
        np.testing.assert_array_equal(part["n_observed"], expected["n_observed"])
    assert list(found["candidate"].values) == [
        "linear",
        "iid",
        "iid + document effect",
        "random walk + noise",
    ]
    assert found["converged"].dims == ("candidate", "fold")


def test_folds_are_the_same_as_tasks_of_a_scheduler(table, data):
    with dask.config.set(scheduler="threads", num_workers=2):
        xr.testing.assert_identical(cross_validate(MODELS, data, folds=3), table[0])


def test_folds_have_some_of_each_group(table, data):
    found, _ = table
    for name, most in (("a", 1), ("b", 1), ("c", 2)):
        counts = np.bincount(found["fold"].values[data["group"].values == name], minlength=3)
        assert counts.max() - counts.min() <= 1
        assert counts.max() == most


def test_claims_and_figures_read_it(table):
    found, _ = table
    assert set(sb.claims(found)["claim"].values) >= {"order"}
    sb.plots.scores.differences(found)


def test_finished_folds_are_kept(table, data, monkeypatch):
    found, folder = table
    (folder / "fold-1.npz").unlink()
    fits = []

    def counted(*arguments, **options):
        fits.append(arguments)
        return sb.fit(*arguments, **options)

    monkeypatch.setattr("sdebayes.posterior.cross_validation.fit", counted)
    again = cross_validate(MODELS, data, folds=3, checkpoint=folder)
    assert len(fits) == 1
    xr.testing.assert_identical(again, found)
    with pytest.raises(StoreError, match="another comparison"):
        cross_validate(MODELS, data, folds=2, checkpoint=folder)


def test_the_space_is_that_of_the_training_folds(data):
    rng = np.random.default_rng(1)
    embedding = data["y"].values @ rng.standard_normal((1, 4)) + 0.1 * rng.standard_normal((9, 20, 4))
    traj = data.drop_vars(["y", "state"]).assign(y=(("trajectory", "time", "embedding"), embedding))
    found = cross_validate(MODELS, traj, folds=3, projection=sb.PCA(1), nulls=False, seed=1)
    held_out = found["fold"].values == 0
    space = sb.PCA(1).fit(traj.isel(trajectory=~held_out))
    train, test = (space.transform(traj.isel(trajectory=rows)) for rows in (~held_out, held_out))
    expected = sb.fit(MODELS["linear"], train, STRATEGY, seed=1, progress=False).log_score(test)
    np.testing.assert_allclose(found["log_score"][0, held_out], expected)


def test_what_cannot_be_compared_is_refused(data):
    scaled = {"linear": MODELS["linear"].scaled_to(data)}
    for models, options, error, message in (
        ({}, {}, ModelError, "got no model"),
        (scaled, {}, ModelError, "'linear' is scaled to data already"),
        ({"iid": MODELS["linear"]}, {}, ModelError, "name of a null"),
        (MODELS, {"baseline": "none"}, ModelError, "is no row; the rows are linear, iid"),
        (MODELS, {"folds": 10}, DataError, "folds=10 of 9 trajectories; expected a number from 2 to 9"),
        (MODELS, {"projection": sb.PCA(1)}, DataError, "need no projection"),
    ):
        with pytest.raises(error, match=message):
            cross_validate(models, data, **options)
