"""The known distribution of the first state, against the dense normal density; the size of a drift behind noise."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import pytest
from numpyro.infer.util import log_density
from scipy.stats import multivariate_normal

import sdebayes as sb
from sdebayes._core.errors import ModelError
from sdebayes.dynamics import ConstantDiffusion, LinearDrift
from sdebayes.posterior.serialization import decode, encode

RATE, EQUILIBRIUM, SD = 0.7, 0.4, 0.9
MEAN, VARIANCE, NOISE = -1.5, 0.3, 0.25
TIMES = np.array([0.0, 0.3, 0.8, 1.0, 2.1])


@pytest.fixture
def values():
    return np.random.default_rng(3).normal(size=len(TIMES))


def model_of(observation):
    drift = LinearDrift(jnp.array([[RATE]]), jnp.array([EQUILIBRIUM]))
    diffusion = ConstantDiffusion(jnp.array([[SD]]))
    return sb.SDEModel(
        sb.priors.Fixed(drift),
        sb.priors.Fixed(diffusion),
        observation=observation,
        initial=([MEAN], [[VARIANCE]]),
    )


def dense_log_density(values, noise):
    """Return the log density of an Ornstein–Uhlenbeck path from N(m₀, P₀), seen with noise."""
    decay = np.exp(-RATE * TIMES)
    apart = np.exp(-RATE * np.abs(TIMES[:, None] - TIMES))
    stationary = SD**2 / (2 * RATE)
    covariance = np.outer(decay, decay) * (VARIANCE - stationary) + stationary * apart
    mean = EQUILIBRIUM + decay * (MEAN - EQUILIBRIUM)
    return multivariate_normal.logpdf(values, mean, covariance + noise * np.eye(len(TIMES)))


@pytest.mark.parametrize(
    ("observation", "noise"), [(sb.Exact(), 0.0), (sb.GaussianNoise(covariance=NOISE), NOISE)]
)
def test_density_of_a_known_start_is_the_dense_one(values, observation, noise):
    data = sb.trajectories(values[:, None], t=TIMES)
    with jax.enable_x64(True):
        model = model_of(observation).scaled_to(data)
        sites = {} if noise == 0 else {"latent_variance": jnp.ones(1)}

        @jax.jit
        def of_the_data():
            found, trace = log_density(model.numpyro_model(data), (), {}, sites)
            drawn = [one for one in trace.values() if one["type"] == "sample" and not one["is_observed"]]
            return found - sum(one["fn"].log_prob(one["value"]).sum() for one in drawn)

        found = float(of_the_data())
    assert found == pytest.approx(dense_log_density(values, noise), rel=1e-10)


def test_known_start_is_named_and_kept_in_files(values):
    model = model_of(sb.GaussianNoise(covariance=NOISE)).scaled_to(sb.trajectories(values[:, None], t=TIMES))
    assert "First state: N([-1.5], [[0.3]]), known" in model.describe()
    assert "initial_mean" not in model.dims()
    kept = decode(encode(model))
    np.testing.assert_allclose(kept.initial[1], [[VARIANCE]])


@pytest.mark.parametrize(
    "initial", [([0.0, 0.0], np.eye(2)), ([0.0], [[-1.0]]), ([np.nan], [[1.0]]), (0.0, 1.0), ("x", "y")]
)
def test_impossible_starts_are_refused(values, initial):
    model = sb.SDEModel(observation=sb.Exact(), initial=initial)
    with pytest.raises(sb.errors.ModelError, match="initial"):
        model.scaled_to(sb.trajectories(values[:, None], t=TIMES))


@pytest.mark.thorough
def test_drift_scale_sets_the_size_of_a_drift_behind_noise(values):
    data = sb.trajectories(values[:, None], t=TIMES)
    basis = sb.priors.HSGP(functions=60, half_length=5.0)
    drift = sb.priors.GP(drift_scale=3.0, state_scale=1.0, lengthscale=0.5, basis=basis)
    with jax.enable_x64(True):
        tiny = sb.priors.Fixed(ConstantDiffusion(jnp.array([[1e-6]])))
        model = sb.SDEModel(drift, tiny, observation=sb.GaussianNoise(covariance=NOISE)).scaled_to(data)

        def once(key):
            with numpyro.handlers.seed(rng_seed=key):
                return model.build().sde.drift(jnp.asarray(model.scale.location))[0]

        drawn = np.asarray(jax.jit(jax.vmap(once))(jax.random.split(jax.random.key(0), 4000)))
    # the amplitude is half-normal and the field normal: E f² = d², E f⁴ = 9 d⁴
    assert np.mean(drawn**2) == pytest.approx(9.0, abs=4 * 9 * np.sqrt(8 / 4000))
    assert "d_j = 3 per unit of time" in model.describe()


@pytest.mark.thorough
def test_a_model_without_parameters_worth_naming_is_smoothed(values):
    data = sb.trajectories(values[:, None], t=TIMES)
    model = model_of(sb.GaussianNoise(covariance=NOISE))
    posterior = sb.fit(model, data, sb.Laplace(draws=30), progress=False)
    path = posterior.smooth(data)["x"].values[:, 0, :, 0]
    decay = np.exp(-RATE * TIMES)
    stationary = SD**2 / (2 * RATE)
    covariance = np.outer(decay, decay) * (VARIANCE - stationary)
    covariance += stationary * np.exp(-RATE * np.abs(TIMES[:, None] - TIMES))
    mean = EQUILIBRIUM + decay * (MEAN - EQUILIBRIUM)
    gain = covariance @ np.linalg.inv(covariance + NOISE * np.eye(len(TIMES)))
    np.testing.assert_allclose(path, np.broadcast_to(mean + gain @ (values - mean), path.shape), atol=1e-9)
    assert "1 chains × 30 draws" in repr(posterior)


def far_paths(start, seed=0, paths=8, steps=100, step=0.1):
    """Paths of dX = −X dt + dW from one start."""
    rng = np.random.default_rng(seed)
    x = np.full((paths, steps + 1), float(start))
    decay = np.exp(-step)
    for k in range(steps):
        x[:, k + 1] = decay * x[:, k] + np.sqrt((1 - decay**2) / 2) * rng.normal(size=paths)
    return sb.trajectories(list(x[..., None]), t=[step * np.arange(steps + 1)] * paths)


@pytest.mark.thorough
def test_a_free_start_leaves_the_drift_alone():
    """Under the stationary law the rate is a tenth of the true 1, and the true one far outside of its interval."""
    data = far_paths(5.0)
    rates = {}
    for initial in (None, "free"):
        model = sb.SDEModel(sb.priors.Linear(diagonal=True), observation=sb.Exact(), initial=initial)
        posterior = sb.fit(model, data, sb.Laplace(draws=400), seed=0, progress=False)
        rates[initial] = posterior.data["posterior"]["drift_rate"].quantile([0.05, 0.95]).values
    assert rates[None][1] < 0.5
    assert rates["free"][0] < 1.0 < rates["free"][1]


def test_a_free_start_is_drawn_said_and_stored():
    model = sb.SDEModel(initial="free").scaled_to(far_paths(1.0))
    assert not model.stationary
    assert {"initial_mean", "initial_variance"} <= set(model.dims())
    assert "m₀_j ~ Normal(data mean, data sd)" in model.describe()
    assert decode(encode(model)).initial == "free"


def test_an_unknown_word_for_the_start_is_refused(untyped):
    with pytest.raises(ModelError, match=r"initial='fixed' must be .*'free' or None"):
        sb.SDEModel(initial="fixed")
