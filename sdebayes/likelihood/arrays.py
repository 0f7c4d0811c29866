"""A data set as the arrays that the likelihoods need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Bool, Float, Int

from sdebayes._core.errors import ModelError
from sdebayes.data.container import to_arrays
from sdebayes.dynamics import ObservedSDE

SMALL = 2_000
"""Steps, of all trajectories together, up to which data are filled up to one of few shapes."""

AnyFloat = Float[Array, "..."] | Float[np.ndarray, "..."]


class Observations(eqx.Module):
    """Trajectories, padded to equal length.

    Parameters
    ----------
    values
        (trajectory, time, observed), zero where nothing was seen. A value that is known and not to be counted, such as
        the state before a transition by itself, is there and not seen.
    seen
        (trajectory, time, observed), whether there is a value.
    times
        (trajectory, time); after the end the last time stands on.
    steps
        (unique,), the different Δt, in time.
    step_index
        (trajectory, time − 1), the Δt from each step to the next, as an index into ``steps``.
    shared
        Whether all trajectories have the same Δt at each step and none has a gap before its end, so that all
        share one sequence of filter covariances.
    complete
        Whether each step is seen in all its entries or in none.
    table
        What drift and diffusion can compute at the steps before any parameter is known, a pytree with the leading axes
        (trajectory, transition); None if that is nothing.
    noise_terms
        w, (trajectory, time, term), of the covariates that R depends on; None if there are none.
    level_terms
        w, (trajectory, time, term), of the covariates that the level depends on; None if there are none.
    group
        (trajectory,), the group of each trajectory, as an index into those of the model; None if it has none.
    regime_hints
        (trajectory, time, regime), added to the log density of each step under each regime while a search begins; None
        where the data speak for themselves.
    rows_of_groups
        (group, row), the trajectories of each group, some of them again where it has fewer than the largest; None
        where each trajectory is looked at by itself.
    """

    values: Float[Array | np.ndarray, "trajectory time observed"]
    seen: Bool[Array | np.ndarray, "trajectory time observed"]
    times: Float[Array | np.ndarray, "trajectory time"]
    steps: Float[Array | np.ndarray, " unique"]
    step_index: Int[Array | np.ndarray, "trajectory transition"]
    shared: bool = eqx.field(static=True)
    complete: bool = eqx.field(static=True)
    table: Any = None
    noise_terms: Float[Array | np.ndarray, "trajectory time term"] | None = None
    level_terms: Float[Array | np.ndarray, "trajectory time level_term"] | None = None
    group: Int[Array | np.ndarray, " trajectory"] | None = None
    rows_of_groups: Int[Array | np.ndarray, "group row"] | None = None
    regime_hints: Float[Array | np.ndarray, "trajectory time regime"] | None = None

    def noise_factors(self, slopes: Float[Array, " term"] | None) -> Float[Array, "trajectory time"]:
        """Return what R is multiplied by at each step: exp(w · β), or 1 where R is the same at all steps.

        Raises
        ------
        ModelError
            If R has slopes and the data were read without covariates.
        """
        if slopes is None:
            return jnp.ones(self.times.shape)
        if self.noise_terms is None:
            raise ModelError(
                "The noise of this SDE depends on covariates, whose scale only its posterior knows; pass that."
            )
        return jnp.exp(jnp.asarray(self.noise_terms) @ slopes)

    def level(self, model: ObservedSDE) -> Float[Array, "trajectory time observed"]:
        """Return H B w_k at each step, zero where the SDE has no level.

        Raises
        ------
        ModelError
            If it has one and the data were read without covariates.
        """
        if model.level_slopes is None:
            return jnp.zeros(self.values.shape)
        if self.level_terms is None:
            raise ModelError(
                "The level of this SDE depends on covariates, whose scale only its posterior knows; pass that."
            )
        terms = jnp.asarray(self.level_terms)
        if self.group is None:
            return terms @ model.level_slopes @ model.matrix.T
        slopes = jnp.einsum("gpj,goj->gpo", model.level_slopes, model.matrix)
        return jnp.einsum("itp,ipo->ito", terms, slopes[jnp.asarray(self.group)])

    def centred(self, model: ObservedSDE) -> Observations:
        """Return the data less the level; values that are not seen are not read."""
        return eqx.tree_at(lambda o: o.values, self, jnp.asarray(self.values) - self.level(model))


def rows(observations: Observations, index: slice | Int[Array | np.ndarray, "*part"]) -> Observations:
    """Return some of the trajectories, no longer laid out by group.

    Parameters
    ----------
    observations
        The data.
    index
        Which; a slice returns views.
    """
    alone = replace(observations, rows_of_groups=None)
    return by_row(alone, lambda leaf: leaf[index], lambda steps: steps)


def filled_up(observations: Observations, count: int) -> Observations:
    """Repeat the last trajectory, unseen, until there are so many.

    Parameters
    ----------
    observations
        The data.
    count
        How many there are to be.
    """
    own = len(observations.values)
    if count == own:
        return observations
    whole = rows(observations, np.minimum(np.arange(count), own - 1))
    there = np.arange(count)[:, None, None] < own
    seen = np.asarray(whole.seen) & there
    return replace(whole, seen=seen, values=np.where(there, np.asarray(whole.values), 0.0))


def widened(observations: Observations, width: int) -> Observations:
    """Add steps behind the end at which nothing is seen and no time passes.

    Parameters
    ----------
    observations
        The data.
    width
        The number of steps that the arrays are to have.
    """
    late = width - observations.values.shape[1]
    if not late:
        return observations

    def added(leaf: Any, mode: Literal["edge", "constant"]) -> np.ndarray:
        return np.pad(leaf, [(0, 0), (0, late), *[(0, 0)] * (np.ndim(leaf) - 2)], mode)

    going_on = {
        name: jax.tree.map(partial(added, mode="edge"), getattr(observations, name))
        for name in ("times", "step_index", "table", "noise_terms", "level_terms")
    }
    empty = {
        name: jax.tree.map(partial(added, mode="constant"), getattr(observations, name))
        for name in ("values", "seen", "regime_hints")
    }
    return replace(observations, **going_on, **empty)


def of_few_shapes(observations: Observations) -> Observations:
    """Fill small data up to one of few shapes, so that what is compiled for some data serves most that are alike.

    The numbers of trajectories, steps and different Δt are rounded up to four binary digits, an eighth at most; those
    of trajectories of groups stay as they are, and so do data of more than `SMALL` steps, which are dearer to go
    through than to compile for.

    Parameters
    ----------
    observations
        The data.
    """
    count, width = observations.times.shape
    if count * width > SMALL:
        return observations
    found = widened(observations, rounded_up(width))
    if observations.rows_of_groups is None:
        found = filled_up(found, rounded_up(count))
    late = rounded_up(len(observations.steps)) - len(observations.steps)
    return replace(found, steps=np.pad(observations.steps, (0, late), mode="edge"))


def rounded_up(count: int) -> int:
    """Return the next number that four binary digits tell.

    Parameters
    ----------
    count
        A number of rows or columns.
    """
    unit = 2 ** max(0, count.bit_length() - 4)
    return -(-count // unit) * unit


def row_axes(observations: Observations) -> Observations:
    """Return the axis of the trajectories in every array, as ``jax.vmap`` wants it."""
    return by_row(observations, lambda leaf: 0, lambda steps: None)


def by_row(
    observations: Observations, change: Callable[[Any], Any], change_steps: Callable[[Any], Any]
) -> Observations:
    """Change all arrays over trajectories, and the different steps, which are none; nothing is checked."""
    known = eqx.tree_at(lambda o: o.steps, observations, None, is_leaf=lambda leaf: leaf is None)
    return eqx.tree_at(
        lambda o: o.steps,
        jax.tree.map(change, known),
        change_steps(observations.steps),
        is_leaf=lambda leaf: leaf is None,
    )


def read(
    data: xr.Dataset,
    drop_missing_steps: bool = False,
    level_terms: Float[np.ndarray, "trajectory time level_term"] | None = None,
) -> Observations:
    """Read a validated data set.

    Parameters
    ----------
    data
        A data set of trajectories.
    drop_missing_steps
        Whether steps without any value are left out, their Δt joined to the next.
    level_terms
        Terms of covariates at each step of the data, (trajectory, time, term), or None.

    Raises
    ------
    DataError
        If the data set is not valid.
    """
    arrays = to_arrays(data)
    values, times, seen = arrays.values, arrays.times, arrays.observed
    ends = arrays.n_steps
    if drop_missing_steps and not np.all(seen.any(-1).sum(-1) == ends):
        rows, order, ends = _kept(seen)
        inside = np.arange(order.shape[1]) < ends[:, None]
        values = np.where(inside[..., None], values[rows, order], np.nan)
        times = np.where(inside, times[rows, order], np.nan)
        seen = seen[rows, order] & inside[..., None]
        level_terms = None if level_terms is None else level_terms[rows, order]
    return replace(_observations(values, times, seen, ends), level_terms=level_terms)


def _kept(seen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return where the steps with a value stand, before those without, and their number in each trajectory."""
    keep = seen.any(-1)
    ends = keep.sum(-1)
    order = np.argsort(~keep, axis=1, kind="stable")[:, : ends.max()]
    return np.arange(len(seen))[:, None], order, ends


def _observations(values: np.ndarray, times: np.ndarray, seen: np.ndarray, ends: np.ndarray) -> Observations:
    inside = np.arange(values.shape[1]) < ends[:, None]
    last = np.take_along_axis(times, ends[:, None] - 1, axis=1)
    filled = np.where(inside, times, last)
    steps, index = _unique_steps(np.diff(filled, axis=1), inside[:, 1:], np.abs(filled).max())
    longest = index[np.argmax(ends)]
    same = np.all(np.where(inside[:, 1:], index == longest, True))
    no_gap = np.all(seen == inside[..., None])
    shared = bool(same and no_gap)
    if shared:
        index = np.broadcast_to(longest, index.shape)
    complete = bool(np.all(seen.all(-1) == seen.any(-1)))
    return Observations(np.where(seen, values, 0.0), seen, filled, steps, index, shared, complete)


def _unique_steps(steps: np.ndarray, inside: np.ndarray, largest: float) -> tuple[np.ndarray, np.ndarray]:
    """Group steps that differ by the rounding of their times only."""
    found = np.sort(steps[inside])
    if not found.size:
        return np.ones(1), np.zeros(steps.shape, dtype=int)
    tolerance = 8 * np.finfo(np.float64).eps * max(largest, 1e-300)
    starts = np.concatenate([[True], np.diff(found) > tolerance])
    group = np.cumsum(starts) - 1
    unique = np.bincount(group, found) / np.bincount(group)
    edges = found[starts]
    index = np.searchsorted(edges, steps, side="right") - 1
    return unique, np.where(inside, index, 0)
