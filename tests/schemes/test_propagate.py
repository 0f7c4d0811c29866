"""What a Gaussian filter asks of every scheme: the derivative of the step, and the curvature's part of the mean."""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdebayes.dynamics import SDE, ConstantDiffusion, ParametricDrift
from sdebayes.dynamics.basis import mean_shift
from sdebayes.schemes import (
    AbstractScheme,
    AffineTransition,
    EulerMaruyama,
    LinearNoise,
    LocalLinearization,
    Moments,
    Strang,
)
from tests.schemes.test_schemes import SCHEMES, SIGMA, X, ornstein_uhlenbeck, slope

ZERO = np.zeros((2, 2))
PRIOR = np.array([[0.5, -0.2], [-0.2, 0.3]])


class Plain(AbstractScheme):
    """A scheme that leaves all but the transition to its base."""

    order: ClassVar[str] = "none"
    reference: ClassVar[str] = "none"

    def transition(self, sde, x, t, dt):
        return x + dt * sde.drift(x, t), dt * sde.covariance(x, t)

    def affine_transition(self, sde, dt) -> AffineTransition:
        return EulerMaruyama().affine_transition(sde.linear, dt)


def nonlinear() -> SDE:
    return SDE(
        ParametricDrift(lambda x, t, p: jnp.stack([x[0] * x[1] - x[0] ** 3, jnp.sin(x[0]) - x[1]]), {}),
        ConstantDiffusion(jnp.linalg.cholesky(jnp.asarray(SIGMA))),
    )


def gauss_hermite(function, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """E g(X) over N(m, P) by a product rule of nine points a dimension."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    weights = weights / weights.sum()
    factor = np.linalg.cholesky(covariance)
    return sum(
        a * b * np.asarray(function(jnp.asarray(mean + factor @ [u, v])))
        for a, u in zip(weights, nodes, strict=True)
        for b, v in zip(weights, nodes, strict=True)
    )


@pytest.mark.parametrize("scheme", [*SCHEMES, Plain()], ids=repr)
def test_a_known_state_is_carried_by_the_transition(scheme, x64):
    mean, _, noise = scheme.propagate(nonlinear(), jnp.asarray(X), jnp.asarray(ZERO), 0.3, 0.1)
    law = scheme.transition(nonlinear(), jnp.asarray(X), 0.3, 0.1)
    np.testing.assert_allclose(mean, law[0], rtol=1e-13)
    np.testing.assert_allclose(noise, law[1], rtol=1e-13)


@pytest.mark.parametrize("scheme", SCHEMES, ids=repr)
def test_a_linear_step_has_its_own_matrix(scheme, x64):
    sde = ornstein_uhlenbeck()
    mean, F, noise = scheme.propagate(sde, jnp.asarray(X), jnp.asarray(PRIOR), 0.0, 0.3)
    law = scheme.affine_transition(sde.linear, 0.3)
    np.testing.assert_allclose(F, law.matrix, rtol=1e-12)
    np.testing.assert_allclose(mean, law.matrix @ X + law.shift, rtol=1e-12)
    np.testing.assert_allclose(noise, law.covariance, rtol=1e-12)


def test_the_base_differentiates_the_transition(x64):
    sde = nonlinear()
    found = Plain().propagate(sde, jnp.asarray(X), jnp.asarray(PRIOR), 0.0, 0.1)
    same = EulerMaruyama().propagate(sde, jnp.asarray(X), jnp.asarray(PRIOR), 0.0, 0.1)
    for part, other in zip(found, same, strict=True):
        np.testing.assert_allclose(part, other, rtol=1e-12)


@pytest.mark.parametrize(
    ("scheme", "order"),
    [(EulerMaruyama(), 2), (LocalLinearization(), 3), (LinearNoise(), 5), (Moments(), 3), (Strang(), 3)],
    ids=repr,
)
def test_the_derivative_is_that_of_the_flow(scheme, order, x64):
    """dX = −X³ dt: X(t) = x/√(1 + 2x²t), whose derivative is (1 + 2x²t)^(−3/2)."""
    sde = SDE(ParametricDrift(lambda x, t, p: -(x**3), {}), ConstantDiffusion(jnp.zeros((1, 1))))
    dts, x = np.array([0.005, 0.01, 0.02]), 0.8
    found = [
        float(scheme.propagate(sde, jnp.array([x]), jnp.zeros((1, 1)), 0.0, dt)[1][0, 0])
        for dt in jnp.asarray(dts)
    ]
    assert slope(np.abs(np.array(found) - (1 + 2 * x**2 * dts) ** -1.5), dts) == pytest.approx(order, abs=0.2)


@pytest.mark.parametrize(
    ("scheme", "tolerance"),
    [
        (EulerMaruyama(), 1e-3),
        (Plain(), 1e-3),
        (LocalLinearization(), 0.02),
        (LinearNoise(), 0.02),
        (Moments(), 0.02),
    ],
    ids=repr,
)
def test_uncertainty_moves_the_mean_as_averaging_does(scheme, tolerance, x64):
    """½ tr(P ∂²μ) against the average of μ over N(m, P), for a small P."""
    sde, P, dt = nonlinear(), 1e-3 * PRIOR, 0.02

    def step(x):
        return scheme.transition(sde, x, 0.0, dt)[0]

    shift = gauss_hermite(jax.jit(step), X, P) - np.asarray(step(jnp.asarray(X)))
    mean, _, _ = scheme.propagate(sde, jnp.asarray(X), jnp.asarray(P), 0.0, dt)
    np.testing.assert_allclose(np.asarray(mean) - np.asarray(step(jnp.asarray(X))), shift, rtol=tolerance)


def test_the_shift_of_a_mean_counts_every_pair(x64):
    """g = (xy, x²): E g − g(m) = (P₁₂, P₁₁), exactly."""
    shift = mean_shift(lambda x: jnp.stack([x[0] * x[1], x[0] ** 2]), jnp.asarray(X), jnp.asarray(PRIOR))
    np.testing.assert_allclose(shift, [PRIOR[0, 1], PRIOR[0, 0]], rtol=1e-14)
