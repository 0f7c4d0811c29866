"""Strang splitting: a density made of a linear SDE between two half steps of a nonlinear flow."""

from __future__ import annotations

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from sdebayes._core.arguments import checked
from sdebayes._core.linalg import linear_flow, normal_log_density, short_linear_flow, symmetrize
from sdebayes._core.types import Matrix, Scalar, Vector
from sdebayes.dynamics import SDE, AbstractDrift, LinearSDE
from sdebayes.dynamics.basis import mean_shift
from sdebayes.schemes.base import AbstractScheme, AffineTransition

_RUNGE_KUTTA = [[0.0, 1 / 6], [0.5, 1 / 3], [0.5, 1 / 3], [1.0, 1 / 6]]
"""How far along the step each stage of the classical method is taken, and its weight."""


@checked
class Strang(AbstractScheme):
    r"""The distribution of a linear SDE between two half steps of the flow of what is left of the drift.

    With f = v − A x + N(x, t), the flow ψ of :math:`\dot x = N` over Δt/2, and the transition N(E x + s, Ω) of
    :math:`dX = (v - A X) dt + G dW` over Δt,

    .. math::
        X(t + Δt) = ψ(E\, ψ(x) + s + Ω^{1/2} ξ), \qquad
        p(x' \mid x) = N\bigl(ψ^{-1}(x');\, E\, ψ(x) + s,\, Ω\bigr)\, |\det Dψ^{-1}(x')|.

    The distribution is not normal where ψ is not linear: a density for states that are observed exactly. Additive noise
    only. The linear part is the one that the drift names (a stable map, the mean of a field's prior); for a drift that
    names none it is f's linearisation where the step starts, so that N vanishes there to second order. ψ and its
    inverse are one step each of the classical Runge–Kutta method, over ±Δt/2; the density is that of the inverse, which
    must be one-to-one: steps that are short beside 1/‖∂N/∂x‖. Costs eight evaluations of f, four of them with
    derivatives, and some forty products of state matrices.

    ``transition``, which forecasts and residuals use, is ψ linearised about the middle distribution's mean, with
    :math:`\tfrac12 \mathrm{tr}(Ω\, ∂^2 ψ)` in the mean.

    See Also
    --------
    sdebayes.schemes.LocalLinearization : A normal distribution, also for states behind noise.

    References
    ----------
    Pilipović, Samson & Ditlevsen (2024), eqs. 12–18, doi:10.1214/24-AOS2371. They take one linear part for all states;
    linearising where the step starts is ours.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well", 3, 0.1)
    >>> here, there = jnp.array([1.0, 0.0]), jnp.array([1.1, 0.1])
    >>> float(sb.schemes.Strang().log_density(truth, here, there, 0.0, 0.1)) > 0
    True
    """

    requires_additive_noise: ClassVar[bool] = True
    requires_exact_observation: ClassVar[bool] = True
    exact_when_linear: ClassVar[bool] = True
    order: ClassVar[str] = "mean: error O(Δt³); covariance: error O(Δt³); exact for a linear drift"
    reference: ClassVar[str] = "Pilipović, Samson & Ditlevsen (2024), doi:10.1214/24-AOS2371"
    additive_bias: ClassVar[tuple[float, int] | None] = (0.3, 2)

    def transition(self, sde: SDE, x: Vector, t: Scalar, dt: Scalar) -> tuple[Vector, Matrix]:
        """Return the mean and covariance of the next state."""
        mean, _, noise = self.propagate(sde, x, jnp.zeros((x.shape[0], x.shape[0]), x.dtype), t, dt)
        return mean, noise

    def log_density(self, sde: SDE, x: Vector, following: Vector, t: Scalar, dt: Scalar) -> Scalar:
        """Return the log density of X(t + Δt) at ``following`` given X(t) = x, in nats."""
        step = _Splitting(sde, x, t, dt)
        mean, covariance = step.middle(step.flow(x, t, 0.5 * dt))

        def back(point: Vector) -> tuple[Vector, Vector]:
            before = step.flow(point, t + dt, -0.5 * dt)
            return before, before

        derivative, before = jax.jacfwd(back, has_aux=True)(following)
        _, log_volume = jnp.linalg.slogdet(derivative)
        return normal_log_density(before - mean, covariance) + log_volume

    def draw(self, sde: SDE, x: Vector, t: Scalar, dt: Scalar, white: Vector) -> Vector:
        """Return the next state that a standard normal draw makes."""
        step = _Splitting(sde, x, t, dt)
        mean, covariance = step.middle(step.flow(x, t, 0.5 * dt))
        return step.flow(mean + jnp.linalg.cholesky(covariance) @ white, t + 0.5 * dt, 0.5 * dt)

    def propagate(
        self, sde: SDE, mean: Vector, covariance: Matrix, t: Scalar, dt: Scalar
    ) -> tuple[Vector, Matrix, Matrix]:
        """Return the next mean, its derivative F and the noise covariance, each part of the splitting linearised."""
        step = _Splitting(sde, mean, t, dt)

        def half(m: Vector, P: Matrix, start: Scalar) -> tuple[Vector, Matrix]:
            def flow(point: Vector) -> Vector:
                return step.flow(point, start, 0.5 * dt)

            return flow(m) + mean_shift(flow, m, P), jax.jacfwd(flow)(m)

        before, first = half(mean, covariance, t)
        between, noise = step.middle(before)
        flow = step.exponential @ first
        after, last = half(between, flow @ covariance @ flow.T + noise, t + 0.5 * dt)
        return after, last @ flow, symmetrize(last @ noise @ last.T)

    def affine_transition(self, sde: LinearSDE, dt: Scalar) -> AffineTransition:
        """Return the exact distribution of the next state of a linear SDE."""
        flow = linear_flow(-sde.matrix, sde.covariance_rate, dt)
        return AffineTransition(flow.exponential, dt * flow.first @ sde.offset, symmetrize(flow.noise))


class _Splitting:
    """The parts of one step that starts at (x, t)."""

    def __init__(self, sde: SDE, x: Vector, t: Scalar, dt: Scalar) -> None:
        self.drift: AbstractDrift = sde.drift
        linear = self.linear = sde.drift.linear_part(x, t)
        flow = short_linear_flow(-linear.matrix, sde.covariance(x, t), dt)
        self.exponential, self.noise = flow.exponential, symmetrize(flow.noise)
        self.shift = dt * flow.first @ linear.offset

    def flow(self, x: Vector, t: Scalar, h: Scalar) -> Vector:
        """Return ψ(x), the nonlinear part followed from t over h, which may be negative."""

        def stage(so_far: tuple[Vector, Vector], part: Array) -> tuple[tuple[Vector, Vector], None]:
            slope, total = so_far
            point = x + h * part[0] * slope
            slope = self.drift(point, t + h * part[0]) - self.linear(point)
            return (slope, total + part[1] * slope), None

        zero = jnp.zeros_like(x)
        (_, slope), _ = jax.lax.scan(stage, (zero, zero), jnp.asarray(_RUNGE_KUTTA, x.dtype))
        return x + h * slope

    def middle(self, x: Vector) -> tuple[Vector, Matrix]:
        """Return mean and covariance of the linear SDE from x."""
        return self.exponential @ x + self.shift, self.noise
