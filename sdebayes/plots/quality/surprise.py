"""How surprising each step of each trajectory is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes.plots.style import SEQUENTIAL, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["surprise"]

_DECADES = 4


@checked
def surprise(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw how far off its forecast each step was, a trajectory a row.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.surprise.surprise`` returns it.
    ax
        Axes, or None.

    Returns
    -------
    Axes
        The tail probability of each step as colours on a logarithmic scale down to 10⁻⁴: of calibrated steps one in
        ten is below 0.1, one in a hundred below 0.01. White where nothing was observed.

    Raises
    ------
    DataError
        If the dataset holds no tail probabilities.
    """
    need(dataset, ["tail_probability"], "sdebayes.analysis.surprise.surprise")
    tail = dataset["tail_probability"].transpose("trajectory", "time")
    names = [str(name).replace("$", r"\$") for name in dataset["trajectory"].values]
    rows, every = np.arange(len(names)), max(1, len(names) // 45)
    with look():
        from matplotlib.colors import LogNorm

        ax = one_axes(ax, height=float(np.clip(0.8 + 0.12 * len(names), 1.6, 6.0)))
        scale = LogNorm(10.0**-_DECADES, 1.0, clip=True)
        mesh = ax.pcolormesh(
            tail["time"].values, rows, tail.values, cmap=f"{SEQUENTIAL}_r", norm=scale, shading="nearest"
        )
        ax.figure.colorbar(mesh, ax=ax, label="tail probability", extend="min", fraction=0.05, pad=0.02)
        ax.set(xlabel="step", ylim=(len(names) - 0.5, -0.5))
        ax.set_yticks(rows[::every], names[::every], fontsize=7 if len(names) < 15 else 5)
    return ax
