"""What differs between data read forwards and backwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes.plots.style import SIGNED, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WRITTEN = 8


@checked
def reversibility(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw the asymmetry of the data's cross-correlations in time, pair by pair.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.process.reversibility`` returns it.
    ax
        Axes, or None.

    Returns
    -------
    Axes
        Row i, column j: the correlation of j a step after i, less that of i a step after j, on a scale that is
        symmetric about zero; up to eight states with the numbers. Above, the p-value of the test of reversibility:
        without it colours alone say nothing, for chance colours the cells too.

    Raises
    ------
    DataError
        If the dataset holds no asymmetry.

    See Also
    --------
    sdebayes.analysis.process.reversibility : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.process.reversibility`:

    >>> ax = sb.plots.process.reversibility(found)
    >>> [label.get_text() for label in ax.get_xticklabels()]
    ['x1', 'x2']
    """
    need(dataset, ["asymmetry", "p_value"], "sdebayes.analysis.process.reversibility")
    values = dataset["asymmetry"].transpose("state", "state_bis").values
    labels = [str(state) for state in dataset["state"].values]
    largest = max(float(np.nanmax(np.abs(values))), np.finfo(float).tiny)
    places = np.arange(len(labels))
    with look():
        ax = one_axes(ax, height=3.0)
        mesh = ax.pcolormesh(
            places, places, values, cmap=SIGNED, vmin=-largest, vmax=largest, shading="nearest"
        )
        ax.figure.colorbar(mesh, ax=ax, label="asymmetry of the cross-correlation", shrink=0.85)
        if len(labels) <= _WRITTEN:
            for i, j in np.ndindex(values.shape):
                if i != j:
                    dark = abs(values[i, j]) > 0.6 * largest
                    text = f"{np.round(values[i, j], 2) + 0.0:.2f}".replace("-", "−").replace("0.", ".")
                    ax.text(
                        j, i, text, ha="center", va="center", fontsize=6, color="white" if dark else "black"
                    )
        ax.set(xlabel="j, a step later", ylim=(len(labels) - 0.5, -0.5))
        ax.set_ylabel("i", rotation=0)
        ax.set_xticks(places, labels, rotation=90 if len(labels) > _WRITTEN // 2 else 0)
        ax.set_yticks(places, labels)
        ax.set_title(f"reversible in time? p = {float(dataset['p_value']):.2g}", loc="left")
    return ax
