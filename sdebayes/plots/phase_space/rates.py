"""How fast the process forgets where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Probability
from sdebayes.plots.modes import time_constants
from sdebayes.plots.style import need

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@checked
def time_scales(
    dataset: xr.Dataset, ax: Axes | None = None, *, truth: xr.Dataset | None = None, prob: Probability = 0.9
) -> Axes:
    """Draw the slowest time constants at which the density returns to the stationary one, with their intervals.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.phase_space.time_scales`` returns it.
    ax
        Axes, or None.
    truth
        The same of a known SDE.
    prob
        Probability of the interval.

    Returns
    -------
    Axes
        A mode a row: posterior median and interval of ``1/|Re λ|``, on a logarithmic axis if they span more than a
        factor of ten, with the share of draws in which the mode rotates.

    Raises
    ------
    DataError
        If the dataset holds no time scales.

    See Also
    --------
    sdebayes.analysis.phase_space.time_scales : Computes them.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well_1d", 10, 0.1)
    >>> found = sb.analysis.phase_space.time_scales(truth, count=2, limits=[(-2.0, 2.0)])
    >>> ax = sb.plots.phase_space.time_scales(found)
    >>> ax.get_xlabel()
    'time constant (unit of time)'
    """
    need(dataset, ["time_constant", "imaginary_part"], "sdebayes.analysis.phase_space.time_scales", truth)
    return time_constants(dataset, ax, truth=truth, prob=prob)
