"""Whether trajectories are observed at the same times."""

from __future__ import annotations

import numpy as np
import xarray as xr


def same_times(data: xr.Dataset) -> bool:
    """Return whether all trajectories are observed at the same times, early ends allowed."""
    t = data["t"].values
    longest = t[int(np.isfinite(t).sum(axis=1).argmax())]
    gap = np.abs(t - longest)
    return bool(np.isfinite(longest).all() and np.nanmax(gap) <= 1e-9 * max(1.0, np.abs(longest).max()))


def regular(data: xr.Dataset) -> bool:
    """Return whether all trajectories have the same times, a constant step apart."""
    steps = np.diff(data["t"].values, axis=1)
    steps = steps[np.isfinite(steps)]
    return same_times(data) and bool(np.ptp(steps) <= 1e-9 * steps.max())
