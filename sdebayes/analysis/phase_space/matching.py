"""The fixed points that draws have in common."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Int

from sdebayes._core.errors import DataError
from sdebayes.analysis.phase_space.stability import KINDS

NO_MATCH = -1
"""Label of a zero that belongs to no matched fixed point."""


def matched(found: xr.Dataset, reach: float = 0.2, least: float = 0.1) -> xr.Dataset:
    """Match the fixed points of all draws: stable ones that lie close together are one, and so are unstable ones.

    Parameters
    ----------
    found
        As `fixed_points` returns it.
    reach
        Zeros of different draws nearer than this, in half-widths of the region, belong together.
    least
        Smallest share of draws that makes a fixed point.

    Returns
    -------
    xarray.Dataset
        Over ``fixed_point``: ``location`` and ``sd`` (fixed_point, state), mean and standard deviation over the draws
        that have it, in units of the states; ``probability``, the share of draws that do; ``kind_probability``
        (fixed_point, kind), the share of its zeros that are of each type; ``time_constant`` and ``period``, medians
        over its zeros, in time; ``stable``. Stable ones come first, then the most probable.

    Raises
    ------
    DataError
        If the fixed points are not those that `fixed_points` returns, or reach or least are not positive numbers.

    References
    ----------
    Density-based clustering: Ester, Kriegel, Sander & Xu (1996), KDD-96, 226–231.
    """
    labels = membership(found, reach, least)
    count, draws, states = labels.max(initial=NO_MATCH) + 1, found.sizes["sample"], found.sizes["state"]
    location, sd = np.full((2, count, states), np.nan)
    probability, time_constant, period = np.full((3, count), np.nan)
    shares = np.zeros((count, len(KINDS)))
    stable = np.zeros(count, dtype=bool)
    table = {name: _table(found, name) for name in ("location", "stable", "kind", "time_constant", "period")}
    for k in range(count):
        own = labels == k
        location[k], sd[k] = table["location"][own].mean(axis=0), table["location"][own].std(axis=0)
        probability[k] = own.any(axis=1).sum() / draws
        shares[k] = np.bincount(table["kind"][own], minlength=len(KINDS)) / own.sum()
        time_constant[k], period[k] = np.median(table["time_constant"][own]), np.median(table["period"][own])
        stable[k] = table["stable"][own].all()
    return xr.Dataset(
        {
            "location": (("fixed_point", "state"), location, {"long_name": "mean location"}),
            "sd": (
                ("fixed_point", "state"),
                sd,
                {"long_name": "posterior standard deviation of the location"},
            ),
            "probability": ("fixed_point", probability, {"long_name": "probability of existence"}),
            "kind_probability": (
                ("fixed_point", "kind"),
                shares,
                {"long_name": "probability of the type, given existence"},
            ),
            "time_constant": ("fixed_point", time_constant, dict(found["time_constant"].attrs)),
            "period": ("fixed_point", period, dict(found["period"].attrs)),
            "stable": ("fixed_point", stable),
        },
        {"state": found["state"].values, "kind": list(KINDS)},
        found.attrs,
    )


def membership(found: xr.Dataset, reach: float, least: float) -> Int[np.ndarray, "sample zero"]:
    """Return which matched fixed point each zero of each draw is, in the order of `matched`; −1 if none.

    Parameters
    ----------
    found, reach, least
        As in `matched`.

    Returns
    -------
    numpy.ndarray
        (sample, zero).
    """
    missing = {"location", "stable", "kind", "unit"} - set(found)
    if missing:
        raise DataError(f"The fixed points have no {min(missing)!r}; make them with fixed_points.")
    if not (reach > 0 and 0 < least <= 1):
        raise DataError(
            f"reach={reach} and least={least}: give a positive distance and a share of the draws."
        )
    known = np.isfinite(_table(found, "location")).all(axis=-1)
    labels = np.full(known.shape, NO_MATCH)
    for stable in (True, False):
        clusters = _clusters(found, known & (_table(found, "stable") == stable), reach, least)
        for own in clusters:
            labels[own] = labels.max() + 1
    return labels


def _clusters(found: xr.Dataset, chosen: np.ndarray, reach: float, least: float) -> list[np.ndarray]:
    """Return where each group of the chosen zeros is, (sample, zero) of truth values, largest share of draws first."""
    from sklearn.cluster import DBSCAN

    if not chosen.any():
        return []
    draws = len(chosen)
    zeros = _table(found, "location")[chosen] / found["unit"].values
    cluster = DBSCAN(eps=reach, min_samples=max(1, int(least * draws))).fit_predict(zeros)
    labels = np.full(chosen.shape, -1)
    labels[chosen] = cluster
    groups = [labels == k for k in np.unique(cluster) if k >= 0]
    shares = [group.any(axis=1).mean() for group in groups]
    order = sorted(range(len(groups)), key=lambda k: -shares[k])
    return [groups[k] for k in order if shares[k] >= least]


def _table(found: xr.Dataset, name: str) -> np.ndarray:
    return found[name].transpose("sample", "fixed_point", ...).values
