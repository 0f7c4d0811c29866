"""Euler–Maruyama."""

from __future__ import annotations

from typing import ClassVar

import jax.numpy as jnp

from sdebayes._core.arguments import checked
from sdebayes._core.types import Matrix, Scalar, Vector
from sdebayes.dynamics import SDE, LinearSDE
from sdebayes.schemes.base import AbstractScheme, AffineTransition


@checked
class EulerMaruyama(AbstractScheme):
    r"""X(t + Δt) ~ N(x + f(x, t) Δt, Σ(x, t) Δt).

    One evaluation of f and Σ a step. Its mean and covariance are off by terms in Δt², which bias Σ by about
    −λΔt for relaxation at rate λ.

    See Also
    --------
    sdebayes.schemes.Moments : Of second order.
    sdebayes.schemes.Substeps : Several parts in a step.

    References
    ----------
    Maruyama (1955), doi:10.1007/BF02846028; Kloeden & Platen (1992), sec. 10.2, doi:10.1007/978-3-662-12616-5.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well", 3, 0.1)
    >>> mean, covariance = sb.schemes.EulerMaruyama().transition(truth, jnp.array([2.0, 0.0]), 0.0, 0.1)
    >>> np.asarray(mean).round(3), np.asarray(covariance).round(3)
    (array([1.4, 0. ], dtype=float32), array([[0.05, 0.  ],
           [0.  , 0.05]], dtype=float32))
    """

    linear_in_drift: ClassVar[bool] = True
    derivatives: ClassVar[int | None] = 0
    order: ClassVar[str] = "mean: error O(Δt²); covariance: error O(Δt²)"
    reference: ClassVar[str] = "Kloeden & Platen (1992), sec. 10.2, doi:10.1007/978-3-662-12616-5"
    additive_bias: ClassVar[tuple[float, int] | None] = (0.9, 1)
    multiplicative_bias: ClassVar[tuple[float, int] | None] = (0.9, 1)

    def transition(self, sde: SDE, x: Vector, t: Scalar, dt: Scalar) -> tuple[Vector, Matrix]:
        """Return the mean and covariance of the next state."""
        return x + sde.drift(x, t) * dt, sde.covariance(x, t) * dt

    def propagate(
        self, sde: SDE, mean: Vector, covariance: Matrix, t: Scalar, dt: Scalar
    ) -> tuple[Vector, Matrix, Matrix]:
        """Return m + (f + ½ tr(P ∂²f)) Δt, F = I + ∂f/∂x Δt and Σ Δt."""
        following, noise = self.transition(sde, mean, t, dt)
        shift = sde.drift.mean_shift(mean, t, covariance)
        F = jnp.eye(mean.shape[0], dtype=mean.dtype) + sde.drift.jacobian(mean, t) * dt
        return following + shift * dt, F, noise

    def affine_transition(self, sde: LinearSDE, dt: Scalar) -> AffineTransition:
        """Return the distribution of the next state of a linear SDE."""
        A = sde.matrix
        same = jnp.eye(A.shape[0], dtype=A.dtype)
        return AffineTransition(same - A * dt, sde.offset * dt, sde.covariance_rate * dt)
