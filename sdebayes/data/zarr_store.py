"""Data sets as zarr directories with a sealed list of their files, made in memory and read from memory."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import xarray as xr

from sdebayes._core import files
from sdebayes._core.errors import StoreError
from sdebayes._core.seal import no_seal, read_sealed, seal

LIST = ".seal"
"""The file that lists the others with their digests; zarr does not look at it."""


def write_zarr(dataset: xr.Dataset, path: Path) -> None:
    """Write a data set to a zarr directory, whole or not at all.

    Raises
    ------
    StoreError
        If something else is there, or it cannot be written; what was there is then as it was.
    """
    from zarr.storage import MemoryStore

    if path.exists() and not any((path / name).exists() for name in ("zarr.json", ".zgroup")):
        raise StoreError(f"{path} exists and is no zarr store; it was left as it is. Choose another name.")
    files.check_writable(path)
    made: dict[str, Any] = {}
    try:
        dataset.to_zarr(
            MemoryStore(made), mode="w", zarr_format=2, consolidated=True, write_empty_chunks=True
        )
    except Exception as error:
        raise StoreError(
            f"{path} cannot be written: zarr cannot hold what it is to be made of ({type(error).__name__}: {error}). "
            "Remove that, or convert it to numbers or texts."
        ) from error
    contents = {name: made[name].to_bytes() for name in sorted(made)}
    listed = json.dumps({name: _digest(content) for name, content in contents.items()}).encode()
    files.write_folder(path, contents | {LIST: listed + seal(listed)})


def read_zarr(path: Path, advice: str) -> xr.Dataset:
    """Read into memory what :func:`write_zarr` wrote; files that are not on its list are not looked at.

    Raises
    ------
    StoreError
        With this advice, if there is no list, or a file is missing or not as it was listed.
    """
    from zarr.core.buffer import default_buffer_prototype
    from zarr.storage import MemoryStore

    if not (path / LIST).is_file():
        raise no_seal(path, advice)
    listed = json.loads(read_sealed(path / LIST, advice))
    read = default_buffer_prototype().buffer.from_bytes
    store = MemoryStore({name: read(_read_listed(path / name, listed[name], advice)) for name in listed})
    try:
        with xr.open_zarr(store) as opened:
            return opened.load()
    except Exception as error:
        raise StoreError(
            f"{path} cannot be read as zarr ({type(error).__name__}: {error}). {advice}"
        ) from error


def _read_listed(path: Path, digest: str, advice: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}. {advice}") from error
    if _digest(content) != digest:
        raise StoreError(
            f"{path} cannot be read: it is damaged. Its {len(content):,} bytes are not those that were sealed. {advice}"
        )
    return content


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
