"""Posteriors on disk: one netCDF file, written whole or not at all, with no code in it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import xarray as xr

from sdebayes._core.errors import StoreError

SCHEMA = "sdebayes posterior"
SCHEMA_VERSION = 2


def write(tree: xr.DataTree, path: str | Path) -> Path:
    """Write a posterior's DataTree.

    Raises
    ------
    StoreError
        If the file cannot be written; nothing is left half-written.
    """
    path = Path(path)
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            unfinished = Path(folder) / "posterior.nc"
            tree.to_netcdf(unfinished, engine="h5netcdf")
            os.replace(unfinished, path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}. Choose another place.") from error
    return path


def read(path: str | Path) -> xr.DataTree:
    """Read a posterior's DataTree into memory.

    Raises
    ------
    StoreError
        If there is no such file, or it is truncated, foreign, or from a newer version.
    """
    path = Path(path)
    if not path.is_file():
        raise StoreError(f"{path} does not exist or is no file; expected one that posterior.to_netcdf wrote.")
    try:
        with xr.open_datatree(path, engine="h5netcdf") as opened:
            tree = opened.load()
    except Exception as error:
        raise StoreError(
            f"{path} cannot be read as netCDF ({type(error).__name__}: {error}); it is truncated or of another kind."
        ) from error
    if tree.attrs.get("schema") != SCHEMA:
        raise StoreError(
            f"{path} is no posterior of sdebayes; expected a file that posterior.to_netcdf wrote."
        )
    if int(tree.attrs["schema_version"]) > SCHEMA_VERSION:
        raise StoreError(
            f"{path} was written by sdebayes {tree.attrs.get('sdebayes_version', '(unknown)')}, whose schema "
            f"{tree.attrs['schema_version']} is newer than {SCHEMA_VERSION}, which this version reads; update sdebayes."
        )
    return tree
