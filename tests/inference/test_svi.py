"""Variational inference against normal targets, a conjugate posterior and the gradient of all data."""

from __future__ import annotations

import re

import arviz as az
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core.errors import ModelError
from sdebayes.inference import FlowGuide, LowRankGuide, NormalGuide
from sdebayes.inference.checkpoint import Checkpoint
from sdebayes.inference.convergence import elbo_finding
from sdebayes.inference.independent_blocks import independent_blocks
from sdebayes.inference.normal import NormalApproximation
from sdebayes.inference.optimization import BLOCK, Optimizer, Settings
from sdebayes.inference.target import Density
from sdebayes.likelihood.arrays import rows
from tests.inference.test_laplace import log_evidence, problem_of
from tests.inference.test_nuts import regression

MEAN = np.array([0.3, -0.5, 0.2])
COVARIANCE = np.array([[1.0, 0.6, 0.0], [0.6, 0.8, -0.3], [0.0, -0.3, 0.5]])
STRATEGY = sb.SVI(draws=1000, steps=2000, particles=8)


def normal_target(data: object = None) -> None:
    numpyro.sample("x", dist.MultivariateNormal(MEAN, COVARIANCE))


def optimized(guide, observations, steps: int = 2000, start: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Draws of a guide fitted to the normal target, and the trace of the bound."""
    density = Density(normal_target, normal_target)
    optimizer = Optimizer(density, Settings(guide, steps, 0.02, 8))
    chart = NormalApproximation(jnp.full(3, start), jnp.eye(3), ())
    state, traces = optimizer.begin(jax.random.key(0)), []
    for _ in range(steps // BLOCK):
        state, trace = optimizer.run(state, chart, observations)
        traces.append(np.asarray(trace))
    white = jax.random.normal(jax.random.key(9), (4000, 3))
    return np.asarray(jax.jit(jax.vmap(optimizer.transform(state)))(white)) + start, np.concatenate(traces)


@pytest.fixture
def observations(regression_data, regression_model, x64):
    return regression_model.scaled_to(regression_data).read(regression_data)


@pytest.mark.parametrize(
    ("guide", "covariance"),
    [
        (NormalGuide(), np.diag(1 / np.diag(np.linalg.inv(COVARIANCE)))),
        pytest.param(LowRankGuide(rank=2), COVARIANCE, marks=pytest.mark.thorough),
        pytest.param(FlowGuide(), COVARIANCE, marks=pytest.mark.thorough),
    ],
)
def test_guides_find_the_closest_law_to_a_normal_target(guide, covariance, observations):
    """Independent laws have the conditional variances, the others the covariance; the bound is minus the divergence."""
    draws, trace = optimized(guide, observations)
    sd = np.sqrt(np.diag(covariance))
    assert np.all(np.abs(draws.mean(0) - MEAN) < 0.1 * sd)
    np.testing.assert_allclose(np.cov(draws.T) / np.outer(sd, sd), covariance / np.outer(sd, sd), atol=0.1)
    divergence = 0.5 * (np.linalg.slogdet(COVARIANCE)[1] - np.linalg.slogdet(covariance)[1])
    last = trace[-500:]
    assert -divergence - 0.1 < last.mean() < -divergence + 0.02
    assert trace[:50].mean() < last.mean()


def tree(trace: np.ndarray) -> xr.DataTree:
    return xr.DataTree.from_dict({"elbo": xr.Dataset({"elbo": ("step", trace)})})


def test_a_bound_that_still_rises_is_found(observations):
    """Begun ten units away, with steps enough and far too few."""
    found = {n: elbo_finding(tree(optimized(NormalGuide(), observations, n, 6.0)[1])) for n in (200, 2000)}
    assert found[200].severity == "warning"
    assert "more steps" in found[200].advice
    assert found[200].values["rise"] > 1
    assert found[2000].severity == "good"


def test_noise_without_a_trend_is_no_rise_and_a_bound_that_is_not_finite_is_a_problem():
    noise = np.random.default_rng(0).normal(0, 20, 3000)
    assert elbo_finding(tree(noise)).severity == "good"
    assert elbo_finding(tree(noise + 0.02 * np.arange(3000))).severity == "warning"
    assert elbo_finding(tree(np.where(noise > 0, noise, -np.inf))).severity == "problem"


def test_gradients_of_parts_are_unbiased(regression_model, regression_data, x64):
    """All parts once over, in batches: their mean is the gradient of all data."""
    problem = problem_of(regression_model, regression_data)
    density, none = problem.density, problem.density.no_whitening
    parts = independent_blocks(problem.model, problem.observations)
    count, batch = len(parts.values), 5
    assert count == 95
    z = problem.target.draw_prior(jax.random.key(2))
    gradient = jax.jit(jax.grad(density.subsampled))
    order = np.random.default_rng(0).permutation(count).reshape(-1, batch)
    pieces = [gradient(z, rows(parts, index), none, count / batch) for index in order]
    whole = jax.jit(jax.grad(density.potential))(z, problem.observations, none)
    np.testing.assert_allclose(np.mean(pieces, axis=0), whole, rtol=1e-9)
    assert np.std(pieces, axis=0).max() > 0.1 * np.abs(whole).max()


@pytest.fixture(scope="module")
def fit(regression_model, regression_data) -> sb.Posterior:
    return sb.fit(regression_model, regression_data, STRATEGY, seed=3, progress=False)


def standardised(posterior: sb.Posterior, data, model) -> tuple[np.ndarray, np.ndarray]:
    """Means in posterior standard deviations away from the truth, and ratios of standard deviations."""
    mean, covariance = regression(data, model)
    group = posterior.data["posterior"].to_dataset().isel(chain=0)
    names = ("drift_offset", "drift_matrix")
    draws = np.concatenate([group[name].values.reshape(group.sizes["draw"], -1) for name in names], axis=1)
    sd = np.sqrt(np.diag(covariance))
    return (draws.mean(0) - mean) / sd, draws.std(0) / sd


def test_draws_agree_with_the_conjugate_posterior(fit, regression_data, regression_model):
    """Within the error of 1,000 draws and an optimum that is known to about a twentieth."""
    shift, ratio = standardised(fit, regression_data, regression_model)
    assert np.all(np.abs(shift) < 4.5 / np.sqrt(1000) + 0.05)
    assert np.all(np.abs(ratio - 1) < 4.5 / np.sqrt(2000) + 0.05)
    findings = {f.subject: f for f in fit.diagnosis()}
    assert findings["ELBO"].severity == "good"
    assert findings["Pareto k-hat"].values["effective_draws"] > 250


def test_the_bound_is_below_the_evidence(fit, regression_data):
    trace = fit.data["elbo"]["elbo"].values
    assert trace.shape == (2000,)
    gap = log_evidence(regression_data) - trace[-500:].mean()
    assert -0.05 < gap < 0.5


@pytest.mark.thorough
def test_parts_of_the_data_give_the_same_posterior(regression_model, regression_data):
    strategy = sb.SVI(draws=1000, steps=3000, batch=20, learning_rate=0.02)
    posterior = sb.fit(regression_model, regression_data, strategy, seed=1, progress=False)
    shift, ratio = standardised(posterior, regression_data, regression_model)
    assert np.all(np.abs(shift) < 0.4)
    assert np.all(np.abs(ratio - 1) < 0.25)


def test_an_interrupted_fit_resumes_with_the_draws_it_would_have_made(
    regression_model, regression_data, fit, tmp_path, monkeypatch
):
    keep, calls = Checkpoint.keep, []

    def interrupted(self, index, state, records):
        keep(self, index, state, records)
        calls.append(index)
        if len(calls) == 5:
            raise KeyboardInterrupt

    options = {"seed": 3, "progress": False, "checkpoint": tmp_path}
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "keep", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sb.fit(regression_model, regression_data, STRATEGY, **options)
    assert calls == [0, 1, 1, 1, 1]
    resumed = sb.fit(regression_model, regression_data, STRATEGY, **options)
    for group in ("posterior", "sample_stats", "unconstrained", "elbo"):
        assert resumed.data[group].to_dataset().identical(fit.data[group].to_dataset())


@pytest.mark.thorough
def test_everything_else_works_on_its_posterior(fit, regression_data, tmp_path):
    loaded = sb.load(fit.to_netcdf(tmp_path / "svi.nc"), model=fit.model)
    assert [str(f) for f in loaded.diagnosis()] == [str(f) for f in fit.diagnosis()]
    assert loaded.data["elbo"].to_dataset().identical(fit.data["elbo"].to_dataset())
    assert np.isfinite(az.summary(fit.data, var_names=["drift_matrix"])["mean"].astype(float)).all()
    assert np.isfinite(fit.log_score(regression_data)).all()
    assert np.isfinite(sb.simulate(fit, times=np.linspace(0, 1, 4), paths=2, seed=0)["y"]).all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: sb.SVI(draws=0), "draws=0"),
        (lambda: sb.SVI(steps=2.5), "steps=2.5"),
        (lambda: sb.SVI(batch=0), "batch=0"),
        (lambda: sb.SVI(learning_rate=0.0), "learning_rate=0.0"),
        (lambda: sb.SVI(guide="normal"), "guide='normal'"),
        (lambda: LowRankGuide(rank=0), "rank=0"),
        (lambda: FlowGuide(flows=0), "flows=0"),
    ],
)
def test_wrong_arguments_are_refused(make, words, untyped):
    with pytest.raises(ModelError, match=re.escape(words)):
        make()


def test_a_batch_larger_than_the_data_is_refused(regression_model, regression_data):
    with pytest.raises(ModelError, match=r"batch is 96.*95 independent parts"):
        sb.fit(regression_model, regression_data, sb.SVI(batch=96), progress=False)
