r"""A normal law given what is seen of it, with its derivatives in closed form.

Of z and y, jointly normal with :math:`C = \mathrm{Cov}(z, y)`, :math:`S = \mathrm{Cov}(y)` and the residual e of y, the
law of z given y has a mean that is larger by :math:`K e` and a covariance that is smaller by :math:`K C^\top`, where
:math:`K = C S^{-1}`. With :math:`v = S^{-1} e`,

.. math::
    d \log p = -v^\top de + \tfrac12 \operatorname{tr}((v v^\top - S^{-1})\, dS), \quad
    d(K e) = dC\, v + K (de - dS\, v), \quad
    d(K C^\top) = M + M^\top, \quad M = (dC - \tfrac12 K\, dS) K^\top,

so that K, v and :math:`S^{-1}` are all that a derivative needs of the step.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name
from jaxtyping import Array, Float

from sdebayes._core.linalg import inverse_and_log_determinant
from sdebayes._core.types import Matrix

KEPT = "conditioning"
"""Name of what is kept of a step for its derivative, for a policy of ``jax.checkpoint``."""

Conditioned = tuple[Float[Array, ""], Float[Array, " z"], Float[Array, "z z"]]


@jax.custom_jvp
def condition(
    cross: Float[Array, "z observed"], covariance: Matrix, residual: Float[Array, " observed"]
) -> Conditioned:
    """Return log p(y) without the constant of 2π, and by what z's mean grows and its covariance shrinks.

    Parameters
    ----------
    cross
        C, (z, observed); 0 where y is not seen.
    covariance
        S, (observed, observed), symmetric; that of the identity where y is not seen.
    residual
        e, (observed,); 0 where y is not seen.
    """
    return _conditioned(cross, covariance, residual)[0]


@condition.defjvp
def _condition_jvp(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Conditioned, Conditioned]:
    found, (gain, precision, v) = _conditioned(*primals)
    dC, dS, de = tangents
    half = (dC - 0.5 * gain @ dS) @ gain.T
    density = 0.5 * jnp.sum((jnp.outer(v, v) - precision) * dS) - v @ de
    return found, (density, dC @ v + gain @ (de - dS @ v), half + half.T)


def _conditioned(cross: Array, covariance: Matrix, residual: Array) -> tuple[Conditioned, tuple[Array, ...]]:
    precision, log_determinant = inverse_and_log_determinant(covariance)
    gain, v = cross @ precision, precision @ residual
    density = -0.5 * (residual @ v + log_determinant)
    return (density, cross @ v, gain @ cross.T), checkpoint_name((gain, precision, v), KEPT)
