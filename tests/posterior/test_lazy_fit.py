"""A fit to data on the disk: by sums over all of them where these tell all, else of what memory holds."""

from __future__ import annotations

import dask
import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core import memory
from sdebayes._core.errors import DataError, ModelError
from sdebayes.data import blocks
from sdebayes.posterior import reading
from sdebayes.posterior.fit import data_hash
from tests.inference.sufficient_statistics.test_documents import ALONE

STEPS = 10


@pytest.fixture(scope="module")
def whole():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((200, STEPS, 1))
    for step in range(1, STEPS):
        values[:, step] = 0.6 * values[:, step - 1] + 0.8 * values[:, step]
    noisy = 0.5 * rng.standard_normal((200, 1, 1)) + 0.4 * rng.standard_normal(values.shape)
    return sb.trajectories(noisy + values)


@pytest.fixture
def lazy(whole, tmp_path, monkeypatch):
    """The same on the disk, read 30 trajectories at a time, of which 40 are kept."""
    monkeypatch.setattr(blocks, "READ", 30 * STEPS)
    monkeypatch.setattr(blocks, "KEPT", 40 * STEPS)
    whole.to_zarr(tmp_path / "a.zarr", consolidated=False, zarr_format=2)
    return xr.open_zarr(tmp_path / "a.zarr", consolidated=False, chunks=None)


@pytest.mark.thorough
def test_a_posterior_is_that_of_all_data_and_keeps_some(whole, lazy):
    model, strategy = ALONE.scaled_to(whole), sb.Laplace(draws=40)
    expected = sb.fit(model, whole, strategy)
    with dask.config.set(scheduler="threads"):
        found = sb.fit(model, lazy, strategy)
    for name, draws in expected.data["unconstrained"].data_vars.items():
        np.testing.assert_allclose(found.data["unconstrained"][name], draws, rtol=1e-4, atol=1e-6)
    attrs = found.data.attrs
    assert attrs["likelihood_from"] == expected.data.attrs["likelihood_from"] == "sums over 200 trajectories"
    assert attrs["data_hash"] == expected.data.attrs["data_hash"]
    assert attrs["kept_trajectories"] == "40 of 200"
    chosen = whole.isel(trajectory=np.linspace(0, 199, 40).round().astype(int))
    xr.testing.assert_allclose(found.training_data()["y"], chosen["y"])
    likelihood = expected.data["log_likelihood"]["y"].sel(trajectory=chosen["trajectory"])
    xr.testing.assert_allclose(found.data["log_likelihood"]["y"], likelihood, rtol=1e-4)
    with pytest.raises(ModelError, match="read from the disk as sums alone"):
        sb.fit(model, lazy, sb.Laplace(draws=40, exact_dimension=1))


def test_a_hash_is_that_of_all_at_once(whole, lazy):
    assert data_hash(lazy, []) == data_hash(whole, [])


@pytest.mark.parametrize("strategy", [sb.SVI(), sb.NUTS()], ids=["strategy", "model"])
def test_what_must_be_held_is_refused_where_there_is_no_room(lazy, strategy, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1000)
    model = ALONE if isinstance(strategy, sb.SVI) else sb.SDEModel(observation=sb.StudentTNoise())
    with pytest.raises(DataError, match="This fit reads the trajectories themselves"):
        sb.fit(model, lazy, strategy)


def test_data_that_are_read_at_once_are_held_whole(whole, lazy, monkeypatch):
    monkeypatch.setattr(blocks, "READ", whole["y"].size)
    read = reading.read_for(sb.NUTS(), ALONE, lazy)
    assert read.sums is None
    assert read.data is lazy


def test_a_fault_of_a_trajectory_that_is_not_kept_is_found(lazy):
    bad = lazy.assign(y=lazy["y"].where(lazy["trajectory"] != "trajectory 2", np.inf))
    with pytest.raises(DataError, match="'trajectory 2': the value at step 0, state x1, is infinite"):
        sb.fit(ALONE, bad.chunk(trajectory=30), sb.NUTS())
