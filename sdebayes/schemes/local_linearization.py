"""Local linearisation after Ozaki, with the correction of Shoji and Ozaki."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp

from sdebayes._core.linalg import affine_flow, linear_transition
from sdebayes._core.types import Matrix, Scalar, Vector
from sdebayes.dynamics import SDE
from sdebayes.schemes.base import AbstractScheme, AffineTransition


class LocalLinearization(AbstractScheme):
    r"""The exact law of the SDE whose drift is the first-order Itô–Taylor expansion of f around (x, t).

    With :math:`J = ∂f/∂x` and :math:`m_i = \tfrac12 \mathrm{tr}(Σ\, ∂^2 f_i) + ∂f_i/∂t`, both at (x, t),

    .. math::
        μ = x + \int_0^{Δt} e^{J s} ds\, f + \int_0^{Δt} \int_0^{u} e^{J s} ds\, du\, m, \qquad
        Q = \int_0^{Δt} e^{J s} Σ e^{J^\top s} ds.

    Exact for a linear drift at any Δt. Costs f with its first and second derivatives and one exponential of a
    2·state square matrix a step. Additive noise only.

    References
    ----------
    Ozaki (1992), Statistica Sinica 2, 113–135; Shoji & Ozaki (1998), eqs. 2.4–2.10, doi:10.1080/07362999808809559.
    """

    requires_additive_noise: ClassVar[bool] = True
    exact_when_linear: ClassVar[bool] = True
    derivatives: ClassVar[int | None] = 2
    order: ClassVar[str] = "mean: error O(Δt³); covariance: error O(Δt³); exact for a linear drift"
    reference: ClassVar[str] = "Shoji & Ozaki (1998), doi:10.1080/07362999808809559"

    def transition(self, sde: SDE, x: Vector, t: Scalar, dt: Scalar) -> tuple[Vector, Matrix]:
        """Return the mean and covariance of the next state."""
        covariance = sde.covariance(x, t)
        f, J, curvature, time_derivative = sde.drift.expansion(x, t)
        correction = 0.5 * jnp.einsum("ijk,jk->i", curvature, covariance) + time_derivative
        _, noise = linear_transition(-J, covariance, dt)
        return x + affine_flow(J, f, correction, dt), noise

    def affine_transition(self, sde: SDE, dt: Scalar) -> AffineTransition:
        """Return the exact law of the next state of a linear SDE."""
        drift: Any = sde.drift
        A, offset = drift.matrix, drift.offset
        matrix, noise = linear_transition(A, sde.covariance(offset), dt)
        shift = affine_flow(-A, offset, jnp.zeros_like(offset), dt)
        return AffineTransition(matrix, shift, noise)
