"""Summaries of draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Probability

STATISTICS = ("mean", "sd", "median", "lower", "upper")
_DRAWS = ("sample", "chain", "draw")


@checked
def summarize(
    dataset: xr.Dataset | xr.DataArray | xr.DataTree,
    interval: Literal["eti", "hdi"] = "eti",
    prob: Probability = 0.9,
    over: str | Sequence[str] | None = None,
) -> xr.Dataset:
    """Summarise the draws of any result by their mean, sd, median and an interval.

    Parameters
    ----------
    dataset
        A result with draws: over ``sample``, or over ``chain`` and ``draw``; also one group of a posterior's ``data``.
    interval
        ``"eti"``, the equal-tailed interval, or ``"hdi"``, the shortest one.
    prob
        Probability of the interval, between 0 and 1.
    over
        Dimensions to summarise over; by default those of draws. ``("sample", "path")`` gives predictive intervals of a
        simulation.

    Returns
    -------
    xarray.Dataset
        Each numerical variable that has one of these dimensions, with ``statistic`` (mean, sd, median, lower, upper) in
        their place as first dimension; the others as they were. NaN draws are left out. Infinite draws count: quantiles
        may be infinite, and then the mean is infinite and the sd NaN. ``attrs`` keep the interval.

    Raises
    ------
    DataError
        If nothing can be summarised, or ``interval`` or ``prob`` is not known.

    See Also
    --------
    sdebayes.Posterior : Whose methods return what is summarised.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> summary = sb.summarize(posterior.drift([1.0, 0.0]), prob=0.9)
    >>> summary["statistic"].values.tolist()
    ['mean', 'sd', 'median', 'lower', 'upper']
    >>> summary["drift"].sel(statistic=["lower", "upper"], point=0).dims
    ('statistic', 'state')
    """
    if isinstance(dataset, xr.DataArray):
        dataset = dataset.to_dataset(name=dataset.name or "value")
    elif isinstance(dataset, xr.DataTree):
        dataset = dataset.to_dataset()
    wanted = _DRAWS if over is None else (over,) if isinstance(over, str) else tuple(over)
    drawn = [dim for dim in wanted if dim in dataset.dims]
    if not drawn:
        raise DataError(
            f"There are no draws to summarise: expected one of the dimensions {', '.join(wanted)} "
            f"and found {', '.join(map(str, dataset.dims)) or 'none'}."
        )
    summarised = {
        name: _summarize_variable(variable, [dim for dim in drawn if dim in variable.dims], interval, prob)
        for name, variable in dataset.data_vars.items()
    }
    kept = {name: value for name, value in dataset.coords.items() if not set(value.dims) & set(drawn)}
    coords = {**kept, "statistic": list(STATISTICS)}
    return xr.Dataset(summarised, coords=coords, attrs=dataset.attrs | {"interval": interval, "prob": prob})


def _summarize_variable(variable: xr.DataArray, drawn: list[str], interval: str, prob: float) -> xr.Variable:
    """Summarise one variable, or return it as it is if it has no draws or is no number."""
    if not drawn or variable.dtype.kind not in "fiub":
        return variable.variable
    rest = [dim for dim in variable.dims if dim not in drawn]
    shape = tuple(variable.sizes[dim] for dim in rest)
    draws = variable.transpose(*drawn, *rest).values.astype(float).reshape(-1, int(np.prod(shape)))
    ordered = np.sort(draws, axis=0)
    known = ~np.isnan(draws)
    count = known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, draws, 0.0).sum(axis=0) / count
        sd = np.sqrt((np.where(known, draws - mean, 0.0) ** 2).sum(axis=0) / (count - 1))
    median = _quantile(ordered, count, 0.5)
    if interval == "eti":
        lower = _quantile(ordered, count, (1 - prob) / 2)
        upper = _quantile(ordered, count, (1 + prob) / 2)
    else:
        lower, upper = _shortest(ordered, count, prob)
    columns = np.stack([mean, np.where(count > 1, sd, np.nan), median, lower, upper])
    return xr.Variable(("statistic", *rest), columns.reshape(-1, *shape), variable.attrs)


def _quantile(ordered: np.ndarray, count: np.ndarray, probability: float) -> np.ndarray:
    """Quantile by linear interpolation of the first ``count`` sorted draws of each column."""
    position = probability * np.maximum(count - 1, 0)
    below = np.floor(position).astype(int)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    low = np.take_along_axis(ordered, below[None], axis=0)[0]
    high = np.take_along_axis(ordered, above[None], axis=0)[0]
    share = position - below
    with np.errstate(invalid="ignore"):
        infinite = np.where(share > 0, low + high, low)
        between = np.where(np.isfinite(low + high), low + share * (high - low), infinite)
    return np.where(count > 0, between, np.nan)


def _shortest(ordered: np.ndarray, count: np.ndarray, prob: float) -> tuple[np.ndarray, np.ndarray]:
    """Shortest interval that holds the share ``prob`` of the first ``count`` sorted draws of each column."""
    start = np.arange(ordered.shape[0])[:, None]
    inside = np.floor(prob * count).astype(int)
    ends = np.take_along_axis(ordered, np.minimum(start + inside, ordered.shape[0] - 1), axis=0)
    with np.errstate(invalid="ignore"):
        width = np.where(ends == ordered, 0.0, ends - ordered)
    width = np.where(start + inside < count, width, np.inf)
    first = np.argmin(width, axis=0)[None]
    low = np.take_along_axis(ordered, first, axis=0)[0]
    high = np.take_along_axis(ends, first, axis=0)[0]
    return np.where(count > 0, low, np.nan), np.where(count > 0, high, np.nan)
