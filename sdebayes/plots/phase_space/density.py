"""The stationary density, its current and its quasi-potential."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Probability
from sdebayes.plots.grid_fields import (
    coverage_level,
    draw_contours,
    draw_line,
    draw_truth,
    fading,
    on_plane,
    sheet,
)
from sdebayes.plots.phase_space.planes import data_points, frame, points_name
from sdebayes.plots.style import (
    BAND,
    DATA,
    POSTERIOR,
    REFERENCE,
    SEQUENTIAL,
    TRUTH,
    legend_above,
    look,
    need,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAKER = "sdebayes.analysis.phase_space.stationary_density"
_DEEPEST = 8.0
_ENDLESS = 1e3
_SURE = 0.9
_SHORTEST = 0.06


@checked
def stationary_density(
    dataset: xr.Dataset,
    ax: Axes | None = None,
    *,
    data: xr.Dataset | None = None,
    truth: xr.Dataset | None = None,
    prob: Probability = 0.9,
) -> Axes:
    """Draw a stationary density of one or two states with its uncertainty.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.phase_space.stationary_density`` or, of more states,
        ``sdebayes.analysis.phase_space.occupation_density`` returns it.
    ax
        Axes, or None.
    data
        ``y(trajectory, time, state)`` (or a smoothed ``x``): a histogram behind one state, points behind two.
    truth
        The density of a known SDE on the same states, in black.
    prob
        Probability of the band (one state), or within the contours (two states).

    Returns
    -------
    Axes
        One state: mean and band over the draws. Two: the mean as filled contours and, of up to 25 draws, the thin line
        around the smallest region that holds this probability; where the lines lie apart, the shape is not known.

    Raises
    ------
    DataError
        If the dataset is no density.

    See Also
    --------
    sdebayes.analysis.phase_space.stationary_density : Computes it.
    sdebayes.analysis.phase_space.occupation_density : Computes it of simulated paths.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well_1d", 500, 0.1)
    >>> found = sb.analysis.phase_space.stationary_density(truth, limits=[(-2.0, 2.0)])
    >>> ax = sb.plots.phase_space.stationary_density(found, data=data)
    >>> ax.get_xlabel()
    'x1'
    """
    need(dataset, ["density"], _MAKER, truth)
    with look():
        ax, dims = sheet(dataset["density"], ax)
        if len(dims) == 1:
            _profile(ax, dataset, dims[0], data, truth, prob)
        else:
            _hills(ax, dataset, dims, data, truth, prob)
        legend_above(ax)
    return ax


@checked
def current(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw the mean probability current over the mean stationary density.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.phase_space.stationary_density`` returns it for a source of two states.
    ax
        Axes, or None.

    Returns
    -------
    Axes
        Arrows as long as the mean current, on the mean density as filled contours; black where nine of ten draws flow
        within 90° of the mean, grey elsewhere.

    Raises
    ------
    DataError
        If the dataset has no current of two states.

    See Also
    --------
    sdebayes.analysis.phase_space.stationary_density : Computes it.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("ornstein_uhlenbeck", 10, 0.1)
    >>> found = sb.analysis.phase_space.stationary_density(truth, limits=[(-2.0, 2.0), (-2.0, 2.0)], points=31)
    >>> ax = sb.plots.phase_space.current(found)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x1', 'x2')
    """
    need(dataset, ["density", "current"], _MAKER)
    if dataset.sizes["state"] != 2:
        raise DataError("In one state the stationary current is zero; give the density of two states.")
    with look():
        ax, dims = sheet(dataset["density"], ax)
        x, y, mean = on_plane(dataset["density"].mean("sample"), dims)
        ax.contourf(x, y, mean, levels=_levels(mean), cmap=fading())
        _arrows(ax, dataset["current"], dims)
        frame(ax, dataset, *dims)
        legend_above(ax)
    return ax


@checked
def quasi_potential(
    dataset: xr.Dataset, ax: Axes | None = None, *, truth: xr.Dataset | None = None, prob: Probability = 0.9
) -> Axes:
    """Draw the quasi-potential −log p of one or two states.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.phase_space.stationary_density`` returns it.
    ax
        Axes, or None.
    truth
        That of a known SDE on the same states, in black.
    prob
        Probability of the band.

    Returns
    -------
    Axes
        One state: median and band over the draws. Two: the median as filled contours, up to 8 above the minimum; beyond
        the process is hardly ever seen.

    Raises
    ------
    DataError
        If the dataset has no quasi-potential.

    See Also
    --------
    sdebayes.analysis.phase_space.stationary_density : Computes it.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well_1d", 10, 0.1)
    >>> found = sb.analysis.phase_space.stationary_density(truth, limits=[(-2.0, 2.0)])
    >>> ax = sb.plots.phase_space.quasi_potential(found)
    >>> ax.get_xlabel()
    'x1'
    """
    need(dataset, ["quasi_potential"], _MAKER, truth)
    potential = dataset["quasi_potential"]
    with look():
        ax, dims = sheet(potential, ax)
        if len(dims) == 1:
            _well(ax, potential, dims[0], truth, prob)
        else:
            _wells(ax, potential, dims, truth)
            frame(ax, dataset, *dims)
        legend_above(ax)
    return ax


def _profile(
    ax: Axes, dataset: xr.Dataset, dim: str, data: xr.Dataset | None, truth: xr.Dataset | None, prob: float
) -> None:
    x = dataset[dim].values
    if data is not None:
        path = data["x"].mean("sample") if "x" in data else data["y"]
        seen = path.sel(state=dim.removeprefix("grid_")).values.ravel()
        seen = seen[np.isfinite(seen)]
        ax.hist(
            seen,
            bins=min(40, max(10, len(seen) // 25)),
            range=(float(x[0]), float(x[-1])),
            density=True,
            color=DATA,
            alpha=0.5,
            label=points_name(data),
        )
    known = None if truth is None else truth["density"]
    draw_line(ax, dataset["density"], dim, truth=known, prob=prob, label="density")
    ax.set(ylabel="density", ylim=(0, None))


def _hills(
    ax: Axes,
    dataset: xr.Dataset,
    dims: list[str],
    data: xr.Dataset | None,
    truth: xr.Dataset | None,
    prob: float,
) -> None:
    x, y, mean = on_plane(dataset["density"].mean("sample"), dims)
    filled = ax.contourf(x, y, mean, levels=_levels(mean), cmap=fading(), zorder=-1)
    ax.figure.colorbar(filled, ax=ax, label="mean density", shrink=0.85, format="%.2g")
    if data is not None:
        data_points(ax, data, [dim.removeprefix("grid_") for dim in dims])
    draw_contours(
        ax,
        dataset["density"],
        dims,
        lambda one: coverage_level(one, prob),
        f"{prob:.0%} region, {'draws' if dataset.sizes['sample'] > 1 else 'mean'}",
    )
    if truth is not None:
        own = truth["density"].mean("sample")
        draw_truth(ax, own, dims, coverage_level(own.values, prob))
    frame(ax, dataset, *dims)


def _levels(mean: np.ndarray) -> np.ndarray:
    """Return levels from a fiftieth of the height on, so that the empty part stays white."""
    highest = float(np.nanmax(mean))
    return np.append(highest / 50, np.linspace(0.1, 1.0, 10) * highest)


def _well(ax: Axes, potential: xr.DataArray, dim: str, truth: xr.Dataset | None, prob: float) -> None:
    x = potential[dim].values
    capped = np.minimum(potential.transpose("sample", dim).values, _ENDLESS)
    if len(capped) > 1:
        low, high = np.nanquantile(capped, [0.5 - prob / 2, 0.5 + prob / 2], axis=0)
        ax.fill_between(x, low, high, color=POSTERIOR, alpha=BAND, linewidth=0, label=f"{prob:.0%} band")
    ax.plot(x, np.nanmedian(capped, axis=0), color=POSTERIOR, label="median")
    if truth is not None:
        ax.plot(truth[dim], truth["quasi_potential"].mean("sample"), "--", color=TRUTH, label="truth")
    ax.set(xlabel=dim.removeprefix("grid_"), ylabel="quasi-potential −log p", ylim=(0, _DEEPEST))


def _wells(ax: Axes, potential: xr.DataArray, dims: list[str], truth: xr.Dataset | None) -> None:
    x, y, middle = on_plane(potential.median("sample"), dims)
    levels = np.arange(0, _DEEPEST + 0.5)
    filled = ax.contourf(x, y, np.minimum(middle, _ENDLESS), levels=levels, cmap=f"{SEQUENTIAL}_r")
    ax.figure.colorbar(filled, ax=ax, label="quasi-potential −log p", shrink=0.85)
    if truth is not None:
        own = truth["quasi_potential"].mean("sample")
        draw_truth(ax, own, dims, 1.0, 3.0, 5.0, linestyles="-", linewidths=0.8, label="truth, at 1, 3, 5")


def _arrows(ax: Axes, current: xr.DataArray, dims: list[str]) -> None:
    """Draw the mean of a current, grey where the draws do not agree on its direction."""
    thin = current.isel({dim: slice(None, None, max(1, current.sizes[dim] // 16)) for dim in dims})
    flow = thin.transpose("sample", *dims[::-1], "state").values
    average = flow.mean(axis=0)
    agree = np.mean(np.sum(flow * average, axis=-1) > 0, axis=0) >= _SURE
    length = np.linalg.norm(average, axis=-1)
    x, y = np.meshgrid(thin[dims[0]], thin[dims[1]])
    for chosen, colour, label in ((agree, TRUTH, "current"), (~agree, REFERENCE, "direction not sure")):
        shown = chosen & (length > _SHORTEST * length.max())
        if shown.any():
            arrows = (x[shown], y[shown], *average[shown].T)
            ax.quiver(*arrows, color=colour, label=label, width=0.006, scale=length.max() * 12)
