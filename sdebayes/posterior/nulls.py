"""Null models of trajectories: no dynamics at all, a document effect, or a random walk seen through noise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float
from scipy.optimize import minimize
from scipy.special import logsumexp

from sdebayes.inference.curvature import hessian_of, inverse_factor
from sdebayes.model.filtering import LinearGaussian, kalman_filter, shared_log_density
from sdebayes.model.observations import Observations, read
from sdebayes.model.rebuild import per_draw

IID = "iid"
IID_EFFECT = "iid + document effect"
RANDOM_WALK = "random walk + noise"

_DRAWS = 200
_FAR = 1e12


class _Flags(eqx.Module):
    """Which parts of the common form a null has, each 0 or 1."""

    memory: float
    effect: float
    noise: float


_NULLS = {IID: _Flags(0.0, 0.0, 0.0), IID_EFFECT: _Flags(0.0, 1.0, 0.0), RANDOM_WALK: _Flags(1.0, 0.0, 1.0)}


class _Parameters(eqx.Module):
    """Unconstrained parameters of the common form.

    y_k = x_k + c + ε_k; x_{k+1} = μ + η_k with η ~ N(0, W), or x_k + η_k with η ~ N(0, W Δt); c ~ N(0, C) and
    ε ~ N(0, R) with diagonal C and R; x_1 ~ N(μ, W), or N(μ, P₀) with diagonal P₀.
    """

    mean: Float[Array, " state"]
    factor: Float[Array, "state state"]
    log_effect: Float[Array, " state"]
    log_noise: Float[Array, " state"]
    log_initial: Float[Array, " state"]


@dataclass(frozen=True)
class FittedNull:
    """A null with its posterior.

    Parameters
    ----------
    name
        Which null.
    log_score
        From observations to the log posterior-predictive density of each trajectory, (trajectory,), in nats.
    """

    name: str
    log_score: Callable[[Observations], np.ndarray]


def fit_nulls(data: xr.Dataset, names: Iterable[str] = tuple(_NULLS)) -> list[FittedNull]:
    """Fit null models.

    Parameters
    ----------
    data
        Training trajectories. Missing entries, gaps and irregular times are integrated out.
    names
        Which nulls: "iid", "iid + document effect", "random walk + noise".

    Notes
    -----
    The posterior is the normal approximation at the mode, under a normal prior on unconstrained parameters that is wide
    (two standard deviations of the data, two units of a logarithm) and matters only for what the data do not tell.
    A null is scored as a model is, averaged over its posterior: with plug-in parameters it would lose what averaging
    gains, and a model fitted to shuffled texts would seem to find order.
    """
    observations = read(data)
    start, width = _start(observations), _width(observations)
    first, unravel = ravel_pytree(start)

    def fitted(name: str) -> FittedNull:
        flags = jax.tree.map(jnp.asarray, _NULLS[name])

        def value(z: np.ndarray) -> tuple[float, np.ndarray]:
            at = unravel(jnp.asarray(z, dtype=first.dtype))
            found, slope = _potential_and_gradient(at, start, width, flags, observations)
            if not np.isfinite(found):
                return _FAR, np.zeros_like(z)
            return float(found), np.asarray(ravel_pytree(slope)[0], dtype=np.float64)

        best = minimize(value, np.asarray(first), jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
        draws = _normal_draws(best, inverse_factor(hessian_of(lambda z: value(z)[1], best, first.dtype)))
        drawn = jax.vmap(unravel)(jnp.asarray(draws, dtype=first.dtype))

        def log_score(obs: Observations) -> np.ndarray:
            return logsumexp(_log_densities(drawn, flags, obs), axis=0) - np.log(len(draws))

        return FittedNull(name, log_score)

    return [fitted(name) for name in names]


@eqx.filter_jit
@eqx.filter_value_and_grad
def _potential_and_gradient(
    parameters: _Parameters, start: _Parameters, width: _Parameters, flags: _Flags, observations: Observations
) -> Float[Array, ""]:
    standard = jax.tree.map(lambda value, at, sd: (value - at) / sd, parameters, start, width)
    prior = 0.5 * sum(jnp.sum(part**2) for part in jax.tree.leaves(standard))
    return prior - _log_density(parameters, flags, observations).sum()


@per_draw
def _log_densities(
    parameters: _Parameters, flags: _Flags, observations: Observations
) -> Float[Array, " trajectory"]:
    return _log_density(parameters, flags, observations).sum(-1)


def _normal_draws(mean: np.ndarray, factor: np.ndarray) -> np.ndarray:
    return mean + np.random.default_rng(0).standard_normal((_DRAWS, len(mean))) @ factor.T


def _width(observations: Observations) -> _Parameters:
    sd = jnp.sqrt(jnp.exp(_start(observations).log_initial))
    logs = jnp.full_like(sd, 2.0)
    off = jnp.broadcast_to(2 * sd[:, None], (sd.shape[0], sd.shape[0]))
    return _Parameters(2 * sd, off - jnp.diag(jnp.diagonal(off)) + jnp.diag(logs), logs, logs, logs)


def _start(observations: Observations) -> _Parameters:
    values = np.where(observations.seen, observations.values, np.nan)
    flat = values.reshape(-1, values.shape[-1])
    variance = np.nanvar(flat, axis=0)
    return _Parameters(
        jnp.asarray(np.nanmean(flat, axis=0)),
        jnp.asarray(np.diag(np.log(np.sqrt(0.5 * variance)))),
        jnp.asarray(np.log(0.2 * variance)),
        jnp.asarray(np.log(0.3 * variance)),
        jnp.asarray(np.log(variance)),
    )


def _log_density(
    parameters: _Parameters, flags: _Flags, observations: Observations
) -> Float[Array, "trajectory time"]:
    system = _system(parameters, flags, jnp.asarray(observations.steps))
    if observations.shared:
        return shared_log_density(system, observations)
    return kalman_filter(system, observations).log_density


def _system(parameters: _Parameters, flags: _Flags, steps: Float[Array, " unique"]) -> LinearGaussian:
    n = parameters.mean.shape[0]
    identity, zero = jnp.eye(n), jnp.zeros((n, n))
    diagonal = jnp.exp(jnp.diagonal(parameters.factor))
    factor = jnp.tril(parameters.factor, -1) + jnp.diag(diagonal)
    W = factor @ factor.T
    effect = flags.effect * jnp.diag(jnp.exp(parameters.log_effect))
    initial = jnp.where(flags.memory > 0, jnp.diag(jnp.exp(parameters.log_initial)), W)
    shift = jnp.concatenate([(1 - flags.memory) * parameters.mean, jnp.zeros(n)])

    def blocks(a: Any, b: Any) -> Array:
        return jnp.block([[a, zero], [zero, b]])

    return LinearGaussian(
        transition=jnp.broadcast_to(
            blocks(flags.memory * identity, identity), (steps.shape[0], 2 * n, 2 * n)
        ),
        shift=jnp.broadcast_to(shift, (steps.shape[0], 2 * n)),
        process=jax.vmap(lambda dt: blocks(jnp.where(flags.memory > 0, dt, 1.0) * W, zero))(steps),
        matrix=jnp.concatenate([identity, identity], axis=1),
        noise=flags.noise * jnp.diag(jnp.exp(parameters.log_noise)),
        mean=jnp.concatenate([parameters.mean, jnp.zeros(n)]),
        covariance=blocks(initial, effect),
    )
