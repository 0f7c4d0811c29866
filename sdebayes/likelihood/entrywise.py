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

MOST_NUMBERS = 2048
"""Of trajectories times steps times states that are smoothed side by side: few enough for the nearest memory."""


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


def filtered(steps: Steps, data: Observations) -> Conditional:
    """Return the law of each y_k given y_1, …, y_{k−1}.

    Variances are (state,) where trajectories share them, else (trajectory, state).
    """
    values, seen, index, factors = (jnp.swapaxes(part, 0, 1) for part in _by_row(steps, data))
    count, states = values.shape[1:]
    nothing = jnp.zeros((states if data.shared else (count, states)), values.dtype)

    def step(carry: tuple[Array, ...], inputs: tuple[Array, ...]) -> tuple[tuple[Array, ...], tuple]:
        x, c, xx, xc, cc = carry
        value, here, u, factor = inputs
        known = 1.0 if data.shared else here
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


def by_itself(steps: Steps, data: Observations) -> Conditional:
    """Return the law of each y_k where nothing of its trajectory is known."""
    values, seen, index, factors = _by_row(steps, data)

    def path(index: Array) -> tuple[Array, Array]:
        def step(law: tuple[Array, Array], at: Array) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
            a, shift, process = steps.over(at)
            return (a * law[0] + shift, a**2 * law[1] + process), law

        _, laws = jax.lax.scan(step, (steps.mean, steps.variance), index)
        return laws

    mean, variance = path(index[0]) if data.shared else jax.vmap(path)(index)
    noise = steps.noise if steps.slopes is None else factors[..., None] * steps.noise
    density, square = _read(values, seen, mean, variance + steps.effect + noise)
    return Conditional(density, square, jnp.broadcast_to(mean, values.shape))


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

    from which the step's own value is taken out as in `sdebayes.likelihood.conditional`. Where trajectories share their
    times, all but the means is computed for each length that one can have, not for each trajectory.
    """
    values, here, index, factors = _by_row(steps, known)
    count, length, _ = values.shape
    lengths = jnp.asarray(known.seen).any(-1).sum(1)
    by_length = known.shared and length < count
    if by_length:
        inside = jnp.arange(length) < jnp.arange(1, length + 1)[:, None]
        table = jax.vmap(lambda own: _weights(steps, own[:, None], index[0], factors[0]))(inside)

    def one(inputs: tuple[Array, ...]) -> Conditional:
        values, here, judged, index, factor, steps_seen = inputs
        if by_length:
            weights = jax.tree.map(lambda part: part[steps_seen - 1], table)
        else:
            weights = _weights(steps, here, index, factor)
        mean = _given_others(steps, weights, values, here, index, factor)
        square = jnp.where(judged, (values - mean) ** 2 * weights.precision, 0.0)
        density = -0.5 * (square + jnp.where(judged, weights.log_variance, 0.0))
        return Conditional(density.sum(-1), square.sum(-1), mean)

    along = values, here, jnp.asarray(seen), index, factors, lengths
    return jax.lax.map(one, along, batch_size=max(1, MOST_NUMBERS // values[0].size))


type _Pair = tuple[Array, Array]


class _Weights(NamedTuple):
    """What does not depend on the values of one trajectory.

    Attributes
    ----------
    forward, backward
        Gains of filter and smoother, (time, state).
    answer
        1 − u, (time, state).
    spread
        v, (state,).
    own
        What of the difference between a value and the smoothed mean is taken out again, (time, state).
    precision, log_variance
        1/s² and log 2πs², s² being the variance of y_k given all others, (time, state).
    """

    forward: Float[Array, "time state"]
    backward: Float[Array, "time state"]
    answer: Float[Array, "time state"]
    spread: Float[Array, " state"]
    own: Float[Array, "time state"]
    precision: Float[Array, "time state"]
    log_variance: Float[Array, "time state"]


def _weights(steps: Steps, here: Array, index: Array, factor: Array) -> _Weights:
    """Smooth variances; the recursion of Rauch, Tung & Striebel, doi:10.2514/3.3166."""
    noise = factor[:, None] * steps.noise

    def forward(carry: _Pair, inputs: tuple[Array, Array, Array]) -> tuple[_Pair, tuple[Array, ...]]:
        u, P = carry
        known, at, R = inputs
        gain = jnp.where(known, P / (P + R), 0.0)
        u, P = u + gain * (1 - u), P - gain * P
        a, _, process = steps.over(at)
        ahead = a**2 * P + process
        return (a * u, ahead), (u, P, a * P / ahead, ahead, a * u, gain)

    def backward(carry: _Pair, inputs: tuple[Array, ...]) -> tuple[_Pair, _Pair]:
        later_u, later_P = carry
        u, P, gain, ahead, moved_u = inputs
        u, P = u + gain * (later_u - moved_u), P + gain**2 * (later_P - ahead)
        return (u, P), (u, P)

    begin = jnp.zeros_like(steps.variance), steps.variance
    (u, P), (*found, gain) = jax.lax.scan(forward, begin, (here, index, noise))
    _, (u, V) = jax.lax.scan(backward, (u, P), tuple(found), reverse=True)
    answer = 1 - u
    precision = jnp.where(here, answer / noise, 0.0).sum(0)
    spread = steps.effect / (1 + steps.effect * precision)
    variance = V + spread * answer**2
    left = jnp.where(here, noise - variance, 1.0)
    own = jnp.where(here, variance / left, 0.0)
    variance = jnp.where(here, noise**2 / left, variance + noise)
    return _Weights(gain, found[2], answer, spread, own, 1 / variance, jnp.log(2 * jnp.pi * variance))


def _given_others(
    steps: Steps, weights: _Weights, values: Array, here: Array, index: Array, factor: Array
) -> Array:
    """Return the mean of each y_k of one trajectory given what is known of its other steps, (time, state)."""

    def forward(m: Array, inputs: tuple[Array, Array, Array]) -> tuple[Array, _Pair]:
        value, gain, at = inputs
        m = m + gain * (value - m)
        a, shift, _ = steps.over(at)
        ahead = a * m + shift
        return ahead, (m, ahead)

    def backward(later: Array, inputs: tuple[Array, Array, Array]) -> _Pair:
        m, ahead, gain = inputs
        m = m + gain * (later - ahead)
        return m, m

    last, found = jax.lax.scan(forward, steps.mean, (values, weights.forward, index))
    _, m = jax.lax.scan(backward, last, (*found, weights.backward), reverse=True)
    noise = factor[:, None] * steps.noise
    effect = weights.spread * jnp.where(here, (values - m) / noise, 0.0).sum(0)
    mean = m + effect * weights.answer
    return mean - weights.own * (values - mean)


def _read(values: Array, seen: Array, mean: Array, variance: Array) -> tuple[Array, Array]:
    """Return log density and distance of steps whose states are seen, under independent normal laws."""
    square = jnp.where(seen, (values - mean) ** 2 / variance, 0.0)
    density = jnp.where(seen, -0.5 * (square + jnp.log(2 * jnp.pi * variance)), 0.0)
    return density.sum(-1), square.sum(-1)


def _by_row(steps: Steps, data: Observations) -> tuple[Array, Array, Array, Array]:
    """Return values, what is seen, the index of the step that follows, and factors of the noise, by trajectory."""
    index = jnp.pad(jnp.asarray(data.step_index), ((0, 0), (0, 1)))
    return jnp.asarray(data.values), jnp.asarray(data.seen), index, data.noise_factors(steps.slopes)
