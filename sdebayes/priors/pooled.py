r"""Values of many coordinates, drawn towards a line that they share (partial pooling).

.. math::
    z_j = m + b\, u_j + s\, δ_j, \qquad m \sim N(0, 1 - ¼ \overline{u^2} - s^2), \quad b \sim N(0, ¼), \quad
    δ_j \sim N(0, 1), \quad s = ⅕,

with u_j the logarithm of the coordinate's rank, standardised: principal and slow coordinates come in an order, along
which shares and time constants fall. On the average of coordinates z_j has variance one, as without pooling. Few data
tell little but the line; where many tell otherwise of a coordinate, they prevail over δ_j. s is no unknown: at the
joint mode of s and a hundred deviations s is far too large, and `Laplace` would hardly pool.

References
----------
Gelman & Hill (2007), Data Analysis Using Regression and Multilevel/Hierarchical Models, ch. 12,
doi:10.1017/CBO9780511790942.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, Float

from sdebayes._core.types import Vector

SLOPE, OWN = 0.5, 0.2
POOLED = f"about a line in log j, each coordinate {OWN:g} of a prior standard deviation off it"


def pooled(name: str, count: int) -> Vector:
    """Draw values, (count,), of variance one on their average, inside a NumPyro model."""
    rank = log_rank(count)
    level = numpyro.sample(f"{name}_level", dist.Normal(0, np.sqrt(1 - SLOPE**2 * np.mean(rank**2) - OWN**2)))
    slope = numpyro.sample(f"{name}_slope", dist.Normal(0, SLOPE))
    return numpyro.sample(name, dist.Normal(level + slope * rank, OWN).to_event(1))


def positive_pooled(name: str, median: object, spread: float) -> Float[Array, " state"]:
    """Draw values such as `positive` does, pooled."""
    median = jnp.asarray(median)
    value = median * jnp.exp(spread * pooled(f"{name}_quantile", median.size))
    return numpyro.deterministic(name, value)


def log_rank(count: int) -> np.ndarray:
    """Return the logarithms of 1, 2, … less their mean, over their standard deviation."""
    rank = np.log(np.arange(1.0, count + 1))
    rank -= rank.mean()
    return rank / max(rank.std(), 1e-12)
