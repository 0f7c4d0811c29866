"""Load a posterior from disk."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import xarray as xr

from sdebayes._core import precision
from sdebayes._core.errors import StoreError
from sdebayes.model.rebuild import constrained_sites, rebuild
from sdebayes.model.sdemodel import SDEModel
from sdebayes.posterior import specification, store
from sdebayes.posterior.packing import stored_scale
from sdebayes.posterior.posterior import Posterior


def load(path: str | Path, model: SDEModel | None = None) -> Posterior:
    """Load a posterior that `Posterior.to_netcdf` wrote.

    Parameters
    ----------
    path
        The file.
    model
        The model, where it is made of the user's own functions or distributions, which no file holds. It gets the data
        scale of the fit.

    Returns
    -------
    Posterior
        The same draws, with the same results.

    Raises
    ------
    StoreError
        If the file cannot be read, is damaged or was changed since it was written, or holds no model and none is given.
    """
    return from_tree(store.read(path), path, model)


def from_tree(tree: xr.DataTree, path: str | Path, model: SDEModel | None = None) -> Posterior:
    """Make a posterior of what was read.

    Raises
    ------
    StoreError
        As `load`.
    """
    text = str(tree.attrs["model"])
    if model is None and not text:
        raise StoreError(
            f"{path} holds draws of a model with functions of the user's own, which are not stored; "
            "give the model: sdebayes.load(path, model=...)."
        )
    if model is None:
        with precision.scope(tree.attrs["precision"]):
            posterior = Posterior(specification.decode(text), tree)
    else:
        posterior = Posterior(_scaled(model, tree, path), tree)
    with precision.scope(posterior.precision):
        _check_fit(posterior, path)
    return posterior


def _scaled(model: SDEModel, tree: xr.DataTree, path: str | Path) -> SDEModel:
    """Return a model that was given with the scale of the fit, or refuse it."""
    scaled = model if model.scale is not None else model.with_scale(stored_scale(tree))
    if scaled.describe() != tree.attrs["model_description"]:
        raise StoreError(
            f"{path} was fitted with another model than the one given.\nStored:\n"
            f"{tree.attrs['model_description']}\nGiven:\n{scaled.describe()}"
        )
    return scaled


def _check_fit(posterior: Posterior, path: str | Path) -> None:
    """Raise unless one draw makes an SDE of the model, and data and state space are there; nothing is compiled."""
    draws = posterior.data["unconstrained"].to_dataset().data_vars
    real = jnp.result_type(float)
    free = {str(name): jax.ShapeDtypeStruct(array.shape[2:], real) for name, array in draws.items()}
    model = posterior.model
    try:
        jax.eval_shape(lambda one: rebuild(model, constrained_sites(model, one)), free)
        _ = posterior.training_scale, posterior.space
    except Exception as error:
        raise StoreError(
            f"{path} is no whole posterior: its draws, its model, its data and its state space do not fit together "
            f"({type(error).__name__}: {error}). Take a copy of the file, or fit again."
        ) from error
