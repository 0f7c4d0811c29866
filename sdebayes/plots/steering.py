"""How a steered text was chosen."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes.plots.rows import name_rows, note_row
from sdebayes.plots.style import POSTERIOR, REFERENCE, legend_above, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH = 30


@checked
def steer(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw the score of every candidate at each step, and which was chosen.

    Parameters
    ----------
    dataset
        As `sdebayes.steer` returns it.
    ax
        Axes, or None.

    Returns
    -------
    Axes
        A step a row, named by the beginning of its sentence; at its right the agreement of the draws.

    Raises
    ------
    DataError
        If the dataset is no log of steering.
    """
    need(dataset, ["score", "chosen", "text", "agreement"], "sdebayes.steer")
    rows = np.arange(dataset.sizes["step"])
    score = dataset["score"].transpose("step", "candidate").values
    with look():
        ax = one_axes(ax, height=1.0 + 0.42 * rows.size)
        ax.plot(score.T, np.broadcast_to(rows, score.T.shape), "o", color=REFERENCE, markersize=3)
        ax.plot([], [], "o", color=REFERENCE, markersize=3, label="offered")
        chosen = score[rows, dataset["chosen"].values]
        ax.plot(chosen, rows, "o", color=POSTERIOR, markersize=5, label="chosen")
        name_rows(ax, [_begun(str(text)) for text in dataset["text"].values])
        for row, share in enumerate(dataset["agreement"].values):
            note_row(ax, row, f"{share:.0%}")
        note_row(ax, -1, "agree")
        ax.set_xlabel("score (nats)")
        legend_above(ax)
    return ax


def _begun(text: str) -> str:
    lines = wrap(text, _WIDTH, max_lines=3, placeholder=" …")
    return "\n".join(lines).replace("$", r"\$")
