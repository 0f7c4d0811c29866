"""The DataTree of a fit: groups, dimensions, and ArviZ's own functions on it, warnings being errors."""

from __future__ import annotations

import warnings

import arviz as az
import numpy as np
import pytest
from scipy.special import logsumexp

import sdebayes as sb
from sdebayes._core.dims import is_dim

GROUPS = {
    "posterior",
    "unconstrained",
    "sample_stats",
    "log_prior",
    "log_likelihood",
    "log_predictive",
    "observed_data",
    "posterior_predictive",
    "prior",
    "prior_predictive",
    "unconstrained_prior",
    "constant_data",
}


@pytest.fixture(params=["noisy", "exact"])
def posterior(request) -> sb.Posterior:
    return request.getfixturevalue(request.param)


def test_groups_and_dimensions(posterior):
    assert set(posterior.data.children) == GROUPS
    lead = ("chain", "draw")
    for name in GROUPS - {"unconstrained", "unconstrained_prior"}:
        for variable in posterior.data[name].to_dataset().values():
            assert all(is_dim(str(dim)) for dim in variable.dims), (name, variable.dims)
            if name not in ("observed_data", "constant_data"):
                assert variable.dims[:2] == lead
    dims = {str(n): v.dims[2:] for n, v in posterior.data["posterior"].to_dataset().items()}
    assert dims["drift_matrix"] == ("state", "state_bis")
    assert dims["equilibrium"] == ("state",)
    assert dims["drift_probe"] == ("point", "state")
    assert dims["covariance_probe"] == ("term",)
    assert dims["time_constant"] == ("mode",)
    assert posterior.data["posterior"]["state"].values.tolist() == ["x1", "x2"]


def test_the_unit_of_the_log_likelihood(noisy, exact):
    assert noisy.data["log_likelihood"]["y"].dims == ("chain", "draw", "trajectory")
    assert exact.data["log_likelihood"]["y"].dims == ("chain", "draw", "transition")
    assert list(noisy.data["log_likelihood"].data_vars) == ["y"]


def test_packed_steps_are_those_that_were_observed(posterior, training, exact_training):
    data = exact_training if posterior.model.likelihood.states_observed else training
    observed = posterior.data["observed_data"]["y"]
    seen = np.isfinite(data["y"].values).any(-1)
    np.testing.assert_array_equal(observed.values, data["y"].values[seen])
    np.testing.assert_array_equal(observed["t"].values, data["t"].values[seen])
    predicted = posterior.data["posterior_predictive"]["y"]
    assert predicted.dims == ("chain", "draw", "transition", "state")
    assert predicted.sizes["transition"] == observed.sizes["transition"]
    assert np.all(np.isfinite(predicted))
    assert posterior.data["prior_predictive"]["y"].sizes["transition"] == observed.sizes["transition"]


def test_replicated_data_have_the_moments_of_the_model(noisy):
    """Prior predictive draws of y: mean and variance of each replicate's law, in z-scores."""
    predicted = noisy.data["posterior_predictive"]["y"]
    stacked = noisy.observed_sde()
    thin = predicted["draw"].values
    index = np.concatenate([chain * 250 + thin for chain in range(2)])
    diagonal = [
        np.diagonal(np.asarray(part)[index], axis1=1, axis2=2)
        for part in (stacked.initial_covariance, stacked.noise_covariance, stacked.effect_covariance)
    ]
    mean, variance = np.asarray(stacked.initial_mean)[index], sum(diagonal)
    first = predicted.isel(transition=(predicted["time"] == 0).values).values.reshape(len(index), -1, 2)
    z = (first - mean[:, None]) / np.sqrt(variance)[:, None]
    assert abs(z.mean()) < 4 / np.sqrt(z.size)
    assert abs(z.std() - 1) < 4 / np.sqrt(2 * z.size)


def test_the_time_constants_are_those_of_the_drift(noisy):
    group = noisy.data["posterior"].to_dataset().isel(chain=0, draw=3)
    rates = np.sort(np.linalg.eigvals(group["drift_matrix"].values).real)
    np.testing.assert_allclose(group["time_constant"].values, 1 / rates)


def test_probes_are_the_drift_at_the_data(posterior):
    scale = posterior.model.frozen_scale
    group = posterior.data["posterior"].to_dataset()
    found = (
        group["drift_probe"].sel(point="x2 − 1 sd").stack(sample=("chain", "draw")).transpose("sample", ...)
    )
    x = scale.location - np.array([0.0, np.sqrt(scale.variance[1])])
    np.testing.assert_allclose(found.values, posterior.drift(x).values[:, 0], rtol=1e-9)
    sigma = posterior.covariance(x).values[:, 0]
    terms = group["covariance_probe"].stack(sample=("chain", "draw")).transpose("sample", ...)
    np.testing.assert_allclose(terms.sel(term="x2·x2"), sigma[:, 1, 1], rtol=1e-9)


def test_summary(posterior):
    table = az.summary(posterior.data)
    assert "drift_matrix[x1, x2]" in table.index
    if posterior.data["posterior"].sizes["chain"] > 1:
        assert np.all(table["r_hat"].astype(float) < 1.1)


def test_loo(posterior):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Estimated shape parameter of Pareto", UserWarning)
        result = az.loo(posterior.data)
    unit = "transition" if posterior.model.likelihood.states_observed else "trajectory"
    assert result.n_data_points == posterior.data["log_likelihood"].sizes[unit]
    assert np.isfinite(result.elpd)
    assert 1 < result.p < 25
    values = posterior.data["log_likelihood"]["y"]
    in_sample = logsumexp(values.values, axis=(0, 1)) - np.log(values.sizes["chain"] * values.sizes["draw"])
    np.testing.assert_allclose(in_sample.sum() - result.elpd, result.p, rtol=1e-6)


def test_psense_summary(posterior):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Estimated shape parameter of Pareto", UserWarning)
        table = az.psense_summary(posterior.data)
    assert len(table) > 5
    assert np.all(np.isfinite(table[["prior", "likelihood"]].astype(float)))


def test_plots(posterior):
    az.plot_trace_dist(posterior.data, var_names=["equilibrium"])
    az.plot_ppc_dist(posterior.data)


def test_attributes_say_where_the_draws_come_from(posterior):
    attrs = posterior.data.attrs
    assert attrs["seed"] == 0
    assert attrs["precision"] == "float64"
    assert "draws=500" in attrs["strategy"]
    assert attrs["model_description"] == posterior.model.describe()
    chains = "1 chains × 500" if posterior.model.likelihood.states_observed else "2 chains × 250"
    assert repr(posterior) == f"<Posterior: {chains} draws of 2 states>"
