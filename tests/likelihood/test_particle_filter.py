"""The particle filter against Kalman's filter and smoother, which are exact for a linear SDE."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core import precision
from sdebayes.likelihood.particle_filter import draw_paths
from tests.likelihood.dense import Dense

PARTICLES = 50
FULL = slice(0, 2)


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    """Three trajectories at irregular times: a gap, an entry that is missing, an early end."""
    generator = np.random.default_rng(0)
    values = [generator.normal(size=(length, 2)) for length in (12, 12, 7)]
    values[0][3] = np.nan
    values[1][4, 0] = np.nan
    times = [np.cumsum(generator.uniform(0.2, 1.5, size=len(one))) for one in values]
    return sb.trajectories(values, t=times)


@pytest.mark.parametrize("runs", [400, pytest.param(2000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("effect", [True, False])
@pytest.mark.thorough
def test_likelihood_is_unbiased_and_paths_are_those_of_the_smoother(
    data: xr.Dataset, rotating: Dense, effect: bool, runs: int
) -> None:
    """Weighted by the estimates, paths and effects have the smoother's means and variances."""
    model = sb.SDEModel(observation=sb.GaussianNoise(trajectory_effect=effect)).scaled_to(data)
    with precision.scope("float64"):
        one = replace(rotating, R=4 * rotating.R, C=effect * rotating.C).observed_sde()
        observations, scheme = model.read(data), model.discretization
        law = model.likelihood
        answers = jax.jit(lambda m, o: (law.log_density(m, o).sum(-1), *law.smooth(m, o)))
        exact, mean, covariance = map(np.asarray, answers(one, observations))
        keys = jax.random.split(jax.random.key(1), runs)
        found = jax.jit(jax.vmap(lambda key: draw_paths(one, scheme, observations, PARTICLES, key)))(keys)
    ratios = np.exp(np.asarray(found.log_likelihood) - exact)
    assert np.all(np.abs(ratios.mean(0) - 1) < 4 * ratios.std(0) / np.sqrt(runs))
    assert np.all(ratios.std(0) < 0.5)
    weights = (ratios / ratios.mean(0))[:, FULL, None, None]
    path, truth = np.asarray(found.path)[:, FULL], np.asarray(mean)[FULL, :, :2]
    z = ((weights * path).mean(0) - truth) / (path.std(0) / np.sqrt(runs))
    assert np.mean(z**2) < 2
    assert np.abs(z).max() < 5
    variance = (weights * (path - truth) ** 2).mean(0) / np.asarray(covariance)[FULL][..., [0, 1], [0, 1]]
    assert np.all(np.abs(variance - 1) < 6 * np.sqrt(2 / runs))
    if effect:
        offsets, sd = np.asarray(found.effect), np.asarray(found.effect).std(0)
        away = (ratios[..., None] * offsets).mean(0) - np.asarray(mean)[:, 0, 2:]
        assert np.all(np.abs(away) < 5 * sd / np.sqrt(runs))
