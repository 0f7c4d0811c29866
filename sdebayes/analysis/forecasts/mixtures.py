"""Scores of an equally weighted mixture of normal laws, one law a draw: arrays in, arrays out."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jax.scipy.special import erf, logsumexp, ndtr
from jaxtyping import Array, Bool, Float

_POINTS = 25


class Judgement(NamedTuple):
    """What came under its forecast.

    Attributes
    ----------
    crps, squared_error, pit
        Of each coordinate, (target, state).
    log_score, energy_score, energy_variance
        Of all seen coordinates together, (target,); the last is the energy score's Monte-Carlo variance.
    """

    crps: Float[Array, "target state"]
    squared_error: Float[Array, "target state"]
    pit: Float[Array, "target state"]
    log_score: Float[Array, " target"]
    energy_score: Float[Array, " target"]
    energy_variance: Float[Array, " target"]


def absolute_mean(mean: Float[Array, "*any"], variance: Float[Array, "*any"]) -> Float[Array, "*any"]:
    """Return E|Z| of Z ~ N(mean, variance)."""
    sd = jnp.sqrt(variance)
    z = mean / sd
    return 2 * sd * jnp.exp(-0.5 * z**2) / jnp.sqrt(2 * jnp.pi) + mean * erf(z / jnp.sqrt(2.0))


def crps(
    y: Float[Array, "target state"],
    mean: Float[Array, "sample target state"],
    variance: Float[Array, "sample target state"],
) -> Float[Array, "target state"]:
    """Return E|X − y| − ½ E|X − X'| of the mixture, in closed form; one pass over half of the pairs of draws."""
    count = mean.shape[0]

    def pairs(total: Array, offset: Array) -> tuple[Array, None]:
        gap = mean - jnp.roll(mean, offset, 0)
        weight = jnp.where(2 * offset == count, 1, 2)
        return total + weight * absolute_mean(gap, variance + jnp.roll(variance, offset, 0)).sum(0), None

    alone = absolute_mean(jnp.zeros_like(mean), 2 * variance).sum(0)
    spread, _ = jax.lax.scan(pairs, alone, jnp.arange(1, count // 2 + 1))
    return absolute_mean(y - mean, variance).mean(0) - 0.5 * spread / count**2


def energy_score(
    y: Float[Array, "target state"],
    mean: Float[Array, "sample target state"],
    factor: Float[Array, "sample target state state"],
    seen: Bool[Array, "target state"],
    white: Float[Array, "2 2 repeat sample target state"],
) -> tuple[Float[Array, " target"], Float[Array, " target"]]:
    """Estimate E‖X − y‖ − ½ E‖X − X'‖ twice, without bias, and return the mean and its variance."""
    centre = mean.mean(0)
    x = jnp.where(seen, mean - centre + jnp.einsum("stij,...stj->...sti", factor, white), 0.0)
    clouds = jnp.moveaxis(x.reshape(2, 2, -1, *y.shape), 2, 3)
    came = jnp.where(seen, y - centre, 0.0)[:, None]

    def once(pair: Float[Array, "2 target point state"]) -> Float[Array, " target"]:
        away = jnp.concatenate([_distances(came, x)[:, 0] for x in pair], -1)
        return away.mean(-1) - 0.5 * _distances(*pair).mean((-2, -1))

    one, other = jax.lax.map(once, clouds)
    return 0.5 * (one + other), 0.25 * (one - other) ** 2


def white_noise(shape: tuple[int, int, int], seed: int) -> np.ndarray:
    """Draw what the energy score needs, for two estimates of two clouds of at least ``_POINTS`` points each.

    Parameters
    ----------
    shape
        (sample, target, state).
    seed
        Seed.

    Returns
    -------
    numpy.ndarray
        (2, 2, repeat, sample, target, state).
    """
    repeats = -(-_POINTS // shape[0])
    return np.random.default_rng(seed).standard_normal((2, 2, repeats, *shape))


def _distances(
    a: Float[Array, "target a state"], b: Float[Array, "target b state"]
) -> Float[Array, "target a b"]:
    """Return the distances between two clouds; the product of matrices is many times faster than differences."""
    squared = (a**2).sum(-1)[:, :, None] + (b**2).sum(-1)[:, None] - 2 * jnp.einsum("tai,tbi->tab", a, b)
    return jnp.sqrt(jnp.maximum(squared, 0.0))


def judge(
    y: Float[Array, "target state"],
    seen: Bool[Array, "target state"],
    mean: Float[Array, "sample target state"],
    covariance: Float[Array, "sample target state state"],
    white: Float[Array, "2 2 repeat sample target state"],
) -> Judgement:
    """Score what came; entries that were not seen are not read, and their scores have no meaning.

    Parameters
    ----------
    y, seen
        What came, and whether it was seen.
    mean, covariance
        The normal law of each draw.
    white
        Standard normal numbers for the energy score, as `white_noise` draws them.

    Returns
    -------
    Judgement
        The scores.
    """
    variance = jnp.diagonal(covariance, axis1=-2, axis2=-1)
    both = seen[..., :, None] & seen[..., None, :]
    factor = jnp.linalg.cholesky(jnp.where(both, covariance, jnp.eye(y.shape[-1])))
    residual = jnp.where(seen, y - mean, 0.0)
    scaled = solve_triangular(factor, residual[..., None], lower=True)[..., 0]
    log_determinant = jnp.log(jnp.diagonal(factor, axis1=-2, axis2=-1)).sum(-1)
    log_density = -0.5 * ((scaled**2).sum(-1) + seen.sum(-1) * jnp.log(2 * jnp.pi)) - log_determinant
    return Judgement(
        crps(y, mean, variance),
        (y - mean.mean(0)) ** 2,
        ndtr((y - mean) / jnp.sqrt(variance)).mean(0),
        logsumexp(log_density, 0) - jnp.log(mean.shape[0]),
        *energy_score(y, mean, factor, seen, white),
    )
