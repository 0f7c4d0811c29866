"""Checkpoints of running chains: a fit that was interrupted goes on with the very draws it would have made."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdebayes._core.errors import StoreError


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
    """

    def __init__(self, folder: str | Path, fingerprint: str) -> None:
        self.folder = Path(folder)
        self.fingerprint = fingerprint
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"The checkpoint folder {self.folder} cannot be made: {error}.") from error

    def keep(self, index: int, state: Any, records: list[dict[str, np.ndarray]]) -> None:
        """Write one chain; the file before it stays whole until the new one is."""
        arrays: dict[str, Any] = {f"state_{k}": np.asarray(leaf) for k, leaf in enumerate(_leaves(state))}
        arrays |= {f"record_{name}": np.stack([r[name] for r in records]) for name in records[0]}
        buffer = io.BytesIO()
        np.savez(buffer, fingerprint=np.array(self.fingerprint), **arrays)
        try:
            with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".part", delete=False) as file:
                file.write(buffer.getvalue())
            os.replace(file.name, self._path(index))
        except OSError as error:
            raise StoreError(f"The checkpoint in {self.folder} cannot be written: {error}.") from error

    def records(self, index: int) -> list[dict[str, np.ndarray]]:
        """Return the kept draws of one chain, block by block."""
        kept = self._read(index)
        names = [name.removeprefix("record_") for name in kept if name.startswith("record_")]
        count = len(kept[f"record_{names[0]}"]) if names else 0
        return [{name: kept[f"record_{name}"][k] for name in names} for k in range(count)]

    def restore(self, index: int, state: Any) -> tuple[Any, list[dict[str, np.ndarray]]]:
        """Return the kept state and draws of one chain, or the given state and no draws."""
        kept = self._read(index)
        if not kept:
            return state, []
        leaves = [kept[f"state_{k}"] for k in range(len(_leaves(state)))]
        return _with_leaves(state, leaves), self.records(index)

    def _read(self, index: int) -> dict[str, np.ndarray]:
        path = self._path(index)
        if not path.exists():
            return {}
        try:
            with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                kept = dict(file)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise StoreError(
                f"The checkpoint {path} cannot be read ({error}); delete it to start anew."
            ) from error
        if str(kept.get("fingerprint")) != self.fingerprint:
            raise StoreError(
                f"The checkpoint {path} belongs to another fit (model, data, strategy or seed differ); give another "
                "folder, or delete it."
            )
        return kept

    def _path(self, index: int) -> Path:
        return self.folder / f"chain-{index}.npz"


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
