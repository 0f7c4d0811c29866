"""Replicated data of a posterior's tree: drawn when they are first asked for, and in no file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property, partial
from typing import Any

import jax
import numpy as np
import xarray as xr
from xarray.backends import BackendArray, BackendEntrypoint
from xarray.core import indexing

from sdebayes._core import precision
from sdebayes._core.draws import evenly_spread
from sdebayes.model.sdemodel import SDEModel
from sdebayes.posterior import compiled
from sdebayes.posterior.packing import SEED, pack_steps, training_data

DRAWN_FROM = {"posterior_predictive": "unconstrained", "prior_predictive": "unconstrained_prior"}
"""The groups of replicated data, and those with the draws that they are made of."""

PREDICTIVE_DRAWS = 100
"""Draws per chain that the groups of predictions keep, fewer of large data: each holds a number for every value."""

MOST_NUMBERS = 2**25
"""How many numbers a group that grows with the data holds at most, unless one draw of each chain has more."""


def kept_draws(shape: tuple[int, int], numbers: int, most: int | None = None) -> np.ndarray:
    """Return which draws of each chain a group keeps that holds so many numbers for each of them."""
    chains, count = shape
    wanted = max(1, MOST_NUMBERS // (chains * max(numbers, 1)))
    return evenly_spread(count, wanted if most is None else min(wanted, most))


def with_replicates(model: SDEModel, tree: xr.DataTree) -> xr.DataTree:
    """Return a posterior's tree with its groups of replicated data, where it has not got them.

    Parameters
    ----------
    model
        The model, scaled to data.
    tree
        The posterior's tree; one without draws of the prior, as older files are, is returned as it is.

    Returns
    -------
    xr.DataTree
        With ``posterior_predictive`` and ``prior_predictive``, whose values are drawn when they are first asked for:
        the same from the same tree.
    """
    known = set(tree.children)
    if not known >= {"observed_data", *DRAWN_FROM.values()}:
        return tree
    missing = [name for name in DRAWN_FROM if name not in known]
    return tree.assign({name: xr.DataTree(_group(model, tree, name)) for name in missing})


def _group(model: SDEModel, tree: xr.DataTree, name: str) -> xr.Dataset:
    """Return one group of replicated data that are not drawn yet."""
    free, observed = tree[DRAWN_FROM[name]].to_dataset(), tree["observed_data"].to_dataset()
    shape = free.sizes["chain"], free.sizes["draw"]
    chosen = free.isel(draw=kept_draws(shape, observed["y"].size, PREDICTIVE_DRAWS))
    sizes = tuple(chosen.sizes[dim] for dim in ("chain", "draw")) + observed["y"].shape
    dtype = np.dtype(tree.attrs["precision"])
    later = _Later(
        sizes, dtype, partial(_replicates, model, tree, chosen, sizes, list(DRAWN_FROM).index(name))
    )
    variables = {"y": (("chain", "draw", *observed["y"].dims), indexing.LazilyIndexedArray(later))}
    group = xr.open_dataset(xr.Dataset(variables), engine=_Drawn)
    return group.assign_coords({**observed.coords, "chain": free["chain"], "draw": chosen["draw"]})


def _replicates(
    model: SDEModel, tree: xr.DataTree, free: xr.Dataset, sizes: tuple[int, ...], number: int
) -> np.ndarray:
    """Draw data at the times of the training data, under each of these draws of the unknowns."""
    data, seed = training_data(tree), int(tree["constant_data"][SEED])
    sites = {str(name): array.values.reshape(-1, *array.shape[2:]) for name, array in free.data_vars.items()}
    with precision.scope(tree.attrs["precision"]), precision.single_blas_thread():
        observations = model.read(data)
        stacked = compiled.reading(model)(sites)[1]
        keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), number), sizes[0] * sizes[1])
        drawn = compiled.replicates(model.likelihood)(
            (stacked, np.asarray(jax.random.key_data(keys))), observations
        )
    return pack_steps(data, model, observations).values(drawn).reshape(sizes)


class _Later(BackendArray):
    """An array of known shape, whose values are made when they are first asked for."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype, make: Callable[[], np.ndarray]) -> None:
        self.shape, self.dtype, self._make = shape, dtype, make

    @cached_property
    def _values(self) -> np.ndarray:
        return self._make()

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._values.__getitem__
        )

    def __deepcopy__(self, memo: object) -> _Later:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _Later, (self.shape, self.dtype, partial(np.array, self._values))


class _Drawn(BackendEntrypoint):
    """Opens what is drawn as xarray opens files: values are kept once they are known, and copied before a change."""

    def open_dataset(  # type: ignore[override]
        self, filename_or_obj: xr.Dataset, *, drop_variables: str | Iterable[str] | None = None
    ) -> xr.Dataset:
        return filename_or_obj
