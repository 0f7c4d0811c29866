"""How good forecasts are by the number of steps ahead."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Panels
from sdebayes.plots.style import (
    BAND,
    POSTERIOR,
    REFERENCE,
    look,
    need,
    one_axes,
    outer_labels,
    panels,
    share_legend,
)

_LABELS = {
    "energy_score_skill": "skill (energy score)",
    "crps_skill": "skill (CRPS)",
    "squared_error_skill": "skill (squared error)",
    "log_gain": "gain, nats per step",
}


@checked
def by_horizon(
    table: xr.Dataset, ax: Panels | None = None, *, variable: str = "energy_score_skill"
) -> np.ndarray:
    """Draw the skill of forecasts over the horizon, with bands of 95 %.

    Parameters
    ----------
    table
        As ``sdebayes.analysis.forecasts.by_horizon`` returns it. The first candidate is drawn in colour, the others in
        grey, the baseline as the line at zero.
    ax
        Axes, one for each state where the variable has states; or None.
    variable
        ``"energy_score_skill"``, ``"log_gain"``, or, with a panel for each state, ``"crps_skill"`` or
        ``"squared_error_skill"``.

    Returns
    -------
    numpy.ndarray
        The axes, one or one for each state.

    Raises
    ------
    DataError
        If the dataset has no such variable.

    See Also
    --------
    sdebayes.analysis.forecasts.by_horizon : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.forecasts.by_horizon`:

    >>> axes = sb.plots.forecasts.by_horizon(table, variable="squared_error_skill")
    >>> axes.shape
    (2,)
    """
    need(
        table, [variable, f"{variable}_lower", f"{variable}_upper"], "sdebayes.analysis.forecasts.by_horizon"
    )
    coordinate = [str(dim) for dim in table[variable].dims if dim not in ("candidate", "horizon")]
    parts = (
        [table.isel({coordinate[0]: i}) for i in range(table.sizes[coordinate[0]])] if coordinate else [table]
    )
    with look():
        from matplotlib.ticker import MaxNLocator

        axes = panels(len(parts), ax, height=1.5) if coordinate else np.array([one_axes(ax)])
        for part, one in zip(parts, axes, strict=True):
            _curves(one, part, variable)
            one.xaxis.set_major_locator(MaxNLocator(integer=True))
            if coordinate:
                one.set_title(str(part[coordinate[0]].values), loc="left", fontweight="bold")
        outer_labels(axes, "steps ahead", _LABELS.get(variable, variable))
        share_legend(axes)
    return axes


def _curves(ax: Any, table: xr.Dataset, variable: str) -> None:
    horizon, baseline = table["horizon"].values, table.attrs["baseline"]
    styles = cycle(["--", ":", "-.", (0, (5, 1, 1, 1, 1, 1))])
    ax.axhline(0, color=REFERENCE, linewidth=0.8, label=str(baseline))
    for number, name in enumerate(table["candidate"].values):
        if name == baseline:
            continue
        own = table.sel(candidate=name)
        lower, upper = own[f"{variable}_lower"].values, own[f"{variable}_upper"].values
        colour, line = (POSTERIOR, "-") if number == 0 else (REFERENCE, next(styles))
        ax.fill_between(horizon, lower, upper, color=colour, alpha=BAND, linewidth=0)
        ax.plot(
            horizon,
            own[variable].values,
            color=colour,
            linestyle=line,
            marker="o",
            markersize=2.5,
            label=str(name),
        )
