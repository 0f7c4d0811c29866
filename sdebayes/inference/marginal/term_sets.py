r"""The sum over all sets of terms, each with its weights integrated out.

With Σ diagonal and inclusion at the rate π, output j has the evidence

.. math:: \sum_γ π^{|γ|} (1 - π)^{p - |γ|}\, |P_γ|^{-1/2} \exp\bigl(\tfrac12 b_γ^\top P_γ^{-1} b_γ\bigr),
   \qquad P = I + S G S / Σ_{jj}, \quad b = S B_j / Σ_{jj},

where :math:`P_γ` are principal submatrices of one matrix. They are eliminated together, term after term: to leave a
term out drops its row, to take it in replaces the rest by a Schur complement. All :math:`2^p` sets then cost about as
much as :math:`6 · 2^p` operations.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_solve, solve_triangular
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float

from sdebayes._core.types import Key
from sdebayes.inference.sufficient_statistics.euler_maruyama import (
    Given,
    Statistics,
    known_log_density,
    residual,
)

MOST_TERMS = 12

Terms = Float[Array, "feature state"]


class Selected(NamedTuple):
    """A draw of terms and weights.

    Attributes
    ----------
    included
        γ, (feature, state), 0 or 1.
    weights
        w, (feature, state); of terms left out, a draw from the prior.
    probability
        Probability of each term given all but terms and weights, (feature, state).
    """

    included: Terms
    weights: Terms
    probability: Terms


def log_evidence_of_sets(given: Given, data: Statistics, rate: Float[Array, ""]) -> Float[Array, ""]:
    """Return log p(y | all but terms and weights), in nats.

    Parameters
    ----------
    given
        All but the weights, as if every term were in; Σ is diagonal.
    data
        The statistics.
    rate
        π.
    """
    sets = jnp.stack([_log_weights(P, b, rate) for P, b in per_output(given, data)])
    return known_log_density(given, data) + jnp.sum(logsumexp(sets, axis=1))


def draw_sets(key: Key, given: Given, data: Statistics, rate: Float[Array, ""]) -> Selected:
    """Draw terms and weights from their law given everything else; arguments as in `log_evidence_of_sets`."""
    outputs = per_output(given, data)
    columns = [
        _draw(k, P, b, rate) for k, (P, b) in zip(jax.random.split(key, len(outputs)), outputs, strict=True)
    ]
    return Selected(*(jnp.stack(part, 1) for part in zip(*columns, strict=True)))


def per_output(
    given: Given, data: Statistics
) -> list[tuple[Float[Array, "feature feature"], Float[Array, " feature"]]]:
    """Return P and b of each output."""
    cross, _ = residual(given, data)
    identity = jnp.eye(cross.shape[0], dtype=cross.dtype)
    found = []
    for j, variance in enumerate(jnp.diagonal(given.covariance)):
        s = given.scale[:, j]
        found.append((identity + s[:, None] * data.gram * s / variance, s * cross[:, j] / variance))
    return found


def _log_weights(
    P: Float[Array, "feature feature"], b: Float[Array, " feature"], rate: Float[Array, ""]
) -> Float[Array, " set"]:
    """Return the logarithm of each set's summand; bit k of a set's number says whether term k is in."""
    p = len(b)
    rest = jnp.zeros((1, p + 1, p + 1), b.dtype)
    rest = rest.at[0, :p, :p].set(P).at[0, :p, p].set(b).at[0, p, :p].set(b)
    total = jnp.zeros(1, b.dtype)
    for _ in range(p):
        pivot, column, out = rest[:, 0, 0], rest[:, 1:, 0], rest[:, 1:, 1:]
        taken = out - column[:, :, None] * column[:, None, :] / pivot[:, None, None]
        rest = jnp.concatenate([out, taken])
        total = jnp.concatenate([total + jnp.log1p(-rate), total + jnp.log(rate) - 0.5 * jnp.log(pivot)])
    return total - 0.5 * rest[:, 0, 0]


def _draw(
    key: Key, P: Float[Array, "feature feature"], b: Float[Array, " feature"], rate: Float[Array, ""]
) -> tuple[Float[Array, " feature"], ...]:
    set_key, weight_key = jax.random.split(key)
    log_weights = _log_weights(P, b, rate)
    members = (np.arange(len(log_weights))[:, None] >> np.arange(len(b))) & 1
    bits = jnp.asarray(members, b.dtype)
    included = bits[jax.random.categorical(set_key, log_weights)]
    return included, draw_weights_of(weight_key, P, b, included), jax.nn.softmax(log_weights) @ bits


def draw_weights_of(
    key: Key,
    P: Float[Array, "feature feature"],
    b: Float[Array, " feature"],
    included: Float[Array, " feature"],
) -> Float[Array, " feature"]:
    """Draw the weights of one output from their law given a set of terms; of terms left out, from the prior."""
    factor = set_factor(P, included)
    noise = jax.random.normal(key, b.shape, b.dtype)
    mean = cho_solve((factor, True), included * b)
    return mean + solve_triangular(factor, noise, lower=True, trans="T")


def set_factor(P: Float[Array, "feature feature"], included: Float[Array, " feature"]) -> Array:
    """Return the lower triangular factor of P among a set of terms, beside an identity for the others."""
    identity = jnp.eye(len(P), dtype=P.dtype)
    return jnp.linalg.cholesky(identity + included[:, None] * (P - identity) * included)
