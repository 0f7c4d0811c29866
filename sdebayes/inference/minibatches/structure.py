"""What all parts of a data set have in common, so that one compiled program reads any of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from sdebayes.inference.independent_blocks import parts_of_each
from sdebayes.likelihood import Observations
from sdebayes.likelihood.arrays import by_row, filled_up, widened
from sdebayes.model.sdemodel import SDEModel

MOST_STEPS = 2**12
"""Different Δt that are listed; more are known to each part of the data alone."""

_ALIKE = 8 * np.finfo(np.float64).eps


class Structure(NamedTuple):
    """What trajectories have in common.

    Attributes
    ----------
    steps
        The different Δt, (unique,), in time; none where they are more than `MOST_STEPS`.
    grid
        The Δt of the longest trajectory where all share them and none has a gap; None where they do not.
    complete
        Whether each step is seen in all its entries or in none.
    width
        The number of steps of the padded arrays.
    latest
        The largest time, which says how precise a Δt is.
    counts
        The number of independent parts in each piece of the data by itself.
    """

    steps: Float[np.ndarray, " unique"] | None
    grid: Float[np.ndarray, " transition"] | None
    complete: bool
    width: int
    latest: float
    counts: tuple[int, ...]

    @classmethod
    def of(cls, observations: Observations, model: SDEModel) -> Structure:
        """Return that of some trajectories, as one piece of the data."""
        times = np.asarray(observations.times)
        going_on = np.diff(times, axis=1).max(axis=0) > 0
        steps = np.asarray(observations.steps)
        grid = steps[observations.step_index[0]][going_on] if observations.shared else None
        return cls(
            _listed(steps),
            grid,
            observations.complete,
            times.shape[1],
            float(np.abs(times).max()),
            (int(parts_of_each(model, observations).sum()),),
        )

    def add(self, other: Structure) -> Structure:
        """Return that of both, the other's pieces behind one's own."""
        latest = max(self.latest, other.latest)
        tolerance = _ALIKE * max(latest, 1e-300)
        grid = None
        if self.grid is not None and other.grid is not None:
            common = min(len(self.grid), len(other.grid))
            if np.all(np.abs(self.grid[:common] - other.grid[:common]) <= tolerance):
                grid = max(self.grid, other.grid, key=len)
        steps = None
        if self.steps is not None and other.steps is not None:
            found = np.union1d(self.steps, other.steps)
            steps = _listed(found[np.diff(found, prepend=-np.inf) > tolerance])
        return Structure(
            steps,
            grid,
            self.complete and other.complete,
            max(self.width, other.width),
            latest,
            self.counts + other.counts,
        )

    def given_to(self, observations: Observations, count: int) -> Observations:
        """Return some trajectories in this structure, filled up to a number by such of which nothing is seen."""
        found = filled_up(widened(observations, self.width), count)
        shared, complete = self.grid is not None, self.complete
        if self.steps is None:
            return replace(found, shared=False, complete=complete)
        between = 0.5 * (self.steps[1:] + self.steps[:-1])
        index = np.searchsorted(between, found.steps)[found.step_index]
        if self.grid is not None:
            late = self.width - 1 - len(self.grid)
            one = np.pad(np.searchsorted(between, self.grid), (0, late))
            index = np.broadcast_to(one, index.shape)
        return replace(found, steps=self.steps, step_index=index, shared=shared, complete=complete)


def joined(some: Sequence[Observations]) -> Observations:
    """Return trajectories of one structure one after another."""
    if len(some) == 1:
        return some[0]
    if any(one.steps is not some[0].steps for one in some):
        before = np.cumsum([0, *(len(one.steps) for one in some)])[:-1]
        steps = np.concatenate([one.steps for one in some])
        some = [
            replace(one, steps=steps, step_index=np.asarray(one.step_index) + first)
            for one, first in zip(some, before, strict=True)
        ]
    bare = [by_row(one, lambda leaf: leaf, lambda _: None) for one in some]
    whole: Observations = jax.tree.map(lambda *leaves: np.concatenate(leaves), *bare)
    return by_row(whole, lambda leaf: leaf, lambda _: some[0].steps)


def _listed(steps: np.ndarray) -> np.ndarray | None:
    return steps if len(steps) <= MOST_STEPS else None
