"""Error of forecasts against measures of the texts."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Panels
from sdebayes.plots.style import DATA, look, need, panels


@checked
def dependence(dataset: xr.Dataset, ax: Panels | None = None) -> np.ndarray:
    """Draw the mean error of steps with a small, …, great measure, with its interval.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.forecasts.dependence`` returns it.
    ax
        One axes for each measure, or None.

    Returns
    -------
    numpy.ndarray
        The axes, (term,), each headed by Spearman's correlation ρ within trajectories and its interval.

    Raises
    ------
    DataError
        If the dataset holds no dependence.

    See Also
    --------
    sdebayes.analysis.forecasts.dependence : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.forecasts.dependence`:

    >>> axes = sb.plots.forecasts.dependence(found)
    >>> axes[0].get_xlabel()
    'distance'
    """
    maker = "sdebayes.analysis.forecasts.dependence"
    need(dataset, ["bin_error", "bin_measure", "within_rank_correlation"], maker)
    with look():
        axes = panels(dataset.sizes["term"], ax)
        for term, one in zip(dataset["term"].values, axes, strict=True):
            here = dataset.sel(term=term)
            here = here.isel(bin=here["bin_error"].notnull().values)
            mean = here["bin_error"].values
            bars = [mean - here["bin_error_lower"].values, here["bin_error_upper"].values - mean]
            one.errorbar(
                here["bin_measure"].values,
                mean,
                yerr=np.maximum(bars, 0),
                color=DATA,
                marker="o",
                markersize=3.5,
                capsize=2,
            )
            low, middle, high = (
                float(here[f"within_rank_correlation{end}"]) for end in ("_lower", "", "_upper")
            )
            one.set_title(f"ρ = {middle:+.2f} [{low:+.2f}, {high:+.2f}]".replace("-", "−"), loc="left")
            unit = str(here["units"].values)
            label = str(here["label"].values)
            one.set_xlabel(label if unit in ("", "1") or unit in label else f"{label} ({unit}s)")
            one.set_ylabel(str(dataset.attrs.get("error", "error")))
    return axes
