"""What commands read: texts, trajectories, and posteriors that know how their texts were embedded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.errors import DataError, StateSpaceError, StoreError
from sdebayes._core.stored import decode
from sdebayes.cli.own import is_own, own
from sdebayes.data import Encoder, SentenceEncoder, Sentences, StateSpace, Steps, embed, load, read_texts
from sdebayes.data.container import feature_dim
from sdebayes.data.encoders import identity_of
from sdebayes.data.shortness import long_enough
from sdebayes.posterior import Posterior

STORED = (".nc", ".zarr")
_HUB = re.compile(r"hub ([A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?)", re.ASCII)


def encoder(name: str | None) -> Encoder:
    """Return an encoder: ``module:Name``, a model on disk, or one of the hub; by default the packaged one."""
    return own("--encoder", str(name), Encoder) if is_own(name) else SentenceEncoder(name)


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
    if column not in known:
        raise DataError(
            f"--groups {column}: the texts have no such column; they have {', '.join(known) or 'none'}."
        )
    return corpus.assign_coords(group=("trajectory", corpus[column].values))


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


def states_for(posterior: Posterior, paths: Sequence[Path], encoder_name: str | None = None) -> xr.Dataset:
    """Read trajectories, or texts, and bring them into the state space of a posterior.

    Parameters
    ----------
    posterior
        The fit.
    paths
        One data set (``.nc``, ``.zarr``), or text files and directories of such.
    encoder_name
        The encoder, if it is not the one that the posterior names. What a file names is not fetched.

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
    data = load(stored[0]) if stored else _embedded(posterior, paths, encoder_name)
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
    observed = data["y"].notnull().any(feature_dim(data)).sum("time").values
    counts = dict(zip(data["trajectory"].values.tolist(), observed.tolist(), strict=True))
    names, left_out = long_enough(counts, min_steps, "trajectories")
    before = [data.attrs["left_out"]] if "left_out" in data.attrs else []
    said = {"left_out": " ".join([*before, left_out])} if left_out else {}
    return data.sel(trajectory=names).assign_attrs(said)


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


def _embedded(posterior: Posterior, paths: Sequence[Path], encoder_name: str | None) -> xr.Dataset:
    attributes = posterior.data.attrs
    if posterior.space_hash is None:
        raise StateSpaceError(
            "This posterior was fitted to arrays, in which texts have no place; give a data set of such arrays."
        )
    wanted = str(attributes.get("encoder", ""))
    chosen = _local_encoder(wanted) if encoder_name is None else encoder(encoder_name)
    if identity_of(chosen) != wanted:
        raise StateSpaceError(
            f"The posterior's texts were embedded by {wanted!r} and these would be by {identity_of(chosen)!r}; "
            "name the same encoder with --encoder."
        )
    step, corpus = _stored_rule(attributes), read_texts(list(paths))
    return embed(corpus, chosen, step, time=str(attributes.get("time_unit", "step")))


def _stored_rule(attributes: Mapping[Any, Any]) -> Steps:
    """Return the rule that a file describes, of a class that is defined here: nothing is imported.

    Raises
    ------
    StateSpaceError
        If it describes none.
    """
    reason = ""
    try:
        found = decode(str(attributes.get("step_rule", "")))
    except StoreError as error:
        reason = f" {error}"
    except Exception:  # what a file says may be anything, and fail in any way
        pass
    else:
        if isinstance(found, Steps):
            return found
    raise StateSpaceError(
        f"The posterior's texts were cut by {str(attributes.get('step', ''))!r}, which this command cannot repeat."
        f"{reason} Or embed the new ones with sdebayes.embed and give the data set."
    )


def _local_encoder(wanted: str) -> SentenceEncoder:
    """Return the encoder that a file names, if it is the packaged one, or one of the hub that was fetched before.

    Nothing is fetched because a file says so, and no path is opened.

    Raises
    ------
    StateSpaceError
        If it names anything else.
    """
    if not wanted.startswith("hub "):
        return SentenceEncoder()
    named = _HUB.fullmatch(wanted)
    if named is None or Path(named[1]).exists():
        raise StateSpaceError(
            f"The posterior's file names the encoder {wanted!r}, which is a path or no name of a model; a file may "
            "name the packaged model, or one of the hub that is on this machine already. If you trust it, name it "
            "yourself with --encoder."
        )
    return SentenceEncoder(named[1], download=False)


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
