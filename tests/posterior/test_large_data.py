"""Groups that grow with the data keep fewer draws of large data, and the same numbers for these."""

from __future__ import annotations

import numpy as np
import pytest

import sdebayes as sb
from sdebayes.posterior import replicated

STEPS, TRAJECTORIES, STRATEGY = 10, 3, sb.Laplace(draws=8)
DATA = sb.trajectories(np.random.default_rng(0).standard_normal((TRAJECTORIES, STEPS, 1)))


@pytest.mark.parametrize(
    ("observation", "kept"),
    [(sb.Exact(), [0, 2, 5, 7]), (sb.GaussianNoise(covariance=0.1), list(range(8)))],
    ids=["transition", "trajectory"],
)
@pytest.mark.thorough
def test_fewer_draws_are_kept_of_large_data(observation, kept, monkeypatch):
    model = sb.SDEModel(sb.priors.Linear(), observation=observation).scaled_to(DATA)
    whole = sb.fit(model, DATA, STRATEGY, seed=0).data
    monkeypatch.setattr(replicated, "MOST_NUMBERS", 4 * STEPS * TRAJECTORIES)
    small = sb.fit(model, DATA, STRATEGY, seed=0).data
    assert small["posterior"].sizes["draw"] == 8
    assert list(small["log_likelihood"]["draw"].values) == kept
    for name in ("log_predictive", "posterior_predictive"):
        assert list(small[name]["draw"].values) == [0, 2, 5, 7]
    assert small["prior_predictive"].sizes["draw"] == 4
    for name in ("log_likelihood", "log_predictive"):
        expected = whole[name]["y"].sel(draw=small[name]["draw"])
        np.testing.assert_allclose(small[name]["y"], expected, rtol=1e-10)
    monkeypatch.setattr(replicated, "MOST_NUMBERS", 1)
    least = sb.fit(model, DATA, STRATEGY, seed=0).data
    for name in ("log_likelihood", "log_predictive", "posterior_predictive", "prior_predictive"):
        assert least[name].sizes["draw"] == 1
