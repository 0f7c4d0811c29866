"""Data sets on disk: netCDF and zarr, written whole or not at all, read only as they were written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import StoreError
from sdebayes._core.files import sweep
from sdebayes._core.kinds import PathLike
from sdebayes._core.netcdf import read_dataset, write_netcdf
from sdebayes._core.seal import check_version
from sdebayes.data.container import SCHEMA_VERSION, validate
from sdebayes.data.store.opening import is_store, open_store
from sdebayes.data.texts import read_texts
from sdebayes.data.zarr_store import read_zarr, write_zarr

__all__ = ["load", "read_texts", "save"]

_REQUIRED = ("y", "t", "n_steps", "trajectory")
_ADVICE = (
    "sdebayes.data.load reads what sdebayes.data.save wrote, as it was written: take a copy of the file, or make it "
    "again. A data set that another tool has written is opened with xarray, and saved with sdebayes.data.save."
)


@checked
def save(dataset: xr.Dataset, path: PathLike) -> Path:
    """Write a data set of trajectories; a file of that name is replaced only when the new one is complete.

    The file has a seal, a digest of its content that :func:`load` checks. Other tools read it as any netCDF file or
    zarr directory; what they write back has no seal.

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
        If it cannot be written there; what was there is then as it was.

    See Also
    --------
    sdebayes.data.load : Reads it.
    sdebayes.Posterior.to_netcdf : Writes a posterior.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well", 50, 0.1)
    >>> sb.data.save(data, "data.nc").name
    'data.nc'
    """
    validate(dataset)
    path = Path(path)
    (write_zarr if _is_zarr(path) else write_netcdf)(dataset.drop_encoding(), path)
    return path


@checked
def load(path: PathLike) -> xr.Dataset:
    """Read a data set of trajectories into memory, or open a store.

    Parameters
    ----------
    path
        What :func:`save` wrote, or the store of `sdebayes.embed`.

    Returns
    -------
    xr.Dataset
        The validated data set. Of a store, which was validated as it was written, ``y``, ``t``, ``text`` and ``words``
        stay on the disk until they are asked for.

    Raises
    ------
    StoreError
        If there is no such file, or it is damaged, truncated, changed by another tool, not a data set of sdebayes, or
        written by another version; if a store is not whole.
    DataError
        If what it holds is not valid.

    See Also
    --------
    sdebayes.data.save : Writes it.
    sdebayes.load : Reads a posterior.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well", 50, 0.1)
    >>> sb.data.load(sb.data.save(data, "data.nc")).identical(data)
    True
    """
    path = Path(path)
    if not path.exists():
        sweep(path)
    if not path.exists():
        raise StoreError(f"{path} does not exist.")
    if is_store(path):
        return open_store(path)
    dataset = (read_zarr if _is_zarr(path) else read_dataset)(path, _ADVICE)
    _check_schema(dataset, path)
    return validate(_with_plain_strings(dataset))


def _is_zarr(path: Path) -> bool:
    return path.suffix == ".zarr"


def _check_schema(dataset: xr.Dataset, path: Path) -> None:
    check_version(dataset.attrs, SCHEMA_VERSION, path)
    missing = [name for name in _REQUIRED if name not in dataset.variables]
    if missing:
        raise StoreError(f"{path} is no data set of trajectories: it has no {', '.join(missing)}. {_ADVICE}")


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
