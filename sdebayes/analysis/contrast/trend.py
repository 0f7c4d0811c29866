"""How a quantity of the groups goes with a number that each has: a temperature, a year, a size."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError, ModelError
from sdebayes._core.kinds import Finite, Seed
from sdebayes.analysis.contrast.pairs import PRIOR, SAME, Read, Values, are_same, sources_of, values_of
from sdebayes.analysis.contrast.quantities import QUANTITIES, SCALES, Quantity, of_scale
from sdebayes.simulation.posterior_like import PosteriorLike
from sdebayes.simulation.source import SourceLike

VALUE = "_value"


@checked
def trend(
    posterior: PosteriorLike | Mapping[str, SourceLike],
    quantity: Quantity,
    at: Mapping[str, Finite],
    *,
    log: bool = False,
    seed: Seed = 0,
) -> xr.Dataset:
    r"""Fit a straight line through a quantity of the groups, in each draw.

    .. math::
        b = \frac{\sum_g (z_g - \bar z)\, q_g}{\sum_g (z_g - \bar z)^2},

    with :math:`q_g` the quantity of group :math:`g`, or its logarithm, and :math:`z_g` the group's number.

    Parameters
    ----------
    posterior, quantity
        As in `contrast`.
    at
        The number of each group by its name, such as ``{"cold": 0.2, "warm": 1.4}``; groups without one are left out.
    log
        Whether the logarithm of what is positive has the line: a slope is then a relative change. Of matrices with a
        name the diagonals are taken.
    seed
        As in `contrast`.

    Returns
    -------
    xarray.Dataset
        Over ``sample``: for each variable of the quantity its slope per unit of the groups' number; with the ending
        ``_prior`` the slope of draws of the prior, where there is one; with the ending ``_value`` the quantity itself,
        over ``group``, whose numbers are the coord ``at``. `sdebayes.summarize` gives intervals.

    Raises
    ------
    ModelError, StateSpaceError
        As `contrast`.
    DataError
        If fewer than three groups have a number, all have the same, the quantity has no draws or other places in one
        group than in another, or the logarithm is asked for of what is not positive.

    See Also
    --------
    sdebayes.analysis.contrast.contrast : Each group beside each other.
    sdebayes.plots.contrast.trend : Draws it.

    Notes
    -----
    The slope is a summary of the groups' own values, not a parameter of the model: groups need not lie on a line, and
    all count alike, however well each is known. The figure shows whether they lie on one.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.contrast.contrast`:

    >>> at = {"low": 1.0, "middle": 2.0, "high": 3.0}
    >>> found = sb.analysis.contrast.trend(posterior, "time_constants", at, log=True)
    >>> sorted(found)
    ['time_constant', 'time_constant_prior', 'time_constant_value']
    """
    if len(at) < 3 or len(set(at.values())) < 2:
        raise DataError(
            f"trend: at has the numbers {dict(at)}; expected three groups or more, not all at the same number."
        )
    read = _reader(quantity, log)
    posteriors, priors = sources_of(posterior, list(at), seed)
    values = values_of(posteriors, read)
    if are_same(values, next(iter(posteriors.values())).precision):
        raise ModelError(f"trend: {SAME}")
    own = _stacked(values, at)
    found = {f"{name}{VALUE}": one for name, one in own.data_vars.items()} | _slopes(own, log)
    if priors:
        before = _slopes(_stacked(values_of(priors, read), at), log)
        found |= {f"{name}{PRIOR}": one for name, one in before.items()}
    return xr.Dataset(found, attrs={**own.attrs, "seed": seed})


def _reader(quantity: Quantity, log: bool) -> Read:
    if not isinstance(quantity, str):
        return quantity
    return of_scale(quantity) if log and quantity in SCALES else QUANTITIES[quantity]


def _stacked(values: Values, at: Mapping[str, float]) -> xr.Dataset:
    """Put the groups' values side by side, with their numbers."""
    try:
        joined = xr.concat(values.values(), "group", join="exact", combine_attrs="override")
    except ValueError as error:
        raise DataError(
            "trend: the quantity is at other places, or of other draws, in one group than in another; give the same "
            f"places, such as limits, for all. {error}"
        ) from error
    return joined.assign_coords(group=list(values), at=("group", [float(at[name]) for name in values]))


def _slopes(values: xr.Dataset, log: bool) -> dict[str, xr.DataArray]:
    if log and not all(bool((one > 0).all() | one.isnull().all()) for one in values.data_vars.values()):
        raise DataError(
            "trend: the logarithm is of what is positive, and this is not in every draw; leave log out."
        )
    place = values["at"] - values["at"].mean()
    weight = place / (place**2).sum()
    found = {}
    for name, one in values.data_vars.items():
        own: xr.DataArray = xr.apply_ufunc(np.log, one) if log else one
        slope = (own * weight).sum("group", skipna=False)
        found[str(name)] = slope.assign_attrs({**one.attrs, "log": int(log)})
    return found
