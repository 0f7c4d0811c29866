"""One look for all figures: the same colour for the same thing, readable at the width of a column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Panels
from sdebayes._core.units import UNNAMED, time_unit
from sdebayes.analysis import summarize

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

DATA = "#E69F00"
POSTERIOR = "#0072B2"
TRUTH = "#000000"
REFERENCE = "#767676"
SEQUENTIAL = "cividis"
SIGNED = "PuOr"
BAND = 0.25
WIDTH = 3.4
"""Width of one panel, in inches."""

_SETTINGS: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.2,
    "savefig.dpi": 150,
}


@contextmanager
def look() -> Iterator[None]:
    """Draw the body in the style of this package, and leave matplotlib's settings as they were.

    A backend that is loaded with the first figure, as in a notebook, may turn the interactive mode on: that is kept, or
    no later figure would be shown.
    """
    import matplotlib.pyplot as plt
    import seaborn as sns

    with plt.rc_context(), sns.axes_style("ticks"), plt.rc_context(_SETTINGS):
        yield
        interactive = plt.isinteractive()
    plt.rcParams["interactive"] = interactive


def one_axes(ax: Axes | None, height: float = 2.5) -> Axes:
    """Return the given axes, or new ones of one column's width."""
    import matplotlib.pyplot as plt

    return ax if ax is not None else plt.subplots(figsize=(WIDTH, height), layout="constrained")[1]


def panels(count: int, ax: Panels | None = None, height: float = 1.7) -> np.ndarray:
    """Return one axes for each of ``count`` panels.

    Parameters
    ----------
    count
        Number of panels.
    ax
        Axes to draw in, as many as panels; None makes a figure of two columns' width.
    height
        Height of a panel, in inches.

    Returns
    -------
    numpy.ndarray
        The axes, (count,).

    Raises
    ------
    DataError
        If ``ax`` has another number of axes.
    """
    import matplotlib.pyplot as plt

    if ax is not None:
        given = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if given.size != count:
            raise DataError(
                f"This figure has {count} panels and {given.size} axes were given; pass {count} or None."
            )
        return given
    columns = 3 if count == 3 else min(2, count)
    rows = -(-count // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(WIDTH * min(2, count), 0.4 + height * rows),
        layout="constrained",
        squeeze=False,
    )
    for empty in axes.ravel()[count:]:
        figure.delaxes(empty)
    return axes.ravel()[:count]


def band(
    ax: Axes,
    x: np.ndarray,
    draws: xr.DataArray,
    *,
    prob: float,
    label: str,
    centre: str = "mean",
) -> None:
    """Draw the posterior mean or median and an equal-tailed band of draws along one axis.

    Parameters
    ----------
    ax
        Where.
    x
        Positions, (n,).
    draws
        Over ``sample`` and one more dimension of size n.
    prob
        Probability of the band.
    label
        Name in the legend.
    centre
        ``"mean"`` or ``"median"``, which is the line.
    """
    summary = summarize(draws.rename("value"), prob=prob)["value"]
    if draws.sizes["sample"] > 1:
        lower, upper = summary.sel(statistic="lower"), summary.sel(statistic="upper")
        ax.fill_between(
            x, lower, upper, color=POSTERIOR, alpha=BAND, linewidth=0, label=f"{label}, {prob:.0%} band"
        )
    ax.plot(x, summary.sel(statistic=centre), color=POSTERIOR, label=f"{label}, {centre}")


def time_label(dataset: xr.Dataset, name: str = "time") -> str:
    """Return an axis label with the unit of time, if it is known."""
    unit = time_unit(dataset.attrs)
    return name if (name, unit) == ("time", UNNAMED) or name == unit else f"{name} ({unit})"


def share_legend(axes: Sequence[Axes] | np.ndarray) -> None:
    """Put one legend, of all panels' entries, above the panels."""
    entries: dict[str, Any] = {}
    for ax in axes:
        handles, labels = ax.get_legend_handles_labels()
        entries |= dict(zip(labels, handles, strict=True))
    figure = axes[0].figure
    if len(axes) == 1:
        legend_above(axes[0])
    elif entries:
        figure.legend(
            entries.values(), entries.keys(), loc="outside upper center", ncols=min(3, len(entries))
        )


def legend_above(ax: Axes, columns: int = 3) -> None:
    """Put the legend above the axes, where it hides nothing; with fewer columns where the axes are narrow."""
    if ax.get_legend_handles_labels()[0]:
        ax.legend(
            loc="lower right",
            bbox_to_anchor=(1, 1),
            ncols=columns,
            borderaxespad=0.2,
            handletextpad=0.4,
            columnspacing=1,
        )


def need(dataset: xr.Dataset, names: Sequence[str], maker: str, truth: xr.Dataset | None = None) -> None:
    """Raise unless a dataset, and the truth beside it if there is one, hold these variables.

    Raises
    ------
    DataError
        If one is not there.
    """
    for what, one in {"dataset": dataset, "truth": truth}.items():
        missing = [name for name in names if one is not None and name not in one]
        if missing and one is not None:
            raise DataError(
                f"This plot needs the variable {missing[0]!r} and the {what} holds "
                f"{', '.join(map(str, one.data_vars)) or 'none'}; make it with {maker}."
            )


def outer_labels(axes: np.ndarray, x: str, y: str | None) -> None:
    """Label the axes of a grid of panels at its left and lower edge only."""
    for one in axes:
        place = one.get_subplotspec()
        if place is None or place.is_last_row() or one is axes[-1] or one is axes[max(0, len(axes) - 2)]:
            one.set_xlabel(x)
        if y is not None and (place is None or place.is_first_col()):
            one.set_ylabel(y)


def plain_decades(axis: Axis, at: tuple[int, ...] = (1, 2, 5)) -> None:
    """Write plain numbers at these multiples of each power of ten along a logarithmic axis, and nothing between."""
    from matplotlib.ticker import LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=at))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter("{x:g}")
