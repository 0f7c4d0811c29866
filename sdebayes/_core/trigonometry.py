"""Cosine and sine together, from operations that the compiler runs for many angles at once."""

from __future__ import annotations

from math import factorial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

Angles = Float[Array, "*angle"]

_QUARTER = np.pi / 2
_BELOW_DOUBLE = 6.123233995736766e-17
"""What the double-precision number π/2 lacks of π/2."""
_TERMS = 9


@jax.custom_jvp
@jax.jit
def cosine_and_sine(angle: Angles) -> tuple[Angles, Angles]:
    """Return cos θ and sin θ, to the precision that θ itself has: an error of about ε max(1, θ).

    Parameters
    ----------
    angle
        θ, in radians.

    Notes
    -----
    Taylor's series around the nearest multiple of π/2. On the CPU, JAX's own functions in double precision call a
    scalar routine for each angle, which takes several times as long as all else that a random feature costs.
    """
    quarter = np.asarray(_QUARTER, dtype=angle.dtype)
    rest = _QUARTER - float(quarter) + _BELOW_DOUBLE
    turns = jnp.round(angle * (1 / _QUARTER))
    r = (angle - turns * quarter) - turns * rest
    square = r * r
    even = odd = jnp.zeros_like(r)
    for k in reversed(range(_TERMS)):
        even = even * square + (-1) ** k / factorial(2 * k)
        odd = odd * square + (-1) ** k / factorial(2 * k + 1)
    odd = odd * r
    place = turns - 4 * jnp.floor(turns / 4)
    swapped = (place == 1) | (place == 3)
    cosine, sine = jnp.where(swapped, odd, even), jnp.where(swapped, even, odd)
    return (
        jnp.where((place == 1) | (place == 2), -cosine, cosine),
        jnp.where(place >= 2, -sine, sine),
    )


@cosine_and_sine.defjvp
def _derivative(
    primals: tuple[Angles], tangents: tuple[Angles]
) -> tuple[tuple[Angles, Angles], tuple[Angles, Angles]]:
    cosine, sine = cosine_and_sine(primals[0])
    return (cosine, sine), (-sine * tangents[0], cosine * tangents[0])
