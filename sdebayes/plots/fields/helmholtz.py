"""The drift in a plane as a slope and a swirl."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Panels, Probability
from sdebayes.analysis import summarize
from sdebayes.plots.fields.drawing import rate_unit
from sdebayes.plots.style import REFERENCE, SEQUENTIAL, look, need, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ARROWS = 12


@checked
def helmholtz(dataset: xr.Dataset, ax: Panels | None = None, *, prob: Probability = 0.9) -> np.ndarray:
    """Draw the gradient part of a drift over its potential, and the rotational part over its speed.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.fields.helmholtz`` returns it.
    ax
        Two axes, or None.
    prob
        Probability of the interval of the rotational share.

    Returns
    -------
    numpy.ndarray
        The axes, (2,): posterior means; the arrows of each panel have their own scale, which the colours and the share
        in the title make up for.

    Raises
    ------
    DataError
        If the dataset holds no decomposition.
    """
    need(dataset, ["potential", "gradient", "rotational"], "sdebayes.analysis.fields.helmholtz")
    first, second = (f"grid_{label}" for label in dataset["state"].values)
    parts = {name: dataset[name].mean("sample") for name in ("gradient", "rotational", "potential")}
    with look():
        axes = panels(2, ax, height=2.6)
        potential = parts["potential"].transpose(second, first)
        _shade(axes[0], potential, first, second, "potential")
        axes[0].contour(
            dataset[first],
            dataset[second],
            potential,
            colors=REFERENCE,
            linestyles="solid",
            levels=7,
            linewidths=0.5,
        )
        speed = ((parts["rotational"] ** 2).sum("state") ** 0.5).transpose(second, first)
        _shade(axes[1], speed, first, second, f"speed ({rate_unit(dataset)})")
        for one, name in zip(axes, ("gradient", "rotational"), strict=True):
            _arrows(one, parts[name], first, second)
            one.set(xlabel=first.removeprefix("grid_"), ylabel=second.removeprefix("grid_"))
        axes[0].set_title("gradient part")
        axes[1].set_title(f"rotational part: {_share(dataset, prob)}")
    return axes


def _shade(ax: Axes, values: xr.DataArray, first: str, second: str, label: str) -> None:
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    light = ListedColormap(0.4 + 0.6 * colormaps[SEQUENTIAL](np.linspace(0, 1, 256)))
    mesh = ax.pcolormesh(values[first], values[second], values, cmap=light, shading="gouraud")
    ax.figure.colorbar(mesh, ax=ax, label=label, fraction=0.05, pad=0.02)


def _arrows(ax: Axes, part: xr.DataArray, first: str, second: str) -> None:
    """Draw at most a dozen arrows along each axis, the longest one a little longer than a cell."""
    longest = max(float((part**2).sum("state").max()) ** 0.5, np.finfo(float).tiny)
    every = {dim: slice(None, None, -(-part.sizes[dim] // _ARROWS)) for dim in (first, second)}
    few = part.isel(every).transpose(second, first, "state").values
    x, y = part[first].values[every[first]], part[second].values[every[second]]
    cell = (x[-1] - x[0]) / max(1, x.size - 1)
    ax.quiver(
        x, y, few[..., 0], few[..., 1], color="black", pivot="mid", angles="xy", scale_units="xy",
        scale=longest / (1.3 * cell), width=0.006,
    )  # fmt: skip


def _share(dataset: xr.Dataset, prob: float) -> str:
    """Posterior mean and interval of the rotational share, in words."""
    share = dataset["rotational_share"].rename("share")
    text = f"{float(share.mean()):.0%} of the drift"
    if share.sizes["sample"] == 1:
        return text
    summary = summarize(share, prob=prob)["share"]
    low, high = (float(summary.sel(statistic=name)) for name in ("lower", "upper"))
    return f"{text} ({low:.0%} to {high:.0%})"
