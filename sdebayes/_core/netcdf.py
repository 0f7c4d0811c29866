"""NetCDF files: made in memory, so that HDF5 meets no full disk, and read from memory, so that it meets no damage."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import xarray as xr

from sdebayes._core import files
from sdebayes._core.errors import StoreError
from sdebayes._core.seal import read_sealed, seal

_ENGINE = "h5netcdf"
_SMALL = 4096
"""Bytes of an array that is not worth to be compressed."""


def write_netcdf(data: xr.Dataset | xr.DataTree, path: Path) -> None:
    """Write data to a sealed netCDF file, whole or not at all.

    Raises
    ------
    StoreError
        If netCDF cannot hold the data, or the file cannot be written; a file that was there is then as it was.
    """
    files.check_writable(path)
    written: Any = data
    buffer = io.BytesIO()
    try:
        written.to_netcdf(buffer, engine=_ENGINE, encoding=_encoding(data))
    except Exception as error:
        raise StoreError(
            f"{path} cannot be written: netCDF cannot hold what it is to be made of "
            f"({type(error).__name__}: {error}). Remove that, or convert it to numbers or texts."
        ) from error
    files.write(path, content := buffer.getvalue(), seal(content))


def _encoding(data: xr.Dataset | xr.DataTree) -> dict[Any, Any]:
    """Compress what is large, byte by byte of its numbers: they come back as they were."""
    if isinstance(data, xr.DataTree):
        return {node.path: _encoding(node.to_dataset(inherit=False)) for node in data.subtree}
    large = [name for name, one in data.variables.items() if one.dtype.kind in "fiu" and one.nbytes > _SMALL]
    return {name: {"zlib": True, "complevel": 1, "shuffle": True} for name in large}


def read_dataset(path: Path, advice: str) -> xr.Dataset:
    """Read a sealed file of one group into memory.

    Raises
    ------
    StoreError
        With this advice, if it has no seal, is damaged, or is no netCDF.
    """
    return _read(path, read_sealed(path, advice), advice)


def read_netcdf(path: Path, advice: str) -> xr.Dataset:
    """Read a file of one group into memory, whoever wrote it.

    Raises
    ------
    StoreError
        With this advice, if it cannot be read, or is no netCDF.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}. {advice}") from error
    return _read(path, content, advice)


def _read(path: Path, content: bytes, advice: str) -> xr.Dataset:
    try:
        with xr.open_dataset(io.BytesIO(content), engine=_ENGINE) as opened:
            return opened.load()
    except Exception as error:
        raise _no_netcdf(path, error, advice) from error


def read_tree(path: Path, advice: str) -> xr.DataTree:
    """Read a sealed file with all its groups into memory.

    Raises
    ------
    StoreError
        As :func:`read_dataset`.
    """
    content = read_sealed(path, advice)
    try:
        with xr.open_datatree(io.BytesIO(content), engine=_ENGINE) as opened:
            for node in opened.subtree:  # DataTree.load passes over a variable that is named as a group
                for variable in node.variables.values():
                    variable.load()
            return opened
    except Exception as error:
        raise _no_netcdf(path, error, advice) from error


def _no_netcdf(path: Path, error: Exception, advice: str) -> StoreError:
    return StoreError(f"{path} cannot be read as netCDF ({type(error).__name__}: {error}). {advice}")
