"""How well two groups of texts are told apart, and by what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes.plots.rows import name_rows, note_row
from sdebayes.plots.style import POSTERIOR, REFERENCE, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WHAT = {
    "place": "place: where",
    "level": "level: how far from the middle",
    "order": "order: what follows what",
    "length": "length alone",
}


@checked
def classify(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw how often a document of one group is above one of the other, by each part of the log ratio.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.quality.classify`` returns it.
    ax
        Axes, or None.

    Returns
    -------
    Axes
        A part a row, with its interval over documents; at the line it does not tell groups apart. Small marks are
        areas of groups drawn by lot.

    Raises
    ------
    DataError
        If the dataset holds no such shares.

    See Also
    --------
    sdebayes.analysis.quality.classify : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.quality.classify`:

    >>> ax = sb.plots.quality.classify(found)
    >>> [label.get_text() for label in ax.get_yticklabels()][:3]
    ['place: where', 'level: how far from the middle', 'order: what follows what']
    """
    need(dataset, ["auc", "lower", "upper"], "sdebayes.analysis.quality.classify")
    rows = np.arange(dataset.sizes["part"])
    with look():
        ax = one_axes(ax, height=0.8 + 0.22 * rows.size)
        ax.axvline(0.5, color=REFERENCE, linewidth=0.8)
        null = dataset["auc_shuffled"].transpose("part", "replicate").values
        ax.plot(null, rows + 0.25, "|", color=REFERENCE, markersize=4)
        ax.hlines(rows, dataset["lower"], dataset["upper"], color=POSTERIOR, linewidth=2, alpha=0.5)
        ax.plot(dataset["auc"], rows, "o", color=POSTERIOR, markersize=4)
        name_rows(ax, [_WHAT.get(str(part), str(part)) for part in dataset["part"].values])
        for row, share in enumerate(dataset["auc"].values):
            note_row(ax, row, f"{share:.2f}")
        lot = "\nsmall marks: groups drawn by lot" if null.size else ""
        ax.set(xlabel=f"area under the ROC curve{lot}", xlim=(0, 1))
    return ax
