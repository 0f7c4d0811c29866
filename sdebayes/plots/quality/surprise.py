"""How surprising each step of each trajectory is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Probability
from sdebayes.plots.style import SEQUENTIAL, TRUTH, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DECADES = 4


@checked
def surprise(dataset: xr.Dataset, ax: Axes | None = None, *, rate: Probability = 0.1) -> Axes:
    """Draw how surprising each step was, a trajectory a row, and mark those that do not belong.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.quality.surprise`` returns it.
    ax
        Axes, or None.
    rate
        Marked are the steps that ``sdebayes.analysis.quality.misfits`` lists at this rate of false discoveries.

    Returns
    -------
    Axes
        The p-value of each step as colours on a logarithmic scale down to 10⁻⁴: of calibrated steps one in ten is below
        0.1, one in a hundred below 0.01. White where nothing was observed.

    Raises
    ------
    DataError
        If the dataset holds no p-values.

    See Also
    --------
    sdebayes.analysis.quality.surprise : Computes it.
    sdebayes.analysis.quality.misfits : Lists what is marked.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.quality.surprise`:

    >>> ax = sb.plots.quality.surprise(found)
    >>> ax.get_xlabel()
    'step'
    """
    need(dataset, ["p_value", "q_value"], "sdebayes.analysis.quality.surprise")
    p, q = (dataset[name].transpose("trajectory", "time") for name in ("p_value", "q_value"))
    names = [str(name).replace("$", r"\$") for name in dataset["trajectory"].values]
    rows, every = np.arange(len(names)), max(1, len(names) // 45)
    steps = p["time"].values
    with look():
        from matplotlib.colors import LogNorm

        ax = one_axes(ax, height=float(np.clip(0.8 + 0.12 * len(names), 1.6, 6.0)))
        scale = LogNorm(10.0**-_DECADES, 1.0, clip=True)
        mesh = ax.pcolormesh(steps, rows, p.values, cmap=f"{SEQUENTIAL}_r", norm=scale, shading="nearest")
        label = "p-value" if "calibration_steps" in dataset.attrs else "tail probability"
        ax.figure.colorbar(mesh, ax=ax, label=label, extend="min", fraction=0.05, pad=0.02)
        row, step = np.nonzero(np.nan_to_num(q.values, nan=1.0) <= rate)
        if row.size:
            ax.plot(steps[step], row, "x", color=TRUTH, markersize=4, label=f"does not belong, rate {rate:g}")
            ax.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)
        ax.set(xlabel="step", ylim=(len(names) - 0.5, -0.5))
        ax.set_yticks(rows[::every], names[::every], fontsize=7 if len(names) < 15 else 5)
    return ax
