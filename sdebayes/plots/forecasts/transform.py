"""Whether what came lies in its forecasts as often as they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, Panels, Probability
from sdebayes.plots.style import BAND, DATA, REFERENCE, legend_above, look, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@checked
def pit(values: xr.DataArray, ax: Panels | None = None, *, bins: Count = 10, prob: Probability = 0.9) -> Axes:
    """Draw the histogram of probability integral transforms, which is flat for calibrated forecasts.

    Parameters
    ----------
    values
        As ``sdebayes.analysis.forecasts.pit`` returns them, or any values between 0 and 1; NaN are left out.
    ax
        Axes, or None.
    bins
        Number of bins.
    prob
        Probability of the band in which each bar of independent, calibrated values lies.

    Returns
    -------
    Axes
        The histogram, relative to a flat one.

    Raises
    ------
    DataError
        If there is no value, or one outside 0 to 1.

    See Also
    --------
    sdebayes.analysis.forecasts.pit : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.forecasts.pit`:

    >>> ax = sb.plots.forecasts.pit(values)
    >>> ax.get_xlabel()
    'probability integral transform'
    """
    import seaborn as sns
    from scipy.stats import binom

    flat = values.values[np.isfinite(values.values)]
    if not flat.size or flat.min() < 0 or flat.max() > 1:
        raise DataError("PIT values must lie between 0 and 1, and there must be at least one.")
    low, high = binom.ppf([(1 - prob) / 2, (1 + prob) / 2], flat.size, 1 / bins) * bins / flat.size
    with look():
        ax = one_axes(ax)
        ax.axhspan(
            low, high, color=REFERENCE, alpha=BAND, linewidth=0, label=f"{prob:.0%} of calibrated bars"
        )
        sns.histplot(
            x=flat,
            bins=bins,
            binrange=(0, 1),
            stat="density",
            color=DATA,
            edgecolor="white",
            alpha=0.8,
            ax=ax,
        )
        ax.axhline(1, color=REFERENCE, linewidth=0.8)
        ax.set(xlabel="probability integral transform", ylabel="relative frequency", xlim=(0, 1))
        legend_above(ax)
    return ax
