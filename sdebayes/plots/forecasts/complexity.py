"""How complex texts are."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Panels
from sdebayes.plots.style import DATA, REFERENCE, look, panels

_BINS = 30
_SHOWN = 0.99


@checked
def complexity(dataset: xr.Dataset, ax: Panels | None = None) -> np.ndarray:
    """Draw how each measure of complexity is distributed over the texts.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.forecasts.complexity`` returns it.
    ax
        One axes for each measure, or None.

    Returns
    -------
    numpy.ndarray
        The axes, one for each variable: a histogram of the middle 99 % of the texts, with the median.

    Raises
    ------
    DataError
        If the dataset holds no measure, or one without values.
    """
    values = {str(name): part.values[np.isfinite(part.values)] for name, part in dataset.data_vars.items()}
    if not values or not all(part.size for part in values.values()):
        raise DataError("Found no measures; make them with sdebayes.analysis.forecasts.complexity.")
    with look():
        axes = panels(len(values), ax, height=1.5)
        for (name, part), one in zip(values.items(), axes, strict=True):
            low, middle, high = np.quantile(part, [(1 - _SHOWN) / 2, 0.5, (1 + _SHOWN) / 2])
            one.hist(part, bins=_BINS, range=(low, high if high > low else low + 1), color=DATA, alpha=0.8)
            one.axvline(middle, color=REFERENCE, linewidth=1, linestyle="--")
            label, unit = (str(dataset[name].attrs.get(key, "")) for key in ("long_name", "units"))
            label = label or name
            one.set_xlabel(label if unit in ("", "1") or unit in label else f"{label} ({unit}s)")
            one.set_yticks([])
            one.set_title(f"median {middle:.3g}", loc="right")
    return axes
