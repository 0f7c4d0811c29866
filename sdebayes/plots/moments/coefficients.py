"""Kramers–Moyal coefficients of data over the band of simulated ensembles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Panels, Probability
from sdebayes._core.units import time_unit
from sdebayes.plots.sight import keep_in_sight
from sdebayes.plots.style import (
    DATA,
    POSTERIOR,
    REFERENCE,
    TRUTH,
    band,
    legend_above,
    look,
    need,
    one_axes,
    panels,
    share_legend,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAKER = "sdebayes.analysis.moments.kramers_moyal"
_LABELS = {"drift": "D₁", "diffusion": "D₂ = Σ/2", "pawula_ratio": "D₄/D₂²"}


@checked
def kramers_moyal(
    dataset: xr.Dataset, ax: Panels | None = None, *, truth: xr.Dataset | None = None, prob: Probability = 0.9
) -> np.ndarray:
    """Draw drift, diffusion and, without noise, Pawula's ratio of one state.

    Parameters
    ----------
    dataset
        Over one state, as ``sdebayes.analysis.moments.kramers_moyal`` returns it.
    ax
        Two axes, or three where there is Pawula's ratio; or None.
    truth
        ``drift`` and ``covariance`` of a known SDE on a grid over the same state, as
        ``sdebayes.analysis.fields.grid(source, states=("PC1",))`` returns them, drawn in black.
    prob
        Probability of the band.

    Returns
    -------
    numpy.ndarray
        The axes, (2,) or (3,): data as points with two standard errors, simulations as a band; what reaches more than
        three ranges of points and median simulations beyond these is cut.

    Raises
    ------
    DataError
        If the dataset is not over one state.

    See Also
    --------
    sdebayes.analysis.moments.kramers_moyal : Computes them.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.moments.kramers_moyal`:

    >>> axes = sb.plots.moments.kramers_moyal(found)
    >>> axes.shape
    (3,)
    """
    need(dataset, ["drift" if "drift" in dataset else "drift_data"], _MAKER)
    grids = [str(dim) for dim in dataset.dims if str(dim).startswith("grid_")]
    if len(grids) != 1:
        raise DataError(
            f"Expected coefficients over one state and got {len(grids)}; make them with {_MAKER}."
        )
    state = grids[0].removeprefix("grid_")
    here = dataset.sel(state=state, state_bis=state)
    names = [name for name in _LABELS if name in here or f"{name}_data" in here]
    unit = time_unit(dataset.attrs)
    with look():
        axes = panels(len(names), ax)
        for name, one in zip(names, axes, strict=True):
            _draw(one, here, name, grids[0], prob)
            units = unit if name == "pawula_ratio" else f"per {unit}"
            one.set(xlabel=state, ylabel=f"{_LABELS[name]} ({units})")
        axes[0].axhline(0, color=REFERENCE, linewidth=0.6, zorder=0)
        if truth is not None:
            need(truth, ["drift", "covariance", grids[0]], "sdebayes.analysis.fields.grid")
            known = truth.sel(state=state, state_bis=state).mean("sample")
            for one, value in zip(axes, (known["drift"], known["covariance"] / 2), strict=False):
                one.plot(known[grids[0]], value, color=TRUTH, linestyle="--", label="truth")
        share_legend(axes)
    return axes


@checked
def kramers_moyal_plane(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw the drift D₁ in the plane of two states as arrows.

    Parameters
    ----------
    dataset
        Over two states, as ``sdebayes.analysis.moments.kramers_moyal`` returns it.
    ax
        Axes, or None.

    Returns
    -------
    Axes
        At each cell the arrow of the data in orange, and that of the simulations, averaged over draws, in blue; the
        longest arrow is as long as a cell. Cells with too few increments are left out.

    Raises
    ------
    DataError
        If the dataset is not over two states.

    See Also
    --------
    sdebayes.analysis.moments.kramers_moyal : Computes them.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well", 4000, 0.05)
    >>> found = sb.analysis.moments.kramers_moyal(data, states=(0, 1), bins=6)
    >>> ax = sb.plots.moments.kramers_moyal_plane(found)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x1', 'x2')
    """
    need(dataset, ["drift" if "drift" in dataset else "drift_data"], _MAKER)
    grids = [str(dim) for dim in dataset.dims if str(dim).startswith("grid_")]
    if len(grids) != 2:
        raise DataError(
            f"Expected coefficients over two states and got {len(grids)}; make them with {_MAKER}(states=…)."
        )
    first, second = (f"grid_{state}" for state in dataset["state"].values)
    fields = {}
    if "drift" in dataset:
        fields["simulated, mean"] = (dataset["drift"].mean("sample"), POSTERIOR)
    if "drift_data" in dataset:
        fields["data"] = (dataset["drift_data"], DATA)
    values = {name: part.transpose(second, first, "state").values for name, (part, _) in fields.items()}
    longest = max(np.nanmax(np.hypot(*np.moveaxis(value, -1, 0))) for value in values.values())
    x, y = dataset[first].values, dataset[second].values
    cell = min(np.diff(x).min(), np.diff(y).min())
    with look():
        ax = one_axes(ax, height=3.2)
        for name, value in values.items():
            ax.quiver(
                *(x, y, value[..., 0], value[..., 1]),
                color=fields[name][1],
                label=name,
                angles="xy",
                scale_units="xy",
                scale=longest / cell,
                width=0.008,
            )
        ax.set(xlabel=first.removeprefix("grid_"), ylabel=second.removeprefix("grid_"))
        ax.margins(0.12)
        legend_above(ax)
    return ax


def _draw(ax: Axes, here: xr.Dataset, name: str, grid: str, prob: float) -> None:
    if name in here:
        band(ax, here[grid].values, here[name], prob=prob, label="simulated")
    if f"{name}_data" in here:
        values, errors = here[f"{name}_data"].values, here[f"{name}_standard_error_data"].values
        look_of_data: dict[str, Any] = {"color": DATA, "fmt": "o", "markersize": 3, "linewidth": 0.9}
        ax.errorbar(here[grid].values, values, 2 * errors, label="data ± 2 s.e.", **look_of_data)
        middle = here[name].median("sample").values.ravel() if name in here else values
        keep_in_sight(ax, np.concatenate([values, middle]))
