"""Data sets read by blocks of trajectories, so that what is on disk need not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float, Int, Shaped

from sdebayes._core.draws import evenly_spread

ENTRIES = 2**19
"""Entries of ``y`` in a block, 4 MB in double precision; more where one trajectory has more."""

READ = 2**22
"""Entries that are read at once: a chunk on the disk is decoded as a whole, however little of it is asked for."""

KEPT = 2**18
"""Numbers of large data that are kept as examples."""

MIXED = 16
"""Pieces whose parts are shuffled with each other where data are gone through in random order."""

TASKS = 64
"""Into how many pieces a pass over lazy data is divided, whatever the number of workers: each has a result."""


class Block(NamedTuple):
    """Some trajectories as they are stored.

    Attributes
    ----------
    rows
        Where they are among all trajectories.
    values
        (trajectory, time, feature).
    times
        (trajectory, time).
    """

    rows: slice
    values: Shaped[np.ndarray, "trajectory time feature"]
    times: Shaped[np.ndarray, "trajectory time"]

    def complete(self) -> Float[np.ndarray, "step feature"]:
        """Return the steps without a missing value, in double precision."""
        return self.values[np.isfinite(self.values).all(axis=-1)].astype(np.float64, copy=False)


def blocks(dataset: xr.Dataset) -> Iterator[Block]:
    """Go through a data set of trajectories, unchecked: views of what is in memory, parts of what is not, none kept."""
    y, t = dataset.variables["y"], dataset.variables["t"]
    rows = _rows(y)
    for start in range(0, len(y), rows):
        part = slice(start, start + rows)
        yield from _divided(y[part].values, t[part].values, start, is_lazy(y))


def parts(dataset: xr.Dataset, most: int | None = None) -> list[slice]:
    """Divide trajectories into such as are read at once, at most so many if they are lazy; all in one if they are not.

    Whole chunks are read together where they fit. A part does not depend on who reads it.
    """
    y = dataset.variables["y"]
    rows = max(1, min(_rows(y), most or len(y))) if is_lazy(y) else len(y)
    return [slice(start, min(start + rows, len(y))) for start in range(0, len(y), rows)]


def pieces_of_work(dataset: xr.Dataset) -> list[slice]:
    """Divide lazy trajectories into at most `TASKS` pieces of whole parts; they do not depend on who works on them."""
    found = parts(dataset)
    together = -(-len(found) // TASKS)
    groups = [found[start : start + together] for start in range(0, len(found), together)]
    return [slice(group[0].start, group[-1].stop) for group in groups]


def shuffled_pieces(dataset: xr.Dataset) -> tuple[slice, ...]:
    """Divide trajectories into pieces of whole chunks, `MIXED` of which are in memory at a time if chunks are small."""
    y = dataset.variables["y"]
    chunk, rows = _chunk(y), _at_most(READ // (4 * MIXED), y)
    size = max(rows - rows % chunk, chunk) if chunk <= _at_most(READ, y) else rows
    return tuple(slice(start, min(start + size, len(y))) for start in range(0, len(y), size))


def kept_rows(y: Any) -> Int[np.ndarray, " chosen"]:
    """Return where trajectories stand that are evenly spread over others, at most `KEPT` numbers of them."""
    return evenly_spread(len(y), _at_most(KEPT, y))


def some(dataset: xr.Dataset) -> xr.Dataset:
    """Return the trajectories of a data set that are kept, in memory."""
    chosen = dataset.isel(trajectory=kept_rows(dataset.variables["y"]))
    return chosen.assign({name: chosen[name].load() for name in ("y", "t", "n_steps")})


def is_lazy(variable: xr.Variable) -> bool:
    """Whether values are read or computed when they are asked for; xarray has no public name for it."""
    return not getattr(variable, "_in_memory", True)


def read(variable: xr.Variable) -> np.ndarray:
    """Return all values; a lazy variable stays lazy."""
    return np.asarray(variable[...].values)


def _divided(values: np.ndarray, times: np.ndarray, first: int, copy: bool) -> Iterator[Block]:
    rows = _at_most(ENTRIES, values)
    for start in range(0, len(values), rows):
        part = slice(start, start + rows)
        own = values[part].copy() if copy else values[part]
        yield Block(slice(first + start, first + start + len(own)), own, times[part])


def _rows(y: xr.Variable) -> int:
    """Return how many trajectories are read at once, whole chunks of them if they fit."""
    count = _at_most(READ, y)
    chunk = _chunk(y)
    return count - count % chunk if chunk <= count else count


def _chunk(y: xr.Variable) -> int:
    """Return how many trajectories stand together on the disk."""
    return int(y.chunks[0][0] if y.chunks else y.encoding.get("preferred_chunks", {}).get("trajectory", 1))


def _at_most(entries: int, y: xr.Variable | np.ndarray) -> int:
    return max(1, entries // max(1, prod(y.shape[1:])))
