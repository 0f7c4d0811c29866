"""What figures with a row for each thing share: names from the top down, intervals, notes at the right."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes.analysis import summarize
from sdebayes.plots.style import POSTERIOR

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def name_rows(ax: Axes, names: Iterable[object]) -> None:
    """Name the rows at 0, 1, …, of which the first stands at the top."""
    labels = [str(name) for name in names]
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.5, -0.5)


def draw_intervals(ax: Axes, draws: xr.DataArray, prob: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw median and interval of draws (sample, row), and return the ends of the intervals, (row,) each."""
    summary = summarize(draws.rename("value"), prob=prob)["value"]
    low, middle, high = (summary.sel(statistic=name).values for name in ("lower", "median", "upper"))
    rows = np.arange(middle.size)
    ax.hlines(rows, low, high, color=POSTERIOR, linewidth=2, alpha=0.5, label=f"{prob:.0%} interval")
    ax.plot(middle, rows, "o", color=POSTERIOR, markersize=4, label="posterior median")
    return low, high


def note_row(ax: Axes, row: int, text: str) -> None:
    """Write a few words at the right of a row, outside of the axes."""
    ax.annotate(
        text,
        (1, row),
        xytext=(6, 0),
        xycoords=ax.get_yaxis_transform(),
        textcoords="offset points",
        va="center",
        fontsize=7,
    )
