"""Data sets that priors are scaled to, and prior draws of a whole model."""

from __future__ import annotations

from collections.abc import Collection

import jax
import numpy as np
import pytest
import xarray as xr
from numpyro.handlers import seed, trace

import sdebayes as sb


@pytest.fixture
def data() -> xr.Dataset:
    """Three states of unlike location and scale, with a step of 0.5."""
    rng = np.random.default_rng(0)
    scale, location = np.array([1.0, 20.0, 0.1]), np.array([0.0, -50.0, 3.0])
    return sb.trajectories(
        [location + scale * np.cumsum(0.3 * rng.normal(size=(n, 3)), axis=0) for n in (30, 20, 25)], t=0.5
    )


@pytest.fixture
def draw():
    """Draw (ObservedSDE, sites) from a model's prior, any number of times, compiled once; or some sites alone."""

    def draws(model: sb.SDEModel, count: int, only: Collection[str] = ()):
        def one(key):
            with seed(rng_seed=key), trace() as sites:
                observed = model.build()
            values = {name: site["value"] for name, site in sites.items() if "value" in site}
            return (None, {name: values[name] for name in only}) if only else (observed, values)

        return jax.tree.map(np.asarray, jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(0), count)))

    return draws
