"""The linear noise approximation."""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Count
from sdebayes._core.types import Matrix, Scalar, Vector
from sdebayes.dynamics import SDE, LinearSDE
from sdebayes.schemes.base import AbstractScheme, AffineTransition


@checked
class LinearNoise(AbstractScheme):
    r"""The normal distribution whose covariance follows the drift linearised along the mean.

    With :math:`J = ∂f/∂x` at m and Φ(u, s) the flow of :math:`\dot δ = J δ` from s to u,

    .. math::
        \dot m = f(m, t) + \tfrac12 \mathrm{tr}\bigl(Q\, ∂^2 f(m, t)\bigr), \qquad
        Q = \int_0^{Δt} Φ(Δt, s)\, Σ(m_s, s)\, Φ(Δt, s)^\top ds.

    The trace is what noise adds to the mean through the drift's curvature: van Kampen's next term. Without it, in the
    classical approximation, the mean is off by a term in Δt² as Euler–Maruyama's is.

    In each of ``steps`` equal parts of Δt, f and Φ take one step of the classical Runge–Kutta method, the trace the
    trapezoidal rule, and Q Simpson's rule with the mid-point by Hermite's interpolation: a sum of positive semidefinite
    matrices, so positive definite at any Δt. Multiplicative noise is allowed. A part costs four evaluations of f and
    its Jacobian, three of Σ (one where it is constant) and second derivatives of f along ``state`` pairs of
    directions. Stable where ‖J‖Δt < 2.8 ``steps``.

    Parameters
    ----------
    steps
        Number of parts of Δt.

    Raises
    ------
    ModelError
        If ``steps`` is not a positive whole number.

    See Also
    --------
    sdebayes.schemes.Moments : No steps within a step.

    References
    ----------
    van Kampen (2007), Stochastic Processes in Physics and Chemistry, ch. X, doi:10.1016/B978-0-444-52965-7.X5000-4;
    Särkkä & Solin (2019), Applied Stochastic Differential Equations, sec. 9.1, doi:10.1017/9781108186735;
    Fearnhead, Giagos & Sherlock (2014), sec. 2, doi:10.1111/biom.12152.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well", 3, 0.1)
    >>> mean, covariance = sb.schemes.LinearNoise(steps=2).transition(truth, jnp.array([2.0, 0.0]), 0.0, 0.1)
    >>> np.asarray(mean).round(2), np.asarray(covariance).round(3)
    (array([1.6, 0. ], dtype=float32), array([[0.026, 0.   ],
           [0.   , 0.045]], dtype=float32))
    """

    order: ClassVar[str] = "mean: error O(Δt³); covariance: error O(Δt³), O(Δt²) where Σ is curved in x"
    reference: ClassVar[str] = "Fearnhead, Giagos & Sherlock (2014), doi:10.1111/biom.12152"
    additive_bias: ClassVar[tuple[float, int] | None] = (0.1, 2)
    multiplicative_bias: ClassVar[tuple[float, int] | None] = (0.25, 1)
    recommended: ClassVar[bool] = True
    steps: Count = eqx.field(static=True, default=1)

    @property
    def title(self) -> str:
        """The class, and the number of parts."""
        return "LinearNoise" if self.steps == 1 else f"LinearNoise in {self.steps} parts of each step"

    def transition(self, sde: SDE, x: Vector, t: Scalar, dt: Scalar) -> tuple[Vector, Matrix]:
        """Return the mean and covariance of the next state."""
        mean, _, noise = self._moments(sde, x, None, t, dt)
        return mean, noise

    def propagate(
        self, sde: SDE, mean: Vector, covariance: Matrix, t: Scalar, dt: Scalar
    ) -> tuple[Vector, Matrix, Matrix]:
        """Return the next mean, the flow F = Φ(Δt, 0) and the noise covariance."""
        return self._moments(sde, mean, covariance, t, dt)

    def _moments(
        self, sde: SDE, mean: Vector, covariance: Matrix | None, t: Scalar, dt: Scalar
    ) -> tuple[Vector, Matrix, Matrix]:
        """Follow the moment equations from a covariance, or from a known state where that is None."""

        def pull(x: Vector, s: Scalar, flow: Matrix, noise: Matrix) -> Vector:
            spread = noise if covariance is None else flow @ covariance @ flow.T + noise
            return sde.drift.mean_shift(x, s, spread)

        h = dt / self.steps
        end, flow, noise = _part(sde, mean, t, h)
        after = push = pull(end, t + h, flow, noise)
        if covariance is not None:
            push = flow @ sde.drift.mean_shift(mean, t, covariance) + after
        mean = end + 0.5 * h * push
        for part in range(1, self.steps):
            start = t + part * h
            end, F, added = _part(sde, mean, start, h)
            flow, noise, before = F @ flow, F @ noise @ F.T + added, after
            after = pull(end, start + h, flow, noise)
            mean = end + 0.5 * h * (F @ before + after)
        return mean, flow, noise

    def affine_transition(self, sde: LinearSDE, dt: Scalar) -> AffineTransition:
        """Return the distribution of the next state of a linear SDE."""
        shift, matrix, noise = self._moments(sde, jnp.zeros_like(sde.offset), None, 0.0, dt)
        return AffineTransition(matrix, shift, noise)


def _part(sde: SDE, m: Vector, t: Scalar, h: Scalar) -> tuple[Vector, Matrix, Matrix]:
    """Return drift path, flow and noise covariance after a step h of the Runge–Kutta method."""
    drift, same, half = sde.drift, jnp.eye(m.shape[0], dtype=m.dtype), 0.5 * h
    f1, J1 = drift(m, t), drift.jacobian(m, t)
    m2 = m + half * f1
    f2, K2 = drift(m2, t + half), drift.jacobian(m2, t + half) @ (same + half * J1)
    m3 = m + half * f2
    f3, K3 = drift(m3, t + half), drift.jacobian(m3, t + half) @ (same + half * K2)
    m4 = m + h * f3
    f4, J4 = drift(m4, t + h), drift.jacobian(m4, t + h)
    end = m + h / 6 * (f1 + 2 * f2 + 2 * f3 + f4)
    flow = same + h / 6 * (J1 + 2 * (K2 + K3) + J4 @ (same + h * K3))

    middle = 0.5 * (m + end) + h / 8 * (f1 - f4)
    from_middle = 0.5 * (same + flow) + h / 8 * (J4 - flow @ J1)
    at_start, at_middle, at_end = (
        sde.covariance(x, s) for x, s in ((m, t), (middle, t + half), (end, t + h))
    )
    noise = flow @ at_start @ flow.T + 4 * from_middle @ at_middle @ from_middle.T + at_end
    return end, flow, h / 6 * noise
