"""Scores of forecasts at every step of every trajectory."""

from __future__ import annotations

import jax
import numpy as np
import xarray as xr

from sdebayes._core import precision
from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Seed, Trajectories
from sdebayes.analysis.forecasts.mixtures import Judgement, judge, white_noise

_ABOUT = {
    "crps": ("continuous ranked probability score", "state"),
    "squared_error": ("squared error of the mean", "state²"),
    "pit": ("probability integral transform", "1"),
    "log_score": ("log density of what came", "nat"),
    "energy_score": ("energy score", "state"),
    "energy_variance": ("Monte-Carlo variance of the energy score", "state²"),
}


@checked
def scores(forecast: xr.Dataset, data: Trajectories, *, seed: Seed = 0) -> xr.Dataset:
    r"""Judge forecasts by what came, step by step.

    The forecast is the mixture of the draws' normal distributions. With X and X' independent draws of it,

    .. math:: \mathrm{CRPS} = E|X_j - y_j| - \tfrac12 E|X_j - X'_j|, \qquad
        \mathrm{ES} = E\|X - y\| - \tfrac12 E\|X - X'\|.

    Parameters
    ----------
    forecast
        ``mean`` (sample, horizon, trajectory, time, state) and ``covariance`` (…, state, state_bis), as
        ``sdebayes.forecast`` and the references of this package return them; or without ``horizon``, as a posterior's
        ``predict`` returns them.
    data
        ``y(trajectory, time, state)``, what came.
    seed
        Seed of the energy score's draws, which are the same at every horizon.

    Returns
    -------
    xarray.Dataset
        Over (horizon, trajectory, time, state): ``crps``, exact, in units of the state; ``squared_error`` of the
        forecast's mean; ``pit``, the forecast's distribution function at what came. Over (horizon, trajectory, time):
        ``log_score``, the log density of what came, in nats; ``energy_score``, in units of the state, sampled, with
        its Monte-Carlo variance ``energy_variance``. Small is good but for ``log_score``. NaN where there is no
        forecast or nothing was observed; where a step was seen in part, the joint scores are those of what was seen.

    Raises
    ------
    DataError
        If forecasts and data do not fit together.

    See Also
    --------
    sdebayes.analysis.forecasts.by_horizon : Averages them.
    sdebayes.plots.forecasts.scores : Draws them.

    References
    ----------
    Gneiting & Raftery (2007), doi:10.1198/016214506000001437, for the scores; Grimit, Gneiting, Berrocal & Johnson
    (2006), doi:10.1256/qj.05.235, for the CRPS of a mixture of normals.

    Examples
    --------
    Continuing the example of :func:`sdebayes.forecast`:

    >>> judged = sb.analysis.forecasts.scores(ahead, test)
    >>> sorted(judged)
    ['crps', 'energy_score', 'energy_variance', 'log_score', 'pit', 'squared_error']
    >>> judged["crps"].dims
    ('horizon', 'trajectory', 'time', 'state')
    """
    laws, y = _aligned(forecast, data)
    coordinate = str(y.dims[-1])
    values = y.values
    seen = np.isfinite(values)
    flat = (-1, values.shape[-1])
    parts = []
    with precision.scope("float64"), precision.single_blas_thread():
        draws = laws.sizes["sample"]
        white = jax.device_put(white_noise((draws, values[..., 0].size, values.shape[-1]), seed))
        for ahead in laws["horizon"].values:
            mean = laws["mean"].sel(horizon=ahead).values
            covariance = laws["covariance"].sel(horizon=ahead).values
            known = seen & np.isfinite(mean).all(0)
            arguments = (
                np.where(known, values, 0.0).reshape(flat),
                known.reshape(flat),
                np.nan_to_num(mean).reshape(len(mean), *flat),
                np.where(np.isfinite(covariance), covariance, np.eye(flat[1])).reshape(
                    len(mean), *flat, flat[1]
                ),
            )
            found = _judge(*map(jax.device_put, arguments), white)
            parts.append(_on_grid(found, known))
    dims = ("horizon", "trajectory", "time")
    variables = {
        name: ((*dims, coordinate) if values.ndim == 4 else dims, values, {"long_name": text, "units": unit})
        for (name, (text, unit)), values in zip(
            ((name, _ABOUT[name]) for name in Judgement._fields),
            map(np.stack, zip(*parts, strict=True)),
            strict=True,
        )
    }
    kept = ("horizon", "trajectory", "time", "t", coordinate)
    coords = {name: laws.coords[name] for name in kept if name in laws.coords}
    return xr.Dataset(variables, coords, {**forecast.attrs, "seed": seed})


_judge = jax.jit(judge)


def _on_grid(found: Judgement, known: np.ndarray) -> list[np.ndarray]:
    """Bring scores back to (trajectory, time, …), NaN where there is nothing to score."""
    grids = [np.asarray(part).reshape(*known.shape[:2], *part.shape[1:]) for part in found]
    return [np.where(known if grid.ndim == 3 else known.any(-1), grid, np.nan) for grid in grids]


def _aligned(forecast: xr.Dataset, data: xr.Dataset) -> tuple[xr.Dataset, xr.DataArray]:
    """Put the dimensions of a forecast in order, and take the data at its steps."""
    laws = forecast if "horizon" in forecast.dims else forecast.expand_dims(horizon=[1])
    coordinate = "state" if "state" in laws.dims else "observed"
    lead = ("sample", "horizon", "trajectory", "time", coordinate)
    y = data["y"].rename({data["y"].dims[-1]: coordinate})
    fits = {"mean", "covariance"} <= set(laws.data_vars) and set(laws["mean"].dims) == set(lead)
    for name in ("trajectory", coordinate):
        fits = fits and list(laws[name].values) == list(y[name].values)
    if not fits:
        raise DataError(
            f"Expected forecasts over {', '.join(lead)} of the data's {y.sizes['trajectory']} trajectories and "
            f"{y.sizes[coordinate]} coordinates; got {dict(forecast.sizes)}. Pass the data that were given to forecast."
        )
    if "time" not in laws.coords:
        laws = laws.assign_coords(time=y["time"])
    laws = laws[["mean", "covariance"]].transpose(*lead, f"{coordinate}_bis")
    return laws, y.sel(time=laws["time"]).transpose("trajectory", "time", coordinate)
