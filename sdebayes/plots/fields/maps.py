"""Scalar fields on a grid over one or two states, with their posterior uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Panels, Probability
from sdebayes._core.units import UNNAMED
from sdebayes.plots.grid_fields import draw_line, draw_map, field_label, grid_dims, rate_unit
from sdebayes.plots.style import REFERENCE, legend_above, look, need, one_axes, panels, share_legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@checked
def scalar(
    values: xr.DataArray,
    ax: Axes | None = None,
    *,
    truth: xr.DataArray | None = None,
    prob: Probability = 0.9,
) -> Axes:
    """Draw any scalar field on a grid over one or two states, with its uncertainty.

    Parameters
    ----------
    values
        (sample, grid_<state>) or (sample, grid_<state>, grid_<state>), such as one entry of the drift or the covariance
        that ``sdebayes.analysis.fields.grid`` returns: ``grid["covariance"].sel(state="x1", state_bis="x2")``.
    ax
        Axes, or None.
    truth
        The same of a known SDE, in black.
    prob
        Probability of the band over one state.

    Returns
    -------
    Axes
        One state: mean and band over the draws. Two: the mean as colours, on a scale that is symmetric about zero where
        it has both signs, and dotted contours of the standard deviation over the draws; with a truth instead three
        contours of both at the same levels. Hatched is what is far from all data, where the values say it.

    Raises
    ------
    DataError
        If the values have other dimensions than these.

    See Also
    --------
    sdebayes.analysis.fields.grid : Computes drift and covariance.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.fields.grid`:

    >>> ax = sb.plots.fields.scalar(found["drift"].sel(state="x1"))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x1', 'x2')
    """
    _check_truth(values, truth)
    dims = grid_dims(values, (1, 2))
    with look():
        ax = one_axes(ax, height=2.5 if len(dims) == 1 else 2.9)
        if len(dims) == 1:
            draw_line(ax, values, dims[0], truth=truth, prob=prob, zero=True)
            ax.set_ylabel(field_label(values))
        else:
            draw_map(ax, values, dims, field_label(values), truth=truth)
        legend_above(ax)
    return ax


def _check_truth(values: xr.DataArray, truth: xr.DataArray | None) -> None:
    """Raise unless a truth has the dimensions of what it stands beside."""
    if truth is not None and set(truth.dims) != set(values.dims):
        raise DataError(
            f"The truth has the dimensions {', '.join(map(str, truth.dims)) or 'none'} and the values "
            f"{', '.join(map(str, values.dims))}; make both with the same analysis on the same grid."
        )


@checked
def divergence(
    values: xr.DataArray,
    ax: Axes | None = None,
    *,
    truth: xr.DataArray | None = None,
    prob: Probability = 0.9,
) -> Axes:
    """Draw the divergence of the drift over one or two states: below zero it draws neighbouring paths together.

    Parameters
    ----------
    values
        As ``sdebayes.analysis.fields.divergence`` returns it at the places of a grid.
    ax
        Axes, or None.
    truth
        The same of a known SDE.
    prob
        Probability of the band over one state.

    Returns
    -------
    Axes
        As of :func:`scalar`.

    Raises
    ------
    DataError
        If the places are not those of a grid over one or two states.

    See Also
    --------
    sdebayes.analysis.fields.divergence : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.fields.grid`:

    >>> values = sb.analysis.fields.divergence(posterior, sb.analysis.fields.points(found))
    >>> ax = sb.plots.fields.divergence(values)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x1', 'x2')
    """
    return scalar(values, ax, truth=truth, prob=prob)


@checked
def rotation(
    values: xr.DataArray,
    ax: Axes | None = None,
    *,
    states: tuple[str, str] | None = None,
    truth: xr.DataArray | None = None,
    prob: Probability = 0.9,
) -> Axes:
    """Draw the angular velocity of the drift in the plane of two states, counter-clockwise, over one or two states.

    Parameters
    ----------
    values
        As ``sdebayes.analysis.fields.rotation`` returns it at the places of a grid.
    ax
        Axes, or None.
    states
        Labels of the two states in whose plane it turns, from the first to the second; by default those of the grid,
        else the first two.
    truth
        The same of a known SDE.
    prob
        Probability of the band over one state.

    Returns
    -------
    Axes
        As of :func:`scalar`.

    Raises
    ------
    DataError
        If the places are not those of a grid over one or two states, or there are no two such states.

    See Also
    --------
    sdebayes.analysis.fields.rotation : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.fields.grid`:

    >>> values = sb.analysis.fields.rotation(posterior, sb.analysis.fields.points(found))
    >>> ax = sb.plots.fields.rotation(values)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x1', 'x2')
    """
    _check_truth(values, truth)
    labels = [str(label) for label in values["state"].values] if "state" in values.coords else []
    over = [dim.removeprefix("grid_") for dim in grid_dims(values, (1, 2), {"state", "state_bis"})]
    chosen = list(states) if states is not None else over if len(over) == 2 else labels[:2]
    if len(set(chosen)) != 2 or not set(chosen) <= set(labels):
        raise DataError(
            f"Rotation is in the plane of 2 of the states {', '.join(labels)}; got {', '.join(chosen)}."
        )
    first, second = chosen
    units = str(values.attrs.get("units", f"radians per {UNNAMED}"))
    text = {"long_name": f"rotation from {first} to {second}", "units": units}

    def turn(part: xr.DataArray) -> xr.DataArray:
        return part.sel(state=second, state_bis=first, drop=True).assign_attrs(text)

    return scalar(turn(values), ax, truth=None if truth is None else turn(truth), prob=prob)


@checked
def stratonovich(dataset: xr.Dataset, ax: Panels | None = None, *, prob: Probability = 0.9) -> np.ndarray:
    """Draw each component of the Stratonovich drift along one state, beside the Itô drift of the same process.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.fields.stratonovich`` returns it at the places of a grid over one state; of two states,
        give one component to :func:`scalar`.
    ax
        One axes for each state, or None.
    prob
        Probability of the band.

    Returns
    -------
    numpy.ndarray
        The axes, (state,): mean and band over the draws of the Stratonovich drift, and the mean of the Itô drift as a
        dashed grey line. The two fall together where the noise is additive.

    Raises
    ------
    DataError
        If the places are not those of a grid over one state.

    See Also
    --------
    sdebayes.analysis.fields.stratonovich : Computes it.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("multiplicative_double_well", 10, 0.1)
    >>> grid = sb.analysis.fields.grid(truth, states=["x1"], limits=[(-2.0, 2.0)], at=[0.0])
    >>> found = sb.analysis.fields.stratonovich(truth, sb.analysis.fields.points(grid))
    >>> sb.plots.fields.stratonovich(found).shape
    (1,)
    """
    need(dataset, ["drift", "correction"], "sdebayes.analysis.fields.stratonovich")
    (name,) = grid_dims(dataset["drift"], (1,), {"state"})
    with look():
        axes = panels(dataset.sizes["state"], ax)
        for state, one in zip(dataset["state"].values, axes, strict=True):
            here = dataset.sel(state=state)
            draw_line(one, here["drift"], name, truth=None, prob=prob, label="Stratonovich", zero=True)
            ito = (here["drift"] + here["correction"]).mean("sample")
            one.plot(here[name], ito, "--", color=REFERENCE, label="Itô, mean")
            one.set_ylabel(f"drift of {state}\n({rate_unit(dataset)})")
        share_legend(axes)
    return axes
