"""How probable each candidate is as the continuation of a context."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Probability
from sdebayes.analysis import summarize
from sdebayes.plots.rows import name_rows, note_row
from sdebayes.plots.style import POSTERIOR, REFERENCE, legend_above, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 60


@checked
def rank(dataset: xr.Dataset, ax: Axes | None = None, *, prob: Probability = 0.9) -> Axes:
    """Draw the probability of each candidate, the best first, with the interval of the draws.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.quality.rank`` returns it.
    ax
        Axes, or None.
    prob
        Probability of the intervals.

    Returns
    -------
    Axes
        A candidate a row; at its right its score in nats, and at the line all candidates would be alike.

    Raises
    ------
    DataError
        If the dataset holds no probabilities, or more candidates than one figure has room for.

    See Also
    --------
    sdebayes.analysis.quality.rank : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.quality.rank`:

    >>> ax = sb.plots.quality.rank(found)
    >>> sorted(label.get_text() for label in ax.get_yticklabels())
    ['other', 'true']
    """
    need(dataset, ["probability", "probability_by_draw", "score"], "sdebayes.analysis.quality.rank")
    count = dataset.sizes["candidate"]
    if count > MOST_ROWS:
        raise DataError(
            f"{count} candidates are too many for one figure; select at most {MOST_ROWS} of them."
        )
    best = dataset.isel(candidate=np.argsort(-dataset["score"].values, kind="stable"))
    spread = summarize(best["probability_by_draw"].rename("value"), prob=prob)["value"]
    rows = np.arange(count)
    with look():
        ax = one_axes(ax, height=0.8 + 0.22 * count)
        ax.axvline(1 / count, color=REFERENCE, linewidth=0.8, label="all alike")
        low, high = (spread.sel(statistic=name).values for name in ("lower", "upper"))
        ax.hlines(rows, low, high, color=POSTERIOR, linewidth=2, alpha=0.5, label=f"{prob:.0%} of the draws")
        ax.plot(best["probability"].values, rows, "o", color=POSTERIOR, markersize=4, label="probability")
        name_rows(ax, [str(name).replace("$", r"\$") for name in best["candidate"].values])
        for row, score in enumerate(best["score"].values):
            note_row(ax, row, f"{score:+.1f}")
        ax.set(xlabel="probability", xlim=(0, 1))
        legend_above(ax)
    return ax
