"""Every option of the observation does what it says, and wrong ones are refused."""

from __future__ import annotations

import re
from typing import NamedTuple

import jax
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.handlers import seed, trace
from scipy.stats import beta, kstest, norm

import sdebayes as sb
from sdebayes._core.errors import DataError, ModelError
from sdebayes.likelihood import IndependentKalman
from sdebayes.model.rebuild import prior_draw


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return sb.trajectories([np.array([1.0, 3.0]) * np.cumsum(rng.normal(size=(20, 2)), 0) for _ in range(4)])


class Drawn(NamedTuple):
    """What the observation has a part in, of an observed SDE: nothing else is computed."""

    matrix: np.ndarray
    initial_covariance: np.ndarray
    noise_covariance: np.ndarray
    effect_covariance: np.ndarray


def built(observation, data, count: int = 1):
    """Draw the prior of a model of independent states with this observation."""
    parts = sb.priors.Linear(diagonal=True), sb.priors.Constant("diagonal")
    model = sb.SDEModel(*parts, observation=observation).scaled_to(data)

    def one(key):
        with seed(rng_seed=key), trace() as sites:
            observed = model.build()
        own = {n: s["value"] for n, s in sites.items() if n.startswith(("noise_", "trajectory_effect_"))}
        return Drawn(*(getattr(observed, name) for name in Drawn._fields)), own

    return jax.tree.map(np.asarray, jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(0), count)))


FULL = np.array([[0.5, 0.1], [0.1, 0.2]])


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("covariance", "expected"),
    [(0.3, 0.3 * np.eye(2)), (np.array([0.3, 0.4]), np.diag([0.3, 0.4])), (FULL, FULL)],
    ids=["number", "vector", "matrix"],
)
def test_a_known_noise_covariance_is_used_as_it_is(data, covariance, expected, x64):
    observation = sb.GaussianNoise(covariance=covariance)
    observed, _ = built(observation, data)
    np.testing.assert_allclose(observed.noise_covariance[0], expected)
    np.testing.assert_array_equal(observed.effect_covariance[0], 0)
    assert "known" in sb.SDEModel(observation=observation).describe()


def test_what_the_known_noise_leaves_is_the_paths(data, x64):
    total = data["y"].var(("trajectory", "time")).values
    left, _ = built(sb.GaussianNoise(covariance=0.9 * total[0]), data, 4000)
    median = np.median(np.diagonal(left.initial_covariance, axis1=1, axis2=2), axis=0)
    expected = np.maximum(total - 0.9 * total[0], 0.1 * total)
    assert np.all(np.abs(np.log(median / expected)) < 0.2)
    given, _ = built(sb.GaussianNoise(covariance=0.3, latent_variance=[50.0, 70.0]), data, 4000)
    median = np.median(np.diagonal(given.initial_covariance, axis1=1, axis2=2), axis=0)
    assert np.all(np.abs(np.log(median / [50.0, 70.0])) < 0.2)


@pytest.mark.parametrize(
    ("observation", "share"),
    [
        (sb.Exact(), 1.0),
        (sb.GaussianNoise(), 2 / 4),
        (sb.GaussianNoise(trajectory_effect=True), 2 / 5),
        (sb.GaussianNoise(matrix=np.eye(2)), 1.0),
        (sb.GaussianNoise(matrix=np.eye(2), trajectory_effect=True), 4 / 5),
    ],
)
def test_a_field_counts_in_the_path_s_standard_deviations(data, observation, share, x64):
    """The mean share of the path's variance over prior draws, and the box of the basis with it."""
    exact = sb.SDEModel(sb.priors.GP(), observation=sb.Exact()).scaled_to(data)
    model = sb.SDEModel(sb.priors.GP(), observation=observation).scaled_to(data)
    ratio = np.sqrt(model.scale.variance * share / exact.scale.variance)
    np.testing.assert_allclose(model.drift.state_scale, ratio * exact.drift.state_scale)
    if observation.observation_matrix is None:
        np.testing.assert_allclose(model.drift.basis.half_length, ratio * exact.drift.basis.half_length)


ALIKE = {"covariance": "isotropic", "effect_covariance": "isotropic", "path_covariance": "isotropic"}


@pytest.mark.thorough
def test_states_that_are_all_alike_share_every_number_but_their_middle(data, x64):
    observation = sb.GaussianNoise(trajectory_effect=True, **ALIKE)
    model = sb.SDEModel(
        sb.priors.Linear(diagonal=True), sb.priors.Constant("isotropic"), observation=observation
    )
    assert isinstance(model.likelihood, IndependentKalman)
    model = model.scaled_to(data)
    drawn = jax.jit(jax.vmap(lambda key: prior_draw(model, key)))(jax.random.split(jax.random.key(0), 4))
    parts = (drawn.sde.drift.matrix, drawn.sde.diffusion.factor, drawn.initial_covariance)
    for matrix in (*parts, drawn.noise_covariance, drawn.effect_covariance):
        np.testing.assert_allclose(matrix, matrix[:, :1, :1] * np.eye(2))
        assert np.ptp(matrix[:, 0, 0]) > 0
    assert "of all j the same" in model.describe()
    exact = sb.SDEModel(diffusion=sb.priors.Constant("isotropic"), observation=sb.Exact()).scaled_to(data)
    factor = prior_draw(exact, jax.random.key(0)).sde.diffusion.factor
    np.testing.assert_allclose(factor, factor[0, 0] * np.eye(2))


@pytest.mark.parametrize("own", ["covariance", "effect_covariance"])
def test_paths_are_alike_only_where_noise_and_effect_are(own):
    with pytest.raises(ModelError, match="path_covariance='isotropic'"):
        sb.GaussianNoise(trajectory_effect=True, **ALIKE | {own: "diagonal"})


@pytest.mark.parametrize("effect", [False, True])
def test_the_expected_share_of_the_path_is_the_prior_s_mean(data, effect, x64):
    observation = sb.GaussianNoise(trajectory_effect=effect, spread=1e-3)
    drawn, _ = built(observation, data, 4000)
    path = np.diagonal(drawn.initial_covariance, axis1=1, axis2=2).mean(0)
    expected = sb.SDEModel(observation=observation).scaled_to(data).scale.path_variance
    np.testing.assert_allclose(path, expected, rtol=0.05)


@pytest.mark.parametrize(
    ("law", "shape"),
    [
        (dist.LogNormal(0, 1), ()),
        (dist.LogNormal(0, 1).expand([2]).to_event(1), (2,)),
    ],
)
def test_a_distribution_of_the_noise_covariance_is_drawn(data, law, shape, x64):
    observed, sites = built(sb.GaussianNoise(covariance=law), data, 5)
    assert sites["noise_covariance"].shape == (5, *shape)
    for R, drawn in zip(observed.noise_covariance, sites["noise_covariance"], strict=True):
        np.testing.assert_allclose(R, np.diag(np.broadcast_to(drawn, (2,))))
    assert "LogNormal" in sb.SDEModel(observation=sb.GaussianNoise(covariance=law)).describe()


@pytest.mark.parametrize("covariance", [None, 0.3])
def test_a_trajectory_effect_has_a_variance(data, covariance, x64):
    observed, sites = built(sb.GaussianNoise(covariance=covariance, trajectory_effect=True), data, 3)
    effect = np.diagonal(observed.effect_covariance, axis1=1, axis2=2)
    assert np.all(effect > 0)
    np.testing.assert_allclose(effect, sites["trajectory_effect_variance"])
    without, _ = built(sb.GaussianNoise(covariance=covariance), data, 3)
    assert np.all(without.effect_covariance == 0)


def test_an_observation_matrix_sets_the_number_of_states(data, x64):
    H = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.0]])
    observation = sb.GaussianNoise(matrix=H, trajectory_effect=True)
    model = sb.SDEModel(observation=observation).scaled_to(data)
    assert model.frozen_scale.states == ("x1", "x2", "x3")
    observed, _ = built(observation, data)
    np.testing.assert_array_equal(observed.matrix[0], H)
    assert observed.noise_covariance.shape == (1, 2, 2)
    assert observed.effect_covariance.shape == (1, 3, 3)
    assert jax.eval_shape(seed(model.build, jax.random.key(0))).sde.drift.matrix.shape == (3, 3)


@pytest.mark.parametrize("effect", [False, True])
def test_the_shares_of_noise_and_effect_have_the_laws_that_are_said(data, effect, x64):
    observed, _ = built(sb.GaussianNoise(trajectory_effect=effect), data, 4000)
    path, noise, offset = (
        np.diagonal(part, axis1=1, axis2=2)[:, 0]
        for part in (observed.initial_covariance, observed.noise_covariance, observed.effect_covariance)
    )
    assert kstest(noise / (path + noise), beta(0.5, 0.5).cdf).pvalue > 0.01
    if effect:
        assert kstest(offset / (path + noise + offset), beta(1, 4).cdf).pvalue > 0.01
    total = data["y"].var(("trajectory", "time")).values[0]
    assert kstest(np.log((path + noise + offset) / total), norm(0, 1).cdf).pvalue > 0.01


def test_noise_may_be_next_to_nothing(data, x64):
    """The old law, Beta(2, 2), gave a share below a thousandth three times in a million."""
    observed, _ = built(sb.GaussianNoise(), data, 4000)
    path, noise = (
        np.diagonal(part, axis1=1, axis2=2)
        for part in (observed.initial_covariance, observed.noise_covariance)
    )
    share = noise / (path + noise)
    assert np.mean(share < 1e-3) == pytest.approx(2 / np.pi * np.arcsin(np.sqrt(1e-3)), rel=0.25)
    assert np.all(share > 0)


@pytest.mark.parametrize("matrix", [None, np.array([[1.0, 0.5], [0.0, 2.0]])], ids=["H = I", "H"])
def test_full_covariances_keep_the_variances_and_add_correlations(data, matrix, x64):
    options = {"matrix": matrix, "trajectory_effect": True}
    full = sb.GaussianNoise(covariance="full", effect_covariance="full", **options)
    observed, sites = built(full, data, 2000)
    parts = {
        "noise": (observed.noise_covariance, "noise_variance"),
        "trajectory_effect": (observed.effect_covariance, "trajectory_effect_variance"),
    }
    for name, (covariance, variance) in parts.items():
        np.testing.assert_array_equal(covariance, sites[f"{name}_covariance"])
        sd = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
        np.testing.assert_allclose(sd**2, sites[variance])
        assert kstest((covariance[:, 0, 1] / sd.prod(-1) + 1) / 2, beta(2, 2).cdf).pvalue > 1e-3
    said = sb.SDEModel(observation=full).describe()
    assert "correlation of R ~ LKJ(2)" in said
    assert "correlation of C ~ LKJ(2)" in said
    seen = "state" if matrix is None else "observed"
    assert full.dims()["noise_covariance"] == [seen, f"{seen}_bis"]


@pytest.mark.thorough
def test_low_rank_covariances_keep_the_variances_and_have_few_parameters(x64):
    data = sb.trajectories(np.random.default_rng(0).normal(size=(4, 20, 6)))
    law = sb.LowRank(2)
    low = sb.GaussianNoise(covariance=law, effect_covariance=law, trajectory_effect=True)
    observed, sites = built(low, data, 2000)
    for name, covariance in (
        ("noise", observed.noise_covariance),
        ("trajectory_effect", observed.effect_covariance),
    ):
        variance = np.diagonal(covariance, axis1=1, axis2=2)
        np.testing.assert_allclose(variance, sites[f"{name}_variance"])
        sd = np.sqrt(variance)
        correlation = covariance / sd[:, :, None] / sd[:, None, :]
        assert np.linalg.eigvalsh(correlation).min() > 0
        assert np.abs(correlation[:, -1, -2]).mean() > 0.2
        assert sites[f"{name}_loading"].shape == (2000, 11)
    assert "that of I + Λ Λᵀ, Λ_ij ~ Normal(0, 1/√2), rank 2" in sb.SDEModel(observation=low).describe()


def test_more_factors_than_coordinates_are_refused(data, x64):
    with pytest.raises(ModelError, match="rank is 2 for 2 coordinates; expected fewer"):
        sb.SDEModel(observation=sb.GaussianNoise(covariance=sb.LowRank(2))).scaled_to(data)


def test_one_size_is_one_for_all_coordinates(data, x64):
    one = sb.GaussianNoise(covariance="isotropic", effect_covariance="isotropic", trajectory_effect=True)
    observed, sites = built(one, data, 2000)
    mean = data["y"].var(("trajectory", "time")).values.mean()
    for name, share in (("noise", 0.25), ("trajectory_effect", 0.2)):
        covariance = getattr(observed, f"{name.removeprefix('trajectory_')}_covariance")
        np.testing.assert_array_equal(covariance, sites[f"{name}_variance_of_all"][:, None, None] * np.eye(2))
        assert kstest(np.log(covariance[:, 0, 0] / (share * mean)) / 2, norm.cdf).pvalue > 0.01
    said = sb.SDEModel(observation=one).scaled_to(data).describe()
    assert "R = r I, r ~ LogNormal(log 0.25 · mean of [" in said
    assert "C = c I, c ~ LogNormal(log 0.2 · mean of [" in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"covariance": "a"},
            "covariance='a' must be 'isotropic' or 'diagonal' or 'full' or a LowRank or an array of finite numbers or",
        ),
        ({"effect_covariance": "full"}, "there is no trajectory effect; give trajectory_effect=True"),
        ({"matrix": [1.0, 2.0]}, "matrix has shape (2,)"),
        ({"matrix": [[np.nan, 1.0]]}, "must be an array of finite numbers"),
        ({"covariance": -1.0}, "positive ones"),
        ({"covariance": 0.0}, "Exact()"),
        ({"covariance": [[1.0, 2.0], [2.0, 1.0]]}, "positive ones"),
        ({"covariance": [[1.0, 0.5], [0.0, 1.0]]}, "symmetric"),
        ({"covariance": float("nan")}, "covariance=nan must be"),
        ({"covariance": np.ones((2, 3))}, "shape (2, 3)"),
        ({"total_variance": -1.0}, "total_variance=-1.0 must be positive finite numbers"),
        ({"latent_variance": [1.0, 0.0]}, "latent_variance"),
        ({"spread": 0.0}, "spread=0.0 must be a positive finite number"),
        ({"trajectory_effect": 3}, "trajectory_effect=3 must be True or False"),
    ],
)
def test_wrong_options_are_refused(options, words, untyped):
    with pytest.raises(ModelError, match=re.escape(words)):
        sb.GaussianNoise(**options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"covariance": [1.0, 1.0, 1.0]}, "shape (3,) but the data have 2"),
        ({"covariance": np.eye(3)}, "shape (3, 3) but the data have 2"),
        ({"covariance": dist.LogNormal(0, 1).expand([3]).to_event(1)}, "shape (3,) but the data have 2"),
        ({"matrix": np.eye(3)}, "one row for each"),
    ],
)
def test_options_that_do_not_fit_the_data_are_refused(data, options, words):
    with pytest.raises(ModelError, match=re.escape(words)):
        sb.SDEModel(observation=sb.GaussianNoise(**options)).scaled_to(data)


def test_a_filter_that_is_none_is_refused(untyped):
    with pytest.raises(ModelError, match=r"filter='extended' must be .*ExtendedKalman\(\)"):
        sb.GaussianNoise(filter="extended")


def test_partly_missing_steps_of_a_nonlinear_model_are_refused(data):
    model = sb.SDEModel(sb.priors.Parametric(lambda x, t, p: -(x**3)), observation=sb.Exact())
    y = data["y"].copy()
    y[0, 3, 1] = np.nan
    with pytest.raises(ModelError, match="observed in part only"):
        model.read(data.assign(y=y))


def test_embeddings_are_refused(data):
    embedded = data.rename(state="embedding")
    with pytest.raises((ModelError, DataError), match=r"PCA|state space"):
        sb.SDEModel().scaled_to(embedded)
