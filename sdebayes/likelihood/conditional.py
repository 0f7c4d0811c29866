r"""The law of one observation given some of the others of its trajectory.

Given all others it needs no second pass. With the smoothed law N(m, V) of the signal s_k = H (x_k + c) and the step's
own noise R_k, the observation is taken out again as a datum with the noise −R_k,

.. math::
    m_{-k} = m - V (R_k - V)^{-1} (y_k - m), \qquad V_{-k} = V + V (R_k - V)^{-1} V = (V^{-1} - R_k^{-1})^{-1},
    \qquad y_k \mid y_{-k} \sim N(m_{-k}, V_{-k} + R_k),

where R_k − V is positive definite as R_k (V_{−k} + R_k)⁻¹ R_k. Digits are lost with the square of (V_{−k} + R_k)/R_k:
at a noise of a hundredth of the variance there are twelve left in double precision. De Jong (1988), A cross-validation
filter for time series models, doi:10.1093/biomet/75.3.594.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import logsumexp
from jaxtyping import Array, Bool, Float

from sdebayes._core.linalg import inverse_and_log_determinant, symmetrize
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood.arrays import Observations

Laws = tuple[Float[Array, "trajectory time observed"], Float[Array, "trajectory time observed observed"]]


class Conditional(NamedTuple):
    """The law of each step given others, read at what was observed there.

    Attributes
    ----------
    log_density
        Of what was seen, (trajectory, time), in nats; zero where nothing was.
    distance
        rᵀ S⁻¹ r of what was seen, r being its distance from the mean and S the covariance, (trajectory, time).
    mean
        (trajectory, time, observed), of all coordinates.
    """

    log_density: Float[Array, "trajectory time"]
    distance: Float[Array, "trajectory time"]
    mean: Float[Array, "trajectory time observed"]


def read_at(model: ObservedSDE, data: Observations, laws: Laws) -> Conditional:
    """Read laws of all steps, their noise included, at what was observed.

    Parameters
    ----------
    model
        The SDE as it is observed; where its noise is a scale mixture, the density is the mixture's.
    data
        The data.
    laws
        Mean and covariance of each step, with R_k where the noise is a mixture.
    """
    factors = data.noise_factors(model.noise_slopes)

    def one(value: Array, seen: Array, mean: Array, S: Array, factor: Array) -> tuple[Array, Array]:
        both = seen[:, None] & seen[None, :]
        residual = jnp.where(seen, value - mean, 0.0)

        def normal(S: Array) -> tuple[Array, Array]:
            precision, log_determinant = inverse_and_log_determinant(
                jnp.where(both, S, jnp.eye(seen.size, dtype=S.dtype))
            )
            square = residual @ precision @ residual
            return -0.5 * (square + log_determinant + jnp.sum(seen) * jnp.log(2 * jnp.pi)), square

        density, square = normal(S)
        if model.noise_scales is not None:
            more = (factor * (model.noise_scales.factors - 1))[:, None, None] * model.noise_covariance
            density = logsumexp(model.noise_scales.log_weights + jax.vmap(normal)(S + more)[0])
        return density, square

    values, seen = jnp.asarray(data.values), jnp.asarray(data.seen)
    return Conditional(*jax.vmap(jax.vmap(one))(values, seen, *laws, factors), laws[0])


def without_own(
    model: ObservedSDE,
    data: Observations,
    mean: Float[Array, "trajectory time z"],
    covariance: Float[Array, "trajectory time z z"],
) -> Laws:
    """Return mean and covariance of each y_k given all other steps, from the smoothed laws of z_k.

    Parameters
    ----------
    model
        The SDE as it is observed.
    data
        The data, whose own entries at each step are taken out.
    mean, covariance
        Law of z_k = (x_k, c), or x_k alone, given the whole trajectory.
    """

    def one(value: Array, seen: Array, m: Array, V: Array, noise: Array) -> tuple[Array, Array]:
        both = seen[:, None] & seen[None, :]
        left = jnp.where(both, noise - V, jnp.eye(seen.size, dtype=V.dtype))
        cross = jnp.where(seen, V, 0.0)
        gain = cross @ inverse_and_log_determinant(symmetrize(left))[0]
        return m - gain @ jnp.where(seen, value - m, 0.0), symmetrize(V + gain @ cross.T) + noise

    values, seen = jnp.asarray(data.values), jnp.asarray(data.seen)
    noise = noise_of_steps(model, data)
    return jax.vmap(jax.vmap(one))(values, seen, *signal(model, mean, covariance), noise)


def noise_of_steps(
    model: ObservedSDE, data: Observations
) -> Float[Array, "trajectory time observed observed"]:
    """Return R_k at each step."""
    return data.noise_factors(model.noise_slopes)[..., None, None] * model.noise_covariance


def signal(
    model: ObservedSDE, mean: Float[Array, "*many z"], covariance: Float[Array, "*many z z"]
) -> tuple[Float[Array, "*many observed"], Float[Array, "*many observed observed"]]:
    """Return mean and covariance of s = H (x + c), or H x, from those of z."""
    H = jnp.tile(model.matrix, (1, mean.shape[-1] // model.matrix.shape[-1]))
    return mean @ H.T, H @ covariance @ H.T


def seeing(data: Observations, seen: Bool[Array, "trajectory time observed"]) -> Observations:
    """Return data of which only some entries are seen."""
    return dataclasses.replace(data, seen=jnp.asarray(data.seen) & seen, shared=False, complete=False)


def without(data: Observations, left_out: Bool[Array, "trajectory time"] | None) -> Observations:
    """Return data of which some steps are not seen; their values stay, to be judged."""
    return data if left_out is None else seeing(data, ~jnp.asarray(left_out)[..., None])
