"""Fixed points of all draws on a plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Labels, Probability
from sdebayes.plots.phase_space.planes import SECOND, data_points
from sdebayes.plots.style import DATA, POSTERIOR, TRUTH, legend_above, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKERS = {
    "stable node": ("o", POSTERIOR, "full"),
    "stable focus": ("s", POSTERIOR, "full"),
    "saddle": ("x", SECOND, "full"),
    "unstable node": ("o", SECOND, "none"),
    "unstable focus": ("s", SECOND, "none"),
    "non-hyperbolic": ("d", SECOND, "none"),
}


@checked
def fixed_points(
    dataset: xr.Dataset,
    ax: Axes | None = None,
    *,
    states: Labels | None = None,
    data: xr.Dataset | None = None,
    common: xr.Dataset | None = None,
    truth: xr.Dataset | None = None,
) -> Axes:
    """Draw the fixed points of all draws by their type, seen along two states.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.phase_space.fixed_points`` returns it.
    ax
        Axes, or None.
    states
        Labels of two states; by default the first two.
    data
        ``y(trajectory, time, state)`` (or a smoothed ``x``) with both states, drawn as points behind.
    common
        The same fixed points as ``sdebayes.analysis.phase_space.matched`` returns them: each is labelled with its
        probability of existence, stable ones above and others below.
    truth
        The fixed points of a known SDE, as black crosses.

    Returns
    -------
    Axes
        One marker for each fixed point of each draw: filled where it attracts, crosses for saddles, hollow where it
        repels; circles for nodes, squares for foci.

    Raises
    ------
    DataError
        If the dataset holds no fixed points, or there are not two such states.

    See Also
    --------
    sdebayes.analysis.phase_space.fixed_points : Finds them.
    sdebayes.analysis.phase_space.matched : Matches them over the draws.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.phase_space.matched`:

    >>> ax = sb.plots.phase_space.fixed_points(found, common=common)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x1', 'x2')
    """
    need(dataset, ["location", "kind"], "sdebayes.analysis.phase_space.fixed_points", truth)
    labels = [str(state) for state in dataset["state"].values]
    chosen = labels[:2] if states is None else [str(state) for state in states]
    if len(chosen) != 2 or not set(chosen) <= set(labels):
        raise DataError(f"This figure shows 2 of the states {', '.join(labels)}; got {', '.join(chosen)}.")
    places = dataset["location"].sel(state=chosen).transpose("sample", "fixed_point", "state").values
    kinds = dataset["kind"].transpose("sample", "fixed_point").values
    names = str(dataset["kind"].attrs["flag_meanings"]).split(", ")
    with look():
        ax = one_axes(ax, height=3.1)
        if data is not None:
            data_points(ax, data, chosen)
        for code, name in enumerate(names):
            _draws(ax, places[kinds == code], name)
        if truth is not None:
            own = truth["location"].sel(state=chosen).values.reshape(-1, 2)
            ax.plot(*own.T, "+", color=TRUTH, markersize=8, zorder=4, label="truth")
        if common is not None:
            need(common, ["stable", "probability", "location"], "sdebayes.analysis.phase_space.matched")
            _probabilities(ax, common, chosen)
        ax.set(xlabel=chosen[0], ylabel=chosen[1])
        legend_above(ax)
    return ax


@checked
def in_trajectories(
    dataset: xr.Dataset,
    ax: Axes | None = None,
    *,
    state: str | None = None,
    data: xr.Dataset | None = None,
    prob: Probability = 0.9,
) -> Axes:
    """Draw where the stable fixed points lie in each trajectory, its own offset included, along one state.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.phase_space.in_trajectories`` returns it.
    ax
        Axes, or None.
    state
        Label of the state; by default the first.
    data
        ``y(trajectory, time, state)`` of these trajectories: the mean of each is drawn beside.
    prob
        Probability of the interval of the offset around each draw's mean of it.

    Returns
    -------
    Axes
        A row for each trajectory, in the order of the mean place: the stable fixed points of all draws as dots, and
        behind them a bar from the lowest to the highest, widened by the uncertainty of the offset.

    Raises
    ------
    DataError
        If the dataset has no location in trajectories, or there is no such state.

    See Also
    --------
    sdebayes.analysis.phase_space.in_trajectories : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.phase_space.in_trajectories`:

    >>> ax = sb.plots.phase_space.in_trajectories(placed, data=test)
    >>> len(ax.get_yticklabels())
    4
    """
    need(dataset, ["location", "stable"], "sdebayes.analysis.phase_space.in_trajectories")
    if data is not None:
        need(data, ["y"], "sdebayes.trajectories")
    labels = [str(label) for label in dataset["state"].values]
    chosen = labels[0] if state is None else state
    if chosen not in labels or "trajectory" not in dataset["location"].dims:
        raise DataError(
            f"Expected fixed points in trajectories and one of {', '.join(labels)}; got {chosen!r}."
        )
    location = dataset["location"].sel(state=chosen).where(dataset["stable"])
    location = location.sortby(location.mean(["sample", "fixed_point"]))
    names = location["trajectory"].values
    table = location.transpose("trajectory", "sample", "fixed_point").values.reshape(len(names), -1)
    rows = np.arange(len(names))
    with look():
        from scipy.special import ndtri

        ax = one_axes(ax, height=max(1.8, 0.8 + 0.11 * len(names)))
        margin = np.zeros(len(names))
        if "effect_sd" in dataset:
            sd = dataset["effect_sd"].sel(state=chosen, trajectory=names).mean("sample").values
            margin = ndtri(0.5 + 0.5 * prob) * sd
        low, high = np.nanmin(table, axis=1) - margin, np.nanmax(table, axis=1) + margin
        ax.hlines(rows, low, high, color=POSTERIOR, linewidth=2.5, alpha=0.25, label="± error of offset")
        ax.plot(table.ravel(), np.repeat(rows, table.shape[1]), ".", color=POSTERIOR, markersize=2, alpha=0.5)
        ax.plot([], [], ".", color=POSTERIOR, markersize=4, label="fixed points")
        if data is not None:
            means = data["y"].sel(state=chosen, trajectory=names).mean("time").values
            ax.plot(means, rows, "|", color=DATA, markersize=5, label="data mean")
        ax.set(xlabel=chosen, ylim=(-0.7, len(names) - 0.3))
        ax.set_yticks(rows, [str(name) for name in names], fontsize=6 if len(names) < 40 else 4)
        legend_above(ax)
    return ax


def _draws(ax: Axes, places: np.ndarray, kind: str) -> None:
    if not len(places):
        return
    marker, colour, fill = _MARKERS[kind]
    style: dict[str, Any] = {"color": colour, "markersize": 4, "fillstyle": fill, "linestyle": "none"}
    alpha = float(np.clip(20 / len(places), 0.04, 1.0))
    ax.plot(*places.T, marker, alpha=alpha, markeredgewidth=0.6, **style)
    ax.plot([], [], marker, label=kind, **style)


def _probabilities(ax: Axes, common: xr.Dataset, states: list[str]) -> None:
    for k in range(common.sizes["fixed_point"]):
        stable = bool(common["stable"][k])
        ax.annotate(
            f"{float(common['probability'][k]):.0%}",
            tuple(common["location"].isel(fixed_point=k).sel(state=states).values),
            xytext=(6, 6) if stable else (6, -6),
            verticalalignment="bottom" if stable else "top",
            color=POSTERIOR if stable else SECOND,
            textcoords="offset points",
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8},
            zorder=5,
        )
