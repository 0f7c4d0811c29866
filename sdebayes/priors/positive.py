"""Numbers that are positive, inside a NumPyro model."""

from __future__ import annotations

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, Float


def positive(name: str, median: object, spread: float) -> Float[Array, " state"]:
    """Draw independent log-normal values with this median and standard deviation of the logarithm."""
    return numpyro.sample(name, dist.LogNormal(jnp.log(jnp.asarray(median)), spread).to_event(1))
