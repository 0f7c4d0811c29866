"""The figure of the time constants of the drift's Jacobian."""

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
def jacobian_spectrum(
    dataset: xr.Dataset, ax: Axes | None = None, *, truth: xr.Dataset | None = None, prob: Probability = 0.9
) -> Axes:
    """Draw the time constants of the modes with their intervals.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.fields.jacobian_spectrum`` returns it; its first place is drawn.
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
        decade; the share of draws that rotate beside it.

    Raises
    ------
    DataError
        If the dataset holds no spectrum.

    See Also
    --------
    sdebayes.analysis.fields.jacobian_spectrum : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> spectra = [sb.analysis.fields.jacobian_spectrum(source) for source in (posterior, truth)]
    >>> ax = sb.plots.fields.jacobian_spectrum(spectra[0], truth=spectra[1])
    >>> ax.get_xlabel()
    'time constant (unit of time)'
    """
    need(dataset, ["time_constant", "imaginary_part"], "sdebayes.analysis.fields.jacobian_spectrum", truth)
    known = None if truth is None else truth.isel(point=0)
    return time_constants(dataset.isel(point=0), ax, truth=known, prob=prob)
