"""What differs between groups of trajectories, draw by draw, beside what the prior alone would have of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Literal

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError, ModelError, SdebayesError, StateSpaceError
from sdebayes._core.kinds import Count, Seed
from sdebayes.analysis.contrast_quantities import QUANTITIES
from sdebayes.simulation import Source, as_source
from sdebayes.simulation.posterior_like import PosteriorLike, WithGroups
from sdebayes.simulation.prior import WithPrior
from sdebayes.simulation.source import SourceLike, has_groups, of_groups

__all__ = ["contrast", "shuffled_groups"]

Name = Literal[
    "time_constants", "equilibrium", "covariance", "noise", "stationary_covariance", "entropy_production"
]
Quantity = Callable[[Source], xr.Dataset | xr.DataArray] | Name
PRIOR, SHUFFLED, P_VALUE = "_prior", "_shuffled", "_p_value"


@checked
def contrast(
    posterior: PosteriorLike | Mapping[str, SourceLike],
    quantity: Quantity,
    groups: Sequence[str] | None = None,
    *,
    ratio: bool = False,
    seed: Seed = 0,
) -> xr.Dataset:
    """Compare a quantity between groups: its difference in each draw, and the prior's own difference beside.

    Parameters
    ----------
    posterior
        A posterior of several groups, whose draws are of all groups together; or several posteriors, or known SDEs, by
        name, whose draws are independent and are paired at random.
    quantity
        What is compared: a function of one group's SDE, such as ``sdebayes.analysis.process.entropy_production`` or
        ``lambda group: sdebayes.analysis.fields.grid(group, limits=...)``, that returns draws (sample, …); or one of
        ``"time_constants"`` (of the drift's Jacobian, slowest first), ``"equilibrium"`` (zero of a linear drift),
        ``"covariance"`` (Σ at the middle of the data), ``"noise"`` (diagonal of R), ``"stationary_covariance"`` (of a
        linear SDE) and ``"entropy_production"``.
    groups
        Which are compared, each with each; default all.
    ratio
        Whether the first is divided by the second, of what is positive, instead of the second subtracted.
    seed
        Seed of the prior's draws and of the random pairs.

    Returns
    -------
    xarray.Dataset
        Over ``contrast``, a pair of groups, and ``sample``: each variable of the quantity, and with the ending
        ``_prior`` the same of draws of the prior, where there is one. `sdebayes.summarize` gives intervals. Default
        regions, as of a grid, are those of all data together.

    Raises
    ------
    ModelError
        If there are not two groups, they have other states, or the quantity is the same in all groups, as where no
        parameter that it is made of has ``by_group``.
    StateSpaceError
        If posteriors are in different state spaces.
    DataError
        If the quantity has no draws, or a ratio is asked for of what is not positive.

    Notes
    -----
    With partial pooling the groups' own parameters are drawn towards each other as far as the data allow, and the more
    the fewer data a group has: differences of many groups need no correction for their number (Gelman, Hill & Yajima
    2012, doi:10.1080/19345747.2011.618213). Separate fits have no pooling.
    """
    posteriors, priors = _sources(posterior, groups, seed)
    own = _differences(posteriors, quantity, ratio)
    if all(not np.any(values.values - float(ratio)) for values in own.data_vars.values()):
        raise ModelError(
            "contrast: the quantity is the same in all groups, draw by draw; give by_group=True to the part of the "
            "model that it depends on. Behind learned noise the time constants are the diffusion's, "
            "Constant(by_group=True), and variances the observation's."
        )
    if priors:
        before = _differences(priors, quantity, ratio)
        own = own.assign({f"{name}{PRIOR}": values for name, values in before.data_vars.items()})
    return own.assign_attrs({**own.attrs, "ratio": int(ratio), "seed": seed})


@checked
def shuffled_groups(
    posterior: PosteriorLike,
    refit: Callable[[xr.Dataset], PosteriorLike],
    quantity: Quantity,
    groups: Sequence[str] | None = None,
    *,
    ratio: bool = False,
    shuffles: Count = 20,
    seed: Seed = 0,
) -> xr.Dataset:
    """Compare differences between groups with those between groups that were drawn by lot.

    Parameters
    ----------
    posterior
        A posterior of several groups.
    refit
        Fits the same model to other data, such as ``lambda data: sdebayes.fit(posterior.model, data, strategy)``. It is
        called with the training data, the groups of whose trajectories have changed places, once for each shuffle.
    quantity, groups, ratio
        As in `contrast`.
    shuffles
        Number of fits.
    seed
        Seed of the shuffles.

    Returns
    -------
    xarray.Dataset
        Over ``contrast``: the posterior median of each variable's difference, with the ending ``_shuffled`` over
        (replicate, contrast, …) those of shuffled groups, and with the ending ``_p_value`` the share of shuffles, this
        one among them, with a difference as far from none.

    Raises
    ------
    ModelError, DataError
        As `contrast`; a ModelError if the posterior has no groups.
    """
    if not has_groups(posterior):
        raise ModelError("shuffled_groups: the posterior has no groups, whose labels could be shuffled.")
    data = posterior.training_data()
    generator = np.random.default_rng(seed)

    def median(fitted: PosteriorLike) -> xr.Dataset:
        chosen, _ = _sources(fitted, groups, None)
        return _differences(chosen, quantity, ratio).median("sample", keep_attrs=True)

    own = median(posterior)
    null = []
    for _ in range(shuffles):
        labels = generator.permutation(data["group"].values)
        null.append(median(refit(data.assign_coords(group=("trajectory", labels)))))
    others = xr.concat(null, "replicate", join="exact")
    result = own.assign({f"{name}{SHUFFLED}": values for name, values in others.data_vars.items()})
    for name in own.data_vars:
        far, all_far = _from_none(own[name], ratio), _from_none(others[name], ratio)
        result[f"{name}{P_VALUE}"] = (1 + (all_far >= far).sum("replicate")) / (1 + shuffles)
    return result.assign_attrs({**own.attrs, "ratio": int(ratio), "seed": seed})


def _from_none(values: xr.DataArray, ratio: bool) -> xr.DataArray:
    """Return how far differences, or ratios, are from there being none."""
    distance: xr.DataArray = xr.apply_ufunc(lambda one: np.abs(np.log(one) if ratio else one), values)
    return distance


def _sources(
    given: PosteriorLike | Mapping[str, SourceLike], groups: Sequence[str] | None, seed: int | None
) -> tuple[dict[str, Source], dict[str, Source]]:
    """Return the SDEs of each group, and draws of their prior, in the order asked for; no prior without a seed."""
    if isinstance(given, Mapping):
        found, prior = _of_several(_chosen(dict(given), groups), seed or 0)
        return found, prior
    if not has_groups(given):
        raise ModelError(
            "contrast: the posterior has no groups. Give by_group=True to what may differ between them and fit data "
            'that say the group of each trajectory, or compare posteriors: contrast({"a": …, "b": …}, …).'
        )
    own = _chosen(of_groups(given), groups)
    return own, {} if seed is None else dict(_prior_of(given, own, seed))


def _prior_of(given: WithGroups, own: Mapping[str, Source], seed: int) -> Iterator[tuple[str, Source]]:
    for name, source in own.items():
        yield name, replace(source, observed=given.draw_prior(source.n_draws, seed, name))


def _chosen[Item](found: dict[str, Item], groups: Sequence[str] | None) -> dict[str, Item]:
    names = list(found) if groups is None else list(groups)
    unknown = [name for name in names if name not in found]
    if unknown:
        raise ModelError(
            f"contrast: there is no group {unknown[0]!r}; there are {', '.join(map(repr, found))}."
        )
    if len(set(names)) < 2:
        raise ModelError(f"contrast: {names} are no two groups.")
    return {name: found[name] for name in names}


def _of_several(given: Mapping[str, SourceLike], seed: int) -> tuple[dict[str, Source], dict[str, Source]]:
    """Pair independent draws at random: as many of each as the source with the fewest has."""
    found = {name: as_source(one) for name, one in given.items()}
    states = {name: one.states for name, one in found.items()}
    if len(set(states.values())) > 1:
        raise ModelError(f"contrast: the states differ, {states}.")
    spaces = {name: one.provenance.get("space_hash") for name, one in found.items()}
    if len(set(spaces.values())) > 1:
        raise StateSpaceError(f"contrast: the posteriors are in different state spaces, {spaces}.")
    generator = np.random.default_rng(seed)
    count = min(one.n_draws for one in found.values())
    own = {name: one.take(generator.permutation(one.n_draws)[:count]) for name, one in found.items()}
    if not all(isinstance(one, WithPrior) for one in given.values()):
        return own, {}
    before = {
        name: replace(own[name], observed=one.draw_prior(count, seed + place))
        for place, (name, one) in enumerate(given.items())
        if isinstance(one, WithPrior)
    }
    return own, before


def _differences(sources: Mapping[str, Source], quantity: Quantity, ratio: bool) -> xr.Dataset:
    read = QUANTITIES[quantity] if isinstance(quantity, str) else quantity
    values = {name: _draws(_asked(read, name, source)) for name, source in sources.items()}
    if ratio and not all(
        bool((v > 0).all() | v.isnull().all()) for one in values.values() for v in one.values()
    ):
        raise DataError(
            "contrast: a ratio is of what is positive, and this is not in every draw; leave ratio out."
        )
    pairs = list(combinations(values, 2))
    sign = "/" if ratio else "−"
    names = [f"{first} {sign} {second}" for first, second in pairs]
    try:
        with xr.set_options(arithmetic_join="exact", keep_attrs=True):
            found = [values[a] / values[b] if ratio else values[a] - values[b] for a, b in pairs]
    except ValueError as error:
        raise DataError(
            "contrast: the quantity is at other places, or of other draws, in one group than in another; give the same "
            f"places, such as limits, for all. {error}"
        ) from error
    joined = xr.concat(found, "contrast", join="exact").assign_coords(
        contrast=names,
        first=("contrast", [first for first, _ in pairs]),
        second=("contrast", [second for _, second in pairs]),
    )
    return joined.assign_attrs(next(iter(values.values())).attrs)


def _asked(
    read: Callable[[Source], xr.Dataset | xr.DataArray], name: str, source: Source
) -> xr.Dataset | xr.DataArray:
    try:
        found = read(source)
    except SdebayesError:
        raise
    except Exception as error:  # a function of the user's own may raise anything
        raise ModelError(
            f"contrast: the quantity fails for {name!r}: {type(error).__name__}: {error}. It is called with the SDE of "
            "one group, which every analysis takes."
        ) from error
    if not isinstance(found, xr.Dataset | xr.DataArray):
        raise DataError(
            f"contrast: the quantity returns {type(found).__name__}; expected a Dataset or DataArray with draws."
        )
    return found


def _draws(found: xr.Dataset | xr.DataArray) -> xr.Dataset:
    """Keep the numbers that are drawn."""
    dataset = found.to_dataset(name=found.name or "value") if isinstance(found, xr.DataArray) else found
    kept = [name for name, v in dataset.data_vars.items() if "sample" in v.dims and v.dtype.kind in "fiu"]
    if not kept:
        raise DataError(
            "contrast: the quantity has no draws; it should return numbers over the dimension sample."
        )
    return dataset[kept].astype(float, keep_attrs=True)
