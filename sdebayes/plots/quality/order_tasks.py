"""How often the true order of a text is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes.plots.rows import name_rows, note_row
from sdebayes.plots.style import DATA, POSTERIOR, REFERENCE, legend_above, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = (POSTERIOR, DATA, REFERENCE)
_APART = 0.22


@checked
def order_tasks(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw the share of trajectories whose true order scores above a changed one, with its interval.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.quality.order_tasks`` returns it.
    ax
        Axes, or None.

    Returns
    -------
    Axes
        A task a row and a colour for each scorer; at the line nothing is known of order. At the right stands the number
        of trajectories.

    Raises
    ------
    DataError
        If the dataset holds no such shares.

    See Also
    --------
    sdebayes.analysis.quality.order_tasks : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.quality.order_tasks`:

    >>> ax = sb.plots.quality.order_tasks(found)
    >>> ax.get_xlabel()
    'true order scores higher'
    """
    need(dataset, ["accuracy", "lower", "upper", "count"], "sdebayes.analysis.quality.order_tasks")
    rows, count = np.arange(dataset.sizes["task"]), dataset.sizes["scorer"]
    with look():
        ax = one_axes(ax, height=0.9 + 0.32 * rows.size)
        ax.axvline(0.5, color=REFERENCE, linewidth=0.8)
        for place, scorer in enumerate(dataset["scorer"].values):
            own, colour = dataset.sel(scorer=scorer), _COLOURS[place % len(_COLOURS)]
            at = rows + _APART * (place - (count - 1) / 2)
            ax.hlines(at, own["lower"], own["upper"], color=colour, linewidth=2, alpha=0.5)
            ax.plot(own["accuracy"], at, "o", color=colour, markersize=4, label=str(scorer))
        name_rows(ax, dataset["task"].values)
        for row, number in enumerate(dataset["count"].values):
            note_row(ax, row, f"of {int(number)}")
        ax.set(xlabel="true order scores higher", xlim=(0, 1.02))
        legend_above(ax)
    return ax
