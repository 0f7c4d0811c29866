r"""Filter and smoother of independent states side by side: nothing here is a matrix.

Each state is x_{k+1} = a x_k + s + η, seen as y_k = x_k + c + ε, with numbers
a, s, Var η = q, Var ε = R_k and Var c = C.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from sdebayes.likelihood.arrays import Observations
from sdebayes.likelihood.conditional import Conditional
from sdebayes.likelihood.linear_gaussian import LinearGaussian

MOST_NUMBERS = 4096
"""Of trajectories times states that are smoothed side by side: few enough for the nearest memory."""


class Steps(NamedTuple):
    """Independent states, their steps given for each different Δt.

    Attributes
    ----------
    factor, shift, process
        a, s and q, (unique, state).
    noise
        R before what covariates do to it, (state,).
    slopes
        β, (term,), of these covariates, or None.
    mean, variance
        Of the first x, (state,).
    effect
        C, (state,), zero where there is no trajectory effect.
    """

    factor: Float[Array, "unique state"]
    shift: Float[Array, "unique state"]
    process: Float[Array, "unique state"]
    noise: Float[Array, " state"]
    slopes: Float[Array, " term"] | None
    mean: Float[Array, " state"]
    variance: Float[Array, " state"]
    effect: Float[Array, " state"]

    def over(self, index: Array) -> tuple[Array, Array, Array]:
        """Return a, s and q of steps, given by the index of their Δt, which is not read where there is but one."""
        tables = self.factor, self.shift, self.process
        a, s, q = (table[0] if len(table) == 1 else table[index] for table in tables)
        return a, s, q


def steps_of(systems: LinearGaussian) -> Steps:
    """Read the numbers of a filter of z = (x, c), or x alone, for each state, which leads all arrays."""
    a, process = systems.transition[..., 0, 0].T, systems.process[..., 0, 0].T
    slopes = None if systems.noise_slopes is None else systems.noise_slopes[0]
    effect = systems.covariance[:, -1, -1] * float(systems.mean.shape[-1] > 1)
    noise, start = systems.noise[..., 0, 0], systems.covariance[:, 0, 0]
    return Steps(a, systems.shift[..., 0].T, process, noise, slopes, systems.mean[:, 0], start, effect)


def filtered(steps: Steps, data: Observations, learning: bool = True) -> Conditional:
    """Return the law of each y_k given y_1, …, y_{k−1}, or, without learning, by itself.

    Variances are (state,) where trajectories share them, else (trajectory, state).
    """
    values, seen, index, factors = _by_time(steps, data)
    count, states = values.shape[1:]
    nothing = jnp.zeros((states if data.shared else (count, states)), values.dtype)

    def step(carry: tuple[Array, ...], inputs: tuple[Array, ...]) -> tuple[tuple[Array, ...], tuple]:
        x, c, xx, xc, cc = carry
        value, here, u, factor = inputs
        known = float(learning) if data.shared or not learning else here
        variance = xx + 2 * xc + cc + (steps.noise if data.shared else factor[:, None] * steps.noise)
        a, shift, process = steps.over(u[0] if data.shared else u)
        residual = jnp.where(here, value - x - c, 0.0)
        square = residual**2 / variance
        density = jnp.where(here, -0.5 * (square + jnp.log(2 * jnp.pi * variance)), 0.0)
        gain_x, gain_c = known * (xx + xc) / variance, known * (xc + cc) / variance
        moved = a * (x + gain_x * residual) + shift, c + gain_c * residual
        spread = (
            a**2 * (xx - gain_x**2 * variance) + process,
            a * (xc - gain_x * gain_c * variance),
            cc - gain_c**2 * variance,
        )
        return (*moved, *spread), (density.sum(-1), square.sum(-1), x + c)

    mean = jnp.broadcast_to(steps.mean, (count, states)), jnp.zeros((count, states), values.dtype)
    begin: tuple[Array, ...] = (*mean, steps.variance + nothing, nothing, steps.effect + nothing)
    _, found = jax.lax.scan(step, begin, (values, seen, index, factors))
    return Conditional(*(jnp.swapaxes(part, 0, 1) for part in found))


def smoothed(
    steps: Steps, known: Observations, seen: Bool[Array | np.ndarray, "trajectory time state"]
) -> Conditional:
    r"""Return the law of each y_k given all that is known of other steps, read where it is ``seen``.

    Without c, x has the smoothed mean m_k and variance V_k, and m_k answers a unit added to all that is known by u_k.
    With the precision Q of what is known, :math:`(Q (y - \mathrm E y))_k = (y_k - m_k) / R_k` and
    :math:`(Q 1)_k = (1 - u_k) / R_k`, so that

    .. math::
        \hat c = v \sum_k (y_k - m_k) / R_k, \quad v = (1/C + \sum_k (1 - u_k) / R_k)^{-1}, \qquad
        x_k + c \mid y \sim N(m_k + \hat c (1 - u_k),\ V_k + v (1 - u_k)^2),

    from which the step's own value is taken out as in `sdebayes.likelihood.conditional`.
    """
    values, here, index, factors = _by_time(steps, known)
    judged = jnp.swapaxes(jnp.asarray(seen), 0, 1)

    def one(own: Steps, values: Array, here: Array, judged: Array) -> tuple[Array, ...]:
        noise = factors * own.noise
        mean, variance = _given_others(own, values, here, index, noise)
        square = jnp.where(judged, (values - mean) ** 2 / variance, 0.0)
        density = jnp.where(judged, -0.5 * (square + jnp.log(2 * jnp.pi * variance)), 0.0)
        return density.T, square.T, mean.T

    by_state = steps._replace(
        factor=steps.factor.T, shift=steps.shift.T, process=steps.process.T, slopes=None
    )
    along = (by_state, *(jnp.moveaxis(part, -1, 0) for part in (values, here, judged)))
    density, square, mean = jax.lax.map(
        lambda inputs: one(*inputs), along, batch_size=max(1, MOST_NUMBERS // values.shape[1])
    )
    return Conditional(density.sum(0), square.sum(0), jnp.moveaxis(mean, 0, -1))


def _given_others(own: Steps, values: Array, here: Array, index: Array, noise: Array) -> tuple[Array, Array]:
    """Return mean and variance of one state's y_k given what is known of its other steps, (time, trajectory)."""
    (m, u), V = _smooth(own, values, here, index, noise)
    answer = 1 - u
    precision = jnp.where(here, answer / noise, 0.0).sum(0)
    spread = own.effect / (1 + own.effect * precision)
    effect = spread * jnp.where(here, (values - m) / noise, 0.0).sum(0)
    mean, variance = m + effect * answer, V + spread * answer**2
    left = jnp.where(here, noise - variance, 1.0)
    mean = mean - jnp.where(here, variance / left * (values - mean), 0.0)
    return mean, jnp.where(here, noise**2 / left, variance + noise)


def _smooth(
    own: Steps, values: Array, here: Array, index: Array, noise: Array
) -> tuple[tuple[Array, Array], Array]:
    """Smooth x without c, and the answer to ones; the recursion of Rauch, Tung & Striebel, doi:10.2514/3.3166."""

    def forward(carry: tuple[Array, ...], inputs: tuple[Array, ...]) -> tuple[tuple[Array, ...], tuple]:
        m, u, P = carry
        value, known, at, R = inputs
        gain = jnp.where(known, P / (P + R), 0.0)
        m, u, P = m + gain * (value - m), u + gain * (1 - u), P - gain * P
        a, shift, process = own.over(at)
        return (a * m + shift, a * u, a**2 * P + process), (m, u, P)

    def backward(carry: tuple[Array, ...], inputs: tuple[tuple[Array, ...], Array]) -> tuple[tuple, tuple]:
        later_m, later_u, later_P = carry
        (m, u, P), at = inputs
        a, shift, process = own.over(at)
        ahead = a**2 * P + process
        gain = a * P / ahead
        m = m + gain * (later_m - a * m - shift)
        u = u + gain * (later_u - a * u)
        P = P + gain**2 * (later_P - ahead)
        return (m, u, P), (m, u, P)

    mean = jnp.broadcast_to(own.mean, values.shape[1:])
    variance = jnp.broadcast_to(own.variance, mean.shape)
    begin: tuple[Array, ...] = mean, jnp.zeros_like(mean), variance
    _, found = jax.lax.scan(forward, begin, (values, here, index, noise))
    last = tuple(part[-1] for part in found)
    earlier = tuple(part[:-1] for part in found)
    _, before = jax.lax.scan(backward, last, (earlier, index[:-1]), reverse=True)
    m, u, V = (jnp.concatenate([part, end[None]]) for part, end in zip(before, last, strict=True))
    return (m, u), V


def _by_time(steps: Steps, data: Observations) -> tuple[Array, Array, Array, Array]:
    """Return values, what is seen, the index of the step that follows, and factors of the noise, with time leading."""
    values, seen = (jnp.swapaxes(jnp.asarray(part), 0, 1) for part in (data.values, data.seen))
    index = jnp.pad(jnp.asarray(data.step_index).T, ((0, 1), (0, 0)))
    return values, seen, index, data.noise_factors(steps.slopes).T
