"""Bins that tile a part of the state space, and sums of increments over the paths that start in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from sdebayes._core.errors import DataError

_TAIL = 0.01


@dataclass(frozen=True)
class Bins:
    """A grid of cells over one or several states, with margins around what is reported.

    Parameters
    ----------
    edges
        For each state its edges, increasing, margins included.
    margins
        For each state the number of cells on either side that are not reported. Values beyond the last margin belong to
        it; without a margin they belong to no cell.
    """

    edges: tuple[np.ndarray, ...]
    margins: tuple[int, ...]

    @staticmethod
    def around(values: np.ndarray, bins: int | Sequence[ArrayLike], noise: np.ndarray | None) -> Bins:
        """Tile the middle 98 % of values (…, state), or given edges; margins of two standard deviations of noise."""
        inner = (
            _given(values, bins) if isinstance(bins, Sequence | np.ndarray) else _equal_edges(values, bins)
        )
        if noise is None:
            return Bins(tuple(inner), (0,) * len(inner))
        margins, edges = [], []
        for own, variance in zip(inner, noise, strict=True):
            width = (own[-1] - own[0]) / (own.size - 1)
            margin = int(np.ceil(2 * np.sqrt(variance) / width)) + 1
            outer = width * np.arange(1, margin + 1)
            edges.append(np.concatenate([own[0] - outer[::-1], own, own[-1] + outer]))
            margins.append(margin)
        return Bins(tuple(edges), tuple(margins))

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of cells along each state, margins included."""
        return tuple(own.size - 1 for own in self.edges)

    @property
    def size(self) -> int:
        """Number of cells."""
        return int(np.prod(self.shape))

    @property
    def centres(self) -> list[np.ndarray]:
        """Centres of the reported cells along each state."""
        return [
            self._reported(0.5 * (own[1:] + own[:-1]), 0, margin)
            for own, margin in zip(self.edges, self.margins, strict=True)
        ]

    def reported(self, values: np.ndarray) -> np.ndarray:
        """Cut the margins off values (cell, …), as an array over the states' cells and the rest."""
        values = values.reshape(*self.shape, *values.shape[1:])
        for axis, margin in enumerate(self.margins):
            values = self._reported(values, axis, margin)
        return values

    @staticmethod
    def _reported(values: np.ndarray, axis: int, margin: int) -> np.ndarray:
        return np.take(values, np.arange(margin, values.shape[axis] - margin), axis)

    def find(self, values: Float[np.ndarray, "*place state"]) -> Int[np.ndarray, "*place"]:
        """Return the cell of each value, −1 where it is missing or in no cell."""
        found = np.zeros(values.shape[:-1], int)
        outside = ~np.isfinite(values).all(axis=-1)
        for i, (own, margin) in enumerate(zip(self.edges, self.margins, strict=True)):
            index = np.searchsorted(own, values[..., i], side="right") - 1
            if margin:
                index = np.clip(index, 0, own.size - 2)
            outside |= (index < 0) | (index > own.size - 2)
            found = found * (own.size - 1) + index
        return np.where(outside, -1, found)


@dataclass(frozen=True)
class Sums:
    """Sums of powers of increments, by lag, group and the cell where they start.

    Parameters
    ----------
    count
        Number of increments, (lag, group, cell).
    first
        Σ Δ_i, (lag, group, cell, state).
    second
        Σ Δ_i Δ_j, (lag, group, cell, state, state).
    fourth
        Σ Δ_i⁴, (lag, group, cell, state).
    """

    count: np.ndarray
    first: np.ndarray
    second: np.ndarray
    fourth: np.ndarray

    @staticmethod
    def of(
        y: Float[np.ndarray, "sample path time state"],
        cells: Bins,
        groups: Int[np.ndarray, "sample path time"],
        lags: np.ndarray,
    ) -> Sums:
        """Sum over all pairs of steps at each lag; an increment belongs to the group of its first step."""
        start, n_groups = cells.find(y), int(groups.max()) + 1
        parts = [_sums(y, start, groups, int(lag), (n_groups, cells.size)) for lag in lags]
        return Sums(*(np.stack(part) for part in zip(*parts, strict=True)))

    def weighted(self, weights: np.ndarray) -> Sums:
        """Return the one group (lag, 1, …) in which each group counts as often as its weight says."""
        return Sums(
            *(
                np.einsum("g,lg...->l...", weights, part)[:, None]
                for part in (self.count, self.first, self.second, self.fourth)
            )
        )


def _sums(
    y: np.ndarray, start: np.ndarray, groups: np.ndarray, lag: int, shape: tuple[int, int]
) -> tuple[np.ndarray, ...]:
    step = y[:, :, lag:] - y[:, :, :-lag]
    own = start[:, :, :-lag]
    used = (own >= 0) & np.isfinite(step).all(axis=-1)
    index = groups[:, :, :-lag][used] * shape[1] + own[used]
    step = step[used]
    n = step.shape[-1]

    def total(weights: np.ndarray | None) -> np.ndarray:
        return np.bincount(index, weights, shape[0] * shape[1]).reshape(shape)

    second = np.empty((*shape, n, n))
    for i in range(n):
        for j in range(i, n):
            second[..., i, j] = second[..., j, i] = total(step[:, i] * step[:, j])
    first = np.stack([total(step[:, i]) for i in range(n)], -1)
    fourth = np.stack([total(step[:, i] ** 4) for i in range(n)], -1)
    return total(None), first, second, fourth


def _equal_edges(values: np.ndarray, bins: int) -> list[np.ndarray]:
    found = []
    for i in range(values.shape[-1]):
        own = values[..., i]
        low, high = np.quantile(own[np.isfinite(own)], [_TAIL, 1 - _TAIL])
        found.append(np.linspace(low, high, bins + 1))
    return found


def _given(values: np.ndarray, bins: Sequence[ArrayLike]) -> list[np.ndarray]:
    try:
        edges = [np.asarray(own, dtype=float) for own in bins]
    except (TypeError, ValueError) as error:
        raise DataError(
            f"bins={bins!r} holds no numbers; give for each state its increasing edges."
        ) from error
    if len(edges) != values.shape[-1] or any(
        own.ndim != 1 or own.size < 4 or not (np.diff(own) > 0).all() for own in edges
    ):
        raise DataError(
            f"bins must be a number, or for each of the {values.shape[-1]} states at least four increasing edges."
        )
    return edges
