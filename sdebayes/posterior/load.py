"""Load a posterior from disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax
import xarray as xr

from sdebayes._core import precision
from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError, StoreError
from sdebayes._core.kinds import PathLike
from sdebayes.inference.target import unconstrained_draw
from sdebayes.model.sdemodel import SDEModel
from sdebayes.posterior import serialization, store
from sdebayes.posterior.packing import stored_scale
from sdebayes.posterior.posterior import Posterior


@checked
def load(path: PathLike, model: SDEModel | None = None) -> Posterior:
    """Load a posterior that `Posterior.to_netcdf` wrote.

    Parameters
    ----------
    path
        The file.
    model
        The model, where it is made of the user's own functions or distributions, which no file holds. It gets the data
        scale of the fit. Classes of a module of yours are found if that is imported.

    Returns
    -------
    Posterior
        The same draws, with the same results.

    Raises
    ------
    StoreError
        If the file cannot be read, is damaged or was changed since it was written, holds no model and none is given,
        or is made of a class that is not defined: nothing is imported because a file names it.

    See Also
    --------
    sdebayes.Posterior.to_netcdf : Writes it.
    sdebayes.data.load : Reads trajectories.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> sb.load(posterior.to_netcdf("posterior.nc"))
    <Posterior: 1 chains × 50 draws of 2 states>
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
            f"{path} holds draws without their model: {tree.attrs.get('not_stored', '')} {store.GIVE_AGAIN}"
        )
    with _whole(path), precision.scope(tree.attrs["precision"]):
        fitted = serialization.decode(text) if model is None else _scaled(model, tree, path)
        posterior = Posterior(fitted, tree)
        _rehearse(posterior)
    return posterior


@contextmanager
def _whole(path: str | Path) -> Iterator[None]:
    """Turn whatever an edited tree leads to into an error about the file."""
    try:
        yield
    except (StoreError, ModelError):
        raise
    except Exception as error:
        raise StoreError(
            f"{path} is no whole posterior: its draws, its model, its data and its state space do not fit together "
            f"({type(error).__name__}: {error}). Take a copy of the file, or fit again."
        ) from error


def _scaled(model: SDEModel, tree: xr.DataTree, path: str | Path) -> SDEModel:
    """Return a model that was given with the scale of the fit, or refuse it."""
    scaled = model if model.scale is not None else model.with_scale(stored_scale(tree))
    if scaled.describe() != tree.attrs["model_description"]:
        raise StoreError(
            f"{path} was fitted with another model than the one given.\nStored:\n"
            f"{tree.attrs['model_description']}\nGiven:\n{scaled.describe()}"
        )
    return scaled


def _rehearse(posterior: Posterior) -> None:
    """Compare the draws with the unknowns of the model, and read the data and the state space."""
    group = posterior.data["unconstrained"].to_dataset()
    found = {str(name): values.shape[2:] for name, values in group.data_vars.items()}
    drawn = jax.eval_shape(lambda key: unconstrained_draw(posterior.model.build, key), jax.random.key(0))
    expected = {name: value.shape for name, value in drawn.items()}
    if found != expected:
        raise ValueError(f"the unknowns of the model are {expected}, the draws are of {found}")
    _ = posterior.training_scale, posterior.space
