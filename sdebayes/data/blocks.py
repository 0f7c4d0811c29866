"""Data sets read by blocks of trajectories, so that what is on disk need not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float, Shaped

ENTRIES = 2**20
"""Entries of ``y`` that are read at once, 8 MB in double precision; more where one trajectory has more."""

_CHUNK = 8 * ENTRIES  # a chunk on disk of so many is read as a whole, since it is decoded as a whole


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
        yield Block(part, y[part].values, t[part].values)


def is_lazy(variable: xr.Variable) -> bool:
    """Whether values are read or computed when they are asked for; xarray has no public name for it."""
    return not getattr(variable, "_in_memory", True)


def read(variable: xr.Variable) -> np.ndarray:
    """Return all values; a lazy variable stays lazy."""
    return np.asarray(variable[...].values)


def _rows(y: xr.Variable) -> int:
    """Return how many trajectories make a block, whole chunks of them where they are in chunks."""
    count = max(1, ENTRIES // max(1, prod(y.shape[1:])))
    stored = y.encoding.get("preferred_chunks", {}).get("trajectory", 1)
    chunk = min(int(y.chunks[0][0] if y.chunks else stored), len(y))
    if chunk > count and chunk * prod(y.shape[1:]) <= _CHUNK:
        return chunk
    return max(count - count % chunk, 1) if chunk <= count else count
