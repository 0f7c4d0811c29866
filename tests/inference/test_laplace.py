"""Laplace's approximation against conjugate posteriors, dense curvatures and densities that are far from normal."""

from __future__ import annotations

import re

import arviz as az
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import xarray as xr
from scipy import integrate, stats

import sdebayes as sb
from sdebayes._core.errors import ModelError, StoreError
from sdebayes.inference import normal
from sdebayes.inference.gauss_newton import gauss_newton
from sdebayes.inference.importance import importance_finding, smoothed_weights
from sdebayes.inference.independent_blocks import independent_blocks
from sdebayes.inference.mode import Mode
from sdebayes.inference.problem import Problem
from sdebayes.inference.strategy import RunOptions
from sdebayes.model.rebuild import read_draw
from tests.inference.conftest import FACTOR
from tests.inference.test_nuts import regression

DRAWS = 1000


@pytest.fixture(scope="module")
def fit(regression_model, regression_data) -> sb.Posterior:
    return sb.fit(regression_model, regression_data, sb.Laplace(draws=DRAWS), seed=3, progress=False)


@pytest.mark.smoke
def test_draws_agree_with_the_conjugate_posterior(fit, regression_data, regression_model):
    mean, covariance = regression(regression_data, regression_model)
    group = fit.data["posterior"].to_dataset().isel(chain=0)
    names = ("drift_offset", "drift_matrix")
    draws = np.concatenate([group[name].values.reshape(DRAWS, -1) for name in names], axis=1)
    sd = np.sqrt(np.diag(covariance))
    assert np.all(np.abs(draws.mean(0) - mean) < 4.5 * sd / np.sqrt(DRAWS))
    assert np.all(np.abs(draws.std(0) / sd - 1) < 4.5 / np.sqrt(2 * DRAWS))
    correlation = covariance / np.outer(sd, sd)
    assert np.all(np.abs(np.corrcoef(draws.T) - correlation) < 5 / np.sqrt(DRAWS))


def log_evidence(data) -> float:
    """Of the increments by a dense normal law, of the first states by quadrature over mean and log variance."""
    s, r = np.array([1.0, 2.0]), 0.7
    prior = np.array([r * s[0], r * s[1], r, r * s[0] / s[1], r * s[1] / s[0], r]) ** 2
    designs, increments, noise = [], [], []
    for y, t, n in zip(data["y"].values, data["t"].values, data["n_steps"].values, strict=True):
        for k in range(n - 1):
            dt = t[k + 1] - t[k]
            designs.append(dt * np.hstack([np.eye(2), -np.kron(np.eye(2), y[k])]))
            increments.append(y[k + 1] - y[k])
            noise.append(dt * FACTOR @ FACTOR.T)
    design = np.concatenate(designs)
    covariance = design @ np.diag(prior) @ design.T
    for k, block in enumerate(noise):
        covariance[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] += block
    total = stats.multivariate_normal.logpdf(np.concatenate(increments), cov=covariance)
    for state in range(2):
        total += log_evidence_of_first(data["y"].values[..., state])
    return float(total)


def log_evidence_of_first(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    middle, variance = known.mean(), known.var()
    mean = middle + np.sqrt(variance) * np.linspace(-6, 6, 801)[:, None]
    log_ratio = np.linspace(-6, 6, 801)
    spread = np.sqrt(variance * np.exp(log_ratio))
    density = stats.norm.pdf(mean, middle, np.sqrt(variance)) * stats.norm.pdf(log_ratio)
    for value in values[:, 0]:
        density = density * stats.norm.pdf(value, mean, spread)
    return float(np.log(integrate.trapezoid(integrate.trapezoid(density, log_ratio), mean[:, 0])))


def test_the_evidence_agrees_with_quadrature(fit, regression_data):
    """Only the two first states' variances are not normal: Laplace's own error, of the order of 1/5 by 5 values."""
    assert fit.data.attrs["log_evidence"] == pytest.approx(log_evidence(regression_data), abs=0.3)
    weights = fit.data["sample_stats"]["log_weight"].values[0]
    assert np.log(np.mean(np.exp(weights - weights.max()))) + weights.max() == pytest.approx(
        log_evidence(regression_data), abs=0.1
    )


def problem_of(model: sb.SDEModel, data) -> Problem:
    scaled = model.scaled_to(data)
    return Problem(scaled, scaled.read(data), jax.random.key(0))


def shape_of(posterior: sb.Posterior) -> dict[str, object]:
    finding = next(f for f in posterior.diagnosis() if f.subject == "Pareto k-hat")
    return {"severity": finding.severity, "advice": finding.advice, **finding.values}


def test_a_nearly_normal_posterior_has_a_small_shape(fit):
    found = shape_of(fit)
    assert found["pareto_shape"] < 0.7
    assert found["effective_draws"] > 0.25 * DRAWS
    assert "R-hat" not in {f.subject for f in fit.diagnosis()}


@pytest.mark.thorough
def test_a_heavy_tail_is_found(regression_data, x64):
    """The data know next to nothing of a parameter with Cauchy's prior, whose tails no normal law has."""
    drift = sb.priors.Parametric(lambda x, t, p: -x + 1e-6 * p["c"], {"c": dist.Cauchy(0.0, 1.0)})
    model = sb.SDEModel(drift, sb.priors.Constant(), sb.schemes.EulerMaruyama(), sb.Exact())
    draws = sb.Laplace(draws=DRAWS).run(problem_of(model, regression_data), RunOptions(jax.random.key(0)))
    statistics = xr.Dataset({name: (("chain", "draw"), value) for name, value in draws.statistics.items()})
    (finding,) = sb.Laplace.findings(xr.DataTree.from_dict({"sample_stats": statistics}), ())
    assert finding.values["pareto_shape"] > 0.7
    assert finding.severity == "problem"
    assert "NUTS" in finding.advice


@pytest.mark.parametrize("draws", [1, 5, 20, 25])
def test_few_draws_show_no_tail(draws):
    weights, shape = smoothed_weights(np.random.default_rng(0).standard_normal(draws))
    assert (shape, len(weights)) == (np.inf, draws)
    np.testing.assert_allclose(weights.sum(), 1.0)


def test_few_draws_are_not_judged_and_draws_without_density_are():
    def finding(log_weight: np.ndarray):
        statistics = xr.Dataset({"log_weight": (("chain", "draw"), log_weight[None])})
        return importance_finding(xr.DataTree.from_dict({"sample_stats": statistics}), "the normal law")

    few = finding(np.random.default_rng(0).standard_normal(20))
    assert few.severity == "problem"
    assert "20 draws are too few" in few.message
    for usable in range(21):
        without = finding(np.where(np.arange(20) < usable, 0.0, -np.inf))
        assert without.severity == "problem"
        assert (f"{usable} of 20 draws" if usable < 20 else "20 draws are too few") in without.message
    assert finding(np.full(30, np.nan)).values["effective_draws"] == 0


@pytest.mark.parametrize(("draws", "equal"), [(25, 5), (100, 20), (400, 60)])
def test_largest_ratios_that_are_all_equal_show_no_tail(draws, equal):
    log_weight = np.where(np.arange(draws) < draws - equal, -1.0, 0.0)
    weights, shape = smoothed_weights(log_weight)
    assert shape == 0
    np.testing.assert_allclose(weights, np.exp(log_weight) / np.exp(log_weight).sum())


@pytest.mark.thorough
def test_no_good_news_is_read_from_draws_that_fail_their_check(regression_data):
    diagonal = sb.priors.Linear(diagonal=True), sb.priors.Constant("diagonal")
    model = sb.SDEModel(*diagonal, observation=sb.Exact())
    posterior = sb.fit(model, regression_data, sb.Laplace(draws=200), progress=False)

    def severities(log_weight) -> dict[str, str]:
        tree = posterior.data.copy(deep=True)
        tree["sample_stats"]["log_weight"][:] = log_weight
        return {found.subject: found.severity for found in sb.Posterior(posterior.model, tree).diagnosis()}

    near, far = severities(0.0), severities(np.log1p(np.random.default_rng(0).pareto(0.5, 200)))
    assert near["Pareto k-hat"] == near["Diffusion"] == "good"
    assert far["Pareto k-hat"] == "problem"
    assert far["Diffusion"] == "note"
    assert near["Step size"] == far["Step size"] == "good"


@pytest.mark.parametrize("shape", [0.3, 0.6, 1.0])
def test_the_shape_of_pareto_ratios(shape):
    """Ratios with a Pareto law of known shape, by their quantiles."""
    rng = np.random.default_rng(0)
    ratios = stats.genpareto.rvs(shape, size=20_000, random_state=rng)
    weights, found = smoothed_weights(np.log1p(ratios))
    assert found == pytest.approx(shape, abs=0.12)
    assert weights.sum() == pytest.approx(1.0)


def network(data, states: int, observation: sb.model.AbstractObservation) -> Problem:
    """A network's drift and the first steps of the first two trajectories."""
    ends = zip(data["y"].values[..., :states], data["t"].values, (8, 6), strict=False)
    y, t = zip(*((values[:end], times[:end]) for values, times, end in ends), strict=True)
    drift = sb.priors.BNN(hidden=(3,))
    model = sb.SDEModel(drift, sb.priors.Constant(), sb.schemes.EulerMaruyama(), observation)
    return problem_of(model, sb.trajectories(list(y), t=list(t)))


def fisher(problem: Problem, mode: Mode) -> np.ndarray:
    """Information of all one-step laws by dense derivatives of mean and covariance, transition by transition."""
    model, density, data = problem.model, problem.density, problem.observations

    def laws(v):
        observed = read_draw(model, density.unravel(v)).observed
        return model.likelihood.one_step(observed, data)

    v = mode.position
    derivatives, (_, covariance) = jax.jit(jax.jacfwd(lambda v: (laws(v),) * 2, has_aux=True))(v)
    slope, change, covariance = (np.asarray(part) for part in (*derivatives, covariance))
    total = np.zeros((len(v), len(v)))
    for i, k in zip(*np.nonzero(np.asarray(data.seen)[..., 0]), strict=True):
        inverse = np.linalg.inv(covariance[i, k])
        J, dS = slope[i, k], change[i, k]
        total += J.T @ inverse @ J
        total += 0.5 * np.einsum("ab,bcp,cd,daq->pq", inverse, dS, inverse, dS)
    return total


@pytest.mark.parametrize(("states", "observation"), [(2, sb.Exact()), (1, sb.GaussianNoise())])
@pytest.mark.thorough
def test_the_curvature_of_a_network_is_the_information_and_the_priors(
    regression_data, states, observation, x64
):
    problem = network(regression_data, states, observation)
    density = problem.density
    z = jnp.asarray(0.7 * np.random.default_rng(4).standard_normal(density.dimension))
    mode = Mode(z, 0.0, density.no_whitening)
    prior = jax.jit(jax.hessian(lambda v: density.prior_potential(v, mode.whitenings)))(z)
    expected = fisher(problem, mode) + np.asarray(prior)
    found = gauss_newton(problem, mode)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7 * np.abs(expected).max())
    weights = [k for k, name in enumerate(labels(problem)) if "weights" in name]
    np.testing.assert_allclose(np.asarray(prior)[np.ix_(weights, weights)], np.eye(len(weights)), atol=1e-9)


def labels(problem: Problem) -> list[str]:
    dimension = problem.density.dimension
    names = np.empty(dimension, dtype=object)
    for name, places in problem.density.sites(np.arange(float(dimension))[None]).items():
        names[places.astype(int).ravel()] = name
    return list(names)


@pytest.mark.thorough
def test_a_networks_draws_are_of_a_proper_normal_law(regression_data, x64):
    """Its curvature is Gauss and Newton's: every weight is at most as wide as its prior."""
    problem = network(regression_data, 1, sb.Exact())
    draws = sb.Laplace(draws=400).run(problem, RunOptions(jax.random.key(1)))
    weights = np.array(["drift_weights" in name for name in labels(problem)])
    assert weights.sum() == 3 * 2 + 1 * 4
    assert draws.position[0, :, weights].std(1).max() < 1 + 4.5 / np.sqrt(2 * 400)
    assert np.isfinite(draws.statistics["lp"]).all()


def test_parts_have_the_likelihood_of_the_whole(regression_model, regression_data, x64):
    """Also with steps that are missing altogether."""
    values = regression_data["y"].values.copy()
    values[0, 5] = np.nan
    data = regression_data.assign(y=(regression_data["y"].dims, values))
    problem = problem_of(regression_model, data)
    density, none = problem.density, problem.density.no_whitening
    parts = independent_blocks(problem.model, problem.observations)
    assert parts.values.shape == (int(data["n_steps"].sum()) - 1 - 5, 2, 2)
    z = jnp.asarray(np.random.default_rng(1).standard_normal(density.dimension))
    potential = jax.jit(density.potential)
    whole = potential(z, problem.observations, none)
    np.testing.assert_allclose(potential(z, parts, none), whole, rtol=1e-12)


@pytest.mark.thorough
def test_a_checkpoint_keeps_the_mode(regression_model, regression_data, fit, tmp_path, monkeypatch):
    arguments = (regression_model, regression_data, sb.Laplace(draws=DRAWS))
    first = sb.fit(*arguments, seed=3, progress=False, checkpoint=tmp_path)

    def never(*_):
        raise RuntimeError("the mode is known")

    monkeypatch.setattr(normal, "find_mode", never)
    again = sb.fit(*arguments, seed=3, progress=False, checkpoint=tmp_path)
    for group in ("posterior", "sample_stats", "unconstrained"):
        for other in (first, again):
            assert other.data[group].to_dataset().identical(fit.data[group].to_dataset())
    assert again.data.attrs["log_evidence"] == fit.data.attrs["log_evidence"]
    with pytest.raises(StoreError, match="another fit"):
        sb.fit(*arguments, seed=4, progress=False, checkpoint=tmp_path)


@pytest.mark.thorough
def test_everything_else_works_on_its_posterior(fit, regression_data, tmp_path):
    loaded = sb.load(fit.to_netcdf(tmp_path / "laplace.nc"), model=fit.model)
    assert loaded.data.attrs["log_evidence"] == fit.data.attrs["log_evidence"]
    assert [str(f) for f in loaded.diagnosis()] == [str(f) for f in fit.diagnosis()]
    assert np.isfinite(az.summary(fit.data, var_names=["drift_matrix"])["mean"].astype(float)).all()
    assert np.isfinite(fit.log_score(regression_data)).all()
    simulated = sb.simulate(fit, times=np.linspace(0, 1, 4), paths=2, seed=0)
    assert np.isfinite(simulated["y"]).all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: sb.Laplace(draws=0), "draws=0 must be a whole number"),
        (lambda: sb.Laplace(exact_dimension=1.5), "exact_dimension=1.5 must be a whole number"),
    ],
)
def test_numbers_out_of_range_are_refused(make, words, untyped):
    with pytest.raises(ModelError, match=re.escape(words)):
        make()
