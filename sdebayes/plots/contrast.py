"""Figures of what differs between groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Panels, Probability
from sdebayes.analysis import summarize
from sdebayes.plots.rows import draw_intervals, name_rows, note_row
from sdebayes.plots.style import (
    DATA,
    POSTERIOR,
    REFERENCE,
    WIDTH,
    legend_above,
    look,
    need,
    one_axes,
    panels,
    plain_decades,
    share_legend,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["contrast", "overview", "shuffled_groups", "trend"]

MOST_ROWS = 60
MOST_PANELS = 12
_ENDINGS = ("_prior", "_shuffled", "_p_value", "_value")


@checked
def contrast(
    dataset: xr.Dataset, ax: Axes | None = None, *, variable: str | None = None, prob: Probability = 0.9
) -> Axes:
    """Draw the difference of each pair of groups with its interval, over the interval that the prior had.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.contrast.contrast`` or ``sdebayes.analysis.contrast.overview`` returns it.
    ax
        Axes, or None.
    variable
        Which variable; default the first.
    prob
        Probability of the intervals.

    Returns
    -------
    Axes
        A pair, and a component of the variable, a row.

    Raises
    ------
    DataError
        If there is no such variable, or it has too many components for rows.

    See Also
    --------
    sdebayes.analysis.contrast.contrast : Computes it.
    sdebayes.plots.contrast.overview : Many quantities at once.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.contrast.contrast`:

    >>> ax = sb.plots.contrast.contrast(found)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['low − high']
    """
    name = _variable(dataset, variable, "contrast")
    own = _rows(dataset[name], "sample")
    with look():
        ax = one_axes(ax, height=0.8 + 0.22 * own.sizes["row"])
        if f"{name}_prior" in dataset:
            before = summarize(_rows(dataset[f"{name}_prior"], "sample").rename("value"), prob=prob)["value"]
            low, high = (before.sel(statistic=end).values for end in ("lower", "upper"))
            rows = np.arange(own.sizes["row"])
            ax.hlines(
                rows, low, high, color=REFERENCE, linewidth=6, alpha=0.25, label=f"{prob:.0%} of the prior"
            )
        low, high = draw_intervals(ax, own, prob)
        _about_none(ax, dataset[name], np.concatenate([low, high]))
        name_rows(ax, own["row"].values)
        legend_above(ax)
    return ax


@checked
def overview(dataset: xr.Dataset, ax: Panels | None = None, *, prob: Probability = 0.9) -> np.ndarray:
    """Draw each quantity that is compared between groups in a panel, as `contrast` draws one.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.contrast.overview`` returns it.
    ax
        Axes, one for each quantity, or None.
    prob
        Probability of the intervals.

    Returns
    -------
    numpy.ndarray
        Axes, one for each quantity.

    Raises
    ------
    DataError
        If there is nothing to draw, or a quantity has too many components for rows.

    See Also
    --------
    sdebayes.analysis.contrast.overview : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.contrast.overview`:

    >>> axes = sb.plots.contrast.overview(found)
    >>> axes.size
    2
    """
    import matplotlib.pyplot as plt

    names = _variables(dataset)
    if not names:
        need(dataset, ["contrast"], "sdebayes.analysis.contrast.overview")
    heights = [0.9 + 0.2 * _rows(dataset[name], "sample").sizes["row"] for name in names]
    with look():
        if ax is None:
            size = (2 * WIDTH, sum(heights))
            _, ax = plt.subplots(
                len(names), 1, figsize=size, height_ratios=heights, layout="constrained", squeeze=False
            )
        axes = panels(len(names), np.ravel(ax))
        for one, name in zip(axes, names, strict=True):
            contrast(dataset, one, variable=name, prob=prob)
            if one is not axes[0] and (legend := one.get_legend()) is not None:
                legend.remove()
    return axes


@checked
def shuffled_groups(dataset: xr.Dataset, ax: Axes | None = None, *, variable: str | None = None) -> Axes:
    """Draw the median difference of each pair of groups among those of shuffled groups, with its p-value.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.contrast.shuffled_groups`` returns it.
    ax
        Axes, or None.
    variable
        Which variable; default the first.

    Returns
    -------
    Axes
        A pair, and a component of the variable, a row.

    Raises
    ------
    DataError
        If there is no such variable, or it has too many components for rows.

    See Also
    --------
    sdebayes.analysis.contrast.shuffled_groups : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.contrast.shuffled_groups`:

    >>> ax = sb.plots.contrast.shuffled_groups(found)
    >>> len(ax.get_yticklabels())
    3
    """
    name = _variable(dataset, variable, "shuffled_groups")
    need(dataset, [f"{name}_shuffled"], "sdebayes.analysis.contrast.shuffled_groups")
    own, p = _rows(dataset[name], None), _rows(dataset[f"{name}_p_value"], None)
    null = _rows(dataset[f"{name}_shuffled"], "replicate")
    rows = np.arange(own.sizes["row"])
    with look():
        ax = one_axes(ax, height=0.8 + 0.22 * rows.size)
        places = np.broadcast_to(rows, null.shape)
        ax.plot(
            null.values.ravel(), places.ravel(), "|", color=REFERENCE, markersize=7, label="groups by lot"
        )
        ax.plot(own.values, rows, "o", color=POSTERIOR, markersize=4, label="groups")
        _about_none(ax, dataset[name], np.append(null.values.ravel(), own.values))
        name_rows(ax, own["row"].values)
        for row, value in enumerate(p.values):
            note_row(ax, row, f"p = {value:.2g}")
        legend_above(ax)
    return ax


@checked
def trend(
    dataset: xr.Dataset, ax: Panels | None = None, *, variable: str | None = None, prob: Probability = 0.9
) -> np.ndarray:
    """Draw a quantity of the groups at each group's number, and the line through them with its band.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.contrast.trend`` returns it.
    ax
        Axes, one for each component of the variable, or None.
    variable
        Which variable; default the first.
    prob
        Probability of intervals and band.

    Returns
    -------
    numpy.ndarray
        Axes, one for each component; the slope stands above.

    Raises
    ------
    DataError
        If there is no such variable, or it has too many components for panels.

    See Also
    --------
    sdebayes.analysis.contrast.trend : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.contrast.trend`:

    >>> axes = sb.plots.contrast.trend(found)
    >>> axes.size
    1
    """
    name = _variable(dataset, variable, "trend")
    need(dataset, [f"{name}_value"], "sdebayes.analysis.contrast.trend")
    rest = [str(dim) for dim in dataset[name].dims if dim != "sample"]
    sizes = [dataset.sizes[dim] for dim in rest]
    count = int(np.prod(sizes))
    if count > MOST_PANELS:
        raise DataError(
            f"{count} panels are too many for one figure ({MOST_PANELS}); select some, as with "
            f"dataset.isel({rest[-1]}=slice(4))."
        )
    parts = [dataset.isel(dict(zip(rest, at, strict=True))) for at in np.ndindex(*sizes)]
    with look():
        axes = panels(count, ax)
        for one, part in zip(axes, parts, strict=True):
            _line(one, part, name, prob, room=16.0 if count == 1 else 6.0)
            component = ", ".join(str(part[dim].values) for dim in rest if dataset.sizes[dim] > 1)
            one.set_ylabel(f"{dataset[name].attrs.get('long_name', name)}{component and f', {component}'}")
        share_legend(axes)
    return axes


def _line(ax: Axes, part: xr.Dataset, name: str, prob: float, room: float) -> None:
    """Draw one component's values by group, and the line through them."""
    log = bool(part[name].attrs["log"])
    values, at = part[f"{name}_value"], part["at"]
    own: xr.DataArray = xr.apply_ufunc(np.log, values) if log else values
    places = np.linspace(float(at.min()), float(at.max()), 30)
    line = own.mean("group") + part[name] * xr.DataArray(places - float(at.mean()), dims="point")
    drawn: xr.DataArray = xr.apply_ufunc(np.exp, line) if log else line
    fitted = summarize(drawn.rename("value"), prob=prob)["value"]
    middle, low, high = (fitted.sel(statistic=one) for one in ("median", "lower", "upper"))
    ax.fill_between(
        places, low, high, color=REFERENCE, alpha=0.2, linewidth=0, label=f"line, {prob:.0%} band"
    )
    ax.plot(places, middle, color=REFERENCE, linewidth=0.8)
    ends = summarize(values.rename("value"), prob=prob)["value"]
    ax.vlines(
        at, ends.sel(statistic="lower"), ends.sel(statistic="upper"), color=POSTERIOR, linewidth=2, alpha=0.5
    )
    ax.plot(
        at,
        ends.sel(statistic="median"),
        "o",
        color=POSTERIOR,
        markersize=4,
        label=f"group, {prob:.0%} interval",
    )
    slope = summarize(part[name].rename("value"), prob=prob)["value"]
    said = "{:+.2g} ({:+.2g} to {:+.2g})".format(
        *(float(slope.sel(statistic=one)) for one in ("median", "lower", "upper"))
    )
    ax.set_title(f"slope{' of the log' if log else ''} {said}", fontsize=7, loc="left", pad=room)
    if log:
        ax.set_yscale("log")
        plain_decades(ax.yaxis)


def _variables(dataset: xr.Dataset) -> list[str]:
    return [str(name) for name in dataset.data_vars if not str(name).endswith(_ENDINGS)]


def _variable(dataset: xr.Dataset, variable: str | None, maker: str) -> str:
    names = _variables(dataset)
    if variable is None and names:
        return names[0]
    need(dataset, [variable or "contrast"], f"sdebayes.analysis.contrast.{maker}")
    return str(variable)


def _rows(values: xr.DataArray, draws: str | None) -> xr.DataArray:
    """Lay pairs and components out in rows, behind the dimension of draws if there is one."""
    if "contrast" not in values.dims:
        raise DataError(
            "This plot needs pairs of groups; make them with sdebayes.analysis.contrast.contrast."
        )
    rest = ["contrast", *(dim for dim in values.dims if dim not in ("contrast", draws))]
    count = int(np.prod([values.sizes[dim] for dim in rest]))
    if count > MOST_ROWS:
        raise DataError(
            f"{count} rows are too many for one figure ({MOST_ROWS}); select some, as with "
            f"dataset.isel({rest[-1]}=slice(5))."
        )
    ordered = values.transpose(*([draws] if draws else []), *rest)
    labels = [[str(label) for label in ordered[dim].values] for dim in rest]
    sign = "/" if values.attrs.get("ratio", 0) else "−"
    labels[0] = [
        f"{a} {sign} {b}" for a, b in zip(values["first"].values, values["second"].values, strict=True)
    ]
    names = [""]
    for place, own in enumerate(labels):
        many = len(own) > 1 or place == 0
        names = [f"{name}, {label}".removeprefix(", ") if many else name for name in names for label in own]
    shape = (*((ordered.sizes[draws],) if draws else ()), count)
    dims = (*((draws,) if draws else ()), "row")
    return xr.DataArray(ordered.values.reshape(shape), {"row": names}, dims, values.name)


def _about_none(ax: Axes, values: xr.DataArray, ends: np.ndarray) -> None:
    """Mark where nothing differs, and name the axis."""
    ratio = bool(values.attrs.get("ratio", 0))
    ax.axvline(1.0 if ratio else 0.0, color=DATA, linewidth=0.8)
    if ratio:
        ax.set_xscale("log")
        plain_decades(ax.xaxis)
    known = ends[np.isfinite(ends)]
    if known.size and not ratio:
        reach = 1.6 * float(np.abs(known).max())
        ax.set_xlim(-reach, reach)
    units = "" if ratio or "units" not in values.attrs else f" ({values.attrs['units']})"
    ax.set_xlabel(
        f"{'ratio' if ratio else 'difference'} of the {values.attrs.get('long_name', values.name)}{units}",
        x=1,
        ha="right",
    )
