"""Figures of held-out scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count
from sdebayes.plots.rows import name_rows
from sdebayes.plots.style import DATA, POSTERIOR, REFERENCE, legend_above, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["components", "differences", "per_trajectory"]

_MAKER = "sdebayes.compare"


@checked
def differences(table: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw how much better than the baseline each candidate predicts held-out trajectories.

    Parameters
    ----------
    table
        As ``sdebayes.compare`` returns it.
    ax
        Axes, or None.

    Returns
    -------
    Axes
        A candidate a row, nulls in grey, the mean difference per observed step with its 95 % interval.

    Raises
    ------
    DataError
        If the dataset is no table of comparisons.

    See Also
    --------
    sdebayes.compare : Computes them.
    sdebayes.plots.scores.per_trajectory : One candidate, trajectory by trajectory.

    Examples
    --------
    Continuing the example of :func:`sdebayes.compare`:

    >>> ax = sb.plots.scores.differences(table)
    >>> ax.get_xlabel()
    'gain, nats per step'
    """
    need(table, ["difference", "lower", "upper", "kind"], _MAKER)
    names = [str(name) for name in table["candidate"].values]
    rows = np.arange(len(names))
    colours = [REFERENCE if kind == "null" else POSTERIOR for kind in table["kind"].values]
    with look():
        from matplotlib.ticker import MaxNLocator

        ax = one_axes(ax, height=0.7 + 0.28 * len(names))
        ax.axvline(0, color=REFERENCE, linewidth=0.6, linestyle=":")
        middle = table["difference"].values
        reach = np.stack([middle - table["lower"].values, table["upper"].values - middle], axis=1)
        for row, difference, sides, colour in zip(rows, middle, reach, colours, strict=True):
            ax.errorbar(difference, row, xerr=sides[:, None], fmt="o", color=colour, markersize=4, capsize=2)
        ax.set(xlabel="gain, nats per step")
        name_rows(ax, [name.replace("$", r"\$") for name in names])
        ax.xaxis.set_major_locator(MaxNLocator(5))
    return ax


@checked
def per_trajectory(table: xr.Dataset, ax: Axes | None = None, *, candidate: str, most: Count = 40) -> Axes:
    """Draw the score per step of each trajectory under one candidate beside the baseline's.

    Parameters
    ----------
    table
        As ``sdebayes.compare`` returns it.
    ax
        Axes, or None.
    candidate
        Which candidate.
    most
        At most so many trajectories are shown: those with the smallest and the largest gain.

    Returns
    -------
    Axes
        A trajectory a row, sorted by its gain.

    Raises
    ------
    DataError
        If there is no such candidate.

    See Also
    --------
    sdebayes.compare : Computes them.
    sdebayes.plots.scores.differences : All candidates.

    Examples
    --------
    Continuing the example of :func:`sdebayes.compare`:

    >>> ax = sb.plots.scores.per_trajectory(table, candidate="linear")
    >>> len(ax.get_yticklabels())
    4
    """
    need(table, ["log_score", "n_observed"], _MAKER)
    if candidate not in table["candidate"].values:
        raise DataError(f"There is no candidate {candidate!r} among {list(table['candidate'].values)}.")
    score = table["log_score"] / table["n_observed"]
    own, null = score.sel(candidate=candidate).values, score.sel(candidate=table.attrs["baseline"]).values
    order = np.argsort(own - null)[::-1]
    if order.size > most:
        order = np.concatenate([order[: most // 2], order[-(most // 2) :]])
    rows = np.arange(order.size)
    with look():
        ax = one_axes(ax, height=0.7 + 0.17 * order.size)
        ax.hlines(rows, null[order], own[order], color=REFERENCE, linewidth=0.8)
        ax.plot(null[order], rows, "o", color=DATA, markersize=3.5, label=str(table.attrs["baseline"]))
        ax.plot(own[order], rows, "o", color=POSTERIOR, markersize=3.5, label="model")
        ax.set(xlabel="log score, nats per step")
        name_rows(ax, [_short(str(table["trajectory"].values[i])) for i in order])
        legend_above(ax)
    return ax


@checked
def components(scores: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw how slow held-out states are against the number of principal components that they are made of.

    Parameters
    ----------
    scores
        As ``sdebayes.TICA.score`` returns them.
    ax
        Axes, or None.

    Returns
    -------
    Axes
        VAMP-2 scores, each part of the trajectories a thin line, their mean a thick one, its largest marked.

    Raises
    ------
    DataError
        If the dataset holds no such scores.

    See Also
    --------
    sdebayes.TICA : Whose ``score`` computes them.

    Examples
    --------
    Continuing the example of :func:`sdebayes.embed`:

    >>> scores = sb.TICA(2).score(embedded, components=[2, 4, 8], folds=2)
    >>> ax = sb.plots.scores.components(scores)
    >>> ax.get_xlabel()
    'principal components'
    """
    need(scores, ["vamp2"], "sdebayes.TICA.score")
    numbers = scores["components"].values
    parts = scores["vamp2"].transpose("fold", "components").values
    mean = scores["vamp2"].mean("fold").values
    with look():
        ax = one_axes(ax)
        ax.plot(numbers, parts.T, color=REFERENCE, linewidth=0.6)
        ax.plot(numbers, mean, color=POSTERIOR, linewidth=1.6)
        ax.plot(numbers[mean.argmax()], mean.max(), "o", color=POSTERIOR)
        ax.set_xscale("log", base=2)
        ax.set(xlabel="principal components", ylabel="VAMP-2, held out", xticks=numbers, xticklabels=numbers)
    return ax


def _short(name: str, width: int = 28) -> str:
    """Shorten a name, and keep its dollar signs from being read as mathematics."""
    cut = name if len(name) <= width else name[: width - 1] + "…"
    return cut.replace("$", r"\$")
