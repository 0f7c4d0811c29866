"""Checkpoints of running chains: a fit that was interrupted goes on with the very draws it would have made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import PathLike
from sdebayes.inference.archive import Archive

_STATE, _RECORD = "state_", "record_"


@checked
class Checkpoint:
    """A folder that keeps the state and the draws of each chain after each block.

    Parameters
    ----------
    folder
        Made if it does not exist.
    fingerprint
        What the fit is of (model, data, strategy, seed); a folder of another fit is refused.

    Raises
    ------
    StoreError
        If the folder cannot be written, or belongs to another fit.

    See Also
    --------
    sdebayes.fit : Makes one of its ``checkpoint``.

    Examples
    --------
    >>> kept = sb.inference.Checkpoint("run", "the model, the data, the strategy and the seed")
    >>> kept.keep(0, {"step": np.array(3)}, [{"lp": np.zeros(3)}])
    >>> state, records = kept.restore(0, {"step": np.array(0)})
    >>> int(state["step"]), len(records)
    (3, 1)
    """

    def __init__(self, folder: PathLike, fingerprint: str) -> None:
        self._archive = Archive(folder, fingerprint, "fit (model, data, strategy or seed differ)")

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self._archive.folder

    @checked
    def keep(self, index: int, state: PyTree, records: list[dict[str, np.ndarray]]) -> None:
        """Write one chain; the file before it stays whole until the new one is."""
        arrays = {f"{_STATE}{k}": np.asarray(leaf) for k, leaf in enumerate(_leaves(state))}
        arrays |= {f"{_RECORD}{name}": np.stack([r[name] for r in records]) for name in records[0]}
        self._archive.write(_name(index), arrays)

    @checked
    def records(self, index: int) -> list[dict[str, np.ndarray]]:
        """Return the kept draws of one chain, block by block."""
        return _records(self._archive.read(_name(index)))

    @checked
    def restore(self, index: int, state: PyTree) -> tuple[PyTree, list[dict[str, np.ndarray]]]:
        """Return the kept state and draws of one chain, of one reading, or the given state and no draws."""
        kept = self._archive.read(_name(index))
        if not kept:
            return state, []
        leaves = [kept[f"{_STATE}{k}"] for k in range(len(_leaves(state)))]
        return _with_leaves(state, leaves), _records(kept)


def _name(index: int) -> str:
    return f"chain-{index}"


def _records(kept: dict[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    names = [name.removeprefix(_RECORD) for name in kept if name.startswith(_RECORD)]
    count = len(kept[f"{_RECORD}{names[0]}"]) if names else 0
    return [{name: kept[f"{_RECORD}{name}"][k] for name in names} for k in range(count)]


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _leaves(state: Any) -> list[Any]:
    leaves = jax.tree.leaves(jax.tree.map(jnp.asarray, state))
    return [jax.random.key_data(leaf) if _is_key(leaf) else leaf for leaf in leaves]


def _with_leaves(state: Any, kept: list[np.ndarray]) -> Any:
    leaves, structure = jax.tree.flatten(jax.tree.map(jnp.asarray, state))
    restored = [
        jax.random.wrap_key_data(jnp.asarray(new)) if _is_key(old) else jnp.asarray(new, dtype=old.dtype)
        for old, new in zip(leaves, kept, strict=True)
    ]
    return jax.tree.unflatten(structure, restored)
