"""Paths of one length: against a conjugate posterior, and how long they are."""

from __future__ import annotations

import arviz as az
import numpy as np
import pytest

import sdebayes as sb
from sdebayes._core.errors import ModelError
from sdebayes.inference.chains import JITTER
from tests.inference.test_nuts import regression

STRATEGY = sb.HMC(draws=600, warmup=100, path_length=1.6)


@pytest.fixture(scope="module")
def fit(regression_model, regression_data) -> sb.Posterior:
    return sb.fit(regression_model, regression_data, STRATEGY, seed=1, progress=False)


def test_draws_agree_with_the_conjugate_posterior(fit, regression_data, regression_model):
    """The squares of white parameters too, on which a path that comes back each time would stand still."""
    mean, covariance = regression(regression_data, regression_model)
    found = fit.data["posterior"].to_dataset()
    names = ("drift_offset", "drift_matrix")
    draws = np.concatenate([found[name].values.reshape(2, 600, -1) for name in names], -1)
    white = np.linalg.solve(np.linalg.cholesky(covariance), (draws - mean).reshape(1200, 6).T).T
    white = white.reshape(2, 600, 6)
    for values, expected in ((white, 0.0), (white**2, 1.0)):
        error = az.mcse(az.convert_to_dataset({"x": values}))["x"].values
        assert np.all(np.abs(values.mean((0, 1)) - expected) < 4.5 * error)
        assert np.all(error < 0.1)


def test_paths_are_as_long_as_was_asked(fit):
    """So many leapfrog steps as bring a step of at most the adapted size to the end."""
    statistics = fit.data["sample_stats"].to_dataset()
    longest = statistics["n_steps"] * statistics["step_size"]
    shortest = (statistics["n_steps"] - 1) * statistics["step_size"]
    assert float(longest.min()) >= (1 - JITTER) * STRATEGY.path_length
    assert float(shortest.max()) <= (1 + JITTER) * STRATEGY.path_length
    assert float(statistics["n_steps"].std()) > 0
    assert int(statistics["diverging"].sum()) == 0


@pytest.mark.thorough
def test_paths_have_no_more_steps_than_the_limit(regression_model, regression_data):
    strategy = sb.HMC(draws=30, warmup=25, chains=1, path_length=1e6, max_tree_depth=2)
    found = sb.fit(regression_model, regression_data, strategy, seed=0, progress=False)
    assert int(found.data["sample_stats"]["n_steps"].max()) == 4
    depth = next(f for f in found.diagnosis() if f.subject == "Tree depth")
    assert depth.values["share_at_limit"] == 1


@pytest.mark.parametrize("length", [0.0, -1.0, np.inf, np.nan])
def test_a_length_that_is_none_is_refused(length):
    with pytest.raises(ModelError, match=r"HMC: path_length=.* must be a positive finite number"):
        sb.HMC(path_length=length)
