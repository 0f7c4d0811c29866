"""Local linearisation after Ozaki, with the correction of Shoji and Ozaki."""

from __future__ import annotations

from typing import ClassVar

import jax.numpy as jnp

from sdebayes._core.arguments import checked
from sdebayes._core.linalg import linear_flow, short_linear_flow, symmetrize
from sdebayes._core.types import Matrix, Scalar, Vector
from sdebayes.dynamics import SDE, LinearSDE
from sdebayes.schemes.base import AbstractScheme, AffineTransition


@checked
class LocalLinearization(AbstractScheme):
    r"""The exact distribution of the SDE whose drift is the first-order Itô–Taylor expansion of f around (x, t).

    With :math:`J = ∂f/∂x` and :math:`m_i = \tfrac12 \mathrm{tr}(Σ\, ∂^2 f_i) + ∂f_i/∂t`, both at (x, t),

    .. math::
        μ = x + \int_0^{Δt} e^{J s} ds\, f + \int_0^{Δt} \int_0^{u} e^{J s} ds\, du\, m, \qquad
        Q = \int_0^{Δt} e^{J s} Σ e^{J^\top s} ds.

    Exact for a linear drift, at any Δt where the drift is known to be one, else where ‖J‖Δt stays below about 32.
    Costs f with its first and second derivatives and some forty products of state matrices a step. Additive noise only.

    An uncertain state is carried with :math:`F = e^{JΔt} + φ_2(JΔt)\, (∂J/∂x · f)\, Δt^2`, whose second term is the
    Jacobian's change along the path; third derivatives of f are left out.

    See Also
    --------
    sdebayes.schemes.Moments : Where noise is multiplicative.
    sdebayes.schemes.Strang : A density that is not normal.

    References
    ----------
    Ozaki (1992), Statistica Sinica 2, 113–135; Shoji & Ozaki (1998), eqs. 2.4–2.10, doi:10.1080/07362999808809559.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well", 3, 0.1)
    >>> mean, covariance = sb.schemes.LocalLinearization().transition(truth, jnp.array([2.0, 0.0]), 0.0, 0.1)
    >>> np.asarray(mean).round(2), np.asarray(covariance).round(3)
    (array([1.63, 0.  ], dtype=float32), array([[0.02 , 0.   ],
           [0.   , 0.045]], dtype=float32))
    """

    requires_additive_noise: ClassVar[bool] = True
    exact_when_linear: ClassVar[bool] = True
    derivatives: ClassVar[int | None] = 2
    order: ClassVar[str] = "mean: error O(Δt³); covariance: error O(Δt³); exact for a linear drift"
    reference: ClassVar[str] = "Shoji & Ozaki (1998), doi:10.1080/07362999808809559"
    additive_bias: ClassVar[tuple[float, int] | None] = (0.4, 2)
    recommended: ClassVar[bool] = True

    def transition(self, sde: SDE, x: Vector, t: Scalar, dt: Scalar) -> tuple[Vector, Matrix]:
        """Return the mean and covariance of the next state."""
        mean, _, noise = self.propagate(sde, x, jnp.zeros((x.shape[0], x.shape[0]), x.dtype), t, dt)
        return mean, noise

    def propagate(
        self, sde: SDE, mean: Vector, covariance: Matrix, t: Scalar, dt: Scalar
    ) -> tuple[Vector, Matrix, Matrix]:
        """Return the next mean, its derivative F and the noise covariance."""
        rate = sde.covariance(mean, t)
        f, J, curvature, time_derivative = sde.drift.expansion(mean, t)
        flow = short_linear_flow(J, rate, dt)
        spread = J @ covariance
        growth = rate + spread + spread.T
        velocity = f + 0.5 * jnp.einsum("ijk,jk->i", curvature, covariance)
        acceleration = 0.5 * jnp.einsum("ijk,jk->i", curvature, growth) + time_derivative
        following = mean + dt * (flow.first @ velocity + dt * (flow.second @ acceleration))
        F = flow.exponential + dt**2 * flow.second @ jnp.einsum("ijk,k->ij", curvature, f)
        return following, F, symmetrize(flow.noise)

    def affine_transition(self, sde: LinearSDE, dt: Scalar) -> AffineTransition:
        """Return the exact distribution of the next state of a linear SDE."""
        flow = linear_flow(-sde.matrix, sde.covariance_rate, dt)
        return AffineTransition(flow.exponential, dt * flow.first @ sde.offset, symmetrize(flow.noise))
