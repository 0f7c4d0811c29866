"""The phase portrait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes.plots.grid_fields import draw_far
from sdebayes.plots.phase_space.planes import data_points, frame
from sdebayes.plots.style import POSTERIOR, TRUTH, legend_above, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap


@checked
def portrait(
    dataset: xr.Dataset,
    ax: Axes | None = None,
    *,
    data: xr.Dataset | None = None,
    truth: xr.Dataset | None = None,
) -> Axes:
    """Draw the mean drift as streamlines, faint where the draws do not agree on its direction.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.phase_space.portrait`` returns it.
    ax
        Axes, or None.
    data
        ``y(trajectory, time, state)`` (or a smoothed ``x``) with both states, drawn as points behind.
    truth
        The portrait of a known SDE on the same grid, as thin black arrows.

    Returns
    -------
    Axes
        Streamlines of the mean drift coloured by the length of the draws' mean direction (1: the direction is certain),
        and the equilibria of the draws, if the dataset has them: crosses, and for a nonlinear drift circles where they
        repel. Hatched is what is far from all data: bands of a process are too narrow there.

    Raises
    ------
    DataError
        If the dataset is no portrait.

    See Also
    --------
    sdebayes.analysis.phase_space.portrait : Computes it.
    sdebayes.explore : A portrait to be touched.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.phase_space.portrait`:

    >>> ax = sb.plots.phase_space.portrait(found, data=posterior.smooth(test))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x1', 'x2')
    """
    need(dataset, ["drift_mean", "direction_resultant"], "sdebayes.analysis.phase_space.portrait", truth)
    first, second = (f"grid_{state}" for state in dataset["state"].values)
    x, y = dataset[first].values, dataset[second].values
    mean = dataset["drift_mean"].transpose(second, first, "state").values
    certainty = dataset["direction_resultant"].transpose(second, first).values
    with look():
        from matplotlib.colors import Normalize

        ax = one_axes(ax, height=3.1)
        if data is not None:
            data_points(ax, data, list(dataset["state"].values))
        stream = ax.streamplot(
            x,
            y,
            mean[..., 0],
            mean[..., 1],
            color=certainty,
            cmap=_fading(),
            norm=Normalize(0, 1),
            linewidth=1.0,
            arrowsize=0.7,
            density=1.0,
        )
        beside_bar = dataset.sizes.get("sample", 1) > 1
        if beside_bar:
            ax.figure.colorbar(stream.lines, ax=ax, label="certainty of the direction", shrink=0.85)
        if truth is not None:
            _arrows(ax, truth, first, second)
        draw_far(ax, dataset, [first, second])
        if "equilibrium" in dataset:
            _equilibria(ax, dataset)
        frame(ax, dataset, first, second)
        legend_above(ax, columns=2 if beside_bar else 3)
    return ax


def _fading() -> Colormap:
    """From nearly white to the posterior's colour."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("certainty", ["#e4eef5", POSTERIOR])


def _arrows(ax: Axes, truth: xr.Dataset, first: str, second: str) -> None:
    every = max(1, truth.sizes[first] // 8)
    thin = truth["drift_mean"].isel({first: slice(None, None, every), second: slice(None, None, every)})
    arrows = thin.transpose(second, first, "state").values
    ax.quiver(
        thin[first], thin[second], arrows[..., 0], arrows[..., 1], color=TRUTH, width=0.004, label="truth"
    )


def _equilibria(ax: Axes, dataset: xr.Dataset) -> None:
    places = dataset["equilibrium"].transpose("sample", ..., "state").values
    if "stable" in dataset:
        stable = dataset["stable"].transpose("sample", "fixed_point").values
        _scatter(ax, places[stable], "+", "stable fixed points")
        _scatter(ax, places[~stable], "o", "unstable")
    elif len(places) == 1:
        _scatter(ax, places, "o", "equilibrium")
    else:
        _scatter(ax, places, "+", "equilibria of the draws")


def _scatter(ax: Axes, places: np.ndarray, marker: str, label: str) -> None:
    places = places[np.isfinite(places).all(axis=-1)]
    if not len(places):
        return
    style: dict[str, Any] = {"color": TRUTH, "markersize": 4, "fillstyle": "none", "linestyle": "none"}
    ax.plot(*places.T, marker, alpha=max(0.1, min(1.0, 30 / len(places))), **style)
    ax.plot([], [], marker, label=label, **style)
