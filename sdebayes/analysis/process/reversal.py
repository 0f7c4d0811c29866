"""Whether data read backwards look like data read forwards: a test without a model."""

from __future__ import annotations

from itertools import product

import numpy as np
import xarray as xr
from jaxtyping import Float

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, Seed, Trajectories
from sdebayes.criticism.statistics import centred

FEWEST_TRAJECTORIES = 6
_EXACT_UP_TO = 11
_FLIPS = 2000


@checked
def reversibility(data: Trajectories, lags: Count = 3, seed: Seed = 0) -> xr.Dataset:
    r"""Test whether a stationary process is reversible in time.

    Reading a trajectory backwards changes the sign of

    .. math:: a_{ij}(l) = \sum_k z_{k,i} z_{k+l,j} - z_{k,j} z_{k+l,i}, \qquad
              b_j(l) = \sum_k z_{k,j}^2 z_{k+l,j} - z_{k,j} z_{k+l,j}^2,

    z centred by the trajectory's own mean. If the process is reversible, each trajectory may be flipped at random: the
    distribution of the statistics over flips is what chance allows, observation noise and trajectory effect included.

    Parameters
    ----------
    data
        ``y(trajectory, time, state)``, independent trajectories; data that a posterior has seen will do.
    lags
        Longest lag, in steps.
    seed
        Seed of the flips, where there are too many to take all.

    Returns
    -------
    xarray.Dataset
        Over ``term`` ("cross-covariance", "third order"): ``test_statistic``, the sum over entries and lags of
        :math:`(\sum_n a_n)^2 / \sum_n a_n^2`, n the trajectory; ``test_statistic_replicated`` (replicate, term), of
        flipped data; ``term_p_value``, NaN of the first in one state; and ``p_value`` of the larger, each in units of
        its spread over flips. ``asymmetry`` (state, state_bis): :math:`C_{ij}(1) - C_{ji}(1)`, the cross-correlation of
        j a step after i, less that of i a step after j. All flips are taken of up to 11 trajectories, else 2000 at
        random.

    Raises
    ------
    DataError
        If there are fewer than 6 trajectories, of which no flips reach a p-value of 5 %, or ``lags`` is not below the
        number of steps.

    See Also
    --------
    sdebayes.analysis.process.entropy_production : How far from reversible a model is.
    sdebayes.plots.process.reversibility : Draws it.

    Notes
    -----
    The process must be stationary: a trend that all trajectories share looks irreversible. Lags count steps, and gaps
    within trajectories are taken as they are. Linear Gaussian processes in one state are reversible: there only a
    nonlinear one can be found out, by the second term.

    References
    ----------
    Pomeau (1982), doi:10.1051/jphys:01982004306085900, for a third-order statistic.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> found = sb.analysis.process.reversibility(data)
    >>> bool(found["p_value"] < 0.05)  # it rotates
    True
    """
    y = data["y"].transpose("trajectory", "time", "state").values
    count = y.shape[0]
    if count < FEWEST_TRAJECTORIES:
        raise DataError(
            f"There are {count} trajectories; a test by reading them backwards needs at least {FEWEST_TRAJECTORIES}."
        )
    if not 1 <= lags < y.shape[1]:
        raise DataError(f"lags={lags} must be 1 to {y.shape[1] - 1}: there are {y.shape[1]} steps.")
    scaled = centred(y[None])[0]
    scaled = scaled / np.sqrt(np.nanmean(scaled**2, axis=(0, 1)))
    signs = _flips(count, seed)
    families = cross_asymmetry(scaled, lags), third_order_asymmetry(scaled, lags)
    measured = np.stack([flipped(signs, family) for family in families], axis=1)
    spread = np.where(measured.std(axis=0) > 0, measured.std(axis=0), 1.0)
    largest = ((measured - measured.mean(axis=0)) / spread).max(axis=1)
    p_values = at_least(measured).mean(axis=0)
    p_values[[family.shape[1] == 0 for family in families]] = np.nan
    labels = data["state"].values
    names = {"long_name": "C_ij(1) − C_ji(1), j a step after i"}
    return xr.Dataset(
        {
            "test_statistic": ("term", measured[0]),
            "test_statistic_replicated": (("replicate", "term"), measured[1:]),
            "term_p_value": ("term", p_values, {"long_name": "p-value of the term alone"}),
            "p_value": ((), float(at_least(largest).mean()), {"long_name": "p-value over both terms"}),
            "asymmetry": (("state", "state_bis"), _first_lag(scaled), names),
        },
        {"term": ["cross-covariance", "third order"], "state": labels, "state_bis": labels},
        {name: data.attrs[name] for name in ("time_unit", "space_hash") if name in data.attrs},
    )


def at_least(measured: Float[np.ndarray, "flip ..."]) -> np.ndarray:
    """Whether each is as large as the first, up to rounding; the data themselves are the first flip."""
    return measured >= measured[0] - 1e-9 * np.abs(measured[0])


def cross_asymmetry(
    z: Float[np.ndarray, "trajectory time state"], lags: int
) -> Float[np.ndarray, "trajectory entry"]:
    """Return a_ij(l) of each trajectory for i < j."""
    upper = np.triu_indices(z.shape[-1], 1)
    filled = np.nan_to_num(z)
    found = []
    for lag in range(1, lags + 1):
        ahead = np.einsum("nki,nkj->nij", filled[:, :-lag], filled[:, lag:])
        found.append((ahead - ahead.swapaxes(1, 2))[:, *upper])
    return np.concatenate(found, axis=1)


def third_order_asymmetry(
    z: Float[np.ndarray, "trajectory time state"], lags: int
) -> Float[np.ndarray, "trajectory entry"]:
    """Return b_j(l) of each trajectory."""
    found = []
    for lag in range(1, lags + 1):
        now, later = z[:, :-lag], z[:, lag:]
        found.append(np.nansum(now**2 * later - now * later**2, axis=1))
    return np.concatenate(found, axis=1)


def flipped(
    signs: Float[np.ndarray, "flip trajectory"], parts: Float[np.ndarray, "trajectory entry"]
) -> Float[np.ndarray, " flip"]:
    """Return the sum over entries of (Σ ± part)² / Σ part², entries that are zero throughout left out."""
    square = (parts**2).sum(axis=0)
    kept = square > 0
    return ((signs @ parts[:, kept]) ** 2 / square[kept]).sum(axis=1)


def _flips(count: int, seed: int) -> Float[np.ndarray, "flip trajectory"]:
    """Signs of trajectories, the data's own in the first row; a sign common to all changes nothing."""
    if count <= _EXACT_UP_TO:
        return np.array([(1.0, *signs) for signs in product((1.0, -1.0), repeat=count - 1)])
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(_FLIPS, count))
    return np.concatenate([np.ones((1, count)), signs])


def _first_lag(z: np.ndarray) -> np.ndarray:
    now, later = z[:, :-1], z[:, 1:]
    pairs = np.einsum("nki,nkj->ij", np.isfinite(now).astype(float), np.isfinite(later).astype(float))
    ahead = np.einsum("nki,nkj->ij", np.nan_to_num(now), np.nan_to_num(later)) / np.maximum(pairs, 1)
    return ahead - ahead.T
