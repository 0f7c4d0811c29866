"""A model whose posterior is known in closed form, fitted once."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes.dynamics import ConstantDiffusion

FACTOR = np.array([[0.5, 0.0], [0.2, 0.4]])
STRATEGY = sb.NUTS(draws=600, warmup=100, chains=2)


@pytest.fixture(scope="session")
def regression_data() -> xr.Dataset:
    """Five trajectories of a noisy rotation, with unequal steps."""
    rng = np.random.default_rng(3)
    A, values, times = np.array([[0.6, 1.0], [-0.8, 0.4]]), [], []
    for n in (30, 25, 20, 15, 10):
        t = np.cumsum(rng.choice([0.1, 0.3], n))
        x = [rng.normal([1.0, -1.0], 0.5)]
        for dt in np.diff(t):
            x.append(x[-1] - A @ x[-1] * dt + np.sqrt(dt) * FACTOR @ rng.normal(size=2))
        values.append(np.array(x))
        times.append(t)
    return sb.trajectories(values, t=times)


@pytest.fixture(scope="session")
def regression_model() -> sb.SDEModel:
    """Any linear drift, a known diffusion, Euler–Maruyama: Gaussian regression of increments on states."""
    return sb.SDEModel(
        sb.priors.Linear(stable=False, rate=0.7, location=0.0, location_spread=[1.0, 2.0]),
        sb.priors.Fixed(ConstantDiffusion(jnp.asarray(FACTOR))),
        sb.schemes.EulerMaruyama(),
        sb.Exact(),
    )


@pytest.fixture(scope="session")
def regression_fit(regression_model, regression_data) -> sb.Posterior:
    return sb.fit(regression_model, regression_data, STRATEGY, seed=1, progress=False)
