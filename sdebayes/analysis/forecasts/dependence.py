"""Whether the error of forecasts goes with a measure of the texts."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, CountFromTwo, Probability, Seed

_CANNOT_TELL = (
    "An association, not a cause: length, clauses and readability go together, and with the topic and the place in the "
    "text. A text's error also holds how unusual it is and how noisy its embedding is; the difference to a simple "
    "forecast's error takes out what both share."
)
_ROUNDING = 1e-12
_PARTS = ("slope", "rank_correlation", "within_slope", "within_rank_correlation")


@checked
def dependence(
    error: xr.DataArray,
    measures: xr.Dataset,
    *,
    bins: Count = 5,
    prob: Probability = 0.9,
    resamples: CountFromTwo = 2000,
    seed: Seed = 0,
) -> xr.Dataset:
    r"""Relate the error of each step to measures of its text, over all steps and within trajectories.

    Parameters
    ----------
    error
        (trajectory, time), such as minus the ``log_score`` or the ``energy_score`` of `scores` at one horizon, or the
        difference of two forecasts' errors; NaN are left out.
    measures
        Variables over (trajectory, time), as `complexity` returns them.
    bins
        Number of parts, of about equal numbers of steps, in which mean errors are given.
    prob
        Probability of the intervals.
    resamples
        Number of bootstrap samples of whole trajectories.
    seed
        Seed of the bootstrap.

    Returns
    -------
    xarray.Dataset
        Over ``term``, the measures, each with ``…_lower`` and ``…_upper``: ``slope``, the error that one standard
        deviation of the measure adds (least squares), and ``rank_correlation`` (Spearman's); ``within_slope`` and
        ``within_rank_correlation``, the same with both, or their ranks in the trajectory, taken about the trajectory's
        mean, so that differences between authors and times do not count. ``sd``, the standard deviation of the
        measure. Over (term, bin): ``bin_measure`` and ``bin_error``, means, the latter with its interval; NaN where
        ties leave a bin empty. An interval is that of the bootstrap samples in which its estimate exists, and NaN if
        they are fewer than half; both parts within trajectories are NaN of a measure that is constant within each.
        The attribute ``cannot_tell`` says what these numbers do not show.

    Raises
    ------
    DataError
        If error and measures have no steps in common, a measure is constant, there are fewer than three
        trajectories, or bins or resamples are below 1 and 2.

    See Also
    --------
    sdebayes.analysis.forecasts.complexity : Measures of texts.
    sdebayes.analysis.forecasts.scores : Errors.
    sdebayes.plots.forecasts.dependence : Draws it.

    Notes
    -----
    Trajectories are drawn with replacement, steps of one trajectory stay together. Ranks are those of the data, not of
    each bootstrap sample. The percentiles are moved outwards as Student's distribution with N − 1 degrees is wider than
    the normal, :math:`Φ(\sqrt{N/(N-1)}\, t_{α, N-1})` in place of α, for few trajectories N (Hesterberg 2015).
    With 12 simulated trajectories of 30 steps, intervals of 90 % held the slope within trajectories in 89 % of 400 data
    sets, but the slope over all steps, where trajectories differed strongly in level, in 79 % (Monte-Carlo error 2 %):
    with few trajectories trust those within.

    References
    ----------
    Hesterberg (2015), sec. 4.2, doi:10.1080/00031305.2015.1089789; Cameron, Gelbach & Miller (2008),
    doi:10.1162/rest.90.3.414, for the bootstrap of clusters.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.forecasts.scores`:

    >>> error = judged["energy_score"].sel(horizon=1)
    >>> measures = abs(test["y"]).sum("state").rename("distance").to_dataset()
    >>> found = sb.analysis.forecasts.dependence(error, measures, resamples=200)
    >>> dict(found["slope"].sizes)
    {'term': 1}
    """
    terms, x, y = _aligned(error, measures)
    count = len(y)
    rng = np.random.default_rng(seed)
    weights = np.concatenate(
        [np.ones((1, count)), rng.multinomial(count, np.full(count, 1 / count), resamples)]
    )
    levels = _levels(prob, count)
    found: dict[str, list] = {}
    for values in x:
        known = np.isfinite(values) & np.isfinite(y)
        rows, steps = np.nonzero(known)
        estimates = _relations(values[rows, steps], y[rows, steps], rows, weights)
        for name, estimate in zip(_PARTS, estimates, strict=True):
            _keep(found, name, estimate, levels)
        means, binned = _binned(values[rows, steps], y[rows, steps], rows, weights, bins)
        found.setdefault("bin_measure", []).append(means)
        found.setdefault("sd", []).append(values[rows, steps].std())
        _keep(found, "bin_error", binned, levels)
    variables = {
        name: (("term", "bin") if name.startswith("bin") else ("term",), np.array(values))
        for name, values in found.items()
    }
    attrs = {
        "prob": prob,
        "trajectories": count,
        "error": str(error.name or "error"),
        "cannot_tell": _CANNOT_TELL,
    }
    names = {name: measures[name].attrs.get("long_name", name) for name in terms}
    return xr.Dataset(
        variables,
        {
            "term": terms,
            "bin": np.arange(bins),
            "label": ("term", list(names.values())),
            "units": ("term", [str(measures[name].attrs.get("units", "")) for name in terms]),
        },
        attrs,
    )


def _aligned(error: xr.DataArray, measures: xr.Dataset) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return the measures' names, their values (term, trajectory, time), and the errors (trajectory, time)."""
    along = {"trajectory", "time"}
    if set(error.dims) != along or not measures.data_vars or not along <= set(measures.dims):
        raise DataError(
            f"Expected an error over (trajectory, time) and at least one measure; got an error over {error.dims} and "
            f"{len(measures.data_vars)} measures. Choose one horizon of the scores."
        )
    own, other = xr.align(error, measures, join="inner")
    y = own.transpose("trajectory", "time").values
    known = np.isfinite(y) & other.to_array().notnull().all("variable").transpose("trajectory", "time").values
    trajectories = known.any(-1)
    if trajectories.sum() < 3:
        raise DataError(
            f"{trajectories.sum()} trajectories have both an error and a measure; intervals need at least three. "
            "Check that names and times of the two agree."
        )
    terms = [str(name) for name in other.data_vars]
    x = np.array([other[name].transpose("trajectory", "time").values for name in terms])
    for name, values in zip(terms, x, strict=True):
        if np.ptp(values[known]) == 0:
            raise DataError(f"The measure {name!r} is the same at all steps; leave it out.")
    return terms, x[:, trajectories], y[trajectories]


def _levels(prob: float, count: int) -> tuple[float, float]:
    """Return the percentiles of the bootstrap that make an interval."""
    from scipy.stats import norm, t

    upper = float(norm.cdf(np.sqrt(count / (count - 1)) * t.ppf(0.5 + prob / 2, count - 1)))
    return 1 - upper, upper


def _keep(found: dict[str, list], name: str, values: np.ndarray, levels: tuple[float, float]) -> None:
    """Keep an estimate (its first row) and its bootstrap interval, NaN where half of the samples have none."""
    drawn = values[1:]
    enough = np.isfinite(drawn).mean(axis=0) >= 0.5
    ends = np.nanquantile(np.where(enough, drawn, 0.0), levels, axis=0)
    lower, upper = np.where(enough, ends, np.nan)
    for label, value in ((name, values[0]), (f"{name}_lower", lower), (f"{name}_upper", upper)):
        found.setdefault(label, []).append(value)


def _relations(x: np.ndarray, y: np.ndarray, rows: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return slope and rank correlation, over all and within trajectories, of every bootstrap sample."""
    from scipy.stats import rankdata

    scaled = (x - x.mean()) / x.std()
    count = weights.shape[1]
    ranks = []
    for values in (x, y):
        own = np.empty_like(values)
        for row in np.unique(rows):
            here = rows == row
            own[here] = rankdata(values[here]) / here.sum()
        ranks.append(_centred(own, rows, count))
    slope, _ = _line(scaled, y, rows, weights)
    _, rank = _line(rankdata(x), rankdata(y), rows, weights)
    within, _ = _line(_centred(scaled, rows, count), _centred(y, rows, count), rows, weights)
    _, within_rank = _line(ranks[0], ranks[1], rows, weights)
    return slope, rank, within, within_rank


def _centred(values: np.ndarray, rows: np.ndarray, count: int) -> np.ndarray:
    """Take each trajectory's mean away; what is left of a constant is zero, not rounding."""
    totals, numbers = (np.bincount(rows, part, count) for part in (values, np.ones_like(values)))
    left = values - (totals / np.maximum(numbers, 1))[rows]
    return np.where(np.abs(left) > _ROUNDING * np.abs(values).max(), left, 0.0)


def _line(
    x: np.ndarray, y: np.ndarray, rows: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return least-squares slope and correlation under every row of weights, NaN where x or y does not vary."""
    products = (np.ones_like(x), x, y, x * x, x * y, y * y)
    sums = weights @ np.array([np.bincount(rows, part, weights.shape[1]) for part in products]).T
    n, sx, sy, sxx, sxy, syy = sums.T
    covariance, x_spread, y_spread = sxy - sx * sy / n, sxx - sx**2 / n, syy - sy**2 / n
    x_spread = np.where(x_spread > _ROUNDING * sxx, x_spread, np.nan)
    y_spread = np.where(y_spread > _ROUNDING * syy, y_spread, np.nan)
    return covariance / x_spread, covariance / np.sqrt(x_spread * y_spread)


def _binned(
    x: np.ndarray, y: np.ndarray, rows: np.ndarray, weights: np.ndarray, bins: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean measure of each bin, and its mean error under every row of weights."""
    from scipy.stats import rankdata

    place = np.minimum((rankdata(x) - 0.5) * bins // len(x), bins - 1).astype(int)
    totals = np.zeros((3, weights.shape[1], bins))
    for total, part in zip(totals, (np.ones_like(x), x, y), strict=True):
        np.add.at(total, (rows, place), part)
    numbers, measures, errors = totals
    with np.errstate(invalid="ignore"):
        return measures.sum(0) / numbers.sum(0), (weights @ errors) / (weights @ numbers)
