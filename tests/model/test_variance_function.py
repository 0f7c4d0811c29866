"""Noise that depends on covariates of the step: every place that reads R reads it at its step."""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from scipy.linalg import expm, solve_continuous_lyapunov
from scipy.stats import multivariate_normal

import sdebayes as sb
from sdebayes._core.errors import DataError, ModelError, StoreError
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift, ObservedSDE
from sdebayes.likelihood import GaussianFilter
from sdebayes.schemes import LocalLinearization

WORDS = sb.VarianceFunction("words", log=True, degree=2)


def with_words(seed_of_words: int = 0, trajectories: int = 3, steps: int = 12) -> xr.Dataset:
    rng = np.random.default_rng(seed_of_words)
    words = [rng.integers(1, 40, steps).astype(float) for _ in range(trajectories)]
    walks = [np.cumsum(rng.normal(size=(steps, 2)), 0) for _ in range(trajectories)]
    return sb.trajectories(walks, covariates={"words": words})


def known() -> ObservedSDE:
    """A stationary process behind noise that its words make larger."""
    A, factor = np.array([[0.5, 1.0], [-1.0, 0.3]]), np.array([[0.7, 0.0], [0.2, 0.5]])
    P, R = solve_continuous_lyapunov(A, factor @ factor.T), np.array([[0.3, 0.1], [0.1, 0.4]])
    sde = SDE(LinearDrift(jnp.asarray(A), jnp.array([0.4, -1.0])), ConstantDiffusion(jnp.asarray(factor)))
    mean, *parts = map(jnp.asarray, (np.array([0.4, -1.0]), P, np.eye(2), R, np.diag([0.5, 0.2])))
    return ObservedSDE(sde, mean, *parts, noise_slopes=jnp.array([0.4, -0.2]))


@pytest.fixture(scope="module")
def model():
    noise = sb.GaussianNoise(trajectory_effect=True, covariance="full", variance_function=WORDS)
    return sb.SDEModel(observation=noise).scaled_to(with_words())


def dense(observed, data):
    """Return the law of all of a trajectory's values from the joint normal law, (trajectory, time × observed)."""
    A, steps = np.asarray(observed.sde.drift.matrix), data.times.shape[1]
    P, C, R = map(
        np.asarray, (observed.initial_covariance, observed.effect_covariance, observed.noise_covariance)
    )
    factors = np.exp(np.asarray(data.noise_terms) @ np.asarray(observed.noise_slopes))
    t = np.arange(steps)
    decay = expm(-A * t[:, None, None])
    blocks = np.zeros((len(factors), steps, 2, steps, 2))
    for i in t:
        for j in t:
            lag = decay[abs(i - j)]
            blocks[:, i, :, j, :] = (lag @ P if i >= j else P @ lag.T) + C
        blocks[:, i, :, i, :] += factors[:, i, None, None] * R
    return blocks.reshape(len(factors), 2 * steps, 2 * steps)


def test_the_likelihood_is_the_dense_normal_law(model, x64):
    data = model.read(with_words())
    observed = known()
    mean = np.tile(observed.initial_mean, data.times.shape[1])
    flat = np.asarray(data.values).reshape(len(data.values), -1)
    laws = dense(observed, data)
    expected = [multivariate_normal.logpdf(y, mean, S) for y, S in zip(flat, laws, strict=True)]
    for likelihood in (model.likelihood, GaussianFilter(LocalLinearization(), trajectory_effect=True)):
        found = np.asarray(jax.jit(likelihood.log_density)(observed, data)).sum(-1)
        np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.thorough
def test_replicates_and_forecasts_have_the_noise_of_their_steps(model, x64):
    data = model.read(with_words())
    observed = known()
    S = dense(observed, data)
    many = jax.jit(jax.vmap(lambda key: model.likelihood.replicate(observed, data, key)))
    for draw in (many, jax.jit(jax.vmap(lambda key: model.likelihood.draw(observed, data, key)))):
        y = np.asarray(draw(jax.random.split(jax.random.key(0), 6000)))
        variance = y.var(0).reshape(len(S), -1)
        np.testing.assert_allclose(variance, np.diagonal(S, axis1=1, axis2=2), rtol=0.12)
    _, one = jax.jit(model.likelihood.one_step)(observed, data)
    targets = jnp.arange(1, data.times.shape[1])
    _, ahead = jax.jit(lambda *of: model.likelihood.horizons(*of, 1, targets))(observed, data)
    np.testing.assert_allclose(ahead[0], one[:, 1:], rtol=1e-9)
    first = S[:, :2, :2]
    np.testing.assert_allclose(one[:, 0], first, rtol=1e-9)


STRATEGY = sb.Laplace(draws=30)
SMALL = sb.SDEModel(
    sb.priors.Linear(diagonal=True),
    sb.priors.Constant("diagonal"),
    observation=sb.GaussianNoise(variance_function=WORDS),
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("checkpoint")


@pytest.fixture(scope="module")
def posterior(kept) -> sb.Posterior:
    return sb.fit(SMALL, with_words(), STRATEGY, seed=0, checkpoint=kept, progress=False)


@pytest.mark.thorough
def test_a_fit_keeps_covariates_and_scores_by_them(tmp_path, posterior):
    data = with_words()
    slope = posterior.data["posterior"]["noise_slope"]
    assert list(slope["noise_term"].values) == ["log words", "log words, degree 2"]
    posterior.to_netcdf(tmp_path / "posterior.nc")
    again = sb.load(tmp_path / "posterior.nc")
    assert again.model.describe() == posterior.model.describe()
    np.testing.assert_array_equal(again.training_data()["words"].values, data["words"].values)
    np.testing.assert_allclose(again.log_score(data), posterior.log_score(data), rtol=1e-5)
    other = data.assign(words=data["words"] + 30)
    assert not np.allclose(again.log_score(other), again.log_score(data), rtol=1e-3)
    assert again.diagnosis() is not None


@pytest.mark.thorough
def test_forecasts_have_the_noise_of_their_own_step(posterior):
    """The variance predicted at a step goes up by R times what the step's words make of it, and nothing else does."""
    data = with_words()
    changed = data["words"].copy()
    changed[:, -1] += 30
    first, second = (
        sb.forecast(posterior, one, horizon=1, samples=5) for one in (data, data.assign(words=changed))
    )
    differs = ~np.isclose(first["covariance"], second["covariance"]).all(axis=(-1, -2))
    assert differs[..., -1].all()
    assert not differs[..., :-1].any()


def test_a_checkpoint_of_other_covariates_is_refused(posterior, kept):
    """The same values at the same times, words in another order: the draws of one are not those of the other."""
    data = with_words()
    other = data.assign(words=data["words"][::-1].assign_coords(trajectory=data["trajectory"]))
    with pytest.raises(StoreError, match="differ"):
        sb.fit(SMALL, other, STRATEGY, seed=0, checkpoint=kept, progress=False)


def test_embedding_counts_words():
    encoder = sb.Precomputed(["One two.", "Three.", "Four five six.", "Seven."], np.eye(4))
    data = sb.embed(["One two. Three. Four five six.", "Three. Seven. One two. Three."], encoder, cache=False)
    np.testing.assert_array_equal(data["words"].values, [[2, 1, 3, np.nan], [1, 1, 2, 1]])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (None, "'words', which the data do not have; they have none"),
        ([5.0] * 12, "'words' is the same at all steps"),
        ([5.0] * 11 + [np.nan], "'words' is nan at step 11 of trajectory 'trajectory 1'"),
        (
            [5.0] * 11 + [0.0],
            "'words' is 0 at step 11 of trajectory 'trajectory 1' (1 such steps); expected",
        ),
        (["a"] * 12, "expected real numbers"),
    ],
    ids=["missing", "constant", "nan", "zero", "text"],
)
def test_covariates_that_cannot_be_used_are_refused(words, message):
    walk = np.cumsum(np.random.default_rng(0).normal(size=(12, 1)), 0)
    data = sb.trajectories([walk], covariates={} if words is None else {"words": [words]})
    with pytest.raises(DataError, match=re.escape(message)):
        sb.SDEModel(observation=sb.GaussianNoise(variance_function=WORDS)).scaled_to(data)


def test_scoring_needs_the_covariate(model):
    with pytest.raises(DataError, match="'words', which the data do not have"):
        model.read(with_words().drop_vars("words"))


def test_a_model_says_how_its_noise_varies(model):
    assert "log R_k = log R + β_1 h_1(w_k) + β_2 h_2(w_k), w: log words" in model.describe()
    with pytest.raises(ModelError, match="degree=0"):
        sb.VarianceFunction("words", degree=0)
