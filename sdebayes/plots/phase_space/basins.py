"""Basins of attraction as coloured regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes.plots.phase_space.planes import data_points, frame
from sdebayes.plots.style import POSTERIOR, REFERENCE, TRUTH, legend_above, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (POSTERIOR, "#CC79A7", "#009E73", "#56B4E9", "#D55E00", "#882255")
"""Colours of the attractors that have a basin, in their order; the grey of references beyond."""

_FAINTEST, _FULLEST = 0.08, 0.7
_LEAST_SHARE = 0.005


@checked
def basins(
    dataset: xr.Dataset,
    ax: Axes | None = None,
    *,
    data: xr.Dataset | None = None,
    truth: xr.Dataset | None = None,
) -> Axes:
    """Colour each place by the attractor that the flow most probably leads to, faintly where that is unsure.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.phase_space.basins`` returns it.
    ax
        Axes, or None.
    data
        ``y(trajectory, time, state)`` (or a smoothed ``x``) with both states, drawn as points.
    truth
        The basins of a known SDE on the same plane: their edges as black lines.

    Returns
    -------
    Axes
        Regions whose opacity is the probability of their attractor, with the mean places of the fixed points as crosses
        and, in the legend, the mean share of the plane that each attractor draws. Attractors that draw less than half a
        per cent of it are left out.

    Raises
    ------
    DataError
        If the dataset holds no basins.

    See Also
    --------
    sdebayes.analysis.phase_space.basins : Computes them.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.phase_space.basins`:

    >>> ax = sb.plots.phase_space.basins(found)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x1', 'x2')
    """
    need(dataset, ["probability", "share", "location"], "sdebayes.analysis.phase_space.basins", truth)
    first, second = (str(dim) for dim in dataset["probability"].dims if str(dim).startswith("grid_"))
    share = dataset["share"].mean("sample").values
    shown = [int(k) for k in np.flatnonzero(share >= _LEAST_SHARE)]
    colours = {k: COLOURS[i] if i < len(COLOURS) else REFERENCE for i, k in enumerate(shown)}
    states = [first.removeprefix("grid_"), second.removeprefix("grid_")]
    with look():
        ax = one_axes(ax, height=3.1)
        image = _image(dataset["probability"].transpose(second, first, "attractor").values, colours)
        x, y = dataset[first].values, dataset[second].values
        ax.imshow(
            image, origin="lower", extent=_extent(x, y), aspect="auto", interpolation="nearest", zorder=-1
        )
        if data is not None:
            data_points(ax, data, states)
        if truth is not None:
            _edges(ax, truth, first, second)
        for k in shown:
            name = str(dataset["attractor"].values[k]).removeprefix("fixed ")
            ax.fill_between([], [], [], color=colours[k], alpha=_FULLEST, label=f"{name}, {share[k]:.0%}")
            place = dataset["location"].isel(attractor=k).sel(state=states).values
            ax.plot(*place, "+", color=TRUTH, markersize=7, zorder=4)
        frame(ax, dataset, first, second)
        legend_above(ax)
    return ax


def _image(probability: np.ndarray, colours: dict[int, str]) -> np.ndarray:
    """Return (second, first, 4): the colour of the most probable attractor, as opaque as it is probable."""
    from matplotlib.colors import to_rgb

    best = probability.argmax(axis=-1)
    certainty = probability.max(axis=-1)
    table = np.array([to_rgb(colours.get(k, REFERENCE)) for k in range(probability.shape[-1])])
    opacity = _FAINTEST + (_FULLEST - _FAINTEST) * np.clip(2 * certainty - 1, 0, 1)
    return np.concatenate([table[best], opacity[..., None]], axis=-1)


def _extent(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float, float]:
    """Return the edges of cells whose middles are the grid points."""
    half_x, half_y = 0.5 * (x[1] - x[0]), 0.5 * (y[1] - y[0])
    return float(x[0] - half_x), float(x[-1] + half_x), float(y[0] - half_y), float(y[-1] + half_y)


def _edges(ax: Axes, truth: xr.Dataset, first: str, second: str) -> None:
    """Draw where the most probable attractor changes; a place on the edge itself may lead nowhere."""
    probability = truth["probability"].sel(attractor=truth["attractor"] != "elsewhere")
    tables = probability.transpose("attractor", second, first).values
    for k, own in enumerate(tables):
        lead = own - np.delete(tables, k, axis=0).max(axis=0)
        if lead.min() < 0 < lead.max():
            ax.contour(truth[first], truth[second], lead, levels=[0.0], colors=[TRUTH], linewidths=[0.9])
    ax.plot([], [], color=TRUTH, linewidth=0.9, label="true edges")
