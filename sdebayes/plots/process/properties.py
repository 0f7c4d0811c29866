"""The table of properties as a figure: how strong the evidence is, with the verdict beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Panels
from sdebayes.plots.rows import name_rows, note_row
from sdebayes.plots.style import DATA, POSTERIOR, REFERENCE, WIDTH, look, need

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKS = {
    "supported": (POSTERIOR, "o", "full"),
    "assumed": (REFERENCE, "o", "full"),
    "not rejected": (REFERENCE, "o", "none"),
    "rejected": (DATA, "X", "full"),
    "cannot be told": (REFERENCE, "s", "none"),
}


@checked
def properties(dataset: xr.Dataset, ax: Panels | None = None) -> np.ndarray:
    """Draw the verdict on every property: above by the share of draws that have it, below by p-values.

    Parameters
    ----------
    dataset
        As `sdebayes.analysis.process.properties` returns it.
    ax
        Two axes, or one if all rows have the same kind of evidence; None makes a figure of one column's width.

    Returns
    -------
    numpy.ndarray
        The axes: a row a property, its verdict at the right edge. p-values stand on a logarithmic axis, rejection left
        of the grey line; rows without a number have their verdict only.

    Raises
    ------
    DataError
        If the dataset is no such table, or ``ax`` has another number of axes.

    See Also
    --------
    sdebayes.analysis.process.properties : Computes them.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.process.properties`:

    >>> axes = sb.plots.process.properties(found)
    >>> axes.shape
    (2,)
    """
    need(dataset, ["verdict", "probability", "p_value"], "sdebayes.analysis.process.properties")
    tested = np.isfinite(dataset["p_value"].values)
    parts = [(dataset.isel(property=~tested), "probability"), (dataset.isel(property=tested), "p_value")]
    parts = [(part, name) for part, name in parts if part.sizes["property"]]
    with look():
        axes = _axes(ax, [part.sizes["property"] for part, _ in parts])
        for (part, name), one in zip(parts, axes, strict=True):
            _rows(one, part, name)
            if name == "probability":
                one.set(xlim=(-0.03, 1.03), xlabel="share of draws that have it")
            else:
                alpha = float(dataset.attrs.get("alpha", 0.05))
                one.axvline(alpha, color=REFERENCE, linewidth=0.8)
                _p_axis(one, float(part["p_value"].min()), alpha)
    return axes


def _rows(ax: Axes, part: xr.Dataset, name: str) -> None:
    rows = np.arange(part.sizes["property"])
    ax.hlines(rows, 0, 1, transform=ax.get_yaxis_transform(), color=REFERENCE, linewidth=0.4, alpha=0.5)
    for row, (verdict, value) in enumerate(zip(part["verdict"].values, part[name].values, strict=True)):
        colour, marker, filled = _MARKS[str(verdict)]
        face = colour if filled == "full" else "white"
        shown = max(float(value), 1e-12) if name == "p_value" else value
        ax.plot(shown, row, marker, color=colour, markerfacecolor=face, markersize=5.5, clip_on=False)
        note_row(ax, row, str(verdict))
    name_rows(ax, part["property"].values)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def _p_axis(ax: Axes, least: float, alpha: float) -> None:
    """Set a logarithmic axis down to the smallest p-value, or 10⁻¹², with up to five labels."""
    lowest = int(np.clip(np.floor(np.log10(max(least, 1e-300))), -12, -3))
    powers = np.arange(lowest, 1, max(1, -lowest // 4))
    ax.set_xscale("log")
    ax.set(xlim=(10.0**lowest / 1.3, 1.3), xlabel=f"p-value (grey: {alpha:g})")
    ax.set_xticks(10.0**powers, [f"{10.0**power:g}" for power in powers])
    ax.minorticks_off()


def _axes(ax: Any, sizes: list[int]) -> np.ndarray:
    import matplotlib.pyplot as plt

    if ax is not None:
        given = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if given.size != len(sizes):
            raise DataError(f"This figure has {len(sizes)} panels and {given.size} axes were given.")
        return given
    _, axes = plt.subplots(
        len(sizes),
        figsize=(WIDTH, 0.45 * len(sizes) + 0.2 * sum(sizes)),
        layout="constrained",
        squeeze=False,
        height_ratios=sizes,
    )
    return axes.ravel()
