"""Replicates of data have the times of the data and the law of the posterior."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

import sdebayes as sb
from sdebayes.posterior import replicate


@pytest.fixture(scope="module")
def ragged():
    """Six trajectories of two states at times of their own, with gaps."""
    rng = np.random.default_rng(0)
    values, times = [], []
    for steps in (40, 60, 80, 50, 70, 90):
        y = rng.normal(size=(steps, 2))
        y[rng.random((steps, 2)) < 0.1] = np.nan
        values.append(y)
        times.append(np.cumsum(rng.uniform(0.2, 1.8, steps)))
    return sb.trajectories(values, t=times)


def test_each_trajectory_keeps_its_times_length_and_gaps(noisy, ragged):
    found = replicate(noisy, ragged, samples=100)
    assert dict(found.sizes) == {"sample": 100, "path": 6, "time": 90, "state": 2}
    missing = np.broadcast_to(ragged["y"].isnull().values, found["y"].shape)
    np.testing.assert_array_equal(found["y"].isnull(), missing)
    again, other = replicate(noisy, ragged, samples=100), replicate(noisy, ragged, samples=100, seed=1)
    assert found.identical(again)
    assert not found.identical(other)


def test_they_vary_over_short_steps_less_than_over_long_ones(noisy, ragged):
    """E (y_{k+1} − y_k)² = 2 (P − e^{−AΔ} P + R) under each draw, Δ being the trajectory's own."""
    found = replicate(noisy, ragged, samples=100)
    steps = np.diff(ragged["t"].values, axis=1)
    squares = (np.diff(found["y"].values, axis=2) ** 2).mean(axis=0)
    stacked, taken = noisy.observed_sde(), found["sample"].values
    A, P, R = (
        np.asarray(part)[taken]
        for part in (stacked.sde.drift.matrix, stacked.initial_covariance, stacked.noise_covariance)
    )
    for low, high in ((0.2, 0.7), (0.7, 1.3), (1.3, 1.8)):
        here = (steps > low) & (steps < high)
        covariance = P - expm(-A * steps[here].mean()) @ P + R
        expected = 2 * np.diagonal(covariance, axis1=1, axis2=2).mean(axis=0)
        np.testing.assert_allclose(np.nanmean(squares[here], axis=0), expected, rtol=0.12)
