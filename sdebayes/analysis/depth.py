"""How the noise of many trajectories with the same times changes along them, as that of texts over layers."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Float

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import CountFromTwo, Counts, Seed, Trajectories
from sdebayes._core.units import with_units

__all__ = ["noise_growth"]

_LAGS = (1, 2, 4, 8)
_FEWEST = 3
"""Steps arrived at that a growth is read from."""


@checked
def noise_growth(
    data: Trajectories, lags: Counts | None = None, samples: CountFromTwo = 400, seed: Seed = 0
) -> xr.Dataset:
    r"""Measure at each time how far states scatter about the best linear forecast from some steps before.

    Across trajectories, :math:`x_{t+\tau}` is regressed on :math:`x_t` at each time by itself,

    .. math:: x_{t+\tau} = B_{t,\tau}\, x_t + b_{t,\tau} + e, \qquad v_\tau(t + \tau) =
              \tfrac1d \operatorname{tr} \operatorname{Cov}(e) \approx \alpha e^{\lambda_\tau (t + \tau)},

    so that neither the map nor the noise is taken to be the same at two times. Of one SDE with constant diffusion
    :math:`\lambda_\tau` is 0.

    Parameters
    ----------
    data
        ``y(trajectory, time, state)``, all at the same times. Trajectories with a gap are left out.
    lags
        The :math:`\tau`, in steps; by default 1, 2, 4 and 8, as far as three times are arrived at.
    samples
        Number of draws of the Bayesian bootstrap over trajectories, the same at all times and lags.
    seed
        Seed of these draws.

    Returns
    -------
    xarray.Dataset
        ``variance`` (sample, lag, time), :math:`v_\tau`, a mean over states, in state², NaN at the first times, which
        are not arrived at; and ``rate`` (sample, lag), :math:`\lambda_\tau` by least squares of :math:`\log v_\tau` on
        time. ``t`` (time) says the times.

    Raises
    ------
    DataError
        If trajectories have different times, too few are without a gap, a lag leaves fewer than three times to arrive
        at, or the states at some time depend on each other or tell the later ones without error.

    See Also
    --------
    sdebayes.Layers : Makes depth the time.
    sdebayes.plots.depth.noise_growth : Draws it.

    References
    ----------
    Sarfati, Liu, Boullé & Earls (2024), Lines of thought in large language models, arXiv:2410.01545. Rubin (1981), The
    Bayesian bootstrap, doi:10.1214/aos/1176345338.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("ornstein_uhlenbeck_1d", 12, 0.1, n_trajectories=300)
    >>> found = sb.analysis.depth.noise_growth(data, lags=[1, 4])
    >>> found["variance"].median("sample").sel(lag=4).isel(time=-1).round(1).item() > 0.3
    True
    >>> bool(abs(found["rate"].sel(lag=1).median("sample")) < 1)
    True
    """
    y, times = _together(data)
    chosen = _lags(lags, times.size)
    weights = np.random.default_rng(seed).dirichlet(np.ones(len(y)), size=samples)
    variance = np.full((samples, len(chosen), times.size), np.nan)
    rate = np.empty((samples, len(chosen)))
    for place, lag in enumerate(chosen):
        for start in range(times.size - lag):
            variance[:, place, start + lag] = _scatter(y[:, start], y[:, start + lag], weights)
        rate[:, place] = np.polyfit(times[lag:], np.log(variance[:, place, lag:]).T, 1)[0]
    found = xr.Dataset(
        {"variance": (("sample", "lag", "time"), variance), "rate": (("sample", "lag"), rate)},
        {"sample": np.arange(samples), "lag": list(chosen), "t": ("time", times)},
        data.attrs | {"seed": seed, "trajectories": len(y)},
    )
    return with_units(found, variance="state²", rate="per time")


def _together(
    data: xr.Dataset,
) -> tuple[Float[np.ndarray, "trajectory time state"], Float[np.ndarray, " time"]]:
    """Return the trajectories without a gap, and the times of all."""
    y = data["y"].transpose("trajectory", "time", "state").values
    t = data["t"].transpose("trajectory", "time").values
    whole = np.isfinite(y).all(axis=(1, 2)) & np.isfinite(t).all(axis=1)
    y, t = y[whole], t[whole]
    fewest = y.shape[-1] + _FEWEST
    if len(y) < fewest:
        raise DataError(
            f"noise_growth: {len(y)} of {whole.size} trajectories have all {y.shape[1]} steps; a regression on "
            f"{y.shape[-1]} states needs {fewest} or more. Give more trajectories, or fewer states."
        )
    if np.ptp(t, axis=0).max() > 1e-9 * np.abs(t).max():
        raise DataError("noise_growth: the trajectories have different times; give such as have the same.")
    return y, t[0]


def _lags(lags: object, times: int) -> list[int]:
    """Return the lags, those that are asked for or of the usual ones those that the data are long enough for."""
    longest = times - _FEWEST
    usual = [lag for lag in _LAGS if lag <= longest]
    asked = usual if lags is None else [int(lag) for lag in np.atleast_1d(np.asarray(lags))]
    if not asked or max(asked) > longest:
        raise DataError(
            f"noise_growth: lag {max(asked, default=1)} of {times} steps leaves fewer than {_FEWEST} times to arrive "
            f"at; give longer trajectories{f', or lags up to {longest}' if longest > 0 else ''}."
        )
    return asked


def _scatter(
    now: Float[np.ndarray, "trajectory state"],
    later: Float[np.ndarray, "trajectory state"],
    weights: Float[np.ndarray, "sample trajectory"],
) -> Float[np.ndarray, " sample"]:
    """Return the variance about the weighted regression, with the degrees of freedom that it has taken given back."""
    x = np.column_stack([now, np.ones(len(now))])
    try:
        squares = np.einsum("dn,ni,nj->dij", weights, x, x, optimize=True)
        left = later - x @ np.linalg.solve(
            squares, np.einsum("dn,ni,nj->dij", weights, x, later, optimize=True)
        )
    except np.linalg.LinAlgError as error:
        raise DataError(
            "noise_growth: at some time states depend on each other, which no regression can tell apart; give fewer."
        ) from error
    found: np.ndarray = np.einsum("dn,dnj->d", weights, left**2) / later.shape[1] / (1 - x.shape[1] / len(x))
    if not (found > 1e-20 * np.var(later)).all():
        raise DataError(
            "noise_growth: at some time the states tell the later ones without error; there is no noise."
        )
    return found
