"""How the variance of a coordinate is shared out among trajectory effect, path and noise."""

from __future__ import annotations

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax.scipy.special import log_ndtr, ndtr

from sdebayes._core.types import Vector
from sdebayes.model.covariances import Shape
from sdebayes.priors.pooled import pooled

EFFECT_CONCENTRATION = 4.0
MEAN_EFFECT_SHARE = 1 / (1 + EFFECT_CONCENTRATION)
NOISE_SHARE = 0.25


def quantile(name: str, shape: Shape | None, count: int) -> Vector:
    """Draw what shares are quantiles of, (count,), inside a NumPyro model: pooled, or independent."""
    if shape == "pooled":
        return pooled(name, count)
    return numpyro.sample(name, dist.Normal(0, 1).expand([count]).to_event(1))


def effect_share(z: Vector) -> Vector:
    """Return the trajectory effect's share of all, the quantile of Beta(1, 4) at Φ(z)."""
    return -jnp.expm1(log_ndtr(-z) / EFFECT_CONCENTRATION)


def path_share(z: Vector) -> Vector:
    """Return the path's share of what is left, the quantile of Beta(½, ½) at Φ(z); the noise's is that at −z."""
    return jnp.sin(0.5 * jnp.pi * ndtr(z)) ** 2
