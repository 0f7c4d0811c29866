"""Schemes against closed forms, Itô–Taylor coefficients by hand, and a moment problem with a known answer."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import linalg
from scipy.integrate import quad_vec

import sdebayes as sb
from sdebayes._core.errors import ModelError
from sdebayes.dynamics import (
    SDE,
    AffineDrift,
    ConstantDiffusion,
    LinearDrift,
    ParametricDiffusion,
    ParametricDrift,
)
from sdebayes.schemes import (
    AbstractScheme,
    EulerMaruyama,
    LinearNoise,
    LocalLinearization,
    Moments,
    Strang,
    Substeps,
)

A = np.array([[0.4, 1.5], [-1.2, 0.3]])
B = np.array([1.0, -0.5])
G = np.array([[0.9, 0.0], [0.3, 0.6]])
SIGMA = G @ G.T
X = np.array([0.7, -1.1])
START = 1.5
SCHEMES = [
    EulerMaruyama(),
    LocalLinearization(),
    LinearNoise(),
    LinearNoise(steps=3),
    Moments(),
    Substeps(Moments(), 3),
    Strang(),
]


def ornstein_uhlenbeck() -> SDE:
    return SDE(LinearDrift(jnp.asarray(A), jnp.asarray(B)), ConstantDiffusion(jnp.asarray(G)))


def exact_law(x: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
    flow = linalg.expm(-A * dt)
    P = linalg.solve_continuous_lyapunov(A, SIGMA)
    return B + flow @ (x - B), P - flow @ P @ flow.T


@pytest.mark.parametrize("dt", [1e-6, 0.3, 5.0, 300.0])
def test_local_linearization_is_exact_for_a_linear_drift(dt, x64):
    law = _read(LocalLinearization().affine_transition(ornstein_uhlenbeck().linear, dt))
    mean, covariance = exact_law(X, dt)
    np.testing.assert_allclose(law[0], mean, rtol=1e-9)
    np.testing.assert_allclose(law[1], covariance, rtol=1e-7)


@pytest.mark.parametrize(("dt", "tolerance"), [(1e-6, 1e-9), (0.3, 1e-11), (2.0, 1e-5)])
def test_local_linearization_of_any_drift_is_exact_for_a_linear_one_at_short_steps(dt, tolerance, x64):
    law = LocalLinearization().transition(ornstein_uhlenbeck(), jnp.asarray(X), 0.0, dt)
    mean, covariance = exact_law(X, dt)
    np.testing.assert_allclose(law[0], mean, rtol=tolerance)
    np.testing.assert_allclose(law[1], covariance, rtol=tolerance)


def _read(transition) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(transition.matrix) @ X + np.asarray(transition.shift), transition.covariance


@pytest.mark.parametrize("scheme", SCHEMES, ids=repr)
def test_the_affine_law_is_the_law_at_every_point(scheme, x64):
    sde = ornstein_uhlenbeck()
    mean, covariance = scheme.transition(sde, jnp.asarray(X), 0.0, 0.3)
    affine = _read(scheme.affine_transition(sde.linear, 0.3))
    np.testing.assert_allclose(affine[0], mean, rtol=1e-12)
    np.testing.assert_allclose(affine[1], covariance, rtol=1e-12)


def test_a_singular_drift_without_an_equilibrium_has_an_exact_law(x64):
    """dx = v dt + G dW: a Brownian motion with drift."""
    sde = SDE(AffineDrift(jnp.zeros((2, 2)), jnp.asarray(B)), ConstantDiffusion(jnp.asarray(G)))
    law = _read(LocalLinearization().affine_transition(sde.linear, 3.0))
    np.testing.assert_allclose(law[0], X + 3 * B, rtol=1e-12)
    np.testing.assert_allclose(law[1], 3 * SIGMA, rtol=1e-12)


@pytest.mark.smoke
def test_euler_maruyama_is_its_formula(x64):
    sde = SDE(
        ParametricDrift(
            lambda x, t, p: jnp.stack([p["a"] * x[1] + t, -(x[0] ** 3)]), {"a": jnp.asarray(2.0)}
        ),
        ParametricDiffusion(lambda x, t, p: jnp.array([[1.0, 0.0], [0.5, 1.0]]) * (1 + x[0] ** 2) * t, {}),
    )
    mean, covariance = EulerMaruyama().transition(sde, jnp.asarray(X), 0.5, 0.1)
    np.testing.assert_allclose(mean, X + 0.1 * np.array([2 * X[1] + 0.5, -(X[0] ** 3)]), rtol=1e-14)
    factor = np.array([[1.0, 0.0], [0.5, 1.0]]) * (1 + X[0] ** 2) * 0.5
    np.testing.assert_allclose(covariance, 0.1 * factor @ factor.T, rtol=1e-14)


def local_errors(scheme: AbstractScheme, sde: SDE, law, dts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the errors of mean and variance of a scalar SDE at x = START, for each step."""
    transition = jax.jit(lambda dt: scheme.transition(sde, jnp.array([START]), 0.0, dt))
    found = np.array([[float(m[0]), float(v[0, 0])] for m, v in map(transition, dts)])
    truth = np.array([law(START, dt) for dt in dts])
    return tuple(np.abs(found - truth).T)


def slope(errors: np.ndarray, dts: np.ndarray) -> float:
    return float(np.polyfit(np.log(dts), np.log(errors), 1)[0])


def cubic_law(x: float, dt: float) -> tuple[float, float]:
    """Mean and variance of dX = −X³ dt + dW after a short step, from the Fokker–Planck generator.

    E φ(X_dt) = Σ_k dt^k/k! (L^k φ)(x) with Lφ = −x³ φ' + ½ φ'', exactly on polynomials, to dt⁶.
    """
    moments = []
    for power in (1, 2):
        term = np.polynomial.Polynomial([0.0] * power + [1.0])
        total, factor = 0.0, 1.0
        for k in range(7):
            total += factor * term(x)
            factor *= dt / (k + 1)
            term = np.polynomial.Polynomial([0, 0, 0, -1.0]) * term.deriv() + 0.5 * term.deriv(2)
        moments.append(total)
    return moments[0], moments[1] - moments[0] ** 2


def test_the_generator_expansion_agrees_with_fine_simulation():
    """The reference itself, against 4·10⁵ fine Euler–Maruyama paths, within five standard errors."""
    rng = np.random.default_rng(0)
    dt, steps, n = 0.1, 50, 400_000
    x = np.full(n, 0.8)
    for _ in range(steps):
        x += -(x**3) * dt / steps + np.sqrt(dt / steps) * rng.normal(size=n)
    mean, variance = cubic_law(0.8, dt)
    assert abs(x.mean() - mean) < 5 * x.std() / np.sqrt(n) + 1e-3 * dt
    assert abs(x.var() - variance) < 5 * variance * np.sqrt(2 / n) + 0.02 * dt**2


@pytest.mark.parametrize(
    ("scheme", "mean_order", "covariance_order"),
    [
        (EulerMaruyama(), 2, 2),
        (LocalLinearization(), 3, 3),
        (LinearNoise(), 3, 3),
        (LinearNoise(steps=2), 3, 3),
        (Moments(), 3, 3),
        (Strang(), 3, 3),
        (Substeps(LocalLinearization(), 2), 3, 3),
    ],
    ids=repr,
)
def test_local_errors_fall_at_the_stated_order(scheme, mean_order, covariance_order, x64):
    sde = SDE(ParametricDrift(lambda x, t, p: -(x**3), {}), ConstantDiffusion(jnp.eye(1)))
    dts = np.array([0.0005, 0.001, 0.002, 0.004])
    mean, covariance = local_errors(scheme, sde, cubic_law, dts)
    assert slope(mean, dts) == pytest.approx(mean_order, abs=0.15)
    assert slope(covariance, dts) == pytest.approx(covariance_order, abs=0.15)
    assert f"mean: error O(Δt{'²³'[mean_order - 2]})" in scheme.order
    assert f"covariance: error O(Δt{'²³'[covariance_order - 2]})" in scheme.order


def test_euler_maruyama_misses_the_second_order_coefficients(x64):
    """Itô–Taylor by hand at dX = −X³ dt + dW: E X = x − x³ Δ + ½(3x⁵ − 3x) Δ², Var X = Δ − 3x² Δ²."""
    sde = SDE(ParametricDrift(lambda x, t, p: -(x**3), {}), ConstantDiffusion(jnp.eye(1)))
    dts = np.array([1e-4])
    mean, covariance = local_errors(EulerMaruyama(), sde, cubic_law, dts)
    np.testing.assert_allclose(mean / dts**2, abs(0.5 * (3 * START**5 - 3 * START)), rtol=1e-2)
    np.testing.assert_allclose(covariance / dts**2, 3 * START**2, rtol=1e-2)


@pytest.mark.parametrize(("scheme", "order"), [(LocalLinearization(), 3), (LinearNoise(), 5), (Strang(), 3)])
def test_a_clock_is_followed(scheme, order, x64):
    """dX = (−X + cos t) dt + dW: the mean's Δt² coefficient needs ∂f/∂t; exact mean by quadrature."""
    sde = SDE(ParametricDrift(lambda x, t, p: -x + jnp.cos(t), {}), ConstantDiffusion(jnp.eye(1)))
    t0, x0 = 0.9, 0.3
    dts = np.array([0.02, 0.04, 0.08])
    errors = []
    for dt in dts:
        mean, covariance = scheme.transition(sde, jnp.array([x0]), t0, float(dt))
        drive = quad_vec(lambda s, dt=dt: np.exp(-(dt - s)) * np.cos(t0 + s), 0, dt, epsabs=1e-15)[0]
        errors.append(abs(float(mean[0]) - (np.exp(-dt) * x0 + drive)))
        np.testing.assert_allclose(covariance[0, 0], -np.expm1(-2 * dt) / 2, rtol=1e-6)
    assert slope(np.array(errors), dts) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("scheme", [LocalLinearization(), LinearNoise(), Moments(), Strang()])
def test_the_curvature_correction_sums_over_all_pairs_of_states(scheme, x64):
    """f = (xy, 0) with correlated noise: ½ tr(Σ ∂²f₁) = Σ₁₂, so E X₁ gains ½ Σ₁₂ Δt² beside the deterministic flow."""
    sde = SDE(
        ParametricDrift(lambda x, t, p: jnp.stack([x[0] * x[1], 0.0 * x[0]]), {}),
        ConstantDiffusion(jnp.asarray(G)),
    )
    dt = 1e-3
    mean, _ = scheme.transition(sde, jnp.asarray(X), 0.0, dt)
    flow = X[0] * np.exp(X[1] * dt)
    np.testing.assert_allclose((float(mean[0]) - flow) / dt**2, 0.5 * SIGMA[0, 1], rtol=5e-3)


def test_multiplicative_noise_is_refused_where_the_scheme_needs_additive_noise():
    multiplicative = sb.priors.Parametric(lambda x, t, p: jnp.diag(x) * p["s"], {"s": dist.LogNormal(0, 1)})
    with pytest.raises(ModelError, match=r"LocalLinearization needs additive noise.*Moments\(\)"):
        sb.SDEModel(
            sb.priors.Linear(stable=False), multiplicative, sb.schemes.LocalLinearization(), sb.Exact()
        )
    model = sb.SDEModel(sb.priors.Linear(stable=False), multiplicative, observation=sb.Exact())
    assert isinstance(model.discretization, Moments)


@pytest.mark.parametrize("scheme", SCHEMES, ids=repr)
def test_every_scheme_states_its_order_and_reference(scheme):
    assert "O(Δt" in scheme.order
    assert "doi:10." in scheme.reference
