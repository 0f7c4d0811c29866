"""Everything with a name that differs between groups, and what the data say of it in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import Probability, Seed
from sdebayes.analysis.contrast.pairs import (
    PRIOR,
    SAME,
    Read,
    are_same,
    beside_prior,
    differences,
    sources_of,
    values_of,
)
from sdebayes.analysis.contrast.quantities import QUANTITIES, SCALES, Name, of_scale
from sdebayes.analysis.summary import summarize
from sdebayes.simulation import Source
from sdebayes.simulation.posterior_like import PosteriorLike
from sdebayes.simulation.source import SourceLike

DIFFERS, NOT_SEEN, UNTOLD = "differs", "no difference seen", "the data do not tell"
UNLEARNED = 0.8


@checked
def overview(
    posterior: PosteriorLike | Mapping[str, SourceLike],
    quantities: Sequence[Name] | None = None,
    groups: Sequence[str] | None = None,
    *,
    seed: Seed = 0,
) -> xr.Dataset:
    """Compare many quantities between groups: ratios of what is positive, differences of the rest.

    Parameters
    ----------
    posterior
        As in `contrast`.
    quantities
        Names that `contrast` knows; of matrices the diagonals are compared. By default all that the model has and that
        can differ.
    groups
        Which are compared, each with each; default all.
    seed
        Seed of the prior's draws and of the random pairs.

    Returns
    -------
    xarray.Dataset
        Over ``contrast``, a pair of groups, and ``sample``: for each quantity its variable, whose ``attrs`` say whether
        it is a ``ratio``, and with the ending ``_prior`` the same of draws of the prior. ``attrs["left_out"]`` names
        what is not compared: it is the same in all groups, or not of this model.

    Raises
    ------
    ModelError
        If there are not two groups, they have other states, nothing differs between them, or a quantity that is asked
        for is the same in all or is not of this model.
    StateSpaceError
        If posteriors are in different state spaces.

    See Also
    --------
    sdebayes.analysis.contrast.contrast : One quantity.
    sdebayes.plots.contrast.overview : Draws it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.contrast.contrast`:

    >>> found = sb.analysis.contrast.overview(posterior, groups=["low", "high"])
    >>> sorted(name for name in found if not name.endswith("_prior"))
    ['covariance', 'time_constant']
    """
    posteriors, priors = sources_of(posterior, groups, seed)
    found: list[xr.Dataset] = []
    left_out: dict[str, str] = {}
    for name in QUANTITIES if quantities is None else dict.fromkeys(quantities):
        try:
            found.append(_compared(name, posteriors, priors))
        except ModelError as error:
            if quantities is not None:
                raise
            left_out[name] = str(error)
    if not found:
        reason = next(iter(left_out.values()), "no quantity is named.")
        raise ModelError(f"overview: nothing can be compared: {reason}")
    pairs = [f"{a}, {b}" for a, b in zip(found[0]["first"].values, found[0]["second"].values, strict=True)]
    joined = xr.merge([one.assign_coords(contrast=pairs) for one in found], join="exact", compat="override")
    return joined.assign_attrs({**found[0].attrs, "seed": seed, "left_out": ", ".join(left_out)})


def _compared(name: Name, posteriors: Mapping[str, Source], priors: Mapping[str, Source]) -> xr.Dataset:
    ratio = name in SCALES
    read: Read = of_scale(name) if ratio else QUANTITIES[name]
    values = values_of(posteriors, read)
    if are_same(values, next(iter(posteriors.values())).precision):
        raise ModelError(f"contrast: {SAME}")
    own = differences(values, ratio)
    return beside_prior(own, differences(values_of(priors, read), ratio)) if priors else own


@dataclass(frozen=True)
class Row:
    """What is said of one number and one pair of groups.

    Parameters
    ----------
    variable, meaning
        Name of the variable, and in words.
    first, second
        The groups.
    component
        Which state or mode; empty where there is one number.
    ratio
        Whether the first is divided by the second.
    posterior, prior
        Median and ends of the interval; None where there is no prior.
    verdict
        ``DIFFERS`` where the interval leaves out that nothing differs; where it does not, ``UNTOLD`` if it is hardly
        narrower than the prior's, else ``NOT_SEEN``.
    """

    variable: str
    meaning: str
    first: str
    second: str
    component: str
    ratio: bool
    posterior: tuple[float, float, float]
    prior: tuple[float, float, float] | None
    verdict: str


@checked
def rows(dataset: xr.Dataset, prob: Probability = 0.9) -> list[Row]:
    """Read what `overview` or `contrast` returned row by row.

    Parameters
    ----------
    dataset
        Draws of differences and ratios.
    prob
        Probability of the intervals.
    """
    summary = summarize(dataset, prob=prob)
    names = [str(name) for name in dataset.data_vars if not str(name).endswith(PRIOR)]
    return [row for name in names for row in _rows_of(summary, name)]


def _rows_of(summary: xr.Dataset, name: str) -> list[Row]:
    own, ratio = summary[name], bool(summary[name].attrs["ratio"])
    prior = summary.get(f"{name}{PRIOR}")
    rest = [dim for dim in own.dims if dim not in ("statistic", "contrast")]
    found = []
    for at in product(*(range(own.sizes[dim]) for dim in ("contrast", *rest))):
        place = dict(zip(("contrast", *rest), at, strict=True))
        one = own.isel(place)
        labels = [str(one[dim].values) for dim in rest if own.sizes[dim] > 1]
        after, before = _ends(one), None if prior is None else _ends(prior.isel(place))
        found.append(
            Row(
                name,
                str(own.attrs.get("long_name", name)),
                str(one["first"].values),
                str(one["second"].values),
                ", ".join(labels),
                ratio,
                after,
                before,
                _verdict(after, before, ratio),
            )
        )
    return found


def _ends(values: xr.DataArray) -> tuple[float, float, float]:
    middle, low, high = (float(values.sel(statistic=name)) for name in ("median", "lower", "upper"))
    return middle, low, high


def _verdict(
    after: tuple[float, float, float], before: tuple[float, float, float] | None, ratio: bool
) -> str:
    none = 1.0 if ratio else 0.0
    if not after[1] <= none <= after[2]:
        return DIFFERS if np.isfinite(after).all() else UNTOLD
    if before is None:
        return NOT_SEEN
    widths = [np.log(high / low) if ratio else high - low for _, low, high in (after, before)]
    return NOT_SEEN if widths[0] < UNLEARNED * widths[1] else UNTOLD
