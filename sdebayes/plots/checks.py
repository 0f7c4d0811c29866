"""Figures that lay data over what the model would produce."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.errors import DataError
from sdebayes.analysis import summarize
from sdebayes.plots.style import (
    BAND,
    DATA,
    POSTERIOR,
    look,
    panels,
    share_legend,
    time_label,
)

__all__ = ["predictive"]


def predictive(
    simulated: xr.Dataset,
    ax: Any = None,
    *,
    data: xr.Dataset | None = None,
    prob: float = 0.9,
    paths: int = 3,
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
    """
    if data is not None and list(data["state"].values) != list(simulated["state"].values):
        raise DataError("The data's states are not the simulation's; use data of the same state space.")
    time = simulated["time"].values
    summary = summarize(simulated[["y"]], prob=prob, over=("sample", "path"))["y"]
    chosen = np.linspace(0, simulated.sizes["sample"] - 1, min(paths, simulated.sizes["sample"])).astype(int)
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
