"""Data sets on disk: netCDF and zarr, written whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import StoreError
from sdebayes._core.kinds import PathLike
from sdebayes.paths.container import SCHEMA_VERSION, validate
from sdebayes.paths.texts import read_texts

__all__ = ["load", "read_texts", "save"]

_REQUIRED = ("y", "t", "n_steps", "trajectory")


@checked
def save(dataset: xr.Dataset, path: PathLike) -> Path:
    """Write a data set of trajectories; a file of that name is replaced only when the new one is complete.

    Parameters
    ----------
    dataset
        What ``trajectories``, ``embed`` or ``StateSpace.transform`` returned.
    path
        A zarr directory if the name ends in ``.zarr``, else a netCDF file.

    Returns
    -------
    Path
        ``path``.

    Raises
    ------
    DataError
        If the data set is not valid.
    StoreError
        If it cannot be written there.
    """
    validate(dataset)
    path = Path(path)
    try:
        if _is_zarr(path):
            _write_zarr(dataset, path)
        else:
            _write_netcdf(dataset, path)
    except StoreError:
        raise
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(f"{path} cannot be written: {error}. Nothing was left there.") from error
    return path


@checked
def load(path: PathLike) -> xr.Dataset:
    """Read a data set of trajectories into memory.

    Parameters
    ----------
    path
        What :func:`save` wrote.

    Returns
    -------
    xr.Dataset
        The validated data set.

    Raises
    ------
    StoreError
        If there is no such file, or it is truncated, not a data set of sdebayes, or written by a newer version.
    DataError
        If what it holds is not valid.
    """
    path = Path(path)
    if not path.exists():
        raise StoreError(f"{path} does not exist.")
    try:
        with _open(path) as stored:
            _check_schema(stored, path)
            dataset = stored.load()
    except StoreError:
        raise
    except Exception as error:
        raise StoreError(
            f"{path} cannot be read as a {'zarr store' if _is_zarr(path) else 'netCDF file'}: it is truncated or of "
            f"another kind ({type(error).__name__}: {error})."
        ) from error
    return validate(_with_plain_strings(dataset))


def _is_zarr(path: Path) -> bool:
    return path.suffix == ".zarr"


def _write_netcdf(dataset: xr.Dataset, path: Path) -> None:
    if path.is_dir():
        raise StoreError(f"{path} is a directory; give the name of a file, or one that ends in .zarr.")
    with _beside(path) as temporary:
        dataset.to_netcdf(temporary, engine="h5netcdf")
        os.replace(temporary, path)


def _write_zarr(dataset: xr.Dataset, path: Path) -> None:
    if path.exists() and not (path / "zarr.json").exists() and not (path / ".zgroup").exists():
        raise StoreError(f"{path} exists and is no zarr store; it was left as it is. Choose another name.")
    with _beside(path) as temporary:
        dataset.to_zarr(temporary, mode="w", zarr_format=2, consolidated=True, write_empty_chunks=True)
        with _beside(path) as former:
            if path.exists():
                os.replace(path, former)
            os.replace(temporary, path)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Give a free name in a new directory beside ``path``, and remove both in the end."""
    directory = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield directory / path.name
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _open(path: Path) -> Iterator[xr.Dataset]:
    if not _is_zarr(path):
        with xr.open_dataset(path, engine="h5netcdf") as dataset:
            yield dataset
        return
    import zarr

    for name, array in zarr.open_group(path, mode="r").arrays():
        if array.nchunks_initialized < array.nchunks:
            raise StoreError(
                f"{path} is truncated: {array.nchunks - array.nchunks_initialized} chunks of {name} miss."
            )
    with xr.open_zarr(path) as dataset:
        yield dataset


def _check_schema(dataset: xr.Dataset, path: Path) -> None:
    found = dataset.attrs.get("schema_version")
    if isinstance(found, int | np.integer) and found > SCHEMA_VERSION:
        raise StoreError(
            f"{path} has schema version {found}; this sdebayes reads up to {SCHEMA_VERSION}. Install a newer sdebayes."
        )
    if found is None or any(name not in dataset.variables for name in _REQUIRED):
        raise StoreError(f"{path} is no data set of trajectories written by sdebayes.")


def _with_plain_strings(dataset: xr.Dataset) -> xr.Dataset:
    """Give string variables the dtypes they have when made in memory, whatever the format returned."""
    for name, variable in dataset.variables.items():
        if variable.dtype.kind in "OTU":
            dtype = object if name == "text" else str
            dataset[name] = (variable.dims, np.asarray(variable.values, dtype=object).astype(dtype))
    dataset.attrs = {key: _plain(value) for key, value in dataset.attrs.items()}
    return dataset


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value
