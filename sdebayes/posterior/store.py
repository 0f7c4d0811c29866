"""Posteriors on disk: one sealed netCDF file, written whole or not at all, with no code in it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import get_args

import numpy as np
import xarray as xr

from sdebayes._core.errors import NotStoredWarning, StoreError
from sdebayes._core.netcdf import read_tree, write_netcdf
from sdebayes._core.precision import Precision
from sdebayes._core.seal import check_version
from sdebayes.posterior.probes import PROBES
from sdebayes.posterior.replicated import DRAWN_FROM

SCHEMA = "sdebayes posterior"
SCHEMA_VERSION = 4
WITH_REPLICATES = 3
"""A version that is read too: such a file holds replicated data, and no draws of the prior to make them of."""
GROUPS = (
    "posterior",
    "unconstrained",
    "sample_stats",
    "log_prior",
    "log_likelihood",
    "log_predictive",
    "observed_data",
    "prior",
    "unconstrained_prior",
    "constant_data",
)
GIVE_AGAIN = "Give it again when you load: sdebayes.load(path, model=...)."
_TEXTS = (
    "model",
    "model_description",
    "precision",
    "strategy",
    "strategy_name",
    "data_hash",
    "sdebayes_version",
)
_ADVICE = (
    "sdebayes.load reads what posterior.to_netcdf wrote, as it was written: take a copy of the file, or fit again. "
    "A file that another tool has written back is for that tool; arviz.from_netcdf reads both."
)


def write(tree: xr.DataTree, path: str | Path) -> Path:
    """Write a posterior's DataTree; a NotStoredWarning says why where it is without its model.

    Raises
    ------
    StoreError
        If the file cannot be written; nothing is left half-written, and a file that was there is as it was.
    """
    path = Path(path)
    write_netcdf(tree, path)
    missing = tree.attrs.get("not_stored")
    if missing:
        message = f"{path} is without its model. {missing} {GIVE_AGAIN}"
        warnings.warn(message, NotStoredWarning, stacklevel=4)
    return path


def read(path: str | Path) -> xr.DataTree:
    """Read a posterior's DataTree into memory.

    Raises
    ------
    StoreError
        If there is no such file, or it is damaged, truncated, foreign, changed by hand, or from another version.
    """
    path = Path(path)
    if not path.is_file():
        raise StoreError(f"{path} does not exist or is no file; expected one that posterior.to_netcdf wrote.")
    tree = read_tree(path, _ADVICE)
    check(tree, path)
    return tree


def check(tree: xr.DataTree, path: Path) -> None:
    """Raise unless a tree has what every posterior has.

    Raises
    ------
    StoreError
        If it is foreign, was changed by hand, or is from another version.
    """
    if str(tree.attrs.get("schema")) != SCHEMA:
        raise StoreError(
            f"{path} is no posterior of sdebayes; expected a file that posterior.to_netcdf wrote."
        )
    check_version(tree.attrs, SCHEMA_VERSION, path, WITH_REPLICATES)
    fault = _fault(tree)
    if fault:
        raise StoreError(f"{path} is no whole posterior: {fault}. {_ADVICE}")


def _fault(tree: xr.DataTree) -> str:
    """Say what an edit has taken from a tree, or put into it; the empty string where it is whole."""
    older = tree.attrs["schema_version"] == WITH_REPLICATES
    expected = (set(GROUPS) - set(DRAWN_FROM.values())) | set(DRAWN_FROM) if older else set(GROUPS)
    missing = sorted(expected - set(tree.children))
    if missing:
        return f"it has no group {', '.join(missing)}"
    for name in _TEXTS:
        if not isinstance(tree.attrs.get(name), str):
            return f"its attribute {name} is {tree.attrs.get(name)!r}, not a text"
    if tree.attrs["precision"] not in get_args(Precision):
        return f"its precision is {tree.attrs['precision']!r}, not one of {', '.join(get_args(Precision))}"
    for site, draws in tree["unconstrained"].to_dataset().data_vars.items():
        if draws.dims[:2] != ("chain", "draw") or draws.dtype.kind != "f" or not np.isfinite(draws).all():
            return f"{site} in its group unconstrained has draws that are no finite numbers"
    for site, draws in tree["posterior"].to_dataset().data_vars.items():
        if site not in PROBES and (draws.dtype.kind not in "fiub" or np.isnan(draws).any()):
            return f"{site} in its group posterior has draws that are no numbers"
    return ""
