"""Limit cycles on a plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Labels
from sdebayes.plots.phase_space.planes import data_points
from sdebayes.plots.style import POSTERIOR, TRUTH, legend_above, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@checked
def limit_cycles(
    dataset: xr.Dataset,
    ax: Axes | None = None,
    *,
    states: Labels | None = None,
    data: xr.Dataset | None = None,
    truth: xr.Dataset | None = None,
) -> Axes:
    """Draw the limit cycles of all draws, seen along two states.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.phase_space.limit_cycles`` returns it.
    ax
        Axes, or None.
    states
        Labels of two states; by default the first two.
    data
        ``y(trajectory, time, state)`` (or a smoothed ``x``) with both states, drawn as points behind.
    truth
        The limit cycles of a known SDE, as black lines.

    Returns
    -------
    Axes
        The stable cycles of each draw as one thin line, in the title the share of draws that have one and the median
        of their periods with its 90 % interval.

    Raises
    ------
    DataError
        If the dataset holds no limit cycles, or there are not two such states.

    See Also
    --------
    sdebayes.analysis.phase_space.limit_cycles : Finds them.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.phase_space.limit_cycles`:

    >>> ax = sb.plots.phase_space.limit_cycles(found)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x1', 'x2')
    """
    need(
        dataset, ["orbit", "period", "stable", "exists"], "sdebayes.analysis.phase_space.limit_cycles", truth
    )
    labels = [str(state) for state in dataset["state"].values]
    chosen = labels[:2] if states is None else [str(state) for state in states]
    if len(chosen) != 2 or not set(chosen) <= set(labels):
        raise DataError(f"This figure shows 2 of the states {', '.join(labels)}; got {', '.join(chosen)}.")
    with look():
        ax = one_axes(ax, height=3.1)
        if data is not None:
            data_points(ax, data, chosen)
        count = int(dataset["exists"].sum())
        alpha = float(np.clip(8 / max(1, count), 0.08, 1.0))
        _orbits(ax, dataset, chosen, color=POSTERIOR, alpha=alpha, linewidth=0.8)
        ax.plot([], [], color=POSTERIOR, linewidth=0.8, label="cycles of the draws")
        if truth is not None:
            _orbits(ax, truth, chosen, color=TRUTH, linewidth=1.0)
            ax.plot([], [], color=TRUTH, linewidth=1.0, label="truth")
        ax.set(xlabel=chosen[0], ylabel=chosen[1])
        ax.text(0.5, 1.12, _words(dataset), ha="center", va="bottom", transform=ax.transAxes)
        legend_above(ax)
    return ax


def _orbits(ax: Axes, dataset: xr.Dataset, states: list[str], **style: Any) -> None:
    orbits = dataset["orbit"].sel(state=states).where(dataset["stable"])
    table = orbits.transpose("sample", "cycle", "phase", "state").values.reshape(-1, orbits.sizes["phase"], 2)
    for orbit in table[np.isfinite(table).all(axis=(1, 2))]:
        closed = np.concatenate([orbit, orbit[:1]])
        ax.plot(*closed.T, **style)


def _words(dataset: xr.Dataset) -> str:
    words = f"limit cycle in {float(dataset['exists'].mean()):.0%} of the draws"
    periods = dataset["period"].where(dataset["stable"]).values
    periods = periods[np.isfinite(periods)]
    if not periods.size:
        return words
    low, middle, high = np.quantile(periods, [0.05, 0.5, 0.95])
    return f"{words},\nperiod {middle:.3g} ({low:.3g} to {high:.3g})"
