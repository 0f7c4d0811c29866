"""Kessler's expansion of the mean and the covariance to second order in the step."""

from __future__ import annotations

from typing import ClassVar

import jax.numpy as jnp

from sdebayes._core.arguments import checked
from sdebayes._core.linalg import symmetrize
from sdebayes._core.types import Matrix, Scalar, Vector
from sdebayes.dynamics import SDE, LinearSDE
from sdebayes.schemes.base import AbstractScheme, AffineTransition


@checked
class Moments(AbstractScheme):
    r"""The normal distribution whose mean and covariance are expanded to Δt² by the generator.

    With :math:`L = ∂_t + f·∂ + \tfrac12 Σ : ∂^2`, :math:`J = ∂f/∂x` and everything at (x, t),

    .. math::
        μ = x + f Δt + \tfrac12 L f\, Δt^2, \qquad
        Q = Σ Δt + \tfrac12 (J Σ + Σ J^\top + L Σ) Δt^2 + O(Δt^3).

    The expansion of Q is no covariance at long steps. It is taken in the form of a sum of squares instead, Simpson's
    rule for noise that enters at the share u of the step and is carried to its end,

    .. math::
        Q = \frac{Δt}{6} \sum_{u = 0, ½, 1} w_u\, E_{1-u} \Bigl( G_u G_u^\top
        + u\, Δt \sum_{kl} Σ_{kl}\, ∂_k G\, ∂_l G^\top \Bigr) E_{1-u}^\top, \qquad
        E_u = I + u J Δt + \tfrac12 (u J Δt)^2, \quad G_u = G + u\, L G\, Δt,

    with weights 1, 4, 1. It is the same to O(Δt³), since
    :math:`L Σ = (L G) G^\top + G (L G)^\top + \sum_{kl} Σ_{kl}\, ∂_k G\, ∂_l G^\top`; positive semidefinite at any
    step; and for additive noise never below ⅙ Σ Δt. Multiplicative noise is allowed, and its curvature counts. Costs f
    and G with first and second derivatives, all at the one point, and few products of state matrices. The mean is a
    polynomial in Δt: no good description where ‖J‖Δt is beyond about 1.

    An uncertain state moves the mean through f's curvature and the covariance through G's slope and curvature, each to
    the order above; third derivatives of f, and what Σ's slope adds to the derivative of μ, are left out.

    See Also
    --------
    sdebayes.schemes.LocalLinearization : Where noise is additive.

    References
    ----------
    Kessler (1997), sec. 3, doi:10.1111/1467-9469.00059, for the expansion; the sum of squares is ours.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("multiplicative_double_well", 3, 0.1)
    >>> mean, covariance = sb.schemes.Moments().transition(truth, jnp.array([1.0]), 0.0, 0.01)
    >>> np.asarray(mean).round(3), np.asarray(covariance).round(3)
    (array([0.999], dtype=float32), array([[0.04]], dtype=float32))
    """

    derivatives: ClassVar[int | None] = 2
    diffusion_derivatives: ClassVar[int] = 2
    order: ClassVar[str] = "mean: error O(Δt³); covariance: error O(Δt³)"
    reference: ClassVar[str] = "Kessler (1997), doi:10.1111/1467-9469.00059"
    additive_bias: ClassVar[tuple[float, int] | None] = (0.3, 2)
    multiplicative_bias: ClassVar[tuple[float, int] | None] = (0.35, 2)
    recommended: ClassVar[bool] = True

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

    def affine_transition(self, sde: LinearSDE, dt: Scalar) -> AffineTransition:
        """Return the distribution of the next state of a linear SDE."""
        shift, matrix, noise = self._moments(sde, jnp.zeros_like(sde.offset), None, 0.0, dt)
        return AffineTransition(matrix, shift, noise)


def _noise(sde: SDE, x: Vector, spread: Matrix | None, f: Vector, J: Matrix, t: Scalar, dt: Scalar) -> Matrix:
    """Return the covariance of the step's own noise as a sum of squares."""
    carried = [_flow(J, share * dt) for share in (0.0, 0.5, 1.0)]
    if sde.diffusion.constant:
        square = sde.covariance(x, t)
        return _simpson([E @ square @ E.T for E in carried], dt)
    G, gradient, time_derivative = sde.diffusion.expansion(x, t)

    def varied(covariance: Matrix) -> Matrix:
        return jnp.einsum("kl,kia,lja->ij", covariance, gradient, gradient)

    if spread is not None:
        G = G + sde.diffusion.mean_shift(x, t, spread)
    start = G @ G.T if spread is None else G @ G.T + varied(spread)
    change = jnp.einsum("k,kij->ij", f, gradient) + time_derivative + sde.diffusion.mean_shift(x, t, start)

    def entering(part: int) -> Matrix:
        share, E, onward = 0.5 * part, carried[part], carried[2 - part]
        factor = G + share * dt * change
        directions = share * dt * start if spread is None else share * dt * start + E @ spread @ E.T
        return onward @ (factor @ factor.T + varied(directions)) @ onward.T

    return _simpson([entering(part) for part in range(3)], dt)


def _flow(J: Matrix, h: Scalar) -> Matrix:
    """Return exp(J h) to second order."""
    same = jnp.eye(J.shape[0], dtype=J.dtype)
    return same + h * J @ (same + 0.5 * h * J)


def _simpson(parts: list[Matrix], dt: Scalar) -> Matrix:
    return symmetrize(dt / 6 * (parts[0] + 4 * parts[1] + parts[2]))
