"""What place, level and order tell of each trajectory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes.plots.style import DATA, POSTERIOR, REFERENCE, TRUTH, legend_above, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {"place": REFERENCE, "level": DATA, "order": POSTERIOR}
_MOST_NAMES = 45


@checked
def coherence(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw what a model gains of each trajectory over independent steps, in its parts, the most coherent first.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.quality.coherence`` returns it.
    ax
        Axes, or None.

    Returns
    -------
    Axes
        A trajectory a row: bars that begin at zero, gains to the right and losses to the left, and a tick at their sum.

    Raises
    ------
    DataError
        If the dataset holds no such parts.

    See Also
    --------
    sdebayes.analysis.quality.coherence : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.quality.coherence`:

    >>> ax = sb.plots.quality.coherence(found)
    >>> ax.get_xlabel()
    'gain over independent steps (nats per step)'
    """
    need(dataset, [*_COLOURS, "total"], "sdebayes.analysis.quality.coherence")
    ordered = dataset.isel(trajectory=np.argsort(-dataset["total"].values, kind="stable"))
    names = [str(name).replace("$", r"\$") for name in ordered["trajectory"].values]
    rows, every = np.arange(len(names)), max(1, len(names) // _MOST_NAMES)
    gained, lost = np.zeros(len(names)), np.zeros(len(names))
    with look():
        ax = one_axes(ax, height=float(np.clip(0.9 + 0.13 * len(names), 1.6, 6.0)))
        for part, colour in _COLOURS.items():
            width = ordered[part].values
            ax.barh(rows, width, left=np.where(width >= 0, gained, lost), color=colour, label=part)
            gained, lost = gained + np.maximum(width, 0), lost + np.minimum(width, 0)
        ax.plot(ordered["total"].values, rows, "|", color=TRUTH, markersize=6, label="sum")
        ax.axvline(0, color=TRUTH, linewidth=0.6)
        ax.set_xlabel(
            "gain over independent steps (nats per step)", loc="right"
        )  # names may leave little room
        ax.set_ylim(len(names) - 0.5, -0.5)
        ax.set_yticks(rows[::every], names[::every], fontsize=7 if len(names) < 15 else 5)
        legend_above(ax, columns=4)
    return ax
