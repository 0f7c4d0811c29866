"""How a steered text was chosen."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, Panels
from sdebayes.plots.rows import name_rows, note_row
from sdebayes.plots.style import (
    DATA,
    POSTERIOR,
    REFERENCE,
    legend_above,
    look,
    need,
    one_axes,
    outer_labels,
    panels,
    share_legend,
)

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


@checked
def path(dataset: xr.Dataset, ax: Panels | None = None, *, states: Count = 3) -> np.ndarray:
    """Draw where a steered text goes beside its target.

    Parameters
    ----------
    dataset
        As `sdebayes.steer` returns it, with a target in state space.
    ax
        Axes, as many as panels; None makes a figure.
    states
        How many states are drawn at most, in their order.

    Returns
    -------
    numpy.ndarray
        The axes: the distance from the next point of the target, and a panel for each state, step by step.

    Raises
    ------
    DataError
        If the dataset is no log of steering towards a target.
    """
    need(dataset, ["y", "target", "distance", "chosen"], "sdebayes.steer")
    if not np.isfinite(dataset["target"]).any():
        raise DataError(
            "The text was not steered towards a place; give sdebayes.steer a target in state space."
        )
    names = [str(name) for name in dataset["state"].values[:states]]
    steps = np.arange(1, dataset.sizes["step"] + 1)
    with look():
        axes = panels(1 + len(names), ax)
        for one, name in zip(axes, [None, *names], strict=True):
            offered = dataset["distance"] if name is None else dataset["y"].sel(state=name)
            offered = offered.transpose("step", "candidate")
            one.plot(steps, offered, "o", color=REFERENCE, markersize=2)
            one.plot([], [], "o", color=REFERENCE, markersize=2, label="offered")
            chosen = offered.values[np.arange(steps.size), dataset["chosen"].values]
            one.plot(steps, chosen, "o-", color=POSTERIOR, markersize=4, label="chosen")
            if name is not None:
                one.plot(steps, dataset["target"].sel(state=name), "D", color=DATA, label="target")
            one.set_xticks(steps)
            one.margins(x=0.1)
            one.set_ylabel("distance to the target" if name is None else name)
        axes[0].set_ylim(bottom=0)
        outer_labels(axes, "step", None)
        share_legend(axes)
    return axes


def _begun(text: str) -> str:
    lines = wrap(text, _WIDTH, max_lines=3, placeholder=" …")
    return "\n".join(lines).replace("$", r"\$")
