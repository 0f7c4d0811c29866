"""Means under a normal law, by a rule of fixed points."""

from __future__ import annotations

import itertools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sdebayes._core.types import Matrix, Vector


def fifth_degree_rule(n: int) -> tuple[np.ndarray, np.ndarray]:
    r"""Return points and weights that average every polynomial of degree 5 or less exactly under N(0, I).

    Parameters
    ----------
    n
        Number of states.

    Returns
    -------
    (points, weights)
        (2n² + 1, n) and (2n² + 1,): the origin, :math:`\pm\sqrt3 e_i` and :math:`\pm\sqrt3 e_i \pm \sqrt3 e_j`. In one
        and two states it is the Gauss–Hermite rule of three points; above four states some weights are negative.

    References
    ----------
    McNamee & Stenger (1967), doi:10.1007/BF02162160.
    """
    reach = np.sqrt(3.0)
    axes = [sign * reach * np.eye(n)[i] for i in range(n) for sign in (1, -1)]
    pairs = [
        reach * (first * np.eye(n)[i] + second * np.eye(n)[j])
        for i, j in itertools.combinations(range(n), 2)
        for first, second in itertools.product((1, -1), repeat=2)
    ]
    points = np.array([np.zeros(n), *axes, *pairs])
    weights = [1 + (n * n - 7 * n) / 18, *[(4 - n) / 18] * len(axes), *[1 / 36] * len(pairs)]
    return points, np.array(weights)


def third_degree_points(n: int) -> np.ndarray:
    r"""Return :math:`\pm\sqrt n\, e_i`, (2n, n): their plain mean is exact for polynomials of degree 3 under N(0, I).

    Arasaratnam & Haykin (2009), doi:10.1109/TAC.2009.2019800.
    """
    return np.sqrt(n) * np.concatenate([np.eye(n), -np.eye(n)])


def normal_points(
    mean: Vector, covariance: Matrix, standard: Float[np.ndarray, "point state"]
) -> Float[Array, "point state"]:
    """Move points of a rule for N(0, I) to N(m, P); P may be singular."""
    n = mean.shape[0]
    precision = jnp.finfo(mean.dtype)
    jitter = 100 * precision.eps * jnp.trace(covariance) / n + precision.tiny**0.75
    factor = jnp.linalg.cholesky(covariance + jitter * jnp.eye(n, dtype=mean.dtype))
    return mean + jnp.asarray(standard, mean.dtype) @ factor.T
