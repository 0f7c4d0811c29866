"""Nonlinear drifts observed exactly: the scheme's normal law by hand, and the scale of the data."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from scipy import stats
from scipy.stats import multivariate_normal, norm

import sdebayes as sb
from sdebayes.likelihood import Kalman, TrajectoryLaw
from sdebayes.likelihood.arrays import read
from sdebayes.model.scale import data_scale
from tests.likelihood.dense import Dense


@pytest.fixture
def data():
    rng = np.random.default_rng(2)
    values = [rng.normal(size=(n, 2)) for n in (6, 9)]
    values[1][4] = np.nan
    times = [np.cumsum(rng.choice([0.1, 0.5], n)) for n in (6, 9)]
    return sb.trajectories(values, t=times)


def density_of(model, data, known):
    """The terms of the log density where the sites are known."""

    @jax.jit
    def terms():
        with numpyro.handlers.seed(rng_seed=0), numpyro.handlers.substitute(data=known):
            observed = model.build()
        return model.likelihood.log_density(observed, model.read(data))

    return np.asarray(terms())


def test_the_density_is_euler_maruyamas_by_hand(data, x64):
    def drift(x, t, p):
        return jnp.stack([x[1] - p["a"] * x[0] ** 3, -x[1] + jnp.sin(t)])

    def factor(x, t, p):
        return jnp.array([[1.0, 0.0], [0.3, 0.5]]) * jnp.sqrt(1 + x[0] ** 2)

    model = sb.SDEModel(
        sb.priors.Parametric(drift, {"a": dist.Gamma(2, 2)}),
        sb.priors.Parametric(factor, {}),
        sb.schemes.EulerMaruyama(),
        sb.Exact(),
    ).scaled_to(data)
    known = {
        "a": jnp.asarray(0.7),
        "initial_mean": jnp.array([0.2, -0.1]),
        "initial_variance": jnp.array([0.9, 1.7]),
    }
    terms = density_of(model, data, known)
    for i, n in enumerate(data["n_steps"].values):
        y, t = data["y"].values[i, :n], data["t"].values[i, :n]
        keep = np.isfinite(y).all(-1)
        y, t = y[keep], t[keep]
        total = norm([0.2, -0.1], np.sqrt([0.9, 1.7])).logpdf(y[0]).sum()
        for k in range(len(t) - 1):
            dt = t[k + 1] - t[k]
            f = np.array([y[k, 1] - 0.7 * y[k, 0] ** 3, -y[k, 1] + np.sin(t[k])])
            G = np.array([[1.0, 0.0], [0.3, 0.5]]) * np.sqrt(1 + y[k, 0] ** 2)
            total += multivariate_normal(y[k] + f * dt, G @ G.T * dt).logpdf(y[k + 1])
        np.testing.assert_allclose(float(terms[i].sum()), total, rtol=1e-10)


def test_the_numpyro_model_has_the_same_density(data, x64):
    """log p(θ, y) by numpyro's own evaluation, less the priors by hand, is the likelihood."""
    model = sb.SDEModel(
        sb.priors.Parametric(lambda x, t, p: -p["a"] * x, {"a": dist.Gamma(2, 2)}),
        sb.priors.Constant("diagonal"),
        observation=sb.Exact(),
    ).scaled_to(data)
    program = model.numpyro_model(data)
    values = {
        "a": jnp.asarray(0.7),
        "diffusion_scale": jnp.array([0.8, 1.1]),
        "initial_mean": jnp.array([0.2, -0.1]),
        "initial_variance": jnp.array([0.9, 1.7]),
    }
    seen = {}

    @jax.jit
    def total():
        found, trace = numpyro.infer.util.log_density(program, (), {}, values)
        seen.update(y=trace["y"]["is_observed"], shape=trace["y"]["fn"].batch_shape)
        return found

    whole = float(total())
    assert seen == {"y": True, "shape": (2,)}
    terms = density_of(model, data, values)
    scale = model.frozen_scale
    prior = (
        stats.gamma(2, scale=0.5).logpdf(0.7)
        + stats.lognorm(1, scale=scale.rate).logpdf([0.8, 1.1]).sum()
        + norm(scale.location, np.sqrt(scale.variance)).logpdf([0.2, -0.1]).sum()
        + stats.lognorm(1, scale=scale.variance).logpdf([0.9, 1.7]).sum()
    )
    np.testing.assert_allclose(whole - prior, terms.sum(), rtol=1e-10)


def test_replicates_of_the_observed_site_have_the_laws_moments(x64):
    """Draw y from a known OU with noise and effect; mean and covariance over draws against the dense normal."""
    dense = Dense(
        A=np.array([[0.4, 1.5], [-1.2, 0.3]]),
        b=np.array([1.0, -0.5]),
        sigma=np.eye(2),
        m0=np.array([2.0, 0.0]),
        P0=np.diag([1.5, 0.7]),
        H=np.eye(2),
        R=np.array([[0.3, 0.1], [0.1, 0.4]]),
        C=np.diag([0.5, 0.2]),
    )
    t = np.array([0.0, 0.3, 1.5])
    data = sb.trajectories([np.random.default_rng(0).normal(size=(3, 2))], t=[t])
    likelihood = Kalman(sb.schemes.LocalLinearization(), trajectory_effect=True)
    law = TrajectoryLaw(dense.observed_sde(), likelihood, read(data))
    draws = np.asarray(jax.jit(lambda key: law.sample(key, (20_000,)))(jax.random.key(0))).reshape(20_000, 6)
    mean, covariance, _ = dense.observations(np.zeros((3, 2)), t)
    sd = np.sqrt(np.diag(covariance))
    assert np.all(np.abs(draws.mean(0) - mean) < 5 * sd / np.sqrt(20_000))
    assert np.all(np.abs(np.cov(draws.T) - covariance) < 5 * np.sqrt(2) * np.outer(sd, sd) / np.sqrt(20_000))


def test_the_scale_of_the_data_by_hand(data):
    scale = data_scale(data, sb.Exact())
    y, t = data["y"].values, data["t"].values
    np.testing.assert_allclose(scale.location, np.nanmean(y, axis=(0, 1)))
    np.testing.assert_allclose(scale.variance, np.nanvar(y, axis=(0, 1)))
    increments = [
        (y[i, k + 1] - y[i, k]) ** 2 / (t[i, k + 1] - t[i, k])
        for i in range(2)
        for k in range(y.shape[1] - 1)
        if np.isfinite(y[i, k : k + 2]).all()
    ]
    np.testing.assert_allclose(scale.rate, np.mean(increments, axis=0))
    assert scale.step == pytest.approx(np.nanmedian(np.diff(t, axis=1)))
