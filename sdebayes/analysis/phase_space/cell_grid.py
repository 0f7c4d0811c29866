"""A regular grid of cells over one or two states."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from sdebayes._core.errors import DataError


@dataclass(frozen=True)
class CellGrid:
    """CellGrid around the points of a regular grid, numbered with the last state running fastest.

    Parameters
    ----------
    axes
        Centres along each state, equally spaced.
    """

    axes: tuple[np.ndarray, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of cells along each state."""
        return tuple(len(axis) for axis in self.axes)

    @property
    def spacing(self) -> Float[np.ndarray, " state"]:
        """Length of a cell along each state."""
        return np.array([axis[1] - axis[0] for axis in self.axes])

    @property
    def volume(self) -> float:
        """Volume of a cell."""
        return float(np.prod(self.spacing))

    @cached_property
    def centres(self) -> Float[np.ndarray, "cell state"]:
        """Centres of the cells."""
        mesh = np.meshgrid(*self.axes, indexing="ij")
        return np.stack([coordinate.ravel() for coordinate in mesh], axis=-1)

    @cached_property
    def numbers(self) -> Int[np.ndarray, "cell state"]:
        """Place of the cells along each state, counted from 0."""
        return np.stack(np.unravel_index(np.arange(np.prod(self.shape)), self.shape), axis=-1)

    def outermost(self) -> Bool[np.ndarray, " cell"]:
        """Whether a cell is one of the outermost."""
        last = np.array(self.shape) - 1
        return np.any((self.numbers == 0) | (self.numbers == last), axis=-1)

    def neighbours(self, offsets: Int[np.ndarray, "cell state"]) -> Int[np.ndarray, " cell"]:
        """Return the cell at an own offset of every cell, −1 where that is outside of the grid."""
        target = self.numbers + offsets
        inside = np.all((target >= 0) & (target < self.shape), axis=-1)
        flat = np.ravel_multi_index(tuple(np.where(inside[:, None], target, 0).T), self.shape)
        return np.where(inside, flat, -1)

    def on_grid(self, values: np.ndarray) -> np.ndarray:
        """Bring values (sample, cell, …) into the form of the grid, (sample, grid, …) or (sample, grid, grid, …)."""
        return values.reshape(values.shape[0], *self.shape, *values.shape[2:])

    def interpolate(self, values: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Interpolate values (sample, cell) linearly at points (point, state), (sample, point).

        Raises
        ------
        DataError
            If a point is not within the grid.
        """
        from scipy.interpolate import RegularGridInterpolator

        low, high = np.array([[axis[0], axis[-1]] for axis in self.axes]).T
        outside = np.flatnonzero(np.any((points < low) | (points > high), axis=-1))
        if outside.size:
            raise DataError(
                f"The place {points[outside[0]].tolist()} is not on the grid from {low.tolist()} to {high.tolist()}; "
                "give wider limits."
            )
        grid: Any = np.moveaxis(self.on_grid(values), 0, -1)
        return RegularGridInterpolator(self.axes, grid)(points).T
