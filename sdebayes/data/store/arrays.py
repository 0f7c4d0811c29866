"""The arrays of a store on the disk: zarr, a chunk for some texts and some steps, each with a checksum."""

from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.errors import StoreError

TEXTS, STEPS = 64, 128
"""Of a chunk."""

_DIMS = {
    "y": ("trajectory", "time", "embedding"),
    "t": ("trajectory", "time"),
    "text": ("trajectory", "time"),
    "words": ("trajectory", "time"),
}
_KINDS: dict[str, Any] = {"y": "float32", "t": "float64", "text": str, "words": "float32"}


def write_block(path: Path, row: int, block: xr.Dataset, anew: bool) -> None:
    """Write texts to rows from ``row`` on, which is a multiple of `TEXTS`, down to the disk.

    Parameters
    ----------
    path
        The store.
    row
        The first row.
    block
        A data set of texts, `TEXTS` of them unless they are the last ones.
    anew
        Whether a killed process may have left something there.

    Raises
    ------
    StoreError
        If the width of the embedding is another one than that of the blocks before.
    """
    group, longest = _group(path), block.sizes["time"]
    if anew:
        _clear(path, row)
    late = -longest % STEPS
    for name, dims in _DIMS.items():
        values = block[name].values
        array = _array(group, name, dims, block.sizes["embedding"])
        if values.shape[2:] != array.shape[2:]:
            raise StoreError(
                f"{path} holds an embedding of {array.shape[2]} dimensions, and these texts have one of "
                f"{values.shape[2]}: the encoder has changed. Choose another store."
            )
        whole = np.pad(
            values.astype(object if name == "text" else _KINDS[name]),
            [(0, 0), (0, late), *[(0, 0)] * (values.ndim - 2)],
            constant_values="" if name == "text" else np.nan,
        )
        stop, end = row + len(whole), whole.shape[1]
        array.resize((max(array.shape[0], stop), max(array.shape[1], end), *array.shape[2:]))
        array[row:stop, :end] = whole
    for name in chunks_of(row, longest):
        _sync(path / name)


def chunks_of(row: int, longest: int) -> list[str]:
    """Name the files of the texts from ``row`` on, the longest of which has so many steps."""
    return [
        f"{name}/{'.'.join(map(str, (row // TEXTS, late, *(0 for _ in dims[2:]))))}"
        for name, dims in _DIMS.items()
        for late in range(-(-longest // STEPS))
    ]


def write_small(path: Path, small: xr.Dataset) -> None:
    """Write what memory holds: the variables of each text, and the attributes; the store is then whole for xarray."""
    group = _group(path)
    for name in _DIMS:
        group[name].resize((small.sizes["trajectory"], small.sizes["time"], *group[name].shape[2:]))
    for name in map(str, small.variables):
        shutil.rmtree(path / name, ignore_errors=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Object at .* is not recognized")  # the ledger and the lock
        small.to_zarr(path, mode="a", zarr_format=2, consolidated=True)


def _group(path: Path) -> Any:
    import zarr

    return zarr.open_group(path, mode="a", zarr_format=2)


def _array(group: Any, name: str, dims: tuple[str, ...], width: int) -> Any:
    if name in group:
        return group[name]
    from numcodecs import Zstd

    rest = (width,) if len(dims) > 2 else ()
    return group.create_array(
        name,
        shape=(0, 0, *rest),
        chunks=(TEXTS, STEPS, *rest),
        dtype=_KINDS[name],
        fill_value="" if name == "text" else np.nan,
        compressors=Zstd(level=3, checksum=True),
        attributes={"_ARRAY_DIMENSIONS": list(dims)},
        config={"write_empty_chunks": True},
    )


def _clear(path: Path, row: int) -> None:
    for name in _DIMS:
        for file in (path / name).glob(f"{row // TEXTS}.*"):
            file.unlink()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
