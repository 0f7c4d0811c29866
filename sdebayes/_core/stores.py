"""Zarr directories that are filled part by part, and are there once all parts are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import xarray as xr

from sdebayes._core.errors import StoreError
from sdebayes._core.files import check_writable, folder_to_be


def new_store(path: Path) -> Path:
    """Return the path of a store that is not there yet, or raise a StoreError."""
    if path.suffix != ".zarr":
        raise StoreError(f"The store {path} is a zarr directory; give it a name that ends in .zarr.")
    if path.exists():
        raise StoreError(f"{path} is there already and was left as it is; remove it, or choose another name.")
    return check_writable(path)


def fill(
    path: Path,
    parts: Iterable[xr.Dataset],
    dim: str,
    attrs: Callable[[], Mapping[str, str | int | float]] = dict,
) -> xr.Dataset:
    """Write parts one behind the other along a dimension, and open what they make.

    Parameters
    ----------
    path
        The directory.
    parts
        In their order; one chunk each, if they are as large as the first.
    dim
        The dimension.
    attrs
        Called after the last part: what is said of the whole, beside what the first part says.

    Raises
    ------
    StoreError
        If it cannot be written; then nothing of it is there.
    """
    import zarr

    with folder_to_be(path) as folder:
        for place, part in enumerate(parts):
            if place:
                part.to_zarr(folder, append_dim=dim, consolidated=False, zarr_format=2)
            else:
                chunks = {str(name): {"chunks": part[name].shape} for name in part.data_vars}
                part.to_zarr(folder, mode="a", encoding=chunks, consolidated=False, zarr_format=2)
        zarr.open_group(folder, mode="a", zarr_format=2).attrs.update(attrs())
    return xr.open_zarr(path, consolidated=False, chunks=None)
