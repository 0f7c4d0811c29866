"""Priors: what every draw must satisfy, what a constant does, when numbers freeze, and what is refused."""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import biject_to
from numpyro.distributions.constraints import corr_cholesky
from numpyro.handlers import seed, substitute, trace
from scipy import linalg, stats

import sdebayes as sb
from sdebayes._core.errors import ModelError
from sdebayes.dynamics import ConstantDiffusion, LinearDrift
from sdebayes.priors import GP, Constant, Fixed, Linear, Parametric

EXACT = sb.Exact()


def scaled(data, drift=None, diffusion=None, observation=EXACT, **kwargs) -> sb.SDEModel:
    return sb.SDEModel(
        drift or Linear(), diffusion or Constant("diagonal"), observation=observation, **kwargs
    ).scaled_to(data)


@pytest.mark.parametrize(
    ("observation", "shape"),
    [(EXACT, "full"), (sb.GaussianNoise(trajectory_effect=True), "diagonal")],
    ids=["exact", "noisy"],
)
def test_every_stable_draw_is_stable_with_the_stationary_law_it_says(data, draw, shape, observation, x64):
    observed, sites = draw(scaled(data, diffusion=Constant(shape), observation=observation), 300)
    A, G = observed.sde.drift.matrix, observed.sde.diffusion.factor
    rates = np.linalg.eigvals(A).real
    assert np.all(rates > 0)
    P = np.array([linalg.solve_continuous_lyapunov(a, g @ g.T) for a, g in zip(A, G, strict=True)])
    np.testing.assert_allclose(observed.initial_covariance, P, rtol=1e-6, atol=1e-8 * P.max())
    np.testing.assert_allclose(sites["stationary_variance"], np.diagonal(P, axis1=1, axis2=2), rtol=1e-6)
    correlation = np.asarray(biject_to(corr_cholesky)(sites["stationary_correlation"]))
    factor = np.sqrt(sites["stationary_variance"])[:, :, None] * correlation
    np.testing.assert_allclose(P, factor @ factor.transpose(0, 2, 1), rtol=1e-6, atol=1e-8 * P.max())
    np.testing.assert_allclose(observed.initial_mean, sites["equilibrium"])
    if shape == "full":
        np.testing.assert_allclose(sites["diffusion_covariance"], G @ G.transpose(0, 2, 1), rtol=1e-10)
        assert np.all(np.abs(G[:, 1, 0]) > 0)
    else:
        assert np.all(G[:, ~np.eye(3, dtype=bool)] == 0)


def test_draws_with_diagonal_rates_have_the_stationary_law_they_say(data, draw, x64):
    for shape in ("diagonal", "full"):
        observed, sites = draw(scaled(data, drift=Linear(diagonal=True), diffusion=Constant(shape)), 30)
        A, G = observed.sde.drift.matrix, observed.sde.diffusion.factor
        P = np.array([linalg.solve_continuous_lyapunov(a, g @ g.T) for a, g in zip(A, G, strict=True)])
        np.testing.assert_allclose(observed.initial_covariance, P, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(sites["stationary_variance"], np.diagonal(P, axis1=1, axis2=2), rtol=1e-8)


@pytest.mark.parametrize("shape", ["diagonal", "full"])
def test_a_few_states_are_coupled_and_the_others_alone(data, draw, shape, x64):
    observed, sites = draw(scaled(data, drift=Linear(coupled=2), diffusion=Constant(shape)), 30)
    A, G = observed.sde.drift.matrix, observed.sde.diffusion.factor
    np.testing.assert_array_equal(A, sites["drift_matrix"])
    assert np.all(A[:, [0, 1, 2, 2], [2, 2, 0, 1]] == 0)
    assert np.all(np.abs(A[:, [0, 1, 2], [1, 0, 2]]) > 0)
    assert np.all(np.linalg.eigvals(A).real > 0)
    P = np.array([linalg.solve_continuous_lyapunov(a, g @ g.T) for a, g in zip(A, G, strict=True)])
    np.testing.assert_allclose(observed.initial_covariance, P, rtol=1e-6, atol=1e-8 * P.max())
    np.testing.assert_allclose(sites["stationary_variance"], np.diagonal(P, axis1=1, axis2=2), rtol=1e-6)


@pytest.mark.smoke
def test_no_rotation_if_and_only_if_reversible(data, x64):
    """Detailed balance of a linear diffusion is A Σ = Σ Aᵀ (Kolmogorov's condition)."""
    model = scaled(data, diffusion=Constant("full"))

    @jax.jit
    def drawn(entries):
        observed = substitute(seed(model.build, 3), data={"rotation": entries})()
        return observed.sde.drift.matrix, observed.sde.covariance(observed.initial_mean)

    for entries, reversible in ((np.zeros(3), True), (np.array([0.4, 0.0, 0.0]), False)):
        A, sigma = map(np.asarray, drawn(entries))
        asymmetry = np.abs(A @ sigma - sigma @ A.T).max() / np.abs(A @ sigma).max()
        assert asymmetry < 1e-10 if reversible else asymmetry > 1e-3


def test_any_stable_matrix_is_reached(data, x64):
    """The parameters (P, K) of a given stable A, solved by SciPy, give that A back."""
    A = np.array([[0.9, 0.2, 0.0], [-0.3, 0.5, 0.4], [0.0, -0.6, 0.2]])
    sigma = np.diag([1.0, 0.5, 0.2])
    P = linalg.solve_continuous_lyapunov(A, sigma)
    L = np.linalg.cholesky(P)
    K = A @ P - sigma / 2
    np.testing.assert_allclose(K, -K.T, atol=1e-12)
    rate = np.diag(sigma) / 2 / np.diag(P)
    white = np.linalg.solve(L, np.linalg.solve(L, K).T).T / np.sqrt(np.outer(rate, rate))
    sd = np.sqrt(np.diag(P))
    known = {
        "diffusion_scale": jnp.diagonal(jnp.asarray(sigma)),
        "stationary_scale": jnp.asarray(np.diag(P)),
        "stationary_correlation": biject_to(corr_cholesky).inv(jnp.asarray(L / sd[:, None])),
        "rotation": jnp.asarray(white[np.tril_indices(3, -1)]),
    }
    observed = jax.jit(substitute(seed(scaled(data).build, 0), data=known))()
    np.testing.assert_allclose(observed.sde.drift.matrix, A, atol=1e-10)


def test_diagonal_states_are_independent(data, draw, x64):
    observed, sites = draw(scaled(data, Linear(diagonal=True), Constant("diagonal")), 50)
    off = ~np.eye(3, dtype=bool)
    assert np.all(observed.sde.drift.matrix[:, off] == 0)
    assert np.all(np.abs(observed.initial_covariance[:, off]) < 1e-12)
    rates = np.diagonal(observed.sde.drift.matrix, axis1=1, axis2=2)
    np.testing.assert_allclose(rates, sites["drift_rate"])
    np.testing.assert_allclose(rates, sites["diffusion_variance"] / 2 / sites["stationary_variance"])


@pytest.mark.parametrize("diagonal", [True, False])
def test_any_linear_map_has_draws_of_either_stability(data, draw, diagonal, x64):
    observed, sites = draw(scaled(data, Linear(stable=False, diagonal=diagonal)), 400)
    rates = np.linalg.eigvals(observed.sde.drift.matrix).real
    assert np.any(rates.min(-1) < 0)
    assert np.any(rates.max(-1) > 0)
    np.testing.assert_allclose(observed.sde.drift.offset, sites["drift_offset"])
    np.testing.assert_allclose(observed.initial_mean, sites["initial_mean"])
    np.testing.assert_allclose(
        np.diagonal(observed.initial_covariance, axis1=1, axis2=2), sites["initial_variance"]
    )
    scale = np.sqrt(data["y"].var(("trajectory", "time")).values)
    entries = observed.sde.drift.matrix * scale[None, None] / scale[None, :, None]
    assert stats.kstest(entries[:, 0, 0] * 4 * 0.5, "norm").pvalue > 1e-3
    if not diagonal:
        assert stats.kstest(entries[:, 0, 1] * 4 * 0.5, "norm").pvalue > 1e-3
    centre = data["y"].mean(("trajectory", "time")).values
    drift_at_centre = sites["drift_offset"] - np.einsum("sij,j->si", observed.sde.drift.matrix, centre)
    assert stats.kstest(drift_at_centre[:, 1] / scale[1] * 4 * 0.5, "norm").pvalue > 1e-3


def test_prior_medians_and_spreads_are_the_constants(data, draw, x64):
    prior = {
        "drift": Linear(location=1.0, location_spread=2.0, variance=[1.0, 2.0, 3.0], variance_spread=0.3),
        "diffusion": Constant("diagonal", rate=[4.0, 5.0, 6.0], spread=0.2),
    }
    names = "equilibrium", "stationary_variance", "diffusion_variance"
    _, sites = draw(scaled(data, **prior), 2000, names)
    for value, law in (
        (sites["equilibrium"][:, 1], stats.norm(1, 2)),
        (np.log(sites["stationary_variance"][:, 2]), stats.norm(np.log(3), 0.3)),
        (np.log(sites["diffusion_variance"][:, 0]), stats.norm(np.log(4), 0.2)),
    ):
        assert stats.kstest(value, law.cdf).pvalue > 1e-3


def test_under_learned_noise_the_time_constant_is_drawn(data, draw, x64):
    noise = sb.GaussianNoise(trajectory_effect=True, total_variance=2.0, spread=0.4)
    model = scaled(
        data, diffusion=Constant("diagonal", time_constant=7.0, time_constant_spread=0.5), observation=noise
    )
    names = "diffusion_variance", "stationary_variance", "noise_variance", "trajectory_effect_variance"
    _, sites = draw(model, 2000, names)
    tau = 2 * sites["stationary_variance"] / sites["diffusion_variance"]
    assert stats.kstest(np.log(tau[:, 0]), stats.norm(np.log(7), 0.5).cdf).pvalue > 1e-3
    parts = [sites[f"{name}_variance"] for name in ("stationary", "noise", "trajectory_effect")]
    total = sum(parts)
    assert stats.kstest(np.log(total[:, 1]), stats.norm(np.log(2), 0.4).cdf).pvalue > 1e-3
    path, noise, effect = (part[:, 2] for part in parts)
    assert stats.kstest(path / (path + noise), stats.beta(0.5, 0.5).cdf).pvalue > 1e-3
    assert stats.kstest(effect / total[:, 2], stats.beta(1, 4).cdf).pvalue > 1e-3


@pytest.mark.thorough
def test_the_rotation_scale_and_the_concentration_act(data, draw, x64):
    def spread_of(drift: Linear) -> tuple[float, float]:
        observed, sites = draw(scaled(data, drift), 300)
        turning = np.abs(np.linalg.eigvals(observed.sde.drift.matrix).imag).max(-1)
        correlation = np.tanh(sites["stationary_correlation"][:, 0])
        return float(np.mean(turning)), float(np.abs(correlation).mean())

    calm = spread_of(Linear(rotation=0.1, concentration=100.0))
    loose = spread_of(Linear(rotation=3.0, concentration=1.0))
    assert loose[0] > 3 * calm[0]
    assert loose[1] > 2 * calm[1]


def test_scaling_freezes_the_numbers_of_the_data(data, x64):
    model = sb.SDEModel(observation=EXACT)
    before = model.describe()
    for rule in (
        "data mean",
        "data standard deviation",
        "mean squared increment per unit of time",
    ):
        assert rule in before
    frozen = model.scaled_to(data)
    text = frozen.describe()
    for rule in ("data mean", "data variance", "√(step · duration)"):
        assert rule not in text.replace("m₀_j ~ Normal(data mean", "")
    y = data["y"].values
    rate = np.nanmean(np.diff(y, axis=1) ** 2 / 0.5, axis=(0, 1))
    np.testing.assert_allclose(frozen.diffusion.rate, rate)
    np.testing.assert_allclose(frozen.drift.variance, np.nanvar(y, axis=(0, 1)))
    np.testing.assert_allclose(frozen.drift.location, np.nanmean(y, axis=(0, 1)))
    for number in (*rate, *np.nanmean(y, axis=(0, 1)), *np.nanvar(y, axis=(0, 1))):
        assert f"{number:.4g}" in text
    step, duration = 0.5, frozen.scale.duration
    assert duration == np.median(np.nanmax(data["t"], axis=1) - data["t"].values[:, 0])
    assert frozen.diffusion.time_constant == pytest.approx(np.sqrt(step * duration))
    assert model.describe() == before
    noisy = sb.SDEModel(observation=sb.GaussianNoise(trajectory_effect=True))
    assert "√(step · duration)" in noisy.describe()
    law = f"Normal(log {np.sqrt(step * duration):.4g}, {0.5 * np.log(duration / step):.4g})"
    assert law in noisy.scaled_to(data).describe()


def test_a_frozen_model_is_not_scaled_again(data):
    frozen = sb.SDEModel(observation=EXACT).scaled_to(data)
    other = data.assign(y=100 + 5 * data["y"])
    assert frozen.scaled_to(other) is frozen
    text = frozen.describe()
    frozen.numpyro_model(other)
    assert frozen.describe() == text


def test_constants_that_are_given_stay(data):
    model = sb.SDEModel(
        Linear(location=7.0, variance=3.0), Constant(rate=5.0, time_constant=2.0), observation=EXACT
    ).scaled_to(data)
    assert model.drift.location == 7.0
    assert model.drift.variance == 3.0
    assert model.diffusion.rate == 5.0
    assert model.diffusion.time_constant == 2.0


def test_a_prior_that_has_not_seen_data_says_so():
    with pytest.raises(ModelError, match=r"scaled_to\(data\)"):
        sb.SDEModel().build()
    with pytest.raises(ModelError, match=r"'rate' is scaled to data.*scaled_to"), seed(rng_seed=0):
        Constant().sample(2)
    for drift in (Linear(), Linear(stable=False)):
        with pytest.raises(ModelError, match=r"scaled to data.*scaled_to"), seed(rng_seed=0):
            drift.sample(2, ConstantDiffusion(jnp.eye(2)))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Constant("round"), "'diagonal' or 'full'"),
        (lambda: Constant(spread=0.0), "spread=0"),
        (lambda: Constant(concentration=-1), "concentration=-1"),
        (lambda: Constant(rate=-1.0), "rate"),
        (lambda: Constant(rate=[1.0, 0.0]), "rate"),
        (lambda: Constant(time_constant=0.0), "time_constant"),
        (lambda: Linear(rotation=0), "rotation=0"),
        (lambda: Linear(variance_spread=float("nan")), "variance_spread"),
        (lambda: Linear(variance=-1.0), "variance"),
        (lambda: Linear(location_spread=[1.0, -1.0]), "location_spread"),
        (lambda: Linear(location=float("inf")), "location"),
        (lambda: Linear(stable=False, rate=-1.0), "rate"),
        (lambda: Linear(diagonal="yes"), "diagonal='yes' must be True or False"),
        (lambda: Linear(diagonal=True, coupled=2), "coupled=2 is of stable maps whose A is not diagonal"),
        (lambda: Linear(stable=False, coupled=2), "coupled=2 is of stable maps"),
        (lambda: Linear(coupled=1), "coupled=1"),
        (lambda: GP(shared_amplitude=2), "shared_amplitude=2 must be True or False"),
        (lambda: Parametric(3), "function=3 must be a function"),
        (
            lambda: Parametric(lambda x, t, p: x, {"a": 1.0}),
            r"parameters=.*'a': 1.0.* of a string to a Distribution",
        ),
        (lambda: Fixed(3), "function=3"),
        (lambda: sb.SDEModel(drift="linear"), r"drift='linear'.*a prior over drift functions"),
        (lambda: sb.SDEModel(diffusion=Linear()), r"diffusion=.*Constant\(\)"),
        (lambda: sb.SDEModel(observation="exact"), r"observation='exact'"),
        (lambda: sb.SDEModel(scheme="euler"), r"scheme='euler'.*EulerMaruyama\(\)"),
    ],
)
def test_wrong_constants_and_parts_are_refused(make, words, untyped):
    with pytest.raises(ModelError, match=words):
        make()


def test_a_constant_of_another_length_is_refused(data):
    with pytest.raises(ModelError, match=re.escape("location has shape (2,), expected () or (3,)")):
        scaled(data, Linear(location=[1.0, 2.0]))
    with pytest.raises(ModelError, match="coupled=3 of 3 states; give fewer"):
        scaled(data, Linear(coupled=3))


def test_parametric_parts_draw_their_parameters(data, draw, x64):
    model = scaled(
        data,
        Parametric(
            lambda x, t, p: p["rate"] * (p["centre"] - x),
            {"rate": dist.Gamma(2, 1), "centre": dist.Normal(0, 1).expand([3]).to_event(1)},
        ),
        Parametric(lambda x, t, p: p["s"] * jnp.diag(1 + x**2), {"s": dist.LogNormal(0, 0.1)}),
    )
    observed, sites = draw(model, 5)
    assert sites["centre"].shape == (5, 3)
    np.testing.assert_array_equal(observed.sde.drift.parameters["rate"], sites["rate"])
    np.testing.assert_array_equal(observed.sde.diffusion.parameters["s"], sites["s"])
    assert "rate ~ Gamma" in model.describe()


@pytest.mark.parametrize(
    ("drift", "diffusion", "words"),
    [
        (Parametric(lambda x, t, p: x[:2]), Constant(), r"as a drift .*\(3,\).*returned \(2,\)"),
        (Parametric(lambda x, t, p: 1.0), Constant(), r"as a drift .*\(3,\)"),
        (Linear(), Parametric(lambda x, t, p: x), r"as a diffusion .*\(3, 3\).*returned \(3,\)"),
        (Fixed(LinearDrift(jnp.eye(2), jnp.zeros(2))), Constant(), r"drift.*\(3,\)"),
        (Fixed(lambda x, t: x[:1]), Constant(), r"drift.*\(3,\).*returned \(1,\)"),
        (Linear(), Fixed(ConstantDiffusion(jnp.eye(2))), r"diffusion.*\(3, 3\).*returned \(2, 2\)"),
        (Fixed(ConstantDiffusion(jnp.eye(3))), Constant(), r"drift"),
        (
            Parametric(lambda x, t, p: -p["a"] * x, {"a": dist.Gamma(1, 1)}),
            Parametric(lambda x, t, p: p["a"] * jnp.eye(3), {"a": dist.Gamma(1, 1)}),
            "share a parameter's name.*`a`",
        ),
        (Parametric(lambda x, t, p: -p["y"] * x, {"y": dist.Gamma(1, 1)}), Constant(), "'y'"),
        (
            Parametric(lambda x, t, p: -p["diffusion_scale"] * x, {"diffusion_scale": dist.Gamma(1, 1)}),
            Constant(),
            "share a parameter's name.*`diffusion_scale`",
        ),
    ],
)
def test_functions_that_do_not_fit_are_refused(data, drift, diffusion, words, untyped):
    with pytest.raises(ModelError, match=words):
        trace(seed(sb.SDEModel(drift, diffusion, observation=EXACT).numpyro_model(data), 0)).get_trace()


def test_fixed_parts_have_no_parameters(data, draw, x64):
    truth = LinearDrift(jnp.eye(3), jnp.zeros(3))
    model = scaled(data, Fixed(truth), Fixed(ConstantDiffusion(2 * jnp.eye(3))))
    observed, _ = draw(model, 3)
    np.testing.assert_array_equal(observed.sde.drift.matrix, np.stack([np.eye(3)] * 3))
    np.testing.assert_array_equal(observed.sde.diffusion.factor, np.stack([2 * np.eye(3)] * 3))
    free = scaled(data, Fixed(lambda x, t: -x * t), Fixed(lambda x, t: jnp.diag(x)))
    observed, _ = draw(free, 1)
    assert not free.affine
    assert isinstance(free.discretization, sb.schemes.Moments)


def test_a_known_stable_drift_starts_from_its_stationary_law(data, draw, x64):
    """DESIGN: X(t₁) has the stationary law where the drift is a stable linear map with constant Σ."""
    A = np.array([[1.0, 0.5, 0.0], [-0.5, 1.0, 0.0], [0.0, 0.2, 2.0]])
    model = scaled(data, Fixed(LinearDrift(jnp.asarray(A), jnp.ones(3))), Constant("full"))
    observed, _ = draw(model, 3)
    np.testing.assert_array_equal(observed.initial_mean, np.ones((3, 3)))
    for P, G in zip(observed.initial_covariance, observed.sde.diffusion.factor, strict=True):
        np.testing.assert_allclose(P, linalg.solve_continuous_lyapunov(A, G @ G.T), rtol=1e-8)
    unstable = scaled(data, Fixed(LinearDrift(-jnp.asarray(A), jnp.ones(3))))
    assert not unstable.stationary
