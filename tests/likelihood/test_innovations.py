"""Student-t innovations against SciPy, their moments, and recovery of the degrees of freedom."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.handlers import seed
from scipy.stats import kurtosis, multivariate_normal, multivariate_t

import sdebayes as sb
from sdebayes._core.errors import ModelError
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood.arrays import read
from sdebayes.posterior.serialization import decode, encode

HEAVY = sb.Exact(innovations=sb.StudentT())


def known(sde: sb.SDE, degrees_of_freedom: float) -> ObservedSDE:
    """An SDE that is seen exactly, from N(0, I)."""
    n = len(sde.diffusion.factor)
    parts = jnp.zeros(n), jnp.eye(n), jnp.eye(n), jnp.zeros((n, n)), jnp.zeros((n, n))
    return ObservedSDE(sde, *parts, degrees_of_freedom=jnp.asarray(degrees_of_freedom))


def linear(A: np.ndarray, factor: np.ndarray) -> sb.SDE:
    drift = sb.dynamics.LinearDrift(jnp.asarray(A), jnp.zeros(len(A)))
    return sb.SDE(drift, sb.dynamics.ConstantDiffusion(jnp.asarray(factor)))


@pytest.mark.parametrize("times", ["regular", "irregular"])
@pytest.mark.parametrize("drift", ["linear", "field"])
def test_the_density_is_scipys(times, drift, x64):
    data, _ = sb.datasets.benchmark("ornstein_uhlenbeck", 12, 0.1, seed=0)
    t = data["t"].values[0] if times == "regular" else np.cumsum(np.linspace(0.05, 0.2, 12))
    data = sb.trajectories(data["y"].values, t=t)
    sde = linear(np.array([[0.5, 1.0], [-1.0, 0.3]]), np.array([[0.7, 0.0], [0.2, 0.5]]))
    if drift == "field":
        curved = sb.dynamics.ParametricDrift(lambda x, t, p: jnp.stack([x[1] - x[0] ** 3, jnp.sin(x[0])]), {})
        sde = sb.SDE(curved, sde.diffusion)
    prior = sb.priors.Linear() if drift == "linear" else sb.priors.Fixed(sde.drift)
    model = sb.SDEModel(prior, observation=HEAVY).scaled_to(data)
    observed, x = known(sde, 4.5), data["y"].values[0]
    found = jax.jit(lambda o: model.likelihood.log_density(observed, o))(model.read(data))
    law = jax.jit(lambda x, dt: model.discretization.transition(observed.sde, x, 0.0, dt))
    expected = [multivariate_normal(observed.initial_mean, observed.initial_covariance).logpdf(x[0])]
    for k in range(11):
        mean, covariance = law(jnp.asarray(x[k]), t[k + 1] - t[k])
        expected.append(multivariate_t(mean, np.asarray(covariance) * 2.5 / 4.5, df=4.5).logpdf(x[k + 1]))
    np.testing.assert_allclose(found[0], expected, rtol=1e-6)


@pytest.mark.thorough
def test_replicates_have_the_schemes_covariance_and_heavy_tails(x64):
    """Innovations of draws: variance 1, and the excess kurtosis 6/(ν − 4) of ν = 10, within their errors."""
    data, _ = sb.datasets.benchmark("ornstein_uhlenbeck_1d", 20_000, 0.1, seed=0)
    model = sb.SDEModel(observation=HEAVY).scaled_to(data)
    observed = known(linear(np.eye(1), np.eye(1)), 10.0)
    y = jax.jit(lambda o: model.likelihood.replicate(observed, o, jax.random.key(0)))(model.read(data))
    law = jax.jit(lambda one: model.discretization.affine_transition(one.sde.linear, 0.1))(observed)
    y, law = np.asarray(y)[0, :, 0], jax.tree.map(np.asarray, law)
    white = (y[1:] - law.matrix[0, 0] * y[:-1] - law.shift[0]) / np.sqrt(law.covariance[0, 0])
    assert np.var(white) == pytest.approx(1, abs=0.05)
    assert kurtosis(white) == pytest.approx(1.0, abs=0.5)


def test_degrees_of_freedom_are_recovered_and_the_score_beats_the_normal_one(x64):
    """4,000 transitions at ν = 5: the most likely ν lies within three standard errors, 0.45 each."""
    rng = np.random.default_rng(2)
    x = np.zeros(4001)
    for k, innovation in enumerate(rng.standard_t(5, size=4000) * np.sqrt(3 / 5 * (1 - 0.81))):
        x[k + 1] = 0.9 * x[k] + innovation
    data = sb.trajectories(x[None, :, None], t=np.arange(4001.0))
    model = sb.SDEModel(observation=HEAVY).scaled_to(data)
    rate = -np.log(0.9)
    observed = known(linear(np.array([[rate]]), np.sqrt([[2 * rate]])), 5.0)
    observations = read(data, drop_missing_steps=True)

    @jax.jit
    def score(degrees_of_freedom):
        one = eqx.tree_at(lambda o: o.degrees_of_freedom, observed, degrees_of_freedom)
        return model.likelihood.log_density(one, observations).sum()

    grid = np.linspace(3, 9, 121)
    scores = np.array([float(score(v)) for v in grid])
    assert grid[scores.argmax()] == pytest.approx(5, abs=1.35)
    normal = eqx.tree_at(lambda o: o.degrees_of_freedom, observed, None, is_leaf=lambda leaf: leaf is None)
    terms = jax.jit(lambda one: model.likelihood.log_density(one, observations))(normal)
    assert scores.max() - float(np.sum(terms)) > 50


@pytest.mark.thorough
def test_a_model_with_it_says_so_and_is_stored():
    data, _ = sb.datasets.benchmark("ornstein_uhlenbeck_1d", 30, 0.1, seed=0)
    model = sb.SDEModel(observation=sb.Exact(innovations=sb.StudentT(shape=3.0))).scaled_to(data)
    again = decode(encode(model))
    assert again.observation.innovations.shape == 3.0
    assert "ν ~ 2 + Gamma(3, 0.1)" in again.describe()
    assert again.dims()["degrees_of_freedom"] == []
    assert float(seed(again.build, 0)().degrees_of_freedom) > 2


def test_what_has_no_such_law_is_refused(untyped):
    with pytest.raises(ModelError, match="Strang has a distribution of its own"):
        sb.SDEModel(sb.priors.GP(), scheme=sb.schemes.Strang(), observation=HEAVY)
    with pytest.raises(ModelError, match=r"innovations='t' must be a StudentT"):
        sb.Exact(innovations="t")
    with pytest.raises(ModelError, match="rate"):
        sb.StudentT(rate=0.0)
    y = np.random.default_rng(0).normal(size=(1, 20, 2))
    y[0, 5, 0] = np.nan
    data = sb.trajectories(y)
    with pytest.raises(ModelError, match="Student-t innovations"):
        sb.SDEModel(observation=HEAVY).scaled_to(data).read(data)
    short, _ = sb.datasets.benchmark("ornstein_uhlenbeck_1d", 30, 0.1, seed=0)
    model = sb.SDEModel(scheme=sb.schemes.EulerMaruyama(), observation=HEAVY)
    with pytest.raises(ModelError, match="Student-t innovations have no closed form"):
        sb.fit(model, short, sb.Marginal(), progress=False)
