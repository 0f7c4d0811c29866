"""Contours of fields on a plane, draw by draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from sdebayes._core.draws import evenly_spread
from sdebayes.plots.style import POSTERIOR

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

_MOST_LINES = 25


def fading() -> Colormap:
    """Return colours from nearly white to the posterior's."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("fading", ["#f2f7fb", POSTERIOR])


def on_plane(field: xr.DataArray, dims: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return both coordinates of a field and its values, (second, first)."""
    return field[dims[0]].values, field[dims[1]].values, field.transpose(*dims[::-1]).values


def coverage_level(density: np.ndarray, prob: float) -> float:
    """Return the density at the border of the smallest region that holds a share of the probability."""
    ordered = np.sort(density[np.isfinite(density)].ravel())[::-1]
    filled = np.cumsum(ordered)
    return float(ordered[min(np.searchsorted(filled, prob * filled[-1]), len(ordered) - 1)])


def draw_contours(
    ax: Axes, field: xr.DataArray, dims: list[str], level: Callable[[np.ndarray], float], label: str
) -> None:
    """Draw one contour line of each of up to 25 draws, evenly spread, leaving out those that have none."""
    chosen = field.isel(sample=evenly_spread(field.sizes["sample"], _MOST_LINES))
    strength: dict[str, Any] = {
        "colors": POSTERIOR,
        "linewidths": 0.6,
        "alpha": max(0.25, 1 / chosen.sizes["sample"]),
    }
    for own in chosen.sample:
        x, y, values = on_plane(chosen.sel(sample=own), dims)
        if np.isfinite(values).any() and np.nanmin(values) < level(values) < np.nanmax(values):
            ax.contour(x, y, values, levels=[level(values)], **strength)
    ax.plot([], [], color=POSTERIOR, linewidth=0.6, label=label)
