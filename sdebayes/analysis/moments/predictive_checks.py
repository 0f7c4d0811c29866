"""Data beside simulated ensembles: what a comparison of both needs, and how surprising the data are."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError

_CHUNK_BYTES = 2**27

FEWEST_FOR_SKEWNESS, FEWEST_FOR_KURTOSIS = 3, 4
"""Any two values have the skewness 0 and the excess kurtosis −2, any three the excess kurtosis −3/2."""


@checked
def predictive_p_values(result: xr.Dataset) -> xr.Dataset:
    r"""Return the posterior-predictive p-value of every statistic that a result holds of data and simulations.

    .. math:: p = P(T_{\mathrm{rep}} > T) + \tfrac12 P(T_{\mathrm{rep}} = T)

    over draws, each with its own replicate of the data: near 0 the data's statistic is larger than the model's
    replicates of it, near 1 smaller.

    Parameters
    ----------
    result
        With pairs of variables ``name`` (sample, …) and ``name_data`` (…), as the functions of
        `sdebayes.analysis.moments` return them of data and of simulations masked by `mask_like`.

    Returns
    -------
    xarray.Dataset
        ``name`` (…) for each pair, a probability; NaN where the data's statistic or all replicates' are.

    Raises
    ------
    DataError
        If there is no such pair.

    See Also
    --------
    sdebayes.analysis.moments.mask_like : Makes replicates.
    sdebayes.plots.moments.predictive_p_values : Draws them.

    Notes
    -----
    The data have been seen by the posterior, so p-values of statistics that the parameters fit crowd around ½: a small
    one is evidence against the model, a moderate one none for it. S draws resolve no p below 1/S.

    References
    ----------
    Gelman, Meng & Stern (1996), Statistica Sinica 6, 733–807.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.moments.mask_like`:

    >>> found = sb.analysis.moments.autocorrelation(test, lags=5, simulated=replicates)
    >>> p = sb.analysis.moments.predictive_p_values(found)["autocorrelation"]
    >>> dict(p.sizes), bool(p.notnull().any())
    ({'lag': 6, 'state': 2}, True)
    """
    names = [
        str(name) for name in result.data_vars if f"{name}_data" in result and "sample" in result[name].dims
    ]
    if not names:
        raise DataError(
            f"Found the variables {', '.join(map(str, result.data_vars))}; expected a statistic of simulations beside "
            "the data's, such as mean and mean_data. Pass both data and simulations to the analysis."
        )
    return xr.Dataset(
        {name: _tail(result[name], result[f"{name}_data"]) for name in names}, attrs=result.attrs
    )


def _tail(replicates: xr.DataArray, value: xr.DataArray) -> xr.DataArray:
    seen = replicates.notnull()
    above = (replicates > value).where(seen) + 0.5 * (replicates == value).where(seen)
    tail = above.mean("sample").where(value.notnull())
    return tail.assign_attrs(long_name="posterior-predictive p-value")


def blocks(y: xr.DataArray) -> list[xr.DataArray]:
    """Cut simulated paths into blocks of draws of bounded size."""
    size = max(1, int(_CHUNK_BYTES // max(1, y.nbytes // max(1, y.sizes["sample"]))))
    return [y.isel(sample=slice(first, first + size)) for first in range(0, y.sizes["sample"], size)]


def check_alike(data: xr.Dataset | None, simulated: xr.Dataset | None, *, times: bool = True) -> None:
    """Raise unless data and simulation have the same states and, if asked, the same times."""
    if data is None and simulated is None:
        raise DataError("There is neither data nor a simulation; pass at least one.")
    _check_dims("data", data, ("trajectory", "time", "state"))
    _check_dims("simulated", simulated, ("sample", "path", "time", "state"))
    if data is None or simulated is None:
        return
    if list(data["state"].values) != list(simulated["state"].values):
        raise DataError(f"The data's states {list(data['state'].values)} are not the simulation's.")
    if times:
        _check_times(data, simulated["time"].values)


def _check_dims(name: str, part: xr.Dataset | None, dims: tuple[str, ...]) -> None:
    if part is not None and set(part["y"].dims) != set(dims):
        raise DataError(
            f"{name} must hold y({', '.join(dims)}); got y({', '.join(map(str, part['y'].dims))})."
        )


def _check_times(data: xr.Dataset, times: np.ndarray) -> None:
    t = data["t"].transpose("trajectory", "time").values
    same = t.shape[1] == times.size and np.nanmax(np.abs(t - times)) <= 1e-9 * max(1.0, np.abs(times).max())
    if not same:
        raise DataError(
            "Moments over time need a simulation at the times of the data, the same for all trajectories; "
            "simulate with times=data.t of the longest one, or use pooled moments of data and simulation apart."
        )


def attributes(*parts: xr.Dataset | None) -> dict:
    """Attributes that tell where both came from."""
    names = ("time_unit", "space_hash", "seed", "source")
    found = [part.attrs for part in parts if part is not None]
    return {name: attrs[name] for attrs in found for name in names if name in attrs}
