"""The fixed points that draws have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Int

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Positive, Probability
from sdebayes._core.units import with_units
from sdebayes.analysis.fields.distance import NAME
from sdebayes.analysis.phase_space.grouping import groups
from sdebayes.analysis.phase_space.stability import CHARACTERS, KINDS, NO_KIND, character

NO_MATCH = -1
"""Label of a zero that belongs to no matched fixed point."""


@checked
def matched(found: xr.Dataset, radius: Positive = 0.05, min_share: Probability = 0.1) -> xr.Dataset:
    """Match the fixed points of all draws: zeros of one character, at most one of each draw, that have one place.

    Parameters
    ----------
    found
        As `fixed_points` returns it.
    radius
        Distance, in half-widths of the region, within which the means of two groups of zeros are one place, however
        little the zeros scatter.
    min_share
        Smallest share of draws that makes a fixed point.

    Returns
    -------
    xarray.Dataset
        Over ``fixed_point``: ``location`` and ``sd`` (fixed_point, state), mean and standard deviation over the draws
        that have it, in units of the states; ``probability``, the share of draws that do; ``kind_probability``
        (fixed_point, kind), the share of its zeros that are of each type; ``time_constant`` and ``period``, medians
        over its zeros, in time; the median ``data_distance`` where the zeros have one; ``stable``. Stable ones come
        first, then the most probable. ``unmatched`` (kind) is the mean number of zeros of a draw, of each type, that
        belong to none.

    Raises
    ------
    DataError
        If the fixed points are not those that `fixed_points` returns, or radius or min_share are not positive numbers.

    See Also
    --------
    sdebayes.analysis.phase_space.fixed_points : Finds them.
    sdebayes.plots.phase_space.fixed_points : Draws them.

    Notes
    -----
    Attracting zeros, saddles, repelling ones and those that the linearisation does not decide are matched apart; a node
    and a focus of one stability are not told apart. Draws with equally many zeros of a character are matched one to
    one, such that the squared distances to the means are least; a group is split where its density along a principal
    axis has a valley, surely less than half of what it is on both sides, and at a gap of four standard deviations.
    Groups that share no draw are one place if their means are less than two standard deviations apart, pooled along the
    line between them, or less than four without a valley, unless one is about as near to two that exclude each other:
    the only zero of some draws, between the two wells of others, stays by itself. Zeros that fill a ring are cut into
    arcs, whose standard deviations say so.

    The numbers agree with each other and with the draws: summed over the fixed points, ``probability`` times
    ``kind_probability``, plus ``unmatched``, is the mean number of zeros of each type; see `fixed_point_counts`.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.phase_space.fixed_points`:

    >>> common = sb.analysis.phase_space.matched(found)
    >>> common["probability"].values, common["stable"].values
    (array([1., 1., 1.]), array([ True,  True, False]))
    >>> abs(common["location"].sel(state="x1")).values.round(1)
    array([1.1, 1.1, 0. ])
    """
    labels = membership(found, radius, min_share)
    count, draws, states = labels.max(initial=NO_MATCH) + 1, found.sizes["sample"], found.sizes["state"]
    location, sd = np.full((2, count, states), np.nan)
    probability, time_constant, period = np.full((3, count), np.nan)
    shares = np.zeros((count, len(KINDS)))
    stable = np.zeros(count, dtype=bool)
    table = {name: _table(found, name) for name in ("location", "kind", "time_constant", "period")}
    for k in range(count):
        own = labels == k
        location[k], sd[k] = table["location"][own].mean(axis=0), table["location"][own].std(axis=0)
        probability[k] = own.sum() / draws
        shares[k] = np.bincount(table["kind"][own], minlength=len(KINDS)) / own.sum()
        time_constant[k], period[k] = np.median(table["time_constant"][own]), np.median(table["period"][own])
        stable[k] = character(table["kind"][own])[0] == CHARACTERS.index("attracting")
    left = table["kind"][(labels == NO_MATCH) & (table["kind"] != NO_KIND)]

    def over(*dims: str, values: np.ndarray, name: str) -> tuple[tuple[str, ...], np.ndarray, dict[str, Any]]:
        return dims, values, {"long_name": name}

    return with_units(
        xr.Dataset(
            {
                "location": over("fixed_point", "state", values=location, name="mean location"),
                "sd": over(
                    "fixed_point", "state", values=sd, name="posterior standard deviation of the location"
                ),
                "probability": over("fixed_point", values=probability, name="probability of existence"),
                "kind_probability": over(
                    "fixed_point", "kind", values=shares, name="probability of the type, given existence"
                ),
                "time_constant": ("fixed_point", time_constant, dict(found["time_constant"].attrs)),
                "period": ("fixed_point", period, dict(found["period"].attrs)),
                "stable": ("fixed_point", stable),
                **_nearness(found, labels, int(count)),
                "unmatched": over(
                    "kind",
                    values=np.bincount(left, minlength=len(KINDS)) / draws,
                    name="mean number of zeros of a draw that belong to none",
                ),
            },
            {"state": found["state"].values, "kind": list(KINDS)},
            found.attrs,
        ),
        location="state",
        sd="state",
    )


def _nearness(found: xr.Dataset, labels: np.ndarray, count: int) -> dict[str, Any]:
    """Return the median distance of each matched fixed point's zeros from all data, where it is known."""
    if NAME not in found:
        return {}
    distance = _table(found, NAME)
    medians = [float(np.median(distance[labels == k])) for k in range(count)]
    return {NAME: ("fixed_point", np.array(medians), dict(found[NAME].attrs))}


def membership(found: xr.Dataset, radius: float, min_share: float) -> Int[np.ndarray, "sample zero"]:
    """Return which matched fixed point each zero of each draw is, in the order of `matched`; −1 if none.

    Parameters
    ----------
    found, radius, min_share
        As in `matched`.

    Returns
    -------
    numpy.ndarray
        (sample, zero).
    """
    missing = {"location", "kind", "unit"} - set(found)
    if missing:
        raise DataError(f"The fixed points have no {min(missing)!r}; make them with fixed_points.")
    if not (radius > 0 and 0 < min_share <= 1):
        raise DataError(
            f"radius={radius} and min_share={min_share}: give a positive distance and a share of the draws."
        )
    places, kind = _table(found, "location") / found["unit"].values, _table(found, "kind")
    of_each = np.where(kind == NO_KIND, -1, character(kind))
    clusters: list[tuple[bool, float, np.ndarray]] = []
    for code, name in enumerate(CHARACTERS):
        group = groups(np.where((of_each == code)[..., None], places, np.nan), radius)
        for k in range(group.max(initial=-1) + 1):
            clusters.append((name == "attracting", (group == k).sum() / len(group), group == k))
    labels = np.full(kind.shape, NO_MATCH)
    kept = [cluster for cluster in clusters if cluster[1] >= min_share]
    for label, (_, _, own) in enumerate(sorted(kept, key=lambda cluster: (not cluster[0], -cluster[1]))):
        labels[own] = label
    return labels


def _table(found: xr.Dataset, name: str) -> np.ndarray:
    return found[name].transpose("sample", "fixed_point", ...).values
