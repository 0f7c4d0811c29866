"""What commands read: texts, trajectories, and posteriors that know how their texts were embedded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from sdebayes._core.characters import storable
from sdebayes._core.errors import DataError, StateSpaceError, StoreError
from sdebayes._core.netcdf import read_netcdf
from sdebayes.cli.choices import encoder
from sdebayes.cli.own import own
from sdebayes.data import Sentences, StateSpace, Steps, load, read_texts
from sdebayes.data.alike import embed_alike
from sdebayes.data.container import feature_dim
from sdebayes.data.shortness import long_enough
from sdebayes.data.validation import MINIMUM_STEPS
from sdebayes.posterior import Posterior

STORED = (".nc", ".zarr")


def rule(name: str | None, block: int) -> Steps:
    """Return the rule that cuts texts: ``module:Name``; by default so many sentences in a step."""
    return Sentences(block) if name is None else own("--step", name, Steps)


def with_groups(corpus: xr.Dataset, column: str | None) -> xr.Dataset:
    """Say the group of each text by a column, None for the one that is called so.

    Raises
    ------
    DataError
        If there is no such column.
    """
    if column is None:
        return corpus
    known = [str(name) for name in corpus.coords if name != "trajectory"]
    column = column if column in known else storable(column)
    if column not in known:
        raise DataError(
            f"--groups {column}: the texts have no such column; they have {', '.join(known) or 'none'}."
        )
    return corpus.assign_coords(group=("trajectory", corpus[column].values.astype(str)))


def grouped_by_path(corpus: xr.Dataset, paths: Sequence[Path]) -> xr.Dataset:
    """Make a group, named after the file or directory, of the texts that were read from each path.

    Raises
    ------
    DataError
        If there is one path only.
    """
    if len(paths) < 2:
        raise DataError("--group-by-path makes a group of each path; give two or more.")
    sizes = [read_texts(path, allow_blank=True).sizes["trajectory"] for path in paths]
    return corpus.assign_coords(group=("trajectory", np.repeat(list(named(paths)), sizes)))


def of_group(data: xr.Dataset, group: str | None) -> xr.Dataset:
    """Leave the trajectories of one group, None for all; those that say no group stay.

    Raises
    ------
    DataError
        If there is none of it.
    """
    if group is None or "group" not in data.coords:
        return data
    own = data["group"].values.astype(str) == group
    if not own.any():
        raise DataError(f"No trajectory is of the group {group!r}; give some that are.")
    return data.isel(trajectory=own)


def two_groups(data: xr.Dataset, chosen: Sequence[str] | None) -> dict[str, xr.Dataset]:
    """Divide trajectories into two groups, by name, in the order in which they are chosen or come first.

    Raises
    ------
    DataError
        If the trajectories say no group, or there are not two.
    """
    if "group" not in data.coords:
        raise DataError(
            "The trajectories say no group; embed texts with --groups COLUMN, or --group-by-path and two paths."
        )
    known = list(dict.fromkeys(map(str, data["group"].values)))
    names = list(chosen or known)
    if len(names) != 2 or len(set(names)) != 2:
        raise DataError(
            f"Two groups are told apart, and {len(names)} are given ({', '.join(names)}); name two with --group, of "
            f"{', '.join(known)}."
        )
    return {name: of_group(data, name) for name in names}


def states_for(
    posterior: Posterior,
    paths: Sequence[Path],
    encoder_name: str | None = None,
    min_steps: int | None = None,
) -> xr.Dataset:
    """Read trajectories, or texts, and bring them into the state space of a posterior.

    Parameters
    ----------
    posterior
        The fit.
    paths
        One data set (``.nc``, ``.zarr``), or text files and directories of such.
    encoder_name
        The encoder, if it is not the one that the posterior names. What a file names is not fetched.
    min_steps
        As in `sdebayes.embed`.

    Raises
    ------
    StateSpaceError
        If the posterior was fitted to arrays, or with another encoder.
    DataError, StoreError
        If files cannot be used.
    """
    stored = [path for path in paths if path.suffix in STORED]
    if stored and len(paths) > 1:
        raise DataError(f"{stored[0]} is a data set; give it alone, or give texts only.")
    if stored:
        data = load(stored[0])
    else:
        chosen = None if encoder_name is None else encoder(encoder_name)
        corpus = read_texts(list(paths))
        data = embed_alike(posterior.data.attrs, corpus, chosen, min_steps)
    if "embedding" in data["y"].dims:
        return space_of(posterior).transform(data)
    return data


def with_steps(data: xr.Dataset, min_steps: int | None) -> xr.Dataset:
    """Leave out trajectories with fewer observed steps, and say which in ``attrs["left_out"]``.

    Parameters
    ----------
    data
        Trajectories.
    min_steps
        The least number of observed steps, at least 3; None for all trajectories.

    Returns
    -------
    xr.Dataset
        Those that stay.

    Raises
    ------
    DataError
        If none does, or ``min_steps`` is too small.
    """
    if min_steps is None:
        return data
    if min_steps < MINIMUM_STEPS:
        raise DataError(f"min_steps={min_steps} must be {MINIMUM_STEPS} or more: fewer steps are not fitted.")
    observed = data["y"].notnull().any(feature_dim(data)).sum("time").values
    counts = dict(zip(data["trajectory"].values.tolist(), observed.tolist(), strict=True))
    names, left_out = long_enough(counts, min_steps, "trajectories")
    before = [data.attrs["left_out"]] if "left_out" in data.attrs else []
    said = {"left_out": " ".join([*before, left_out])} if left_out else {}
    return data.sel(trajectory=names).assign_attrs(said)


def read_log(path: Path) -> xr.Dataset:
    """Read the log of a text that was steered, as ``sdebayes steer`` or ``log.to_netcdf`` wrote it.

    Raises
    ------
    StoreError
        If it is not there, or is no netCDF.
    """
    check_inputs([path])
    return read_netcdf(
        path, "Give a log that sdebayes steer --logs wrote, or log.to_netcdf of sdebayes.steer's."
    )


def space_of(posterior: Posterior) -> StateSpace:
    """Return the state space that a posterior was fitted in.

    Raises
    ------
    StateSpaceError
        If it was fitted to arrays.
    """
    if posterior.space is None:
        raise StateSpaceError(
            "This posterior was fitted to arrays, in which embeddings have no place; give states."
        )
    return posterior.space


def without_training(posterior: Posterior, data: xr.Dataset) -> tuple[xr.Dataset | None, xr.Dataset | None]:
    """Divide trajectories into those that a posterior was fitted to and the others, None where there is none.

    They are told apart by their values, not by their names.
    """

    def observed(dataset: xr.Dataset) -> list[np.ndarray]:
        values = dataset["y"].transpose("trajectory", "time", ...).values
        return [one[np.isfinite(one).any(axis=-1)] for one in values]

    known = observed(posterior.training_data())
    seen = np.array([any(_alike(one, other) for other in known) for one in observed(data)])
    return (
        data.isel(trajectory=seen) if seen.any() else None,
        data.isel(trajectory=~seen) if not seen.all() else None,
    )


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and np.allclose(one, other, rtol=0, atol=1e-9, equal_nan=True)


def named(paths: Sequence[Path]) -> dict[str, Path]:
    """Name files by their stems, or by their paths where two stems are alike; a DataError if one is given twice."""
    names = [path.stem for path in paths]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    if len(set(names)) < len(names):
        raise DataError("A path is given twice; name different ones.")
    return dict(zip(names, paths, strict=True))


def check_inputs(paths: Sequence[Path]) -> None:
    """Raise a StoreError unless all of these are there."""
    for path in paths:
        if not path.exists():
            raise StoreError(f"{path} does not exist.")
