"""One drawer of fields on a grid over one state or two, with draws and truth."""

from __future__ import annotations

from collections.abc import Callable, Collection
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from sdebayes._core.draws import evenly_spread
from sdebayes._core.errors import DataError
from sdebayes._core.units import time_unit
from sdebayes.analysis.fields.distance import FAR, NAME
from sdebayes.plots.style import POSTERIOR, REFERENCE, SEQUENTIAL, SIGNED, TRUTH, band, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

_HOW = "sdebayes.analysis.fields.points(sdebayes.analysis.fields.grid(source, states=…))"
_FLAT = 1e-6
_MOST_LINES = 25
_HATCH = "#a8a8a8"


def rate_unit(dataset: xr.Dataset) -> str:
    """Return the unit of a rate in words."""
    return f"per {time_unit(dataset.attrs)}"


def field_label(values: xr.DataArray) -> str:
    """Return what a field is called, by its long name, else its name, its unit and which entry, broken into lines."""
    entry = [str(values[name].values) for name in ("state", "state_bis") if name in values.coords]
    text = str(values.attrs.get("long_name", values.name or "value"))
    units = str(values.attrs.get("units", ""))
    text = text if units in ("", "1") else f"{text}, {units}"
    return "\n".join(wrap(f"{text} ({', '.join(entry)})" if entry else text, 34))


def grid_dims(values: xr.DataArray, counts: Collection[int], others: Collection[str] = ()) -> list[str]:
    """Return the names of the grid's dimensions, in their order.

    Parameters
    ----------
    values
        Over ``sample``, the grid and ``others``.
    counts
        How many of them there may be.
    others
        Dimensions beside them.

    Returns
    -------
    list[str]
        Their names.

    Raises
    ------
    DataError
        If there are other dimensions, or another number of them.
    """
    dims = [str(dim) for dim in values.dims if str(dim) not in {"sample", *others}]
    if (
        len(dims) not in counts
        or "sample" not in values.dims
        or not all(dim.startswith("grid_") for dim in dims)
    ):
        wanted = " or ".join(map(str, counts))
        raise DataError(
            f"Found the dimensions {', '.join(map(str, values.dims)) or 'none'}; expected draws (sample) on a grid "
            f"over {wanted} state(s). Read the field at {_HOW}."
        )
    return dims


def is_far_somewhere(values: xr.DataArray | xr.Dataset) -> bool:
    """Whether a part of a grid is known to be far from all data."""
    return NAME in values.coords and bool((values[NAME] > FAR).any())


def draw_far(ax: Axes, values: xr.DataArray | xr.Dataset, dims: list[str]) -> None:
    """Hatch the part of a grid over one state or two that is far from all data, if that is known and there is one."""
    if not is_far_somewhere(values):
        return
    look: dict[str, Any] = {"facecolor": "none", "edgecolor": _HATCH, "hatch": "////", "linewidth": 0}
    if len(dims) == 1:
        places, far = values[dims[0]].values, values[NAME].values > FAR
        ax.fill_between(places, 0, 1, where=far, transform=ax.get_xaxis_transform(), **look, zorder=0)
    else:
        filled = ax.contourf(
            *on_plane(values[NAME], dims), levels=[FAR, np.inf], colors="none", hatches=["////"]
        )
        filled.set(edgecolor=_HATCH, linewidth=0)
    ax.fill_between([], [], [], label="no data near", **look)


def draw_line(
    ax: Axes,
    values: xr.DataArray,
    dim: str,
    *,
    truth: xr.DataArray | None,
    prob: float,
    label: str = "posterior",
    centre: Literal["mean", "median"] = "mean",
    zero: bool = False,
) -> None:
    """Draw mean or median and band of a field over one state, and the truth as a dashed line."""
    if zero:
        ax.axhline(0, color=REFERENCE, linewidth=0.6)
    band(ax, values[dim].values, values.transpose("sample", dim), prob=prob, label=label, centre=centre)
    if truth is not None:
        known = truth.reduce(np.median if centre == "median" else np.mean, "sample")
        ax.plot(truth[dim], known, color=TRUTH, linestyle="--", label="truth")
    draw_far(ax, values, [dim])
    ax.set_xlabel(dim.removeprefix("grid_"))


def draw_map(
    ax: Axes, values: xr.DataArray, dims: list[str], label: str, *, truth: xr.DataArray | None = None
) -> None:
    """Draw the mean of a field over two states as colours, with contours of its spread, or of the truth."""
    first, second = dims
    values = values.transpose("sample", second, first)
    mean, spread = values.mean("sample"), values.std("sample")
    low, high = float(mean.min()), float(mean.max())
    signed, largest = low < 0 < high, max(-low, high)
    scale: dict[str, Any] = {"cmap": SIGNED, "vmin": -largest, "vmax": largest}
    place = (values[first].values, values[second].values)
    mesh = ax.pcolormesh(*place, mean, shading="gouraud", **(scale if signed else {"cmap": SEQUENTIAL}))
    ax.figure.colorbar(mesh, ax=ax, label=label)
    if truth is not None:
        own = truth.mean("sample").transpose(second, first)
        _same_levels(ax, (*place, mean), (truth[first], truth[second], own))
    elif float(np.ptp(spread.values)) > _FLAT * largest:
        style: dict[str, Any] = {"linestyles": ":", "levels": _between(spread), "linewidths": 0.8}
        lines = ax.contour(*place, spread, colors=TRUTH if signed else "white", **style)
        ax.clabel(lines, fmt="sd %.2g", fontsize=6)
    draw_far(ax, values, dims)
    ax.set(xlabel=first.removeprefix("grid_"), ylabel=second.removeprefix("grid_"))


def _same_levels(ax: Axes, mean: tuple[Any, Any, xr.DataArray], truth: tuple[Any, Any, xr.DataArray]) -> None:
    """Draw contours of two fields at the same levels."""
    if float(np.ptp(truth[2].values)) > _FLAT * float(np.abs(truth[2]).max()):
        levels = _between(truth[2])
        ax.contour(*mean, colors=POSTERIOR, levels=levels, linestyles="-", linewidths=0.9)
        ax.contour(*truth, colors=TRUTH, levels=levels, linestyles="--", linewidths=0.9)
    ax.plot([], [], color=POSTERIOR, linewidth=0.9, label="mean")
    ax.plot([], [], "--", color=TRUTH, linewidth=0.9, label="truth")


def _between(values: xr.DataArray) -> np.ndarray:
    """Return three levels between the ends of a field."""
    return np.linspace(float(values.min()), float(values.max()), 5)[1:-1]


def sheet(field: xr.DataArray, ax: Axes | None) -> tuple[Axes, list[str]]:
    """Return axes of the height that a field over one state or two takes, and the names of the grid's dimensions."""
    dims = [str(dim) for dim in field.dims if dim != "sample"]
    return one_axes(ax, height=2.5 if len(dims) == 1 else 3.1), dims


def draw_truth(ax: Axes, truth: xr.DataArray | None, dims: list[str], *levels: float, **look: object) -> None:
    """Draw contours of a truth that has no draws left, black and dashed unless another look is asked for."""
    if truth is not None:
        style: dict[str, Any] = {"linestyles": "--", "linewidths": 1.2} | look
        label = style.pop("label", "truth")
        ax.contour(*on_plane(truth, dims), levels=list(levels), colors=TRUTH, **style)
        ax.plot([], [], style["linestyles"], color=TRUTH, linewidth=style["linewidths"], label=label)


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
