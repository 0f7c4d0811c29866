from __future__ import annotations

import numpy as np
import pytest

import sdebayes as sb
from sdebayes.posterior import replicate


@pytest.fixture(scope="module")
def ragged():
    """Trajectories of an OU process of variance 1 at times of their own, with gaps, seen through noise."""
    rng = np.random.default_rng(0)
    values, times = [], []
    for steps in (40, 60, 80, 50, 70, 90):
        t = np.cumsum(rng.uniform(0.2, 1.8, steps))
        x = np.empty(steps)
        x[0] = rng.normal()
        for k in range(1, steps):
            decay = np.exp(-(t[k] - t[k - 1]) / 3)
            x[k] = decay * x[k - 1] + np.sqrt(1 - decay**2) * rng.normal()
        y = x + 0.5 * rng.normal(size=steps)
        y[rng.random(steps) < 0.1] = np.nan
        values.append(y[:, None])
        times.append(t)
    return sb.trajectories(values, t=times)


@pytest.fixture(scope="module")
def posterior(ragged):
    return sb.fit(sb.SDEModel(), ragged, sb.Laplace(draws=100), seed=0, progress=False)


def test_each_trajectory_keeps_its_times_length_and_gaps(posterior, ragged):
    found = replicate(posterior, ragged, samples=40)
    assert dict(found.sizes) == {"sample": 40, "path": 6, "time": 90, "state": 1}
    missing = np.broadcast_to(ragged["y"].isnull().values, found["y"].shape)
    np.testing.assert_array_equal(found["y"].isnull(), missing)
    again, other = replicate(posterior, ragged, samples=40), replicate(posterior, ragged, samples=40, seed=1)
    assert found.identical(again)
    assert not found.identical(other)


def test_they_vary_over_short_steps_less_than_over_long_ones(posterior, ragged):
    """E (y_{k+1} − y_k)² = 2P(1 − e^{−Δ/τ}) + 2R under each draw, Δ being the trajectory's own."""
    found = replicate(posterior, ragged, samples=100)
    steps = np.diff(ragged["t"].values, axis=1)
    squares = (np.diff(found["y"].values[..., 0], axis=2) ** 2).mean(axis=0)
    groups = posterior.data["posterior"].to_dataset().mean(("chain", "draw"))
    P, R = float(groups["stationary_variance"][0]), float(groups["noise_variance"][0])
    tau = float(groups["time_constant"][0])
    for low, high in ((0.2, 0.7), (0.7, 1.3), (1.3, 1.8)):
        here = (steps > low) & (steps < high) & np.isfinite(squares)
        expected = 2 * P * (1 - np.exp(-steps[here].mean() / tau)) + 2 * R
        assert squares[here].mean() == pytest.approx(expected, rel=0.12)
