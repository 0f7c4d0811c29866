"""What is computed draw by draw from a model and data, compiled once for a model, or a likelihood, and one shape."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from sdebayes._core import precision
from sdebayes.dynamics import ObservedSDE
from sdebayes.inference.target import Program
from sdebayes.likelihood import AbstractLikelihood, Observations
from sdebayes.likelihood.arrays import of_few_shapes, rounded_up
from sdebayes.model.rebuild import parameters, per_draw, per_draw_of_data, prior_draw, read_draw
from sdebayes.model.sdemodel import SDEModel

drift_at = per_draw(lambda sde, points: jax.vmap(sde.drift)(points))
covariance_at = per_draw(lambda sde, points: jax.vmap(sde.covariance)(points))


@lru_cache(maxsize=8)
def _from_keys(model: SDEModel) -> Callable[[np.ndarray], ObservedSDE]:
    """From the data of random keys to draws of the prior."""
    return per_draw(lambda key: prior_draw(model, jax.random.wrap_key_data(key)))


def draw_prior(model: SDEModel, precision_name: str, draws: int, seed: int) -> ObservedSDE:
    """Draw from the prior, with a leading sample axis on every array."""
    keys = jax.random.split(jax.random.key(seed), draws)
    with precision.scope(precision_name):
        return jax.tree.map(jax.device_put, _from_keys(model)(np.asarray(jax.random.key_data(keys))))


@lru_cache(maxsize=8)
def reading(model: SDEModel) -> Program:
    """From free sites to interpretable parameters, the SDE and the log prior."""

    def one(free: dict[str, Array]) -> tuple[Any, ...]:
        found = read_draw(model, free)
        own = found.sites if model.pooling is None else parameters(model, free)
        return own, found.observed, found.log_prior

    return per_draw(one)


@lru_cache(maxsize=8)
def step_terms(likelihood: AbstractLikelihood) -> Callable[[ObservedSDE, Observations], np.ndarray]:
    """From draws and data to log p(y_k | y_1, …, y_{k−1}), (sample, trajectory, time)."""
    return per_draw_of_data(likelihood.log_density)


@lru_cache(maxsize=8)
def log_density(likelihood: AbstractLikelihood) -> Callable[[ObservedSDE, Observations], np.ndarray]:
    """From draws and data to the log-likelihood of each trajectory, (sample, trajectory), −inf in the place of NaN."""

    def total(one: ObservedSDE, data: Observations) -> Array:
        found = likelihood.log_density(one, data).sum(-1)
        return jnp.where(jnp.isnan(found), -jnp.inf, found)

    return per_draw_of_data(total)


@lru_cache(maxsize=8)
def one_step_laws(
    likelihood: AbstractLikelihood,
) -> Callable[[ObservedSDE, Observations], tuple[np.ndarray, np.ndarray]]:
    """From draws and data to mean and covariance of y_k given y_1, …, y_{k−1}."""
    return per_draw_of_data(likelihood.one_step)


@lru_cache(maxsize=8)
def horizon_laws(
    likelihood: AbstractLikelihood, horizon: int
) -> Callable[[ObservedSDE, Observations, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """From draws, data and steps k to mean and covariance of y_k given y_1, …, y_{k−h}, h = 1, …, ``horizon``."""
    laws = per_draw(lambda one, data, targets: likelihood.horizons(one, data, horizon, targets))

    def run(draws: ObservedSDE, data: Observations, targets: np.ndarray) -> Any:
        late = rounded_up(targets.size) - targets.size
        found = laws(draws, of_few_shapes(data), np.pad(targets, (0, late), mode="edge"))
        return jax.tree.map(lambda leaf: leaf[:, :, : len(data.times), : targets.size], found)

    return run


@lru_cache(maxsize=8)
def regimes(likelihood: AbstractLikelihood) -> Callable[[ObservedSDE, Observations], np.ndarray]:
    """From draws and data to the probability of each step's regime, (sample, trajectory, time, regime)."""
    return per_draw_of_data(likelihood.regimes)


@lru_cache(maxsize=8)
def smoothed(
    likelihood: AbstractLikelihood,
) -> Callable[[ObservedSDE, Observations], tuple[np.ndarray, np.ndarray]]:
    """From draws and data to mean and covariance of the latent path and the trajectory effect."""
    return per_draw_of_data(likelihood.smooth)


@lru_cache(maxsize=8)
def replicates(
    likelihood: AbstractLikelihood,
) -> Callable[[tuple[ObservedSDE, np.ndarray], Observations], np.ndarray]:
    """From draws with keys, and data, to replicated data, (sample, trajectory, time, observed)."""

    def one(pair: tuple[ObservedSDE, Array], data: Observations) -> Array:
        return likelihood.replicate(pair[0], data, jax.random.wrap_key_data(pair[1]))

    return per_draw_of_data(one)
