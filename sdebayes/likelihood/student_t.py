"""The density of innovations with normal or heavy tails."""

from __future__ import annotations

import jax.numpy as jnp
from jax.scipy.special import gammaln
from jaxtyping import Array, Float

from sdebayes._core.types import Scalar


def innovation_log_density(
    square: Float[Array, "*batch"],
    half_log_determinant: Float[Array, "..."],
    size: int,
    degrees_of_freedom: Scalar | None,
) -> Float[Array, "*batch"]:
    """Return the log density of an innovation, in nats.

    Parameters
    ----------
    square
        rᵀ Q⁻¹ r, of one innovation or of many.
    half_log_determinant
        ½ log det Q.
    size
        Number of states.
    degrees_of_freedom
        ν of a Student t with covariance Q; None for the normal law.
    """
    if degrees_of_freedom is None:
        return -0.5 * (square + size * jnp.log(2 * jnp.pi)) - half_log_determinant
    above = degrees_of_freedom - 2
    power = 0.5 * (degrees_of_freedom + size)
    constant = gammaln(power) - gammaln(0.5 * degrees_of_freedom) - 0.5 * size * jnp.log(above * jnp.pi)
    return constant - half_log_determinant - power * jnp.log1p(square / above)
