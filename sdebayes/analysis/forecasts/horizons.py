"""How good forecasts are by the number of steps ahead, beside simple forecasts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Seed
from sdebayes._core.ratio import Ratio, caution, ratio
from sdebayes._core.units import with_units
from sdebayes.analysis.forecasts.reliability import reliability
from sdebayes.analysis.forecasts.scores import scores

_MARGINAL, _JOINT = ("crps", "squared_error"), ("energy_score", "log_score")
_INTERVALS = (0.5, 0.9)


@checked
def by_horizon(
    forecasts: Mapping[str, xr.Dataset], data: xr.Dataset, *, baseline: str | None = None, seed: Seed = 0
) -> xr.Dataset:
    r"""Average the scores of forecasts at each horizon, and compare them with a baseline.

    Every horizon of every candidate is judged on the same steps: those that all of them predict, so that the first H
    steps of a trajectory count nowhere. With sums over steps :math:`S_i` of a score and :math:`B_i` of the baseline's
    in trajectory i, and :math:`n_i` steps,

    .. math:: \text{mean} = \frac{\sum_i S_i}{\sum_i n_i}, \qquad
        \text{skill} = 1 - \frac{\sum_i S_i}{\sum_i B_i}.

    Parameters
    ----------
    forecasts
        A forecast for each name, of the same steps, such as
        ``{"model": forecast, **reference_forecasts(forecast, data, training)}``.
    data
        ``y(trajectory, time, state)``, what came.
    baseline
        The name of the forecast that others are compared with; default the last.
    seed
        Seed of the energy score's draws.

    Returns
    -------
    xarray.Dataset
        Over (candidate, horizon, state): ``crps`` and ``squared_error``; over (candidate, horizon): ``energy_score``
        and ``log_score`` (nats per step; great is good). ``…_skill`` of the first three, 1 for perfect forecasts, 0 for
        the baseline's; ``squared_error_skill`` beside climatology is R². ``log_gain``, the difference of log scores.
        Beside each its ``…_standard_error`` and the ``…_lower`` and ``…_upper`` end of its 95 % interval.
        ``coverage`` (candidate, nominal, horizon, state), the share in the central 50 % and 90 % intervals, with
        ``coverage_lower`` and ``coverage_upper``. ``energy_monte_carlo_error`` is what sampling adds to the energy
        score. Coords ``n_steps`` (trajectory), the steps judged; ``attrs["caution"]`` says so where there
        are few trajectories.

    Raises
    ------
    DataError
        If there is no forecast, the baseline is none of them, they are not of the same steps, or fewer than two
        trajectories are predicted at all horizons.

    See Also
    --------
    sdebayes.analysis.forecasts.scores : Step by step.
    sdebayes.analysis.forecasts.reference_forecasts : Forecasts to beat.
    sdebayes.plots.forecasts.by_horizon : Draws it.

    Notes
    -----
    Standard errors and intervals are those of ratios over trajectories, the independent units, paired in each
    trajectory with the baseline, as in `sdebayes.compare`. They do not hold what another choice of training data would
    change.

    Examples
    --------
    Continuing the example of :func:`sdebayes.forecast`:

    >>> others = sb.analysis.forecasts.reference_forecasts(ahead, test, train)
    >>> table = sb.analysis.forecasts.by_horizon({"model": ahead, **others}, test)
    >>> table["candidate"].values.tolist()
    ['model', 'persistence', 'running mean', 'climatology']
    >>> bool(table["energy_score_skill"].sel(candidate="model", horizon=1) > 0)
    True
    """
    baseline = _baseline(forecasts, baseline)
    judged = {name: scores(one, data, seed=seed) for name, one in forecasts.items()}
    table = xr.concat(
        [one.drop_attrs() for one in judged.values()],
        xr.DataArray(list(judged), dims="candidate", name="candidate"),
        join="exact",
        coords="minimal",
        compat="override",
    )
    table = _common(table)
    coordinate = str(table["crps"].dims[-1])
    index = list(judged).index(baseline)
    result: dict[str, tuple] = {}
    for name in (*_MARGINAL, *_JOINT):
        dims: tuple[str, ...] = ("candidate", "horizon", *([coordinate] if name in _MARGINAL else []))
        result |= _averages(name, dims, table[name].transpose(*dims, "trajectory", "time").values, index)
    intervals = xr.concat(
        [reliability(table["pit"].sel(candidate=name), _INTERVALS) for name in judged], table["candidate"]
    )
    variance = table["energy_variance"]
    sampling = np.sqrt(variance.sum(("trajectory", "time"))) / variance.count(("trajectory", "time"))
    kept = {name: intervals[name] for name in ("coverage", "coverage_lower", "coverage_upper")}
    steps = table["log_score"].isel(candidate=0, horizon=0, drop=True).count("time")
    attrs = {**next(iter(judged.values())).attrs, "baseline": baseline, "caution": caution(steps.size)}
    return with_units(
        xr.Dataset(
            {**result, **kept, "energy_monte_carlo_error": sampling},
            {
                "candidate": list(judged),
                "horizon": table["horizon"],
                coordinate: table[coordinate],
                "n_steps": steps,
            },
            attrs,
        ),
        crps="state",
        crps_skill="1",
        squared_error="state²",
        squared_error_skill="1",
        energy_score="state",
        energy_score_skill="1",
        energy_monte_carlo_error="state",
        log_score="nat",
        log_gain="nat",
        coverage="1",
    )


def _baseline(forecasts: Mapping[str, xr.Dataset], baseline: str | None) -> str:
    if not forecasts:
        raise DataError('by_horizon got no forecast; expected {"model": forecast, ...}.')
    name = list(forecasts)[-1] if baseline is None else baseline
    if name not in forecasts:
        raise DataError(f"baseline={name!r} is no forecast; there are {', '.join(forecasts)}.")
    first = next(iter(forecasts.values()))
    for other, one in forecasts.items():
        for dim in ("horizon", "time"):
            if list(one[dim].values) != list(first[dim].values):
                raise DataError(
                    f"The forecast {other!r} has another {dim} than the first; predict the same steps and horizons."
                )
    return name


def _common(table: xr.Dataset) -> xr.Dataset:
    """Keep what every candidate predicts at every horizon, of joint scores the steps at which all judge the same."""
    every = ("candidate", "horizon")
    seen = table["pit"].notnull()
    alike = (seen == seen.isel(candidate=0, horizon=0, drop=True)).all((*every, str(seen.dims[-1])))
    table = table.map(
        lambda values: values.where(
            values.notnull().all(every) & (alike if values.ndim == alike.ndim + 2 else True)
        ),
        keep_attrs=True,
    )
    some = table["log_score"].notnull().any(("candidate", "horizon", "time"))
    if int(some.sum()) < 2:
        raise DataError(
            f"{int(some.sum())} trajectories can be predicted at all horizons; a standard error needs at "
            "least two. Predict fewer steps ahead."
        )
    return table.isel(trajectory=np.flatnonzero(some.values))


def _averages(name: str, dims: tuple[str, ...], values: np.ndarray, baseline: int) -> dict[str, tuple]:
    """Return mean, skill or gain, and their errors, of scores (candidate, horizon, …, trajectory, time)."""
    sums, counts = np.nansum(values, -1), np.isfinite(values).sum(-1).astype(float)
    own = np.broadcast_to(sums[baseline], sums.shape)
    found = {name: ratio(sums, counts)}
    if name == "log_score":
        found["log_gain"] = ratio(sums - own, counts)
    else:
        saved = ratio(sums, own)
        found[f"{name}_skill"] = Ratio(1 - saved.value, saved.error, 1 - saved.upper, 1 - saved.lower)
    endings = ("", "_standard_error", "_lower", "_upper")
    return {
        f"{label}{ending}": (dims, values)
        for label, one in found.items()
        for ending, values in zip(endings, one, strict=True)
    }
