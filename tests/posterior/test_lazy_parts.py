"""A fit to data on the disk that are read in parts is that of memory: SVI by minibatches, Laplace by passes."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes.data import blocks
from sdebayes.inference.checkpoint import Checkpoint
from tests.inference.sufficient_statistics.test_documents import ALONE

STEPS, COUNT = 10, 200
STRATEGY = sb.SVI(draws=60, steps=300, batch=16, particles=2)


@pytest.fixture
def lazy(tmp_path, monkeypatch):
    """Trajectories on the disk, read 10 at a time, of which 50 are kept."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((COUNT, STEPS, 1))
    for step in range(1, STEPS):
        values[:, step] = 0.6 * values[:, step - 1] + 0.8 * values[:, step]
    whole = sb.trajectories(0.4 * rng.standard_normal(values.shape) + values)
    monkeypatch.setattr(blocks, "READ", 160 * STEPS)
    monkeypatch.setattr(blocks, "KEPT", 50 * STEPS)
    whole.chunk(trajectory=10).to_zarr(tmp_path / "a.zarr", consolidated=False, zarr_format=2)
    return xr.open_zarr(tmp_path / "a.zarr", consolidated=False, chunks=None)


def unconstrained(posterior: sb.Posterior) -> dict[str, np.ndarray]:
    return {name: draws.values for name, draws in posterior.data["unconstrained"].data_vars.items()}


def assert_same(one: sb.Posterior, other: sb.Posterior, tolerance: float) -> None:
    mine, others = unconstrained(one), unconstrained(other)
    assert set(mine) == set(others)
    for name, draws in mine.items():
        np.testing.assert_allclose(draws, others[name], rtol=tolerance, atol=tolerance)
    for name in one.data["sample_stats"].data_vars:
        np.testing.assert_allclose(
            one.data["sample_stats"][name], other.data["sample_stats"][name], rtol=1e-6, atol=1e-6
        )


@pytest.mark.thorough
def test_minibatches_from_the_disk_give_the_draws_of_memory(lazy, tmp_path, monkeypatch):
    """Also where the run from the disk is interrupted, and goes on."""
    held = lazy.copy(deep=True).load()
    model = ALONE.scaled_to(held)
    expected = sb.fit(model, held, STRATEGY, seed=3, progress=False)
    assert "kept_trajectories" not in expected.data.attrs
    fresh = xr.open_zarr(tmp_path / "a.zarr", consolidated=False, chunks=None)
    whole = sb.fit(model, fresh, STRATEGY, seed=3, progress=False)
    assert whole.data.attrs["kept_trajectories"] == "50 of 200"
    assert whole.data.attrs["likelihood_from"] == "200 trajectories on the disk"
    assert_same(whole, expected, 1e-9)
    np.testing.assert_allclose(whole.data["elbo"]["elbo"], expected.data["elbo"]["elbo"], rtol=1e-9)
    keep, calls = Checkpoint.keep, []

    def interrupted(self, index, state, records):
        keep(self, index, state, records)
        calls.append(index)
        if calls == [0, 1]:
            raise KeyboardInterrupt

    options = {"seed": 3, "progress": False, "checkpoint": tmp_path / "kept"}
    monkeypatch.setattr(Checkpoint, "keep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sb.fit(model, fresh, STRATEGY, **options)
    resumed = sb.fit(model, fresh, STRATEGY, **options)
    assert calls == [0, 1, 1, 1]
    for group in ("posterior", "sample_stats", "unconstrained", "elbo"):
        assert resumed.data[group].to_dataset().identical(whole.data[group].to_dataset())


@pytest.mark.thorough
def test_a_mode_found_by_passes_is_that_of_memory(lazy, tmp_path):
    """Of a model without sums; the curvature is that of a quarter of the data, to some tenth."""
    held = lazy.copy(deep=True).load()
    model = sb.SDEModel(sb.priors.Linear(), observation=sb.StudentTNoise()).scaled_to(held)
    fresh = xr.open_zarr(tmp_path / "a.zarr", consolidated=False, chunks=None)
    expected, found = (sb.fit(model, data, sb.Laplace(draws=400), progress=False) for data in (held, fresh))
    assert found.data.attrs["kept_trajectories"] == "50 of 200"
    others = unconstrained(expected)
    for name, draws in unconstrained(found).items():
        scale = others[name].std(axis=1)
        assert np.all(np.abs(draws.mean(axis=1) - others[name].mean(axis=1)) < 0.4 * scale), name
        assert np.all(np.abs(np.log(draws.std(axis=1) / scale)) < 0.5), name
    evidence = [one.data.attrs["log_evidence"] for one in (found, expected)]
    assert abs(evidence[0] - evidence[1]) < 1
