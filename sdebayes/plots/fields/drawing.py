"""What figures of fields on a grid have in common."""

from __future__ import annotations

from collections.abc import Collection
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from sdebayes._core.errors import DataError
from sdebayes._core.units import time_unit
from sdebayes.plots.style import POSTERIOR, REFERENCE, SEQUENTIAL, SIGNED, TRUTH, band

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HOW = "sdebayes.analysis.fields.points(sdebayes.analysis.fields.grid(source, states=…))"
_FLAT = 1e-6


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


def draw_line(
    ax: Axes,
    values: xr.DataArray,
    dim: str,
    *,
    truth: xr.DataArray | None,
    prob: float,
    label: str = "posterior",
) -> None:
    """Draw mean and band of a field over one state, and the truth as a dashed line."""
    ax.axhline(0, color=REFERENCE, linewidth=0.6)
    band(ax, values[dim].values, values.transpose("sample", dim), prob=prob, label=label)
    if truth is not None:
        ax.plot(truth[dim], truth.mean("sample"), color=TRUTH, linestyle="--", label="truth")
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
