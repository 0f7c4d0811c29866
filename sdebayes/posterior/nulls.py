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

from sdebayes.model.filtering import LinearGaussian, kalman_filter, shared_log_density
from sdebayes.model.observations import Observations, read

IID = "iid"
IID_EFFECT = "iid + document effect"
RANDOM_WALK = "random walk + noise"


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
    """A null at its maximum-likelihood parameters.

    Parameters
    ----------
    name
        Which null.
    log_density
        From observations to log p(y_k | y_1, …, y_{k−1}), (trajectory, time).
    """

    name: str
    log_density: Callable[[Observations], np.ndarray]


def fit_nulls(data: xr.Dataset, names: Iterable[str] = tuple(_NULLS)) -> list[FittedNull]:
    """Fit null models by maximum likelihood.

    Parameters
    ----------
    data
        Training trajectories. Missing entries, gaps and irregular times are integrated out.
    names
        Which nulls: "iid", "iid + document effect", "random walk + noise".

    Notes
    -----
    They have about five numbers a state and a covariance matrix, learned from every step of the data, so that their
    plug-in scores differ from Bayesian ones by far less than the gains they are compared with.
    """
    observations = read(data)
    start, unravel = ravel_pytree(_start(observations))
    objective = eqx.filter_jit(
        jax.value_and_grad(lambda z, flags, obs: -_log_density(unravel(z), flags, obs).sum())
    )
    terms = eqx.filter_jit(lambda z, flags, obs: _log_density(unravel(z), flags, obs))

    def fitted(name: str) -> FittedNull:
        flags = jax.tree.map(jnp.asarray, _NULLS[name])

        def value(z: np.ndarray) -> tuple[float, np.ndarray]:
            potential, gradient = objective(jnp.asarray(z), flags, observations)
            if not np.isfinite(potential):
                return 1e12, np.zeros_like(z)
            return float(potential), np.asarray(gradient, dtype=np.float64)

        best = minimize(value, np.asarray(start), jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
        return FittedNull(name, lambda obs: np.asarray(terms(jnp.asarray(best), flags, obs)))

    return [fitted(name) for name in names]


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
