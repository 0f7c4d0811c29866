"""SDEs by group, and what is subtracted or divided between them in each draw."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import xarray as xr

from sdebayes._core.errors import DataError, ModelError, SdebayesError, StateSpaceError
from sdebayes.simulation import Source, as_source
from sdebayes.simulation.posterior_like import PosteriorLike, WithGroups
from sdebayes.simulation.prior import WithPrior
from sdebayes.simulation.source import SourceLike, has_groups, of_groups

Read = Callable[[Source], xr.Dataset | xr.DataArray]
Values = dict[str, xr.Dataset]

PRIOR = "_prior"
SAME = (
    "the quantity is the same in all groups, draw by draw; give by_group=True to the part of the model that it depends "
    "on. Behind learned noise the time constants are the diffusion's, Constant(by_group=True), and variances the "
    "observation's."
)
_ROUNDING = {"float64": 1e-9, "float32": 1e-4}


def sources_of(
    given: PosteriorLike | Mapping[str, SourceLike], groups: Sequence[str] | None, seed: int | None
) -> tuple[dict[str, Source], dict[str, Source]]:
    """Return the SDEs of each group, and draws of their prior, in the order asked for; no prior without a seed.

    Raises
    ------
    ModelError
        If there are not two groups, or they have other states.
    StateSpaceError
        If posteriors are in different state spaces.
    """
    if isinstance(given, Mapping):
        return _of_several(_chosen(dict(given), groups), seed or 0)
    if not has_groups(given):
        raise ModelError(
            "contrast: the posterior has no groups. Give by_group=True to what may differ between them and fit data "
            'that say the group of each trajectory, or compare posteriors: contrast({"a": …, "b": …}, …).'
        )
    own = _chosen(of_groups(given), groups)
    return own, {} if seed is None else dict(_prior_of(given, own, seed))


def values_of(sources: Mapping[str, Source], read: Read) -> Values:
    """Return the drawn numbers of a quantity in each group.

    Raises
    ------
    ModelError
        If a function of the user's own fails.
    DataError
        If it has no draws.
    """
    return {name: _draws(_asked(read, name, source)) for name, source in sources.items()}


def are_same(values: Values, precision: str) -> bool:
    """Whether groups have the same numbers in each draw, up to rounding."""
    first, *others = values.values()
    return all(_is_alike(one[name], first[name], _ROUNDING[precision]) for one in others for name in first)


def differences(values: Values, ratio: bool) -> xr.Dataset:
    """Subtract, or divide, the numbers of each pair of groups.

    Parameters
    ----------
    values
        Of each group.
    ratio
        Whether to divide.

    Returns
    -------
    xr.Dataset
        Over ``contrast`` and what the values have; each variable says in ``attrs`` whether it is a ratio.

    Raises
    ------
    DataError
        If a ratio is asked for of what is not positive, or the values are at other places in one group than in another.
    """
    if ratio and not all(
        bool((v > 0).all() | v.isnull().all()) for one in values.values() for v in one.values()
    ):
        raise DataError(
            "contrast: a ratio is of what is positive, and this is not in every draw; leave ratio out."
        )
    pairs = list(combinations(values, 2))
    sign = "/" if ratio else "−"
    try:
        with xr.set_options(arithmetic_join="exact", keep_attrs=True):
            found = [values[a] / values[b] if ratio else values[a] - values[b] for a, b in pairs]
    except ValueError as error:
        raise DataError(
            "contrast: the quantity is at other places, or of other draws, in one group than in another; give the same "
            f"places, such as limits, for all. {error}"
        ) from error
    joined = xr.concat(found, "contrast", join="exact").assign_coords(
        contrast=[f"{first} {sign} {second}" for first, second in pairs],
        first=("contrast", [first for first, _ in pairs]),
        second=("contrast", [second for _, second in pairs]),
    )
    marked = {name: v.assign_attrs(ratio=int(ratio)) for name, v in joined.data_vars.items()}
    return joined.assign(marked).assign_attrs(next(iter(values.values())).attrs)


def beside_prior(own: xr.Dataset, before: xr.Dataset) -> xr.Dataset:
    """Add the prior's variables under names of their own."""
    return own.assign({f"{name}{PRIOR}": values for name, values in before.data_vars.items()})


def _is_alike(one: xr.DataArray, other: xr.DataArray, rounding: float) -> bool:
    if one.shape != other.shape:
        return False
    size = float(np.nan_to_num(np.abs(other.values)).max(initial=0.0))
    return np.allclose(one.values, other.values, rtol=0.0, atol=rounding * size, equal_nan=True)


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


def _asked(read: Read, name: str, source: Source) -> xr.Dataset | xr.DataArray:
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
