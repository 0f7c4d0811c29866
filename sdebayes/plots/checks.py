"""Figures that lay data over what the model would produce."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.draws import evenly_spread
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, Panels, Probability, Simulated, Trajectories
from sdebayes.analysis import summarize
from sdebayes.plots.style import (
    BAND,
    DATA,
    POSTERIOR,
    TRUTH,
    legend_above,
    look,
    need,
    one_axes,
    panels,
    share_legend,
    time_label,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["elbo", "predictive"]


@checked
def predictive(
    simulated: Simulated,
    ax: Panels | None = None,
    *,
    data: Trajectories | None = None,
    prob: Probability = 0.9,
    paths: Count = 3,
) -> np.ndarray:
    """Draw simulated observations over time: the predictive band, some single paths, and the data.

    Parameters
    ----------
    simulated
        ``y(sample, path, time, state)``, as ``sdebayes.simulate`` returns it.
    ax
        One axes for each state, or None.
    data
        ``y(trajectory, time, state)`` and ``t(trajectory, time)``.
    prob
        Probability of the band.
    paths
        Number of single simulated paths, each of another draw, and of trajectories of the data.

    Returns
    -------
    numpy.ndarray
        The axes, (state,).

    Raises
    ------
    DataError
        If the data have other states.

    See Also
    --------
    sdebayes.simulate : Makes the paths.
    sdebayes.plots.moments.predictive_p_values : Statistics in their place.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.moments.mask_like`:

    >>> axes = sb.plots.checks.predictive(paths, data=test)
    >>> [ax.get_ylabel() for ax in axes]
    ['x1', 'x2']
    """
    if data is not None and list(data["state"].values) != list(simulated["state"].values):
        raise DataError("The data's states are not the simulation's; use data of the same state space.")
    time = simulated["time"].values
    summary = summarize(simulated[["y"]], prob=prob, over=("sample", "path"))["y"]
    chosen = evenly_spread(simulated.sizes["sample"], paths)
    with look():
        axes = panels(simulated.sizes["state"], ax, height=1.5)
        for state, one in zip(simulated["state"].values, axes, strict=True):
            here = summary.sel(state=state)
            lower, upper = here.sel(statistic="lower"), here.sel(statistic="upper")
            one.fill_between(
                time,
                lower,
                upper,
                color=POSTERIOR,
                alpha=BAND,
                linewidth=0,
                label=f"simulated, {prob:.0%} band",
            )
            for number, draw in enumerate(chosen):
                path = (
                    simulated["y"].isel(sample=draw, path=number % simulated.sizes["path"]).sel(state=state)
                )
                one.plot(time, path, color=POSTERIOR, linewidth=0.6, alpha=0.8, label="simulated paths")
            if data is not None:
                shown = data.isel(trajectory=slice(None, paths))
                one.plot(
                    shown["t"].values.T,
                    shown["y"].sel(state=state).values.T,
                    color=DATA,
                    linewidth=0.7,
                    label="data",
                )
            one.set(xlabel=time_label(simulated), ylabel=str(state))
        share_legend(axes)
    return axes


@checked
def elbo(trace: xr.Dataset, ax: Panels | None = None, *, window: Count = 100) -> Axes:
    """Draw the evidence lower bound over the steps of an optimisation: each step, and the mean of those before it.

    The limits are those of the running mean; steps far below it at the beginning are cut off, and those at which the
    bound is not finite are left out.

    Parameters
    ----------
    trace
        ``elbo(step)``, the group ``elbo`` of a posterior by `sdebayes.SVI`: ``posterior.data["elbo"].to_dataset()``.
    ax
        Axes, or None for new ones.
    window
        Steps of the running mean.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    DataError
        If there is no variable ``elbo``, or it is finite nowhere.

    See Also
    --------
    sdebayes.SVI : Raises the bound.

    Examples
    --------
    Continuing the example of :class:`sdebayes.SVI`:

    >>> ax = sb.plots.checks.elbo(fitted.data["elbo"].to_dataset())
    >>> ax.get_xlabel()
    'step'
    """
    need(trace, ["elbo"], "sdebayes.SVI: posterior.data['elbo'].to_dataset()")
    finite = np.isfinite(trace["elbo"].values)
    values, steps = trace["elbo"].values[finite], trace["step"].values[finite]
    if not len(values):
        raise DataError(
            "The bound is not finite at any step; lower the learning rate of sdebayes.SVI, or use NUTS."
        )
    width = min(window, len(values))
    mean = np.convolve(values, np.full(width, 1 / width), mode="valid")
    noise = float(np.std(np.diff(values)) / np.sqrt(2))
    with look():
        ax = one_axes(ax)
        ax.plot(steps, values, color=POSTERIOR, linewidth=0.4, alpha=0.4, label="each step")
        ax.plot(steps[width - 1 :], mean, color=TRUTH, linewidth=1.2, label=f"mean of {width} steps")
        ax.set_ylim(mean.min() - 3 * noise, mean.max() + 3 * noise)
        ax.set(xlabel="step", ylabel="ELBO / nat")
        legend_above(ax)
    return ax
