"""The Lyapunov spectrum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Probability
from sdebayes._core.units import UNNAMED
from sdebayes.plots.style import POSTERIOR, REFERENCE, TRUTH, legend_above, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@checked
def lyapunov_exponents(
    dataset: xr.Dataset, ax: Axes | None = None, *, truth: xr.Dataset | None = None, prob: Probability = 0.9
) -> Axes:
    """Draw the Lyapunov exponents, largest first, with their posterior and their Monte-Carlo error.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.phase_space.lyapunov_exponents`` returns it.
    ax
        Axes, or None.
    truth
        The exponents of a known SDE, as black crosses.
    prob
        Probability of the intervals.

    Returns
    -------
    Axes
        For each exponent the median over the draws, as a thick line its equal-tailed interval, and as a thin one with
        caps the same interval widened by two median Monte-Carlo standard errors. In the title the probability that the
        first is above zero.

    Raises
    ------
    DataError
        If the dataset holds no exponents, or prob is not between 0 and 1.

    See Also
    --------
    sdebayes.analysis.phase_space.lyapunov_exponents : Computes them.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> ax = sb.plots.phase_space.lyapunov_exponents(
    ...     sb.analysis.phase_space.lyapunov_exponents(posterior, duration=10.0)
    ... )
    >>> ax.get_ylabel()
    'Lyapunov exponent, per unit of time'
    """
    need(dataset, ["exponent", "standard_error"], "sdebayes.analysis.phase_space.lyapunov_exponents", truth)
    values = dataset["exponent"].transpose("sample", "mode").values
    finite = np.isfinite(values).all(axis=1)
    if not finite.any():
        raise DataError("No draw has finite exponents: all paths became infinite.")
    values, modes = values[finite], dataset["mode"].values
    error = 2 * np.median(dataset["standard_error"].transpose("sample", "mode").values[finite], axis=0)
    low, middle, high = np.quantile(values, [0.5 * (1 - prob), 0.5, 0.5 * (1 + prob)], axis=0)
    with look():
        ax = one_axes(ax)
        ax.axhline(0, color=REFERENCE, linewidth=0.8, linestyle=":")
        if error.any():
            ends = np.stack([middle - low + error, high - middle + error])
            style: dict[str, Any] = {"fmt": "none", "ecolor": POSTERIOR, "elinewidth": 0.8, "capsize": 2}
            ax.errorbar(modes, middle, ends, label="and Monte-Carlo error", **style)
        if len(values) > 1:
            ax.vlines(modes, low, high, color=POSTERIOR, linewidth=3, alpha=0.6, label=f"{prob:.0%} interval")
        ax.plot(modes, middle, "o", color=POSTERIOR, markersize=4, label="median")
        if truth is not None:
            ax.plot(
                truth["mode"], truth["exponent"].mean("sample"), "x", color=TRUTH, markersize=5, label="truth"
            )
        unit = str(dataset["exponent"].attrs.get("units", f"per {UNNAMED}"))
        ax.set(xlabel="mode", ylabel=f"Lyapunov exponent, {unit}", xticks=modes)
        ax.set_xlim(modes[0] - 0.5, modes[-1] + 0.5)
        ax.set_title(f"first above zero: probability {np.mean(values[:, 0] > 0):.2f}", pad=30)
        legend_above(ax)
    return ax
