r"""Coordinates in which weights are about standard normal whatever the size of what they weigh.

A prior's weights w ~ N(0, I) enter the likelihood as c = o + s w. Other parameters h decide the scales s, such as an
amplitude and a length-scale, and the offsets o, which stand for what is added to the weights' function, such as the
linear part of a drift. Where the likelihood is about :math:`\exp(g^\top c - \tfrac12 c^\top M c)`, the law of w given h
is normal with precision :math:`P = I + S M S`, S = diag(s), and mean :math:`P^{-1} S (g - M o)`. So with P = L Lᵀ

.. math:: w = L^{-\top} (v + L^{-1} S (g - M o)), \qquad \log |∂w/∂v| = -\log |L|,

and v is about standard normal and independent of h. This is a non-centring for weights that the data do not know and a
centring for those that they do know, one by one and at every h: without it the data's hold on c makes the width of w
depend on h, as in a funnel, and its place on what it is added to. With M = 0 and g = 0, w = v. The map is exact for
every M, g and o; they decide only how easy the posterior is to sample.

References
----------
Papaspiliopoulos, Roberts & Sköld (2007), A general framework for the parametrization of hierarchical models,
doi:10.1214/088342307000000014, for partial non-centring.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

Weights = Float[Array, "output feature"]

_FLOOR = 1e-4


class Place(NamedTuple):
    """How weights enter the likelihood, c = o + s w.

    Attributes
    ----------
    scale
        s, (output, feature).
    offset
        o, (output, feature).
    """

    scale: Weights
    offset: Weights


class Whitening(NamedTuple):
    """A normal approximation of the likelihood of weights, one block for each output.

    Attributes
    ----------
    curvature
        M, (output, feature, feature).
    pull
        g, (output, feature).
    """

    curvature: Float[Array, "output feature feature"]
    pull: Weights

    def __call__(self, v: Weights, place: Place) -> tuple[Weights, Float[Array, ""]]:
        """Return w and log |∂w/∂v|.

        Parameters
        ----------
        v
            (output, feature).
        place
            s and o.
        """
        factor, pull = self._law(place)
        log_determinant = -jnp.sum(jnp.log(jnp.diagonal(factor, axis1=-2, axis2=-1)))
        return _solve(factor, v + _solve(factor, pull), transposed=True), log_determinant

    def inverse(self, w: Weights, place: Place) -> Weights:
        """Return v, (output, feature)."""
        factor, pull = self._law(place)
        return jnp.einsum("oji,oj->oi", factor, w) - _solve(factor, pull)

    def _law(self, place: Place) -> tuple[Float[Array, "output feature feature"], Weights]:
        scale = place.scale
        identity = jnp.eye(scale.shape[-1], dtype=scale.dtype)
        precision = identity + scale[:, :, None] * self.curvature * scale[:, None, :]
        pull = self.pull - jnp.einsum("oij,oj->oi", self.curvature, place.offset)
        return jnp.linalg.cholesky(precision), scale * pull


def no_whitening(outputs: int, features: int) -> Whitening:
    """Return the whitening that leaves weights as they are."""
    return Whitening(jnp.zeros((outputs, features, features)), jnp.zeros((outputs, features)))


def whitening_at(w: np.ndarray, place: Place, hessian: np.ndarray, gradient: np.ndarray) -> Whitening:
    """Return the normal approximation of the likelihood from the posterior's derivatives at a point.

    Parameters
    ----------
    w
        Weights there, (output, feature).
    place
        s and o there.
    hessian
        Second derivatives of −log p(w, h | y) in each output's weights, (output, feature, feature).
    gradient
        First derivatives, (output, feature).

    Notes
    -----
    Scales below 10⁻⁴ of an output's largest count as that: of such weights the derivatives hold rounding errors only,
    which a division by the true scales would blow up.
    """
    scale, offset = (np.asarray(part, dtype=np.float64) for part in place)
    likelihood = hessian - np.eye(w.shape[-1])
    values, vectors = np.linalg.eigh(0.5 * (likelihood + likelihood.transpose(0, 2, 1)))
    likelihood = np.einsum("oij,oj,okj->oik", vectors, np.maximum(values, 0.0), vectors)
    divisor = np.maximum(scale, _FLOOR * scale.max(axis=-1, keepdims=True))
    curvature = likelihood / (divisor[:, :, None] * divisor[:, None, :])
    pull = (w - gradient) / divisor + np.einsum("oij,oj->oi", curvature, offset + scale * w)
    return Whitening(jnp.asarray(curvature), jnp.asarray(pull))


def _solve(factor: Float[Array, "output n n"], vector: Weights, transposed: bool = False) -> Weights:
    solution = solve_triangular(factor, vector[..., None], lower=True, trans="T" if transposed else "N")
    return solution[..., 0]
