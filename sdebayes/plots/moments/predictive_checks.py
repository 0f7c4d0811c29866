"""How surprising statistics of data are under the model."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Probability
from sdebayes.plots.rows import name_rows, note_row
from sdebayes.plots.style import BAND, DATA, POSTERIOR, REFERENCE, legend_above, look, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAKER = "sdebayes.analysis.moments.predictive_p_values"


@checked
def predictive_p_values(dataset: xr.Dataset, ax: Axes | None = None, *, prob: Probability = 0.9) -> Axes:
    """Draw the posterior-predictive p-values of every statistic, all its entries in one row.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.moments.predictive_p_values`` returns it.
    ax
        Axes, or None.
    prob
        Probability of the grey band between the tails.

    Returns
    -------
    Axes
        A statistic a row, one stroke an entry, such as a lag of a state, orange in the tails; at the right edge how
        many of how many are there. Near 0 the data's statistic is larger than the model's replicates, near 1 smaller.

    Raises
    ------
    DataError
        If the dataset holds no p-values.

    See Also
    --------
    sdebayes.analysis.moments.predictive_p_values : Computes them.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.moments.predictive_p_values`:

    >>> ax = sb.plots.moments.predictive_p_values(sb.analysis.moments.predictive_p_values(found))
    >>> ax.get_xlabel()
    'posterior-predictive p-value'
    """
    rows = {}
    for name, variable in dataset.data_vars.items():
        flat = np.asarray(variable.values, dtype=float).ravel()
        rows["\n".join(wrap(str(name).replace("_", " "), 16))] = flat[np.isfinite(flat)]
    rows = {name: values for name, values in rows.items() if values.size}
    if not rows or any(values.min() < 0 or values.max() > 1 for values in rows.values()):
        raise DataError(f"Expected p-values between 0 and 1 and found none; make them with {_MAKER}.")
    tail = (1 - prob) / 2
    with look():
        ax = one_axes(ax, height=0.8 + 0.3 * len(rows))
        ax.axvspan(tail, 1 - tail, color=REFERENCE, alpha=BAND, linewidth=0, label=f"middle {prob:.0%}")
        for height, values in enumerate(rows.values()):
            outside = (values < tail) | (values > 1 - tail)
            for chosen, colour in ((~outside, POSTERIOR), (outside, DATA)):
                ax.vlines(values[chosen], height - 0.3, height + 0.3, color=colour, linewidth=0.9, alpha=0.8)
            note_row(ax, height, f"{outside.sum()} of {values.size}")
        ax.plot([], [], color=POSTERIOR, linewidth=0.9, label="entries")
        ax.plot([], [], color=DATA, linewidth=0.9, label="in the tails")
        ax.set(xlabel="posterior-predictive p-value", xlim=(-0.01, 1.01))
        name_rows(ax, rows)
        legend_above(ax)
    return ax
