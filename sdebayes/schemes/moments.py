"""Kessler's expansion of the mean and the covariance to second order in the step."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp

from sdebayes._core.linalg import symmetrize
from sdebayes._core.types import Matrix, Scalar, Vector
from sdebayes.dynamics import SDE
from sdebayes.schemes.base import AbstractScheme, AffineTransition


class Moments(AbstractScheme):
    r"""The normal law whose mean and covariance are expanded to Δt² by the generator.

    With :math:`L = ∂_t + f·∂ + \tfrac12 Σ : ∂^2`, :math:`J = ∂f/∂x` and everything at (x, t),

    .. math::
        μ = x + f Δt + \tfrac12 L f\, Δt^2, \qquad
        Q = Σ Δt + \tfrac12 (J Σ + Σ J^\top + L Σ) Δt^2 + O(Δt^3).

    The expansion of Q is no covariance at long steps. It is taken in the form of a sum of squares instead, which is the
    same to O(Δt³) and never below ½ Σ Δt: with :math:`H = G + (J G + L G) Δt`,

    .. math::
        Q = \tfrac12 (G G^\top + H H^\top) Δt + \tfrac12 \sum_{kl} Σ_{kl}\, ∂_k G\, ∂_l G^\top Δt^2,

    since :math:`L Σ = (L G) G^\top + G (L G)^\top + \sum_{kl} Σ_{kl}\, ∂_k G\, ∂_l G^\top`. Multiplicative noise is
    allowed, and its curvature counts. Costs f and G with first and second derivatives, all at the one point, and few
    products of state matrices. Beyond ‖J‖Δt of about 1 the polynomial in Δt is no good description.

    An uncertain state moves the mean through f's curvature and the covariance through G's slope and curvature, each to
    the order above; third derivatives of f, and what Σ's slope adds to the derivative of μ, are left out.

    References
    ----------
    Kessler (1997), sec. 3, doi:10.1111/1467-9469.00059, for the expansion; the sum of squares is ours.
    """

    derivatives: ClassVar[int | None] = 2
    diffusion_derivatives: ClassVar[int] = 2
    order: ClassVar[str] = "mean: error O(Δt³); covariance: error O(Δt³)"
    reference: ClassVar[str] = "Kessler (1997), doi:10.1111/1467-9469.00059"

    def transition(self, sde: SDE, x: Vector, t: Scalar, dt: Scalar) -> tuple[Vector, Matrix]:
        """Return the mean and covariance of the next state."""
        mean, _, noise = self._moments(sde, x, None, t, dt)
        return mean, noise

    def propagate(
        self, sde: SDE, mean: Vector, covariance: Matrix, t: Scalar, dt: Scalar
    ) -> tuple[Vector, Matrix, Matrix]:
        """Return the next mean, its derivative F and the noise covariance averaged over the state."""
        return self._moments(sde, mean, covariance, t, dt)

    def _moments(
        self, sde: SDE, x: Vector, spread: Matrix | None, t: Scalar, dt: Scalar
    ) -> tuple[Vector, Matrix, Matrix]:
        f, J, curvature, time_derivative = sde.drift.expansion(x, t)
        noise = _noise(sde, x, spread, f, J, t, dt)
        growth, velocity = sde.covariance(x, t), f
        if spread is not None:
            velocity = f + 0.5 * jnp.einsum("ijk,jk->i", curvature, spread)
            growth = growth + J @ spread + spread @ J.T
        acceleration = J @ velocity + 0.5 * jnp.einsum("ijk,jk->i", curvature, growth) + time_derivative
        following = x + dt * (velocity + 0.5 * dt * acceleration)
        same = jnp.eye(x.shape[0], dtype=x.dtype)
        bend = J @ J + jnp.einsum("ijk,k->ij", curvature, f)
        return following, same + dt * (J + 0.5 * dt * bend), noise

    def affine_transition(self, sde: SDE, dt: Scalar) -> AffineTransition:
        """Return the law of the next state of a linear SDE."""
        drift: Any = sde.drift
        shift, matrix, noise = self._moments(sde, jnp.zeros_like(drift.offset), None, 0.0, dt)
        return AffineTransition(matrix, shift, noise)


def _noise(sde: SDE, x: Vector, spread: Matrix | None, f: Vector, J: Matrix, t: Scalar, dt: Scalar) -> Matrix:
    """Return the covariance of the step's own noise as a sum of squares at its start and at its end."""
    if sde.diffusion.constant:
        G = sde.diffusion(x, t)
        H = G + dt * (J @ G)
        return symmetrize(0.5 * dt * (G @ G.T + H @ H.T))
    G, gradient, time_derivative = sde.diffusion.expansion(x, t)

    def varied(covariance: Matrix) -> Matrix:
        return jnp.einsum("kl,kia,lja->ij", covariance, gradient, gradient)

    if spread is None:
        start, later = G @ G.T, jnp.zeros_like(G)
    else:
        G = G + sde.diffusion.mean_shift(x, t, spread)
        start = G @ G.T + varied(spread)
        flow = jnp.eye(x.shape[0], dtype=x.dtype) + dt * J
        later = flow @ varied(flow @ spread @ flow.T) @ flow.T
    change = jnp.einsum("k,kij->ij", f, gradient) + time_derivative + sde.diffusion.mean_shift(x, t, start)
    H = G + dt * (J @ G + change)
    return symmetrize(0.5 * dt * (start + H @ H.T + later + dt * varied(start)))
