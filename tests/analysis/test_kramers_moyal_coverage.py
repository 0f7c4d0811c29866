"""A slow study: how often Kramers–Moyal coefficients lie within two standard errors of the truth."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from sdebayes.analysis import moments
from sdebayes.data import trajectories
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift
from sdebayes.simulation import simulate

RATE, SEEDS, PATHS, STEPS = 0.05, 100, 50, 200
EDGES = [np.linspace(-1.8, 1.8, 10)]


@pytest.mark.slow
@pytest.mark.parametrize("noise", [None, 0.3])
def test_two_standard_errors_cover_the_truth(noise):
    sde = SDE(LinearDrift(RATE * jnp.eye(1), jnp.zeros(1)), ConstantDiffusion(np.sqrt(2 * RATE) * jnp.eye(1)))
    x = simulate(sde, np.arange(float(STEPS)), paths=SEEDS * PATHS, seed=9)["y"].values[0]
    if noise is not None:
        x = x + np.sqrt(noise) * np.random.default_rng(9).normal(size=x.shape)
    covered = {"drift": [], "diffusion": []}
    for own in np.split(x, SEEDS):
        found = moments.kramers_moyal(trajectories(own), lags=6, bins=EDGES, noise=noise)
        truth = {"drift": -RATE * found["grid_x1"].values, "diffusion": np.full(9, RATE)}
        for name, inside in covered.items():
            error = found[f"{name}_standard_error_data"].values.ravel()
            inside.append(np.mean(np.abs(found[f"{name}_data"].values.ravel() - truth[name]) < 2 * error))
    for name, inside in covered.items():
        mean, error = np.mean(inside), np.std(inside, ddof=1) / np.sqrt(SEEDS)
        print(f"noise {noise}: two standard errors of {name} cover {mean:.3f} ± {error:.3f}")
        assert mean + 2.6 * error > 0.90
