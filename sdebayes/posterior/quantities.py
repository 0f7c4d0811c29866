"""What a calibration study ranks: functions of a model that mean the same however its parameters are written."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sdebayes._core.errors import DataError
from sdebayes.dynamics import SDE, ObservedSDE
from sdebayes.likelihood import Observations
from sdebayes.likelihood.regime_chain import stationary_law
from sdebayes.model.sdemodel import SDEModel

Places = tuple[tuple[float, ...], ...]
Read = Callable[[ObservedSDE, Observations], Float[Array, " quantity"]]


class Quantities(NamedTuple):
    """The quantities of a model.

    Attributes
    ----------
    read
        From one SDE as it is observed, and data, to the quantities, (quantity,).
    labels
        Name of each.
    parts
        What each is of: ``"drift"``, ``"covariance"``, ``"observation"`` or ``"log-likelihood"``.
    """

    read: Read
    labels: list[str]
    parts: list[str]


def as_places(model: SDEModel, points: object) -> Places | None:
    """Return the places that a user gives, (point, state), as tuples; None where none are given.

    Raises
    ------
    DataError
        If the given places are not finite, or have another number of states.
    """
    if points is None:
        return None
    places = np.asarray(points, dtype=np.float64)
    if places.ndim != 2 or places.shape[1] != len(model.frozen_scale.states) or not len(places):
        raise DataError(
            f"points has shape {places.shape}; expected (point, state) with {len(model.frozen_scale.states)} states."
        )
    if not np.isfinite(places).all():
        raise DataError("points holds a value that is not finite; leave that place out.")
    return tuple(map(tuple, places.tolist()))


@lru_cache(maxsize=8)
def quantities(model: SDEModel, points: Places | None, log_likelihood: bool = True) -> Quantities:
    """List drift and Σ at fixed places, the variances of noise and trajectory effect, and the log-likelihood.

    Of several regimes, whose labels mean nothing, drift and Σ are the means over the stationary law of the regimes.

    Parameters
    ----------
    model
        The model, scaled to data.
    points
        Places, (point, state), or None: the data's mean, and one standard deviation of every state below and above.
    log_likelihood
        Whether the log-likelihood is one of them.
    """
    scale = model.frozen_scale
    if points is None:
        names = ["mean − sd", "mean", "mean + sd"]
        places = scale.location + np.sqrt(scale.variance) * np.array([[-1.0], [0.0], [1.0]])
    else:
        names, places = [f"point {index + 1}" for index in range(len(points))], np.array(points)
    states = scale.states
    rows, columns = np.tril_indices(len(states))
    noise_at = places[:1] if model.diffusion.constant else places
    where = [""] if model.diffusion.constant else [f" at {name}" for name in names]
    matrix, likelihood = model.observation.observation_matrix, model.likelihood
    observed = len(states) if matrix is None else len(matrix)

    def of_sde(sde: SDE) -> Float[Array, " quantity"]:
        values = (
            jax.vmap(sde.drift)(jnp.asarray(places)).ravel(),
            jax.vmap(sde.covariance)(jnp.asarray(noise_at))[:, rows, columns].ravel(),
        )
        return jnp.concatenate(values)

    def of_one(model: ObservedSDE) -> Float[Array, " quantity"]:
        Q = model.generator
        values = [
            of_sde(model.sde) if Q is None else stationary_law(Q) @ jax.vmap(of_sde)(model.sde),
            jnp.diagonal(model.noise_covariance),
            jnp.diagonal(model.effect_covariance),
            jnp.zeros(0) if model.noise_slopes is None else model.noise_slopes,
            jnp.zeros(0) if model.level_slopes is None else model.level_slopes.ravel(),
        ]
        return jnp.concatenate(values)

    groups = scale.groups

    def read(model: ObservedSDE, data: Observations) -> Float[Array, " quantity"]:
        values = jax.vmap(of_one)(model).ravel() if groups else of_one(model)
        return jnp.append(values, likelihood.log_density(model, data).sum()) if log_likelihood else values

    entries = {
        "drift": [f"drift {state} at {name}" for name in names for state in states],
        "covariance": [
            f"covariance {states[i]}·{states[j]}{at}"
            for at in where
            for i, j in zip(rows, columns, strict=True)
        ],
        "observation": [
            f"noise variance {states[j] if observed == len(states) else j + 1}" for j in range(observed)
        ]
        + [f"effect variance {state}" for state in states]
        + [f"noise slope of {term}" for term in model.observation.coords().get("noise_term", [])]
        + [f"level slope of {term} in {state}" for term in model.coords()["level_term"] for state in states],
    }
    where_else = [f", group {group}" for group in groups] or [""]
    labels = [label + other for other in where_else for part in entries.values() for label in part]
    parts = [part for part, own in entries.items() for _ in own] * len(where_else)
    last = ["log-likelihood"] * log_likelihood
    return Quantities(read, labels + last, parts + last)
