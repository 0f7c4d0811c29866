"""Linear algebra against SciPy's exponential, quadrature and Lyapunov solver."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg
from scipy.integrate import quad_vec, solve_ivp
from scipy.stats import multivariate_normal

from sdebayes._core.linalg import (
    inverse_and_log_determinant,
    inverse_of_triangle,
    linear_flow,
    linear_transition,
    normal_log_density,
    short_linear_flow,
    stationary_covariance,
    symmetrize,
)

SIGMA = np.array([[1.0, 0.3], [0.3, 0.5]])
MATRICES = {
    "stable": np.array([[1.0, 0.2], [-0.4, 0.5]]),
    "rotating": np.array([[0.1, 5.0], [-5.0, 0.1]]),
    "non-normal": np.array([[1.0, 80.0], [0.0, 1.1]]),
    "defective": np.array([[1.0, 1.0], [0.0, 1.0]]),
    "singular": np.array([[1.0, 2.0], [0.5, 1.0]]),
    "zero": np.zeros((2, 2)),
    "unstable": np.array([[-0.3, 0.0], [0.1, 0.2]]),
    "stiff": np.array([[1e3, 1.0], [1.0, 1e-2]]),
}


def affine_flow(J, velocity, acceleration, dt):
    """Displacement of dz = (J z + v + a s) ds from z = 0 over a step, by the integrals that a flow carries."""
    flow = linear_flow(J, jnp.zeros_like(J), dt)
    return dt * (flow.first @ velocity + dt * (flow.second @ acceleration))


def noise_by_quadrature(A: np.ndarray, sigma: np.ndarray, dt: float) -> np.ndarray:
    def integrand(s: float) -> np.ndarray:
        flow = linalg.expm(-A * s)
        return flow @ sigma @ flow.T

    return quad_vec(integrand, 0.0, dt, epsabs=0, epsrel=1e-12, limit=2000)[0]


@pytest.mark.parametrize("dt", [0.01, 1.0, 7.5])
@pytest.mark.parametrize("name", MATRICES)
def test_transition_is_the_exponential_and_the_integral(name, dt, x64):
    A = MATRICES[name]
    transition, noise = linear_transition(jnp.asarray(A), jnp.asarray(SIGMA), dt)
    np.testing.assert_allclose(transition, linalg.expm(-A * dt), rtol=1e-9, atol=1e-12)
    expected = noise_by_quadrature(A, SIGMA, dt)
    np.testing.assert_allclose(noise, expected, rtol=1e-8, atol=1e-9 * np.abs(expected).max())


@pytest.mark.smoke
def test_a_scalar_has_its_closed_form_at_steps_of_any_size(x64):
    for a in (1e-6, 0.7, 30.0):
        for dt in (1e-9, 1e-3, 1.0, 1e4):
            transition, noise = linear_transition(jnp.array([[a]]), jnp.array([[2.0]]), dt)
            np.testing.assert_allclose(transition[0, 0], np.exp(-a * dt), rtol=1e-9, atol=1e-300)
            np.testing.assert_allclose(noise[0, 0], -np.expm1(-2 * a * dt) / a, rtol=1e-9)


def test_a_tiny_step_keeps_the_digits_of_the_noise(x64):
    A, dt = MATRICES["stiff"], 1e-10
    _, noise = linear_transition(jnp.asarray(A), jnp.asarray(SIGMA), dt)
    second = -0.5 * (A @ SIGMA + SIGMA @ A.T) * dt**2
    np.testing.assert_allclose(noise, SIGMA * dt + second, rtol=1e-12)


def test_a_step_without_end_reaches_the_stationary_law(x64):
    A = MATRICES["stiff"]
    transition, noise = linear_transition(jnp.asarray(A), jnp.asarray(SIGMA), 1e5)
    np.testing.assert_allclose(transition, 0, atol=1e-12)
    np.testing.assert_allclose(noise, linalg.solve_continuous_lyapunov(A, SIGMA), rtol=1e-8)


compiled_stationary_covariance = jax.jit(stationary_covariance)


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.sampled_from([1, 2, 5]), st.floats(-4, 4))
def test_stationary_covariance_solves_the_lyapunov_equation(seed, n, log_scale):
    rng = np.random.default_rng(seed)
    factor, noise = rng.normal(size=(2, n, n))
    P, sigma = factor @ factor.T + 0.1 * np.eye(n), noise @ noise.T
    K = rng.normal(size=(n, n))
    A = 10**log_scale * (sigma / 2 + K - K.T) @ np.linalg.inv(P)
    with jax.enable_x64(True):
        found = np.asarray(compiled_stationary_covariance(A, 10**log_scale * sigma))
    expected = linalg.solve_continuous_lyapunov(A, 10**log_scale * sigma)
    np.testing.assert_allclose(expected, P, atol=1e-5 * np.abs(P).max())
    np.testing.assert_allclose(found, expected, atol=1e-7 * np.abs(expected).max())


def test_the_stationary_covariance_of_an_unstable_matrix_is_not_finite(x64):
    found = stationary_covariance(jnp.asarray(MATRICES["unstable"]), jnp.asarray(SIGMA))
    assert not np.all(np.isfinite(found))


def test_the_stationary_covariance_has_the_derivative_of_the_lyapunov_equation(x64):
    A, h = MATRICES["stable"], 1e-6
    for i, j in np.ndindex(2, 2):
        tangent = np.zeros((2, 2))
        tangent[i, j] = 1.0
        _, slope = jax.jvp(
            lambda M: stationary_covariance(M, jnp.asarray(SIGMA)), (jnp.asarray(A),), (jnp.asarray(tangent),)
        )
        upper = linalg.solve_continuous_lyapunov(A + h * tangent, SIGMA)
        lower = linalg.solve_continuous_lyapunov(A - h * tangent, SIGMA)
        np.testing.assert_allclose(slope, (upper - lower) / (2 * h), atol=1e-7)


@pytest.mark.parametrize("dt", [1e-6, 0.3, 4.0])
@pytest.mark.parametrize("name", [name for name in MATRICES if name != "stiff"])
def test_affine_flow_solves_its_differential_equation(name, dt, x64):
    J, v, a = -MATRICES[name], np.array([1.0, -2.0]), np.array([0.5, 3.0])
    found = affine_flow(jnp.asarray(J), jnp.asarray(v), jnp.asarray(a), dt)
    path = solve_ivp(
        lambda s, z: J @ z + v + a * s, (0, dt), np.zeros(2), method="DOP853", rtol=1e-12, atol=1e-14
    )
    np.testing.assert_allclose(found, path.y[:, -1], rtol=1e-8, atol=1e-12)


def test_affine_flow_has_its_closed_form_for_a_stiff_matrix(x64):
    J, v, dt = -MATRICES["stiff"], np.array([1.0, -2.0]), 2.0
    found = affine_flow(jnp.asarray(J), jnp.asarray(v), jnp.zeros(2), dt)
    np.testing.assert_allclose(found, np.linalg.solve(J, (linalg.expm(J * dt) - np.eye(2)) @ v), rtol=1e-8)


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 6))
@pytest.mark.thorough
def test_inverse_and_log_determinant_and_their_derivatives(seed, n):
    rng = np.random.default_rng(seed)
    factor, direction = rng.normal(size=(2, n, n))
    M, dM = factor @ factor.T + np.eye(n), direction + direction.T
    with jax.enable_x64(True):
        (inverse, log_det), (d_inverse, d_log_det) = jax.jvp(
            inverse_and_log_determinant, (jnp.asarray(M),), (jnp.asarray(dM),)
        )
    np.testing.assert_allclose(inverse, np.linalg.inv(M), atol=1e-10)
    np.testing.assert_allclose(log_det, np.linalg.slogdet(M)[1], atol=1e-10)
    h = 1e-5
    up, down = M + h * dM, M - h * dM
    np.testing.assert_allclose(d_inverse, (np.linalg.inv(up) - np.linalg.inv(down)) / (2 * h), atol=1e-6)
    np.testing.assert_allclose(
        d_log_det, (np.linalg.slogdet(up)[1] - np.linalg.slogdet(down)[1]) / (2 * h), atol=1e-6
    )


@pytest.mark.parametrize("n", [1, 64, 65, 207])
def test_the_inverse_of_a_triangle_is_its_solve(n, x64):
    """Also where it is put together of blocks, of several at once, and whatever stands above the diagonal."""
    rng = np.random.default_rng(n)
    factors = np.linalg.cholesky(
        np.eye(n) + np.array([1.0, 30.0])[:, None, None] * np.cov(rng.normal(size=(n, 2 * n)))
    )
    found = inverse_of_triangle(jnp.asarray(factors + np.triu(rng.normal(size=(n, n)), 1)))
    for one, factor in zip(found, factors, strict=True):
        np.testing.assert_allclose(one, linalg.solve_triangular(factor, np.eye(n), lower=True), atol=1e-13)


def test_the_inverse_of_an_indefinite_matrix_is_not_a_number(x64):
    inverse, log_determinant = inverse_and_log_determinant(jnp.diag(jnp.array([1.0, -1.0])))
    assert not np.isfinite(log_determinant)
    assert not np.all(np.isfinite(inverse))


@pytest.mark.parametrize("n", [1, 2, 4, 5])
def test_normal_log_density_is_scipys(n, x64):
    generator = np.random.default_rng(n)
    root, residual = generator.normal(size=(n, n + 1)), generator.normal(size=n)
    covariance = root @ root.T
    found = normal_log_density(jnp.asarray(residual), jnp.asarray(covariance))
    np.testing.assert_allclose(
        found, multivariate_normal(np.zeros(n), covariance).logpdf(residual), rtol=1e-12
    )


@pytest.mark.parametrize("n", [2, 4, 5])
def test_the_normal_log_density_of_an_indefinite_matrix_is_not_finite(n, x64):
    covariance = jnp.eye(n).at[0, 0].set(-1.0).at[1, 1].set(-2.0)
    assert not np.isfinite(normal_log_density(jnp.ones(n), covariance))


def test_symmetrize_acts_on_the_last_two_axes(x64):
    stack = np.random.default_rng(0).normal(size=(3, 2, 2))
    np.testing.assert_allclose(symmetrize(jnp.asarray(stack)), (stack + stack.transpose(0, 2, 1)) / 2)


@pytest.mark.parametrize("unit", [1e-12, 1e6, 1e12])
def test_the_unit_of_the_state_changes_nothing(unit, x64):
    A, v = MATRICES["stable"], np.array([1.0, -2.0])
    _, one = linear_transition(jnp.asarray(A), jnp.asarray(SIGMA), 0.7)
    _, other = linear_transition(jnp.asarray(A), jnp.asarray(SIGMA * unit**2), 0.7)
    np.testing.assert_allclose(other, unit**2 * np.asarray(one), rtol=1e-13)
    flow = affine_flow(jnp.asarray(-A), jnp.asarray(unit * v), jnp.asarray(unit * v[::-1]), 0.7)
    expected = affine_flow(jnp.asarray(-A), jnp.asarray(v), jnp.asarray(v[::-1].copy()), 0.7)
    np.testing.assert_allclose(flow, unit * np.asarray(expected), rtol=1e-13)
    stationary = stationary_covariance(jnp.asarray(A), jnp.asarray(SIGMA * unit**2))
    np.testing.assert_allclose(stationary / unit**2, linalg.solve_continuous_lyapunov(A, SIGMA), rtol=1e-12)


@pytest.mark.parametrize("unit", [1e-9, 1e7])
def test_the_unit_of_time_changes_nothing(unit, x64):
    A, v, a = MATRICES["stable"], np.array([1.0, -2.0]), np.array([0.5, 3.0])
    one = linear_transition(jnp.asarray(A), jnp.asarray(SIGMA), 0.7)
    other = linear_transition(jnp.asarray(A / unit), jnp.asarray(SIGMA / unit), 0.7 * unit)
    for first, second in zip(one, other, strict=True):
        np.testing.assert_allclose(second, first, rtol=1e-13)
    flow = affine_flow(jnp.asarray(-A / unit), jnp.asarray(v / unit), jnp.asarray(a / unit**2), 0.7 * unit)
    np.testing.assert_allclose(
        flow, affine_flow(jnp.asarray(-A), jnp.asarray(v), jnp.asarray(a), 0.7), rtol=1e-13
    )


@pytest.mark.parametrize(("norm", "tolerance"), [(1.0, 1e-12), (4.0, 1e-9), (16.0, 1e-5), (32.0, 1e-3)])
@pytest.mark.parametrize("pulled", [0.0, 1.0], ids=["any", "decaying"])
def test_the_short_flow_is_the_flow_at_short_steps(norm, tolerance, pulled, x64):
    J = np.random.default_rng(0).normal(size=(3, 3)) - 10 * pulled * np.eye(3)
    J *= norm / np.abs(J).sum(1).max()
    parts = (jnp.asarray(J), jnp.eye(3), 1.0)
    for short, exact in zip(short_linear_flow(*parts), linear_flow(*parts), strict=True):
        np.testing.assert_allclose(short, exact, atol=tolerance * float(jnp.abs(exact).max()), rtol=0)
