"""The linear noise approximation against processes with known moments and against the Fokker–Planck equation."""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import linalg

from sdebayes._core.errors import ModelError
from sdebayes.dynamics import (
    SDE,
    ConstantDiffusion,
    LinearDrift,
    ParametricDiffusion,
    ParametricDrift,
)
from sdebayes.schemes import EulerMaruyama, LinearNoise
from tests.schemes.fokker_planck import GridLaw
from tests.schemes.test_schemes import SIGMA, X, exact_law, ornstein_uhlenbeck, slope

DTS = np.array([0.02, 0.04, 0.08])


def scalar(drift, factor) -> SDE:
    """An SDE of one state from functions of a number."""
    return SDE(
        ParametricDrift(lambda x, t, p: drift(x), {}),
        ParametricDiffusion(lambda x, t, p: factor(x)[:, None], {}),
    )


def errors(sde: SDE, x: float, law, dts=DTS, scheme=None) -> tuple[np.ndarray, np.ndarray]:
    """Errors of mean and variance, (step,) each."""
    transition = jax.jit(lambda dt: (scheme or LinearNoise()).transition(sde, jnp.array([x]), 0.0, dt))
    found = np.array([[float(m[0]), float(v[0, 0])] for m, v in map(transition, dts)])
    return tuple((found - np.array([law(dt) for dt in dts])).T)


def test_errors_fall_with_the_fifth_power_for_a_linear_drift(x64):
    deviations = []
    for dt in DTS / 4:
        mean, covariance = LinearNoise().transition(ornstein_uhlenbeck(), jnp.asarray(X), 0.0, float(dt))
        truth = exact_law(X, dt)
        deviations.append([np.abs(mean - truth[0]).max(), np.abs(covariance - truth[1]).max()])
    for deviation in np.array(deviations).T:
        assert slope(deviation, DTS) == pytest.approx(5, abs=0.1)


def test_parts_of_a_step_reduce_the_error_with_their_fourth_power(x64):
    truth = exact_law(X, 0.5)
    deviations = []
    for steps in (2, 4, 8):
        law = LinearNoise(steps).transition(ornstein_uhlenbeck(), jnp.asarray(X), 0.0, 0.5)
        deviations.append([np.abs(found - exact).max() for found, exact in zip(law, truth, strict=True)])
    for deviation in np.array(deviations).T:
        assert slope(deviation, np.array([2.0, 4.0, 8.0])) == pytest.approx(-4, abs=0.3)


def test_geometric_brownian_motion(x64):
    """E X = x eᵐᵗ; Var X = x² e²ᵐᵗ (eˢ²ᵗ − 1), whose term ½ s⁴ x² t² comes from the curvature of Σ and is left out."""
    m, s, x = -0.3, 0.8, 1.4
    sde = scalar(lambda x: m * x, lambda x: s * x)
    mean, variance = errors(
        sde,
        x,
        lambda dt: (x * np.exp(m * dt), x**2 * np.exp(2 * m * dt) * np.expm1(s**2 * dt)),
    )
    assert slope(np.abs(mean), DTS) == pytest.approx(5, abs=0.1)
    np.testing.assert_allclose(variance / DTS**2, -0.5 * s**4 * x**2, rtol=0.1)


def test_the_square_root_process(x64):
    """dX = k(b − X) dt + s √X dW has Var X = x s²/k (e⁻ᵏᵗ − e⁻²ᵏᵗ) + b s²/(2k) (1 − e⁻ᵏᵗ)²; Σ is not curved."""
    k, b, s, x = 0.9, 1.2, 0.7, 0.6

    def law(dt: float) -> tuple[float, float]:
        e = np.exp(-k * dt)
        return b + (x - b) * e, x * s**2 / k * (e - e**2) + b * s**2 / (2 * k) * (1 - e) ** 2

    mean, variance = errors(scalar(lambda x: k * (b - x), lambda x: s * jnp.sqrt(x)), x, law)
    assert slope(np.abs(mean), DTS) == pytest.approx(5, abs=0.1)
    assert slope(np.abs(variance), DTS) == pytest.approx(5, abs=0.3)


def test_the_exponential_of_an_ornstein_uhlenbeck_process(x64):
    """X = exp Z, dZ = −k Z dt + s dW: a curved drift −k X log X + ½ s² X, noise s X, and log-normal moments."""
    k, s, x = 0.8, 0.6, 1.7
    sde = scalar(lambda x: x * (0.5 * s**2 - k * jnp.log(x)), lambda x: s * x)

    def law(dt: float) -> tuple[float, float]:
        m, v = np.log(x) * np.exp(-k * dt), s**2 * -np.expm1(-2 * k * dt) / (2 * k)
        return np.exp(m + v / 2), np.exp(2 * m + v) * np.expm1(v)

    dts = DTS / 4
    mean, variance = errors(sde, x, law, dts)
    assert slope(np.abs(mean), dts) > 2.9
    assert slope(np.abs(variance), dts) == pytest.approx(2, abs=0.1)
    np.testing.assert_allclose(variance[0] / dts[0] ** 2, -0.5 * s**4 * x**2, rtol=0.1)


def test_a_double_well_against_the_fokker_planck_equation(x64):
    """dX = (X − X³) dt + √½ dW over Δt = 0.2: in standard deviations, and beside Euler–Maruyama."""
    law = GridLaw(lambda x: x - x**3, 0.5, 0.2, (-3.0, 3.0, 601))
    sde = scalar(lambda x: x - x**3, lambda x: jnp.sqrt(0.5) + 0 * x)
    worst = {}
    for scheme in (EulerMaruyama(), LinearNoise()):
        deviations = []
        for start in (300, 350, 400, 440):
            mean, variance = law.moments(start)
            found = errors(sde, law.x[start], lambda dt, m=mean, v=variance: (m, v), [0.2], scheme)
            deviations.append([abs(found[0][0]) / np.sqrt(variance), abs(found[1][0]) / variance])
        worst[type(scheme).__name__] = np.max(deviations, 0)
    assert np.all(worst["LinearNoise"] < [0.005, 0.05])
    assert np.all(worst["EulerMaruyama"] > 8 * worst["LinearNoise"])


@pytest.mark.parametrize("dt", [1e-9, 0.1, 1.0])
@pytest.mark.parametrize("steps", [1, 3])
def test_the_covariance_is_positive_definite_at_any_step(dt, steps, x64):
    stiff = SDE(
        LinearDrift(jnp.array([[5.0, 40.0], [-40.0, 0.1]]), jnp.zeros(2)),
        ParametricDiffusion(lambda x, t, p: jnp.array([[1.0, 0.0], [0.5, 0.1 + x[0] ** 2]]), {}),
    )
    _, covariance = LinearNoise(steps).transition(stiff, jnp.array([0.4, -1.0]), 0.0, dt)
    linalg.cholesky(np.asarray(covariance) / np.trace(covariance), lower=True)
    np.testing.assert_allclose(covariance, covariance.T, rtol=1e-12)


def test_noise_on_one_state_reaches_the_other(x64):
    """dX₁ = X₂ dt, dX₂ = dW: the integral of a Brownian motion has covariance [[t³/3, t²/2], [t²/2, t]]."""
    sde = SDE(
        ParametricDrift(lambda x, t, p: jnp.stack([x[1], 0.0 * x[0]]), {}),
        ConstantDiffusion(jnp.diag(jnp.array([0.0, 1.0]))),
    )
    _, covariance = LinearNoise().transition(sde, jnp.asarray(X), 0.0, 0.7)
    np.testing.assert_allclose(covariance, [[0.7**3 / 3, 0.7**2 / 2], [0.7**2 / 2, 0.7]], rtol=1e-12)


def test_constant_noise_of_a_still_state_is_the_rate_times_the_step(x64):
    sde = SDE(
        ParametricDrift(lambda x, t, p: 0.0 * x, {}),
        ConstantDiffusion(jnp.linalg.cholesky(jnp.asarray(SIGMA))),
    )
    mean, covariance = LinearNoise(steps=2).transition(sde, jnp.asarray(X), 0.0, 0.4)
    np.testing.assert_allclose(mean, X, rtol=1e-14)
    np.testing.assert_allclose(covariance, 0.4 * SIGMA, rtol=1e-13)


@pytest.mark.parametrize("steps", [0, -1, 1.5])
def test_wrong_numbers_of_parts_are_refused(steps, untyped):
    with pytest.raises(ModelError, match=re.escape(f"steps={steps!r}")):
        LinearNoise(steps)
