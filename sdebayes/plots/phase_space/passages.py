"""Which of two regions is reached first, and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Probability
from sdebayes.plots.grid_fields import draw_contours, draw_line, draw_truth, on_plane, sheet
from sdebayes.plots.phase_space.planes import frame
from sdebayes.plots.style import POSTERIOR, SEQUENTIAL, TRUTH, legend_above, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDE = 20.0


@checked
def committor(
    dataset: xr.Dataset, ax: Axes | None = None, *, truth: xr.Dataset | None = None, prob: Probability = 0.9
) -> Axes:
    """Draw the probability of reaching region B before region A, in one or two states.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.phase_space.committor`` returns it.
    ax
        Axes, or None.
    truth
        That of a known SDE on the same states, in black.
    prob
        Probability of the band of one state.

    Returns
    -------
    Axes
        One state: mean and band over the draws. Two: the mean as filled contours, orange for A and purple for B, and of
        up to 25 draws the line where both are as likely.

    Raises
    ------
    DataError
        If the dataset has no committor.

    See Also
    --------
    sdebayes.analysis.phase_space.committor : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.phase_space.committor`:

    >>> ax = sb.plots.phase_space.committor(found)
    >>> ax.get_xlabel()
    'x1'
    """
    need(dataset, ["committor"], "sdebayes.analysis.phase_space.committor", truth)
    field, known = dataset["committor"], None if truth is None else truth["committor"]
    with look():
        ax, dims = sheet(field, ax)
        if len(dims) == 1:
            draw_line(ax, field, dims[0], truth=known, prob=prob, label="committor")
            ax.set_ylabel("probability of B before A")
        else:
            x, y, mean = on_plane(field.mean("sample"), dims)
            filled = ax.contourf(x, y, mean, levels=np.linspace(0, 1, 11), cmap="PuOr", alpha=0.8)
            bar = ax.figure.colorbar(filled, ax=ax, label="probability of B before A", shrink=0.85)
            bar.set_ticks([0, 0.5, 1])
            draw_contours(ax, field, dims, lambda _: 0.5, "½, draws")
            draw_truth(ax, None if known is None else known.mean("sample"), dims, 0.5)
            frame(ax, dataset, *dims)
        legend_above(ax)
    return ax


@checked
def exit_time(
    dataset: xr.Dataset, ax: Axes | None = None, *, truth: xr.Dataset | None = None, prob: Probability = 0.9
) -> Axes:
    """Draw how the mean exit time from each start is distributed over the draws.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.phase_space.exit_time`` or ``sdebayes.analysis.phase_space.simulated_exit_time``
        returns it for one or more starts.
    ax
        Axes, or None.
    truth
        That of a known SDE for the same starts: black strokes.
    prob
        Probability of the thick line.

    Returns
    -------
    Axes
        One row a start: the distribution over the draws, its median and equal-tailed interval; on a logarithmic axis
        where it spans more than a factor of 20. Of simulated times the Monte-Carlo error widens it.

    Raises
    ------
    DataError
        If the dataset has no exit times of a start.

    See Also
    --------
    sdebayes.analysis.phase_space.exit_time : Computes it.
    sdebayes.plots.phase_space.exit_time_field : Over all starts.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> ball = sb.analysis.phase_space.Ball([0.0, 0.0], 1.0)
    >>> found = sb.analysis.phase_space.exit_time(posterior, ball, x0=[0.0, 0.0], points=21)
    >>> ax = sb.plots.phase_space.exit_time(found)
    >>> ax.get_xlabel()
    'mean exit time (unit of time)'
    """
    need(dataset, ["exit_time"], "sdebayes.analysis.phase_space.exit_time with x0=", truth)
    rows = _rows(dataset["exit_time"])
    known = {} if truth is None else {name: float(v.mean()) for name, v in _rows(truth["exit_time"]).items()}
    return _distributions(rows, known, ax, f"mean exit time ({dataset['exit_time'].attrs['units']})", prob)


@checked
def exit_time_field(
    dataset: xr.Dataset, ax: Axes | None = None, *, truth: xr.Dataset | None = None, prob: Probability = 0.9
) -> Axes:
    """Draw the mean exit time over where the process starts, in one or two states.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.phase_space.exit_time`` returns it.
    ax
        Axes, or None.
    truth
        That of a known SDE on the same states, in black.
    prob
        Probability of the band of one state.

    Returns
    -------
    Axes
        One state: median and band over the draws. Two: the median as colours and, of up to 25 draws, the line at half
        of the longest median time; where the lines lie apart, the time is not known.

    Raises
    ------
    DataError
        If the dataset has no field of exit times.

    See Also
    --------
    sdebayes.analysis.phase_space.exit_time : Computes it.
    sdebayes.plots.phase_space.exit_time : From one start.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.phase_space.exit_time`:

    >>> ax = sb.plots.phase_space.exit_time_field(found)
    >>> ax.get_xlabel()
    'start, x1'
    """
    need(dataset, ["exit_time_field"], "sdebayes.analysis.phase_space.exit_time", truth)
    field, known = dataset["exit_time_field"], None if truth is None else truth["exit_time_field"]
    label = f"mean exit time ({field.attrs['units']})"
    with look():
        ax, dims = sheet(field, ax)
        if len(dims) == 1:
            draw_line(ax, field, dims[0], truth=known, prob=prob, centre="median")
            ax.set(xlabel=f"start, {dims[0].removeprefix('grid_')}", ylabel=label)
            ax.set_ylim(bottom=0)
        else:
            _field_on_plane(ax, field, dims, known)
            ax.figure.colorbar(ax.collections[0], ax=ax, label=label, shrink=0.85)
            frame(ax, dataset, *dims)
        legend_above(ax)
    return ax


@checked
def transition_rates(
    dataset: xr.Dataset,
    ax: Axes | None = None,
    *,
    variable: str = "passage_time",
    truth: xr.Dataset | None = None,
    prob: Probability = 0.9,
) -> Axes:
    """Draw how the passages between two regions are distributed over the draws, as mean times or as rates.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.phase_space.transition_rates`` returns it.
    ax
        Axes, or None.
    variable
        ``"passage_time"``, the mean first passage times, or ``"rate"``.
    truth
        That of a known SDE: black strokes.
    prob
        Probability of the thick line.

    Returns
    -------
    Axes
        Two rows, from A to B and from B to A, as in :func:`exit_time`.

    Raises
    ------
    DataError
        If the dataset has no such variable.

    See Also
    --------
    sdebayes.analysis.phase_space.transition_rates : Computes them.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.phase_space.transition_rates`:

    >>> ax = sb.plots.phase_space.transition_rates(found, variable="rate")
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['A to B', 'B to A']
    """
    names = {"A to B": variable, "B to A": f"{variable}_back"}
    need(dataset, list(names.values()), "sdebayes.analysis.phase_space.transition_rates", truth)
    rows = {label: dataset[name].values for label, name in names.items()}
    known = {} if truth is None else {label: float(truth[name].mean()) for label, name in names.items()}
    text = {"passage_time": "mean first passage time"}.get(variable, "transition rate")
    label = f"{text} ({dataset[variable].attrs['units']})"
    return _distributions(rows, known, ax, label, prob)


def _field_on_plane(ax: Axes, field: xr.DataArray, dims: list[str], truth: xr.DataArray | None) -> None:
    """Draw the median of a field, and of draws and of the truth the line at half of its maximum."""
    x, y, middle = on_plane(field.median("sample"), dims)
    ax.pcolormesh(x, y, middle, cmap=f"{SEQUENTIAL}_r", shading="nearest", rasterized=True)
    half = 0.5 * float(np.nanmax(middle))
    draw_contours(ax, field, dims, lambda _: half, "half of the longest, draws")
    draw_truth(ax, None if truth is None else truth.median("sample"), dims, half)


def _rows(times: xr.DataArray) -> dict[str, np.ndarray]:
    """Return the draws of every start under its name."""
    values = times.transpose("sample", ...).values.reshape(times.sizes["sample"], -1)
    if values.shape[1] == 1:
        return {"": values[:, 0]}
    return {f"start {i + 1}": own for i, own in enumerate(values.T)}


def _distributions(
    rows: Mapping[str, np.ndarray], known: Mapping[str, float], ax: Axes | None, label: str, prob: float
) -> Axes:
    """Draw one row of density, interval and median for each name."""
    with look():
        ax = one_axes(ax, height=0.9 + 0.45 * len(rows))
        everything = np.concatenate([*rows.values(), list(known.values())])
        positive = everything[np.isfinite(everything) & (everything > 0)]
        wide = bool(positive.size and positive.max() > _WIDE * positive.min())
        for height, (name, draws) in enumerate(rows.items()):
            own = draws[np.isfinite(draws) & ((draws > 0) | (not wide))]
            if own.size > 1:
                _hill(ax, own, height, wide)
            if own.size:
                low, middle, high = np.quantile(own, [0.5 - prob / 2, 0.5, 0.5 + prob / 2])
                first = height == 0
                ax.plot(
                    [low, high],
                    [height, height],
                    color=POSTERIOR,
                    linewidth=2.5,
                    label=f"{prob:.0%} of draws" if first else None,
                )
                ax.plot(middle, height, "o", color="white", markeredgecolor=POSTERIOR, markersize=5)
            if name in known:
                ax.plot(
                    [known[name]] * 2,
                    [height + 0.2, height - 0.65],
                    "--",
                    color=TRUTH,
                    label="truth" if height == 0 else None,
                )
        ax.set_yticks(range(len(rows)), list(rows))
        ax.tick_params(axis="y", length=0)
        ax.set(ylim=(len(rows) - 0.6, -0.9), xlabel=label, xscale="log" if wide else "linear")
        ax.spines["left"].set_visible(False)
        legend_above(ax)
    return ax


def _hill(ax: Axes, draws: np.ndarray, height: int, wide: bool) -> None:
    """Draw the smoothed density of draws above its row, on the scale of the axis."""
    from scipy.stats import gaussian_kde

    values = np.log(draws) if wide else draws
    if np.ptp(values) == 0:
        return
    reach = 0.15 * np.ptp(values)
    x = np.linspace(values.min() - reach, values.max() + reach, 200)
    density = gaussian_kde(values)(x)
    place = np.exp(x) if wide else x
    ax.fill_between(
        place, height, height - 0.6 * density / density.max(), color=POSTERIOR, alpha=0.25, linewidth=0
    )
