r"""Sums over data that tell the whole likelihood of a linear SDE whose states are observed exactly.

A transition over Δ is :math:`x' \sim N(Θ_Δ^\top ψ, Q_Δ)` with ψ = (1, x). What the least-squares :math:`\hat Θ_Δ` of
all transitions over the same Δ leaves is orthogonal to ψ, so that for every Θ

.. math:: \sum_k (x'_k - Θ^\top ψ_k)(x'_k - Θ^\top ψ_k)^\top = R + (Θ - \hat Θ)^\top G\, (Θ - \hat Θ), \qquad
    G = \sum_k ψ_k ψ_k^\top,

R the scatter that :math:`\hat Θ` leaves: two positive terms, which lose no digits however well x tells x′.
"""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

from sdebayes._core.types import Matrix, Vector
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood import Observations
from sdebayes.schemes import AffineTransition


class Sums(NamedTuple):
    """Sums over the pairs of some function and what it is to tell; of none, all are 0.

    Attributes
    ----------
    number
        Number of pairs.
    gram
        G, (feature, feature).
    fit
        The least-squares Θ, (feature, state).
    scatter
        R, (state, state), what the fit leaves.
    """

    number: Float[Array | np.ndarray, "*batch"]
    gram: Float[Array | np.ndarray, "*batch feature feature"]
    fit: Float[Array | np.ndarray, "*batch feature state"]
    scatter: Float[Array | np.ndarray, "*batch state state"]

    @staticmethod
    def of(features: Float[np.ndarray, "pair feature"], values: Float[np.ndarray, "pair state"]) -> Sums:
        """Go through the pairs once."""
        fit = np.linalg.lstsq(features, values, rcond=None)[0]
        left = values - features @ fit
        return Sums(np.asarray(float(len(values))), features.T @ features, fit, left.T @ left)

    def log_density(self, coefficients: Array, covariance: Matrix) -> Float[Array, ""]:
        """Return the sum of log N(value; Θᵀ ψ, Q) over the pairs, in nats; coefficients are Θ, (feature, state)."""
        number, off = jnp.asarray(self.number), coefficients - self.fit
        factor = jnp.linalg.cholesky(covariance)
        white = solve_triangular(factor, self.scatter + off.T @ self.gram @ off, lower=True)
        square = jnp.trace(solve_triangular(factor, white.T, lower=True))
        log_determinant = 2 * jnp.sum(jnp.log(jnp.diagonal(factor)))
        return -0.5 * (number * (log_determinant + len(factor) * jnp.log(2 * jnp.pi)) + square)


class TransitionSums(eqx.Module):
    """What the likelihood of a linear SDE needs of exactly observed states; its size is that of the different Δt.

    Parameters
    ----------
    steps
        (unique,), the different Δt.
    reference
        The states' mean, (state,), from which all states are counted.
    transitions
        ψ = (1, x) and x′, for each Δt.
    first
        The first states, ψ = (1,).
    """

    steps: Float[Array | np.ndarray, " unique"]
    reference: Vector | Float[np.ndarray, " state"]
    transitions: Sums
    first: Sums

    def log_density(self, model: ObservedSDE, transitions: AffineTransition) -> Float[Array, ""]:
        """Return log p(y), in nats.

        Parameters
        ----------
        model
            The SDE.
        transitions
            Its law over each of the steps.
        """
        matrix, shift, covariance = transitions.matrix, transitions.shift, transitions.covariance
        constant = matrix @ self.reference + shift - self.reference
        coefficients = jnp.concatenate([constant[:, None], jnp.swapaxes(matrix, 1, 2)], axis=1)
        later = jax.vmap(Sums.log_density)(self.transitions, coefficients, covariance)
        first = (model.initial_mean - self.reference)[None]
        return later.sum() + self.first.log_density(first, model.initial_covariance)


def transition_sums(observations: Observations) -> TransitionSums | None:
    """Reduce complete data in one pass; None where there are so many different Δt that nothing is gained.

    Parameters
    ----------
    observations
        Data whose steps are seen whole or not at all, in double precision.
    """
    values, seen = np.asarray(observations.values, dtype=np.float64), np.asarray(observations.seen)[..., 0]
    counted = np.nonzero(seen[:, 1:])
    states = values.shape[-1]
    if len(observations.steps) * (states + 1) > len(counted[0]):
        return None
    reference = values[seen].mean(0)
    values = values - reference
    before, after = values[:, :-1][counted], values[:, 1:][counted]
    features = np.concatenate([np.ones((len(before), 1)), before], axis=1)
    which = np.asarray(observations.step_index)[counted]
    order = np.argsort(which, kind="stable")
    ends = np.searchsorted(which[order], np.arange(1, len(observations.steps)))
    parts = [Sums.of(features[rows], after[rows]) for rows in np.split(order, ends)]
    first = values[:, 0][seen[:, 0]]
    return TransitionSums(
        np.asarray(observations.steps),
        reference,
        Sums(*map(np.stack, zip(*parts, strict=True))),
        Sums.of(np.ones((len(first), 1)), first),
    )
