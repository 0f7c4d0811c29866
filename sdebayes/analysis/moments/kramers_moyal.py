"""Kramers–Moyal coefficients of data, beside those of simulated ensembles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import (
    Count,
    CountFromThree,
    Counts,
    NotNegative,
    Numbers,
    Seed,
    Simulated,
    States,
    Trajectories,
)
from sdebayes._core.units import with_units
from sdebayes.analysis.evaluate import state_indices
from sdebayes.analysis.moments.bins import Bins
from sdebayes.analysis.moments.coefficients import Coefficients
from sdebayes.analysis.moments.increments import whole_steps
from sdebayes.analysis.moments.predictive_checks import attributes
from sdebayes.analysis.moments.replicates import Fit, NoiseVariance, values_of

_NAMES = {
    "drift": "drift D₁",
    "diffusion": "diffusion D₂ = Σ/2",
    "fourth_coefficient": "fourth Kramers–Moyal coefficient D₄",
    "pawula_ratio": "Pawula's ratio D₄/D₂²",
}


@checked
def kramers_moyal(
    data: Trajectories | None,
    states: States = (0,),
    lags: Counts = 4,
    bins: CountFromThree | Sequence[Numbers] = 12,
    simulated: Simulated | None = None,
    *,
    noise: NotNegative | xr.DataArray | None = None,
    degree: Count = 2,
    seed: Seed = 0,
) -> xr.Dataset:
    r"""Return the Kramers–Moyal coefficients of one state or two, data beside simulated ensembles.

    .. math:: D_n(x) = \frac{1}{n!} \lim_{τ \to 0} \frac1τ E[(X_{t+τ} - X_t)^n | X_t = x]

    so that :math:`D_1 = f`, :math:`D_2 = Σ/2` and, for every diffusion process, :math:`D_4 = 0`.

    Parameters
    ----------
    data
        ``y(trajectory, time, state)`` at regular times, or None.
    states
        One state or two, by label or position, whose plane is cut into cells.
    lags
        Longest lag, or several lags, in steps: the limit is taken over them.
    bins
        Number of cells along each state, which tile the middle 98 % of the values; or the edges for each state.
    simulated
        ``y(sample, path, time, state)`` as ``simulate`` returns it, or None. With as many paths as there are
        trajectories, masked by `mask_like`, it has the same bias as the data, and its spread over draws is what chance
        allows the data's own coefficients.
    noise
        Variance R of the observation noise: a number for all states; or a DataArray over ``state`` and, if it has
        draws, over ``sample`` or (chain, draw), such as ``sdebayes.analysis.variance.noise(posterior)``. Each
        simulated draw takes its own, the data take the mean, and its spread is part of their standard errors. None
        takes the values as exact.
    degree
        Degree of the polynomial in τ that is fitted to the moments over lags: 1 neglects the curvature.
    seed
        Seed of the bootstrap.

    Returns
    -------
    xarray.Dataset
        Over (sample, grid_<state>, …) of the simulation, and without ``sample`` and ending in ``_data`` of the data:
        ``drift`` (…, state) in state per unit of time, ``diffusion`` (…, state, state_bis) in state² per unit of time
        and, without noise, ``fourth_coefficient`` and ``pawula_ratio`` D₄/D₂² (…, state), the latter in time. The data
        have ``count_data`` and, of each, a standard error ending in ``_standard_error_data``. NaN in cells with fewer
        than ten increments at a lag.

    Raises
    ------
    DataError
        If both are None, their times are not regular or not the same step, a state is not there, noise is not below
        the variance of the values, or lags, bins, noise or degree cannot be used.

    See Also
    --------
    sdebayes.analysis.fields.grid : Drift and covariance of the model.
    sdebayes.plots.moments.kramers_moyal : Draws them.

    Notes
    -----
    Noise misleads a naive estimate: it adds R/τ to D₂, and a pull of about −(R/V)/τ to the slope of D₁, V being the
    variance of y. Both are intercepts of the moments over lags (Böttcher et al. 2006, eq. 5 and 6) and are fitted and
    dropped; what is left are averages over the distribution of X given y, which are deconvolved with normal noise of
    variance R, in the spirit of Lehle (2011) but by penalised least squares over cells: features narrower than √R are
    smoothed. The fourth coefficient is not corrected for noise, and not given.

    A coefficient is an average over its cell: where it or the density of the states changes much within one, take
    smaller ones. The moments over lags are no polynomial: what is left of their curvature is a bias, which simulations
    share.

    Standard errors are those of 200 bootstrap replicates of whole trajectories, or, of fewer than 20 trajectories, of
    up to 40 segments of them in all, each five times the longest lag while four remain; they must be long beside the
    memory of the process. With a trajectory effect, or states beyond ``states`` on which f depends, the result is no f
    and Σ of the model but an average: then compare with simulations, not with ``fields``.

    References
    ----------
    Risken (1996), The Fokker–Planck Equation, ch. 4, doi:10.1007/978-3-642-61544-3; Böttcher et al. (2006),
    doi:10.1103/PhysRevLett.97.090603; Lehle (2011), doi:10.1103/PhysRevE.83.021113.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well_1d", 4000, 0.05)
    >>> found = sb.analysis.moments.kramers_moyal(data, bins=8)
    >>> dict(found["drift_data"].sizes)
    {'grid_x1': 8, 'state': 1}
    >>> float(found["diffusion_data"].median().round(2))  # of the truth: Σ/2 = 0.125
    0.13
    """
    lengths = whole_steps(lags, (data, simulated), "lag", 1)
    _check_degree(degree, lengths, noise is not None)
    dt = _common_step(data, simulated)
    values, known = _typical(data, simulated)
    if isinstance(states, str) or len(states) not in (1, 2):
        raise DataError(f"states={states!r} must be a list of one state or two.")
    chosen = state_indices(known, states)
    labels = [known[i] for i in chosen]
    R = None if noise is None else NoiseVariance.read(noise, labels)
    if R is not None:
        _check_noise(R, values[..., chosen], labels)
    cells = Bins.around(values[..., chosen], bins, None if R is None else R.mean)
    fit = Fit(cells, lengths, lengths * dt, degree)
    variables: dict[str, Any] = {}
    if simulated is not None:
        parts = list(fit.of_draws(simulated, chosen, R))
        variables |= _named(cells, labels, parts, "")
    if data is not None:
        own, replicates = fit.of_data(values_of(data, "trajectory")[None][..., chosen], R, seed)
        variables |= _named(cells, labels, [own], "_data") | _errors(cells, labels, replicates)
        variables["count_data"] = (_grid(labels), cells.reported(own.pairs))
    coords: dict[str, Any] = dict(zip(_grid(labels), cells.centres, strict=True))
    coords |= {"state": labels, "state_bis": labels}
    if simulated is not None:
        coords["sample"] = simulated["sample"].values
    attrs = attributes(data, simulated) | {
        "lags": ", ".join(map(str, lengths)),
        "degree": degree,
        "noise": "none" if R is None else "removed",
    }
    return with_units(
        xr.Dataset(variables, coords, attrs),
        drift="state per time",
        diffusion="state² per time",
        fourth_coefficient="state⁴ per time",
        pawula_ratio="time",
    )


def _typical(data: xr.Dataset | None, simulated: xr.Dataset | None) -> tuple[np.ndarray, list[str]]:
    """Return the values that the cells are made for, (…, state), and the labels of the states."""
    both = ((data, "trajectory"), (simulated, "path"))
    part, path = next((part, path) for part, path in both if part is not None)
    return values_of(part, path), [str(label) for label in part["state"].values]


def _check_noise(noise: NoiseVariance, values: np.ndarray, labels: list[Any]) -> None:
    variance = np.nanvar(values, axis=tuple(range(values.ndim - 1)))
    for label, own, total in zip(labels, noise.mean, variance, strict=True):
        if own >= total:
            raise DataError(
                f"noise={own:g} of state {label} is not below {total:g}, the variance of its values, and would leave "
                "nothing to the process. Check that it is a variance, in the units of the values squared."
            )


def _check_degree(degree: int, lags: np.ndarray, noisy: bool) -> None:
    needed = degree + int(noisy)
    if degree not in (1, 2, 3) or lags.size < needed:
        raise DataError(
            f"degree={degree!r} must be 1, 2 or 3 and needs {needed} lags; got {lags.size}. Give more lags or a lower "
            "degree."
        )


def _common_step(data: xr.Dataset | None, simulated: xr.Dataset | None) -> float:
    """Return the time between two steps, the same everywhere."""
    steps = []
    if data is not None:
        own = np.diff(data["t"].transpose("trajectory", "time").values, axis=1)
        steps.append(own[np.isfinite(own)])
    if simulated is not None:
        steps.append(np.diff(simulated["time"].values))
    every = np.concatenate(steps)
    if not np.allclose(every, every[0], rtol=1e-6, atol=0):
        raise DataError(
            f"Steps between {every.min():g} and {every.max():g} were found; lags need regular times, the same in data "
            "and simulation."
        )
    return float(every[0])


def _grid(labels: list[Any]) -> tuple[str, ...]:
    return tuple(f"grid_{label}" for label in labels)


def _named(cells: Bins, labels: list[Any], parts: list[Coefficients], ending: str) -> dict[str, Any]:
    """Name the coefficients of one estimate, or of many over ``sample`` if the ending is empty."""
    arrays = {name: np.stack(value) for name, value in zip(_NAMES, _columns(cells, parts), strict=True)}
    if all(np.isnan(part.fourth).all() for part in parts):
        arrays = {name: arrays[name] for name in ("drift", "diffusion")}
    leading = () if ending else ("sample",)
    return {
        f"{name}{ending}": (
            (*leading, *_grid(labels), "state", *(("state_bis",) if name == "diffusion" else ())),
            value[0] if ending else value,
            {"long_name": _NAMES[name]},
        )
        for name, value in arrays.items()
    }


def _errors(cells: Bins, labels: list[Any], replicates: list[Coefficients]) -> dict[str, Any]:
    named = _named(cells, labels, replicates, "")
    errors = {}
    for name, (dims, value, attrs) in named.items():
        seen = np.isfinite(value)
        count = np.maximum(seen.sum(axis=0), 1)
        mean = np.where(seen, value, 0.0).sum(axis=0) / count
        spread = np.sqrt((np.where(seen, value - mean, 0.0) ** 2).sum(axis=0) / count)
        errors[f"{name}_standard_error_data"] = (
            dims[1:],
            np.where(2 * count > len(value), spread, np.nan),
            {"long_name": f"standard error of the {attrs['long_name']}"},
        )
    return errors


def _columns(cells: Bins, parts: list[Coefficients]) -> Iterator[list[np.ndarray]]:
    """Coefficients and Pawula's ratio of every estimate, without margins."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = [part.fourth / np.diagonal(part.second, axis1=-2, axis2=-1) ** 2 for part in parts]
    for values in (
        [p.first for p in parts],
        [p.second for p in parts],
        [p.fourth for p in parts],
        ratios,
    ):
        yield [cells.reported(value) for value in values]
