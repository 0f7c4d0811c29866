"""A store opened: its small variables in memory, the others on the disk until they are asked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.errors import StoreError
from sdebayes._core.seal import check_version
from sdebayes.data.container import SCHEMA_VERSION
from sdebayes.data.store import ledger
from sdebayes.data.store.arrays import TEXTS, chunks_of

_GO_ON = "Call sdebayes.embed with this store and its corpus again, which goes on where it was."


def is_store(path: Path) -> bool:
    """Whether a directory is a store, whole or not."""
    return (path / ledger.LEDGER).is_file()


def open_store(path: Path) -> xr.Dataset:
    """Open a store.

    Returns
    -------
    xr.Dataset
        Of which ``y``, ``t``, ``text`` and ``words`` are read where they are asked for.

    Raises
    ------
    StoreError
        If it is not whole, or files are missing. A file that is damaged is noticed when it is read.
    """
    _, blocks = ledger.read(path)
    texts = sum(len(block.names) for block in blocks)
    try:
        found = xr.open_zarr(path, chunks=None, consolidated=True, mask_and_scale=False)
    except Exception:
        found = xr.Dataset()
    if found.sizes.get("trajectory") != texts or "n_steps" not in found:
        raise StoreError(f"{path} is not whole: {texts} texts of its corpus are embedded. {_GO_ON}")
    check_version(found.attrs, SCHEMA_VERSION, path)
    _check_files(path, blocks)
    small = {name for name, variable in found.variables.items() if variable.dims == ("trajectory",)}
    found = found.assign({name: (("trajectory",), _plain(found[name].values)) for name in small})
    for variable in found.variables.values():
        variable.attrs.pop("_FillValue", None)  # what is written again would take "" for missing
    found.attrs = {
        key: value.item() if isinstance(value, np.generic) else value for key, value in found.attrs.items()
    }
    return found


def _check_files(path: Path, blocks: list[ledger.Block]) -> None:
    there: dict[str, set[str]] = {}
    for index, block in enumerate(blocks):
        for name in chunks_of(index * TEXTS, block.longest):
            folder, file = name.split("/")
            if folder not in there:
                there[folder] = set(os.listdir(path / folder))
            if file not in there[folder]:
                raise StoreError(
                    f"{path / name} is missing: the vectors of {block.names[0]!r} and those after it. Take a copy of "
                    "the store, or make it again."
                )


def _plain(values: np.ndarray) -> Any:
    return values.astype(str) if values.dtype.kind in "OTU" else values
