"""Load a posterior from disk."""

from __future__ import annotations

from sdebayes._core import precision
from sdebayes._core.arguments import checked
from sdebayes._core.errors import StoreError
from sdebayes._core.kinds import PathLike
from sdebayes.model.sdemodel import SDEModel
from sdebayes.posterior import specification, store
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
        scale of the fit.

    Returns
    -------
    Posterior
        The same draws, with the same results.

    Raises
    ------
    StoreError
        If the file cannot be read, or holds no model and none is given.
    """
    tree = store.read(path)
    text = str(tree.attrs.get("model", ""))
    if model is None and not text:
        raise StoreError(
            f"{path} holds draws of a model with functions of the user's own, which are not stored; "
            "give the model: sdebayes.load(path, model=...)."
        )
    if model is None:
        with precision.scope(str(tree.attrs["precision"])):
            return Posterior(specification.decode(text), tree)
    scaled = model if model.scale is not None else model.with_scale(stored_scale(tree))
    if scaled.describe() != tree.attrs["model_description"]:
        raise StoreError(
            f"{path} was fitted with another model than the one given.\nStored:\n"
            f"{tree.attrs['model_description']}\nGiven:\n{scaled.describe()}"
        )
    return Posterior(scaled, tree)
