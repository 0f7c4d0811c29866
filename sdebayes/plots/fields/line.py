"""Drift and noise along a line through the state space."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Panels, Probability
from sdebayes.plots.grid_fields import rate_unit
from sdebayes.plots.style import REFERENCE, TRUTH, band, look, need, panels, share_legend

_MAKER = "sdebayes.analysis.fields.line"


@checked
def line(
    dataset: xr.Dataset, ax: Panels | None = None, *, truth: xr.Dataset | None = None, prob: Probability = 0.9
) -> np.ndarray:
    r"""Draw the parts of drift and noise that point along a line, with their posterior bands.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.fields.line`` returns it.
    ax
        Two axes, or None.
    truth
        The same of a known SDE, drawn in black.
    prob
        Probability of the band.

    Returns
    -------
    numpy.ndarray
        The axes, (2,): the drift, which crosses zero downwards where it holds a path back on the line, and the square
        root of the covariance rate.

    Raises
    ------
    DataError
        If the dataset holds no line.

    See Also
    --------
    sdebayes.analysis.fields.line : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> found = sb.analysis.fields.line(posterior, start=[-1.0, 0.0], end=[1.0, 0.0])
    >>> axes = sb.plots.fields.line(found)
    >>> [ax.get_ylabel() for ax in axes]
    ['drift along the line\n(per unit of time)', 'noise along the line\n(per √unit of time)']
    """
    need(dataset, ["drift_along", "covariance_along", "distance"], _MAKER, truth)
    distance = dataset["distance"].values
    names = {"drift": lambda part: part["drift_along"], "noise": lambda part: part["covariance_along"] ** 0.5}
    unit = rate_unit(dataset)
    labels = {
        "drift": f"drift along the line\n({unit})",
        "noise": f"noise along the line\n({unit.replace('per ', 'per √')})",
    }
    with look():
        axes = panels(2, ax)
        axes[0].axhline(0, color=REFERENCE, linewidth=0.6)
        for (name, read), one in zip(names.items(), axes, strict=True):
            band(one, distance, read(dataset), prob=prob, label="posterior")
            if truth is not None:
                one.plot(
                    truth["distance"], read(truth).mean("sample"), color=TRUTH, linestyle="--", label="truth"
                )
            one.set(xlabel="distance from the start", ylabel=labels[name])
        axes[1].set_ylim(bottom=0)
        share_legend(axes)
    return axes
