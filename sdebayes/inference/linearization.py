r"""A scheme's likelihood, nearly: to second order around a point, as statistics of the Euler–Maruyama kind.

Under a finite-step scheme the mean of X(t + Δt) is not linear in the drift's coefficients Θ, and its covariance depends
on them. But at a point (Θ*, Σ*) the log-likelihood ℓ has slopes :math:`g_Θ` and :math:`g_Σ`, and its curvature in Θ is
about that of a regression on the features' mean over the step,

.. math:: \tilde ψ = ψ + \tfrac12 Δt\, (∂ψ\, f^* + \tfrac12 \mathrm{tr}(Σ^* ∂^2 ψ)),

by Itô's formula to first order. So the statistics

.. math::
    G = \sum_k Δ_k \tilde ψ_k \tilde ψ_k^\top, \quad B = G Θ^* + g_Θ Σ^*, \quad
    Q = n Σ^* + 2 Σ^* g_Σ Σ^* + Θ^{*\top} B + B^\top Θ^* - Θ^{*\top} G Θ^*

have the same log-likelihood, slopes and about the same curvature at the point. Where it lies amid the posterior's mass,
what they leave is of third order there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sdebayes._core.errors import InferenceError
from sdebayes._core.linalg import symmetrize
from sdebayes._core.types import Key, Matrix, Scalar, Vector
from sdebayes.dynamics import SDE, ConstantDiffusion
from sdebayes.dynamics.drift import AbstractDrift
from sdebayes.inference.collapsed import Collapsed
from sdebayes.inference.completion import completer
from sdebayes.inference.evidence import Coefficients, Given, Statistics, known_log_density
from sdebayes.inference.mode import find_mode
from sdebayes.inference.reduction import pieces_of
from sdebayes.inference.target import Density, Target
from sdebayes.model.observations import Observations

_AVERAGED = 64


class Point(NamedTuple):
    """Where a likelihood is approximated.

    Attributes
    ----------
    coefficients
        Θ*, (feature, state).
    covariance
        Σ*, (state, state).
    """

    coefficients: Coefficients
    covariance: Matrix


class _Combination(AbstractDrift):
    """f(x) = Θᵀ ψ(x)."""

    features: Callable[[Vector], Float[Array, " feature"]] = eqx.field(static=True)
    coefficients: Coefficients

    def __call__(self, x: Vector, t: Scalar = 0.0) -> Vector:
        """Return f(x)."""
        return self.features(x) @ self.coefficients


class _Sums(NamedTuple):
    """G, ℓ, and ℓ's slopes in Θ and Σ."""

    gram: Float[Array, "feature feature"]
    log_likelihood: Scalar
    slope: Point


def point_of(model: Collapsed, target: Target, key: Key) -> Point:
    """Return a point amid the posterior's mass: the coefficients' mean at the mode of all but the weights.

    Parameters
    ----------
    model
        The model without its weights.
    target
        Its density at statistics of the data.
    key
        Random key.
    """
    mode_key, *keys = jax.random.split(key, _AVERAGED + 1)
    mode = find_mode(target, mode_key)
    position = target.density.place(mode.position, mode.whitenings)
    return _average(model, target.density)(position, jnp.stack(keys), target.data.statistics)


def linearized(model: Collapsed, observations: Observations, point: Point, start: Statistics) -> Statistics:
    """Return the statistics of a likelihood around a point, in one pass over the data.

    Parameters
    ----------
    model
        The model without its weights, whose scheme the likelihood is of.
    observations
        The data.
    point
        Θ* and Σ*.
    start
        The data's statistics under Euler–Maruyama, of which the first states' remain.

    Raises
    ------
    InferenceError
        If the likelihood at the point is not finite, or not near a maximum in Σ.
    """
    zero = jax.tree.map(jnp.zeros_like, _Sums(start.gram, start.count, point))
    total = zero
    for x, increment, step, weight in pieces_of(observations):
        total = _accumulate(model)(total, point, x, increment, step, weight)
    theta, sigma = point
    slope = symmetrize(total.slope.covariance)
    left = symmetrize(start.count * sigma + 2 * sigma @ slope @ sigma)
    if not (np.isfinite(total.log_likelihood) and np.all(np.linalg.eigvalsh(np.asarray(left)) > 0)):
        raise InferenceError(
            f"The likelihood of {type(model.model.discretization).__name__} is far from that of Euler–Maruyama, from "
            "which Marginal starts: the steps are long. Use sdebayes.NUTS()."
        )
    cross = total.gram @ theta + total.slope.coefficients @ sigma
    half = theta.T @ cross
    square = symmetrize(left + half + half.T - theta.T @ total.gram @ theta)
    found = eqx.tree_at(lambda s: (s.gram, s.cross, s.square), start, (total.gram, cross, square))
    return _matched(found, point, total.log_likelihood)


def _matched(data: Statistics, point: Point, log_likelihood: Scalar) -> Statistics:
    """Return statistics whose log-likelihood at the point, first states aside, is the given one."""
    n = data.cross.shape[1]
    later = jax.tree.map(jnp.zeros_like, (data.first_sum, data.first_square, data.first_count))
    bare = eqx.tree_at(
        lambda s: (s.log_steps, s.first_sum, s.first_square, s.first_count),
        data,
        (jnp.zeros_like(data.log_steps), *later),
    )
    theta, sigma = point
    value = known_log_density(Given(theta, 0 * theta, sigma, jnp.zeros(n), jnp.eye(n)), bare)
    return eqx.tree_at(lambda s: s.log_steps, data, 2 * (value - log_likelihood) / n)


@lru_cache(maxsize=8)
def _accumulate(model: Collapsed) -> Callable[..., _Sums]:
    """Return the compiled sum over one piece."""
    scheme = model.model.discretization

    def log_likelihood(point: Point, x: Array, increment: Array, step: Array, weight: Array) -> Scalar:
        noise = ConstantDiffusion(jnp.linalg.cholesky(point.covariance))
        sde = SDE(_Combination(model.features, point.coefficients), noise)
        time = jnp.zeros((), x.dtype)
        terms = jax.vmap(lambda x, dx, dt: scheme.log_density(sde, x, x + dx, time, dt))(x, increment, step)
        return weight @ terms

    def add(total: _Sums, point: Point, x: Array, increment: Array, step: Array, weight: Array) -> _Sums:
        psi = jax.vmap(lambda x, dt: _mean_features(model, point, x, dt))(x, step)
        value, slope = jax.value_and_grad(log_likelihood)(point, x, increment, step, weight)
        gram = ((weight * step)[:, None] * psi).T @ psi
        return jax.tree.map(jnp.add, total, _Sums(gram, value, slope))

    return jax.jit(add)


def _mean_features(model: Collapsed, point: Point, x: Vector, dt: Scalar) -> Float[Array, " feature"]:
    """Return the mean of ψ over a step from x, to first order in Δt."""

    def along(direction: Vector, at: Vector) -> Any:
        return jax.jvp(model.features, (at,), (direction,))

    def bend(direction: Vector) -> Any:
        return jax.jvp(lambda at: along(direction, at)[1], (x,), (direction,))[1]

    velocity = model.features(x) @ point.coefficients
    value, slope = along(velocity, x)
    spread = jax.vmap(bend)(jnp.linalg.cholesky(point.covariance).T).sum(0)
    return value + 0.5 * dt * (slope + 0.5 * spread)


@lru_cache(maxsize=8)
def _average(model: Collapsed, density: Density) -> Callable[..., Point]:
    """Return the compiled mean of the coefficients given the rest."""
    complete = completer(model, density)

    def average(position: Array, keys: Array, data: Statistics) -> Point:
        known = jax.vmap(lambda key: complete(position, key, data).known)(keys)
        return Point(known.offset.mean(0), known.covariance.mean(0))

    return jax.jit(average)
