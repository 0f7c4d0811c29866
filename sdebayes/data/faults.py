"""Faults of values and times, looked for block by block."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from sdebayes._core.errors import DataError
from sdebayes.data.blocks import Block


class _Suspect(NamedTuple):
    """A trajectory that has a fault."""

    row: int
    values: np.ndarray
    times: np.ndarray


class Faults:
    """What is wrong with the values and times of a data set.

    Parameters
    ----------
    ends
        (trajectory,), how many steps each trajectory has.
    least
        How many of them must be observed.

    Attributes
    ----------
    low, high
        (feature,), the range of the values so far; NaN where there is none.
    """

    def __init__(self, ends: Int[np.ndarray, " trajectory"], least: int) -> None:
        self.low: Float[np.ndarray, " feature"] | float = np.nan
        self.high: Float[np.ndarray, " feature"] | float = np.nan
        self._ends, self._least = ends, least
        self._infinite, self._place = 0, (0, 0, 0)
        self._suspect: _Suspect | None = None

    def look(self, block: Block) -> None:
        """Look for faults in a block, which follows those seen before."""
        flat = block.values.reshape(-1, block.values.shape[-1])
        low, high = np.fmin.reduce(flat, axis=0), np.fmax.reduce(flat, axis=0)
        self.low, self.high = np.fmin(self.low, low), np.fmax(self.high, high)
        if np.isinf(low).any() or np.isinf(high).any():
            self._count_infinite(block)
        if self._suspect is None:
            self._suspect = _first_suspect(block, self._ends[block.rows], self._least)

    def refuse(self, dataset: xr.Dataset, names: list[str]) -> None:
        """Raise a DataError that names the first fault, if there is one."""
        if self._infinite:
            trajectory, step, feature = self._place
            raise DataError(
                f"Trajectory {names[trajectory]!r}: the value at step {step}, {feature_label(dataset, feature)}, is "
                f"infinite ({self._infinite} such values in all). Values must be finite; write a missing value as NaN."
            )
        if self._suspect is not None:
            row, values, times = self._suspect
            _refuse_trajectory(values, times, int(self._ends[row]), names[row], self._least)

    def _count_infinite(self, block: Block) -> None:
        infinite = np.argwhere(np.isinf(block.values))
        if not self._infinite:
            trajectory, step, feature = (int(index) for index in infinite[0])
            self._place = (block.rows.start + trajectory, step, feature)
        self._infinite += len(infinite)


def feature_label(dataset: xr.Dataset, index: int) -> str:
    """Say which feature this is, such as ``"state PC1"``."""
    dim = str(dataset["y"].dims[-1])
    return f"{dim} {dataset[dim].values[index]}"


def _first_suspect(block: Block, ends: np.ndarray, least: int) -> _Suspect | None:
    """Find the first trajectory that has a fault, all at once: there may be a million."""
    _, values, times = block
    inside = np.arange(values.shape[1]) < ends[:, None]
    observed = ~np.isnan(values).all(-1)
    wrong = np.where(inside, ~np.isfinite(times), ~np.isnan(times)) | (observed & ~inside)
    backwards = (np.diff(times, axis=1) <= 0).any(-1)
    suspects = np.flatnonzero(wrong.any(-1) | backwards | ((observed & inside).sum(-1) < least))
    if not suspects.size:
        return None
    first = int(suspects[0])
    return _Suspect(block.rows.start + first, values[first], times[first])


def _refuse_trajectory(values: np.ndarray, times: np.ndarray, end: int, name: str, least: int) -> None:
    _refuse_times(times[:end], name)
    if not np.isnan(times[end:]).all() or not np.isnan(values[end:]).all():
        raise DataError(
            f"Trajectory {name!r} ends after {end} steps, but y or t has values after it; set them to NaN."
        )
    observed = int((~np.isnan(values[:end])).any(axis=-1).sum())
    if observed == 0:
        raise DataError(f"Trajectory {name!r} has no observed value: all are NaN. Leave it out.")
    if observed < least:
        raise DataError(
            f"Trajectory {name!r} has {observed} observed step{'' if observed == 1 else 's'} among {end}; "
            f"at least {least} are needed. Leave it out."
        )


def _refuse_times(times: np.ndarray, name: str) -> None:
    unknown = np.flatnonzero(~np.isfinite(times))
    if unknown.size:
        raise DataError(
            f"Trajectory {name!r}: the time of step {unknown[0]} is {times[unknown[0]]}; every step up to the end "
            "needs a finite time. Where only the state is missing, give the time and write NaN in the state."
        )
    wrong = np.flatnonzero(np.diff(times) <= 0)
    if wrong.size:
        step = int(wrong[0])
        verb = "repeats" if times[step] == times[step + 1] else "decreases"
        raise DataError(
            f"Trajectory {name!r}: time {verb} between steps {step} and {step + 1} "
            f"(from {times[step]:g} to {times[step + 1]:g}). Times must strictly increase; sort the steps or "
            "merge them."
        )
