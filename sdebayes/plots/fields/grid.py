"""Figures of drift, covariance and time constants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.draws import evenly_spread
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, Drawn, Panels, Probability
from sdebayes.plots.grid_fields import draw_line, rate_unit
from sdebayes.plots.style import (
    POSTERIOR,
    REFERENCE,
    legend_above,
    look,
    need,
    one_axes,
    panels,
    share_legend,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAKER = "sdebayes.analysis.fields.grid"


@checked
def profile(
    dataset: xr.Dataset, ax: Panels | None = None, *, truth: xr.Dataset | None = None, prob: Probability = 0.9
) -> np.ndarray:
    """Draw each component of the drift along one state, with its posterior band.

    Parameters
    ----------
    dataset
        ``drift`` on a grid over one state, as ``sdebayes.analysis.fields.grid(source, states=("PC1",))`` returns it.
    ax
        One axes for each state, or None.
    truth
        The same of a known SDE, drawn in black.
    prob
        Probability of the band.

    Returns
    -------
    numpy.ndarray
        The axes, (state,); hatched where no data are near, if the grid says it.

    Raises
    ------
    DataError
        If the grid does not run over one state.

    See Also
    --------
    sdebayes.analysis.fields.grid : Computes the drift.
    sdebayes.plots.fields.scalar : One field over one state or two.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> grid = {"states": ["x1"], "limits": [(-2.0, 2.0)], "at": [0.0, 0.0]}
    >>> profile, known = (sb.analysis.fields.grid(source, **grid) for source in (posterior, truth))
    >>> axes = sb.plots.fields.profile(profile, truth=known)
    >>> axes.shape
    (2,)
    """
    name = _grid_dim(dataset)
    need(dataset, ["drift"], "sdebayes.analysis.fields.grid", truth)
    with look():
        axes = panels(dataset.sizes["state"], ax)
        for state, one in zip(dataset["state"].values, axes, strict=True):
            known = None if truth is None else truth["drift"].sel(state=state)
            draw_line(one, dataset["drift"].sel(state=state), name, truth=known, prob=prob, zero=True)
            one.set_ylabel(f"drift of {state}\n({rate_unit(dataset)})")
        share_legend(axes)
    return axes


@checked
def signal_to_noise(ratio: Drawn, ax: Axes | None = None, *, samples: Count = 100) -> Axes:
    """Draw how large the drift of a step is beside its noise, as distribution over places.

    Parameters
    ----------
    ratio
        As ``sdebayes.analysis.fields.signal_to_noise`` returns it, over ``sample`` and places.
    ax
        Axes, or None.
    samples
        Most draws to show, one thin line each.

    Returns
    -------
    Axes
        The share of places below each ratio: one line a draw, the mean thick.

    Raises
    ------
    DataError
        If there is no finite ratio.

    See Also
    --------
    sdebayes.analysis.fields.signal_to_noise : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.fields.signal_to_noise`:

    >>> ax = sb.plots.fields.signal_to_noise(ratio)
    >>> ax.get_ylabel()
    'share of places below'
    """
    values = ratio.transpose("sample", ...).values.reshape(ratio.sizes["sample"], -1)
    values = values[:, np.isfinite(values).all(axis=0)]
    if not values.size:
        raise DataError("There is no place at which every draw has a finite signal-to-noise ratio.")
    ordered = np.sort(values, axis=1)
    shares = (np.arange(ordered.shape[1]) + 0.5) / ordered.shape[1]
    with look():
        ax = one_axes(ax)
        shown = ordered[evenly_spread(len(ordered), samples)]
        if len(ordered) > 1:
            ax.plot(shown.T, shares, color=POSTERIOR, alpha=max(0.05, 1 / len(shown)), linewidth=0.6)
            ax.plot([], [], color=POSTERIOR, alpha=0.4, linewidth=0.6, label="posterior draws")
        ax.plot(ordered.mean(axis=0), shares, color=POSTERIOR, label="mean")
        ax.axvline(1, color=REFERENCE, linestyle=":", label="drift = noise")
        ax.set(
            xlabel="signal-to-noise of one step, ‖f‖√Δt / ‖G‖", ylabel="share of places below", ylim=(0, 1)
        )
        legend_above(ax)
    return ax


def _grid_dim(dataset: xr.Dataset) -> str:
    """Return the name of the grid's only dimension, or raise."""
    need(dataset, ["drift", "magnitude"], _MAKER)
    dims = [str(dim) for dim in dataset["magnitude"].dims if str(dim).startswith("grid_")]
    if len(dims) != 1:
        raise DataError(
            f"Expected a grid over one state and got one over {len(dims)}; make it with {_MAKER}(states=…)."
        )
    return dims[0]
