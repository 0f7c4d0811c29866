"""Every draw of a source in one or two states as a Markov chain on one grid."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from sdebayes._core.draws import choose_draws
from sdebayes._core.errors import DataError
from sdebayes.analysis.evaluate import drift_and_covariance, limits_by_law, reference_state
from sdebayes.analysis.fields.grid import Limits, checked_axes
from sdebayes.analysis.phase_space.cell_grid import CellGrid
from sdebayes.analysis.phase_space.generator import rate_matrix
from sdebayes.analysis.phase_space.regions import Region
from sdebayes.simulation import Source, as_source
from sdebayes.simulation.source import SourceLike

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MOST_DRAWS = 100
"""Number of draws that are solved for without being asked for more."""

_WIDER = 4 / 3
_BEYOND_DATA = 1.25


@dataclass(frozen=True)
class MarkovGrid:
    """A source in one or two states, some of its draws, and the grid on which each becomes a Markov chain.

    Parameters
    ----------
    source
        The source.
    draws
        Indices of the chosen draws.
    cells
        The grid.
    """

    source: Source
    draws: np.ndarray
    cells: CellGrid

    @classmethod
    def around(
        cls,
        source: SourceLike,
        regions: Sequence[Region],
        limits: Limits | None,
        points: int,
        samples: int | None,
    ) -> MarkovGrid:
        """Lay a grid over the limits, by default over those of the regions or, where they have none, wide ones."""
        sizes = {region.n_states for region in regions}
        stacked = as_source(source, min(sizes, default=None if limits is None else len(limits)))
        if stacked.n_states > 2:
            raise DataError(
                f"A grid can hold 1 or 2 states and the source has {stacked.n_states}: "
                f"{', '.join(stacked.states)}. Simulate paths instead."
            )
        check_sizes(stacked, regions)
        axes = checked_axes(
            wide_limits(stacked, None) if limits is None else limits, points, stacked.n_states
        )
        return cls(stacked, choose_draws(stacked.n_draws, 1, samples, MOST_DRAWS), CellGrid(tuple(axes)))

    def rates(self, free: Callable[[np.ndarray], np.ndarray] | None = None) -> Iterator[csr_array]:
        """Yield the rate matrix of each draw; ``free`` as in ``rate_matrix``."""
        fields = drift_and_covariance(self.source, self.draws, self.cells.centres)
        for drift, covariance in zip(*(field.astype(float) for field in fields), strict=True):
            yield rate_matrix(self.cells, drift, covariance, free)

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the grid's dimensions."""
        return tuple(f"grid_{state}" for state in self.source.states)

    def field(self, values: np.ndarray, *behind: str) -> xr.DataArray:
        """Name values (sample, cell, …), whose further dimensions are ``behind``."""
        coords = dict(zip(self.dims, self.cells.axes, strict=True)) | {"sample": self.draws}
        return xr.DataArray(self.cells.on_grid(values), coords, ("sample", *self.dims, *behind))


def check_sizes(source: Source, regions: Sequence[Region]) -> None:
    """Raise unless the regions have the states of the source."""
    for region in regions:
        if region.n_states != source.n_states:
            raise DataError(
                f"A region has {region.n_states} states and the source {source.n_states}: "
                f"{', '.join(source.states)}; give one number for each, infinite ones to a Box where it is open."
            )


def wide_limits(source: Source, at: ArrayLike | None) -> np.ndarray:
    """Return limits that should hold nearly all of the stationary law, (state, 2).

    Four standard deviations of the stationary or initial law, and 1.25 times the box that the data fill.
    """
    every = range(source.n_states)
    low_high = []
    if source.has_initial_law or source.region is None:
        pairs = limits_by_law(source, every, reference_state(source, at))
        middle = pairs.mean(axis=1, keepdims=True)
        low_high.append(middle + _WIDER * (pairs - middle))
    if source.region is not None:
        middle, half = source.region
        low_high.append(np.stack([middle - _BEYOND_DATA * half, middle + _BEYOND_DATA * half], axis=1))
    ends = np.stack(low_high)
    return np.stack([ends[..., 0].min(axis=0), ends[..., 1].max(axis=0)], axis=1)
