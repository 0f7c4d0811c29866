"""Each step of data judged by what other steps of its trajectory say of it, draw by draw."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, PyTree

from sdebayes._core import precision
from sdebayes._core.draws import evenly_spread
from sdebayes._core.errors import ModelError
from sdebayes.criticism.innovations import Judge
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood import AbstractLikelihood, Observations
from sdebayes.likelihood.conditional import seeing
from sdebayes.model.rebuild import per_draw

type Given = Literal["past", "others"]

BLOCK = 10
"""Draws in a block: few, so that blocks of a usual number of draws keep all processors busy."""


class Judged(NamedTuple):
    """Steps of data under draws: as `Conditional`, on the grid of the data.

    Attributes
    ----------
    log_density, distance
        (sample, trajectory, time), NaN where nothing was observed.
    mean
        Its mean over draws, (trajectory, time, observed).
    """

    log_density: np.ndarray
    distance: np.ndarray
    mean: np.ndarray


@lru_cache(maxsize=12)
def asking(likelihood: AbstractLikelihood, given: Given) -> Callable[..., PyTree]:
    """From draws and data to log density and distance of each step given others, and what it is expected to be."""
    law = getattr(likelihood, f"given_{given}")

    def one(draw: ObservedSDE, *data: Any) -> tuple[tuple[Array, Array], Array]:
        found = law(draw, *data)
        return (found.log_density, found.distance), found.mean

    return per_draw(one, block=BLOCK, averaging=True)


def conditionals(
    judge: Judge, draws: np.ndarray, given: Given, data: xr.Dataset, left_out: np.ndarray | None = None
) -> Judged:
    """Judge each step under chosen draws, on the grid of the data.

    Parameters
    ----------
    judge
        The source with the data as it reads them.
    draws
        Which draws.
    given
        What of the trajectory is known beside the step.
    data
        The data.
    left_out
        Steps, (trajectory, time), that tell nothing of the others of which each is given; by default none.

    Returns
    -------
    Judged
        Log density, distance and mean of each step.

    Raises
    ------
    ModelError
        If the model has no such law, or it is not finite in some draw.
    """
    of_steps = [] if left_out is None else [left_out]
    with precision.scope(judge.source.precision), precision.single_blas_thread():
        (log_density, distance), mean = asking(judge.likelihood, given)(
            judge.source.take(draws).observed, judge.observations, *of_steps
        )
    _check_finite(judge, log_density, given)
    seen = np.asarray(judge.observations.seen).any(-1)
    log_density, distance = (np.where(seen, part, np.nan) for part in (log_density, distance))
    placed = (judge.placed(part, data) for part in (log_density, distance, mean[None]))
    log_density, distance, (mean,) = placed
    return Judged(log_density, distance, mean)


def by_themselves(judge: Judge, draws: np.ndarray, data: xr.Dataset) -> np.ndarray:
    """Return the log density of each step where nothing of its trajectory is known, (sample, trajectory, time).

    Raises
    ------
    ModelError
        If it is not finite in some draw.
    """
    with precision.scope(judge.source.precision), precision.single_blas_thread():
        log_density = _alone(judge.likelihood)(judge.source.take(draws).observed, judge.observations)
    _check_finite(judge, log_density, "nothing")
    seen = np.asarray(judge.observations.seen).any(-1)
    return judge.placed(np.where(seen, log_density, np.nan), data)


def _check_finite(judge: Judge, log_density: np.ndarray, given: str) -> None:
    seen = np.asarray(judge.observations.seen).any(-1)
    lost = ~np.isfinite(log_density[:, seen]).all(axis=1)
    if lost.any():
        advice = "" if judge.source.precision == "float64" else ", or fit with precision='float64'"
        raise ModelError(
            f"In {lost.sum()} of {lost.size} draws the distribution of a step given {given} is not finite: its noise "
            "is too small beside what is known without it, or the filter broke down. Give the noise a prior that keeps "
            f"away from zero{advice}."
        )


@lru_cache(maxsize=8)
def _alone(likelihood: AbstractLikelihood) -> Callable[..., PyTree]:
    return per_draw(lambda draw, data: likelihood.given_nothing(draw, data).log_density, block=BLOCK)


@lru_cache(maxsize=8)
def continuing(likelihood: AbstractLikelihood) -> Callable[..., PyTree]:
    """From draws, data and a step to the log density of all from that step on, given what is before, and by itself."""

    def one(draw: ObservedSDE, data: Observations, first: Array) -> tuple[Array, Array]:
        after = jnp.arange(data.times.shape[1]) >= first
        alone = seeing(data, after[None, :, None])
        terms = likelihood.log_density(draw, data), likelihood.log_density(draw, alone)
        return jnp.where(after, terms[0], 0.0).sum(-1), jnp.where(after, terms[1], 0.0).sum(-1)

    return per_draw(one)


class Leading(NamedTuple):
    """Log densities of one step of each trajectory and of what is seen behind it, each (sample, trajectory), in nats.

    Attributes
    ----------
    given
        Of the step, given what is before it.
    alone
        Of the step by itself.
    behind
        Of what is behind, given all before it.
    free
        Of what is behind, given what is before the step, and not the step.
    distance
        rᵀ S⁻¹ r of the step given what is before it.
    distance_behind, distance_free
        The same of all that is behind, given all before it and not the step.
    """

    given: np.ndarray
    alone: np.ndarray
    behind: np.ndarray
    free: np.ndarray
    distance: np.ndarray
    distance_behind: np.ndarray
    distance_free: np.ndarray


@lru_cache(maxsize=8)
def leading(likelihood: AbstractLikelihood) -> Callable[..., PyTree]:
    """From draws, data and the place of a step to the parts of `Leading`."""

    def one(draw: ObservedSDE, data: Observations, place: Array) -> tuple[Array, ...]:
        steps = jnp.arange(data.times.shape[1])
        here, later = steps == place, steps > place

        def terms(seen: Array) -> tuple[Array, Array]:
            shown = seeing(data, seen[None, :, None])
            return likelihood.log_density(draw, shown), likelihood.given_past(draw, shown).distance

        (whole, alone, free), (far, _, far_free) = jax.lax.map(terms, jnp.stack([steps >= 0, here, ~here]))
        densities = ((whole, here), (alone, here), (whole, later), (free, later))
        parts = (*densities, (far, here), (far, later), (far_free, later))
        return tuple(jnp.where(over, values, 0.0).sum(-1) for values, over in parts)

    return per_draw(one)


@lru_cache(maxsize=8)
def _total(likelihood: AbstractLikelihood) -> Callable[..., PyTree]:
    return per_draw(lambda draw, data: likelihood.log_density(draw, data).sum(-1))


_level = per_draw(lambda draw, data: data.level(draw))


def totals(judge: Judge, samples: int | None = None) -> np.ndarray:
    """Return the log density of each trajectory under each draw, or so many spread ones, (sample, trajectory)."""
    draws = (
        judge.source if samples is None else judge.source.take(evenly_spread(judge.source.n_draws, samples))
    )
    with precision.scope(judge.source.precision), precision.single_blas_thread():
        found: np.ndarray = _total(judge.likelihood)(draws.observed, judge.observations)
    return np.where(np.isnan(found), -np.inf, found)


def levels(judge: Judge, data: xr.Dataset) -> np.ndarray:
    """Return the mean over draws of the level at each step of the data, (trajectory, time, observed)."""
    observed = judge.source.observed
    if observed.level_slopes is None:
        return np.zeros(data["y"].shape)
    with precision.scope(judge.source.precision):
        found = _level(observed, judge.observations)
    mean: np.ndarray = judge.placed(found.mean(0, keepdims=True), data)[0]
    return mean
