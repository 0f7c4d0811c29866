"""How often intervals held what came, and whether ranks of known truths are uniform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Panels, Probability
from sdebayes._core.uniformity import Band, counts_below, simultaneous_band
from sdebayes.plots.rows import name_rows
from sdebayes.plots.style import (
    BAND,
    DATA,
    POSTERIOR,
    REFERENCE,
    legend_above,
    look,
    need,
    one_axes,
    outer_labels,
    panels,
    share_legend,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["coverage", "ecdf"]

_NAMED = 3


@checked
def coverage(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw how often the intervals of each coordinate held what came, with the interval of that share.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.calibration.coverage`` returns it, or one nominal probability of what
        ``sdebayes.calibrate`` returns, ``study.sel(nominal=0.9)``.
    ax
        Axes, or None.

    Returns
    -------
    Axes
        A coordinate a row; left of the dotted line intervals hold less than they promise, right of it more.

    Raises
    ------
    DataError
        If the dataset holds no coverage, or that of several probabilities.

    See Also
    --------
    sdebayes.analysis.calibration.coverage : Computes it.
    sdebayes.plots.forecasts.reliability : At several probabilities.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.calibration.coverage`:

    >>> ax = sb.plots.calibration.coverage(held)
    >>> ax.get_xlabel()
    'share of data inside the forecast interval'
    """
    need(dataset, ["coverage", "lower", "upper"], "sdebayes.analysis.calibration.coverage")
    if "nominal" in dataset.dims:
        raise DataError(
            "The study has intervals of several probabilities; choose one, as study.sel(nominal=0.9)."
        )
    of_truths = "nominal" in dataset.coords
    (dim,) = dataset["coverage"].dims
    rows = np.arange(dataset.sizes[dim])
    share = dataset["coverage"].values
    bars = np.stack([share - dataset["lower"].values, dataset["upper"].values - share])
    nominal = float(dataset["nominal"]) if of_truths else float(dataset.attrs["nominal"])
    prob = float(dataset.attrs["prob"])
    with look():
        ax = one_axes(ax, height=0.8 + 0.22 * rows.size)
        ax.axvline(nominal, color=REFERENCE, linewidth=0.8, linestyle=":", label=f"promised, {nominal:.0%}")
        ax.errorbar(
            share,
            rows,
            xerr=np.maximum(bars, 0),
            fmt="o",
            color=DATA,
            markersize=4,
            capsize=2,
            label=f"{'truths' if of_truths else 'data'}, {prob:.0%} interval",
        )
        held = "truths inside the posterior" if of_truths else "data inside the forecast"
        ax.set_xlabel(f"share of {held} interval", x=1, ha="right")
        name_rows(ax, dataset[dim].values)
        legend_above(ax)
    return ax


@checked
def ecdf(dataset: xr.Dataset, ax: Panels | None = None, *, prob: Probability = 0.95) -> np.ndarray:
    """Draw how far the distribution functions of ranks are from a uniform one, with the band of all together.

    The titles name what leaves the band. A line that rises above it at the left and falls below it at the right is of
    truths that lie in both tails too often: draws too narrow. The other way round they are too wide; a line on one side
    of zero is of draws that are shifted: too high where it is above.

    Parameters
    ----------
    dataset
        As ``sdebayes.calibrate`` returns it.
    ax
        One axes for each part of the model that is ranked, or None.
    prob
        Probability that the lines of all quantities stay in the band if the draws are right.

    Returns
    -------
    numpy.ndarray
        The axes, (part,).

    Raises
    ------
    DataError
        If the dataset is no calibration study, or ``prob`` is no probability.

    See Also
    --------
    sdebayes.calibrate : Computes the ranks.

    Examples
    --------
    Continuing the example of :func:`sdebayes.calibrate`:

    >>> axes = sb.plots.calibration.ecdf(study)
    >>> axes.shape
    (4,)
    """
    if "bias" in dataset and "pit" not in dataset:
        raise DataError(
            "The truths of this study are not drawn from the prior that was fitted, so that their ranks need not be "
            "uniform; draw sdebayes.plots.calibration.coverage(study.sel(nominal=0.9))."
        )
    need(dataset, ["pit"], "sdebayes.calibrate")
    pit = dataset["pit"].dropna("replicate", how="all")
    band = simultaneous_band(pit.sizes["replicate"], 1 - (1 - prob) / pit.sizes["quantity"])
    parts = list(dict.fromkeys(str(part) for part in pit["part"].values))
    with look():
        axes = panels(len(parts), ax)
        for part, one in zip(parts, axes, strict=True):
            outside = _lines(one, pit.sel(quantity=pit["part"] == part), band, prob)
            more = [f"and {len(outside) - _NAMED} more"] if len(outside) > _NAMED else []
            one.set(title="\n".join([part, *outside[:_NAMED], *more]), xlim=(0, 1))
        outer_labels(axes, "normalised rank", "ECDF − uniform")
        share_legend(axes)
    return axes


def _lines(ax: Axes, pit: xr.DataArray, band: Band, prob: float) -> list[str]:
    """Draw the quantities of one part, and return the names of those that leave the band."""
    count = pit.sizes["replicate"]
    edges = {"x": np.concatenate([[0.0], band.points, [1.0]])}
    for side in ("lower", "upper"):
        edges[side] = np.pad(getattr(band, side) / count - band.points, 1)
    ax.fill_between(
        edges["x"],
        edges["lower"],
        edges["upper"],
        color=REFERENCE,
        alpha=BAND,
        linewidth=0,
        label=f"{prob:.0%} band of all quantities",
    )
    ax.axhline(0, color=REFERENCE, linewidth=0.8)
    counts = counts_below(pit.values)
    outside = ((counts < band.lower[:, None]) | (counts > band.upper[:, None])).any(axis=0)
    for below, is_outside in zip(counts.T, outside, strict=True):
        deviation = np.pad(below / count - band.points, 1)
        label = "leaves it (named above)" if is_outside else "stays inside"
        ax.plot(edges["x"], deviation, color=DATA if is_outside else POSTERIOR, linewidth=1, label=label)
    return [str(name) for name in pit["quantity"].values[outside]]
