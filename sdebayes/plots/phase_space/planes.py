"""What figures of a plane of two states have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes.plots.style import DATA, need

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SECOND = "#B03A86"
"""Colour of a second component beside the first, which has the posterior's; dashed as well."""


def plane(dataset: xr.Dataset) -> tuple[str, str]:
    """Return the names of the two dimensions of the grid, in the order of the states or of the dataset."""
    axes = [str(dim) for dim in dataset.dims if str(dim).startswith("grid_")]
    named = [f"grid_{state}" for state in dataset["state"].values] if "state" in dataset.coords else axes
    first, second = [dim for dim in named if dim in axes]
    return first, second


def points_name(data: xr.Dataset) -> str:
    """Return what the points are: data, or the paths behind them, which no one has seen."""
    return "smoothed paths" if "x" in data else "data"


def data_points(ax: Axes, data: xr.Dataset, states: list[str]) -> None:
    """Draw the observed steps, or the mean of smoothed ones, behind everything."""
    if "x" not in data:
        need(data, ["y"], "sdebayes.trajectories")
    path = (data["x"].mean("sample") if "x" in data else data["y"]).sel(state=states)
    places = path.transpose(..., "state").values.reshape(-1, 2)
    count = max(1, int(np.isfinite(places).all(axis=1).sum()))
    alpha = float(np.clip(600 / count, 0.12, 0.8))
    ax.plot(*places.T, ".", color=DATA, markersize=2, alpha=alpha, zorder=0, rasterized=True)
    ax.plot([], [], ".", color=DATA, markersize=4, label=points_name(data))


def frame(ax: Axes, dataset: xr.Dataset, first: str, second: str) -> None:
    """Name the axes and cut them at the grid."""
    ax.set(xlabel=first.removeprefix("grid_"), ylabel=second.removeprefix("grid_"))
    ax.set(xlim=dataset[first].values[[0, -1]], ylim=dataset[second].values[[0, -1]])
