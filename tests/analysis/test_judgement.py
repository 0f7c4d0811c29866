"""Persistence, coverage and shares of variance against closed forms and other routes."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from scipy.stats import binomtest

from sdebayes._core.errors import DataError, ModelError
from sdebayes.analysis import calibration, persistence, variance
from sdebayes.data import trajectories
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift, ObservedSDE


def autoregression(rho: float, steps: int = 4000) -> xr.Dataset:
    generator = np.random.default_rng(0)
    x = np.zeros((5, steps, 1))
    for k in range(1, steps):
        x[:, k] = rho * x[:, k - 1] + np.sqrt(1 - rho**2) * generator.standard_normal((5, 1))
    return trajectories(list(x))


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_persistence_of_an_autoregression_is_its_closed_form(rho):
    found = persistence.persistence(autoregression(rho), shuffles=3)
    expected = {
        "autocorrelation": rho,
        "r2_next": rho**2,
        "r2_increment": (1 - rho) / 2,
        "r2_increment_reference": (1 - rho) / 2,
    }
    for name, value in expected.items():
        assert float(found[name][0]) == pytest.approx(value, abs=0.03)
    assert abs(found["autocorrelation_shuffled"]).max() < 0.03
    assert abs(found["r2_increment_shuffled"] - 0.5).max() < 0.03


def test_persistence_needs_enough_pairs():
    with pytest.raises(DataError, match="pairs"):
        persistence.persistence(trajectories(np.random.default_rng(0).standard_normal((1, 5, 4))))
    with pytest.raises(DataError, match="shuffles=0"):
        persistence.persistence(autoregression(0.0, 20), shuffles=0)


def test_coverage_counts_and_has_wilsons_interval():
    values = np.linspace(0.005, 0.995, 100)
    pits = xr.DataArray(
        np.stack([values, np.where(values < 0.3, np.nan, values)], -1)[None],
        dims=("trajectory", "time", "state"),
    )
    found = calibration.coverage(pits, 0.5, 0.95)
    np.testing.assert_array_equal(found["count"], [100, 70])
    for state, inside in enumerate([50, 45]):
        interval = binomtest(inside, int(found["count"][state])).proportion_ci(0.95, "wilson")
        assert float(found["coverage"][state]) == inside / int(found["count"][state])
        np.testing.assert_allclose(
            [found["lower"][state], found["upper"][state]], [interval.low, interval.high]
        )


def test_shares_are_those_of_the_observed_variance():
    sde = SDE(LinearDrift(jnp.eye(2), jnp.zeros(2)), ConstantDiffusion(jnp.eye(2)))
    parts = (
        jnp.diag(jnp.array([0.5, 1.0])),
        jnp.diag(jnp.array([0.25, 2.0])),
        jnp.diag(jnp.array([0.25, 1.0])),
    )
    observed = ObservedSDE(sde, jnp.zeros(2), parts[0], jnp.eye(2), parts[1], parts[2])
    found = variance.shares(observed)
    np.testing.assert_allclose(found["path"][0], [0.5, 0.25])
    np.testing.assert_allclose(found["noise"][0], [0.25, 0.5])
    np.testing.assert_allclose(found["trajectory_effect"][0], [0.25, 0.25])
    np.testing.assert_allclose(found["total"][0], [1.0, 4.0])
    partly = ObservedSDE(sde, jnp.zeros(2), parts[0], jnp.ones((1, 2)), jnp.eye(1), parts[2])
    with pytest.raises(ModelError, match="themselves"):
        variance.shares(partly)
