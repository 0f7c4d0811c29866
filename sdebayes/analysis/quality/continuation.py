"""Trajectories that go on: a context with each of several candidates behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr

from sdebayes._core.arguments import Said
from sdebayes._core.errors import DataError, StateSpaceError
from sdebayes.analysis.quality.reading import attributes_of, in_space
from sdebayes.data.alike import embed_alike
from sdebayes.data.container import pack
from sdebayes.data.encoders import Encoder
from sdebayes.data.validation import validate
from sdebayes.simulation.source import SourceLike


def _is_texts(value: object) -> bool:
    several = list(value.values()) if isinstance(value, Mapping) else value
    many = isinstance(several, list | tuple) and all(isinstance(one, str) for one in several)
    return isinstance(value, xr.Dataset | str) or many


type Texts = Annotated[
    Any, Said("trajectories, a text, or several as a list of str or {name: text}", _is_texts)
]

_OWN = ("y", "t", "n_steps", "text")
_LEAST = 8


def states_of(posterior: SourceLike, given: Any, encoder: Encoder | None) -> xr.Dataset:
    """Return states of the posterior's space, whatever they are given as.

    Parameters
    ----------
    posterior
        The posterior.
    given
        Trajectories of states or embeddings; or texts, of a sentence or more.
    encoder
        The posterior's encoder, where texts are given and its name alone does not lead to it.
    """
    if isinstance(given, xr.Dataset):
        return in_space(posterior, given)
    corpus = [given] if isinstance(given, str) else given
    return in_space(posterior, embed_alike(attributes_of(posterior), corpus, encoder, min_steps=1))


def joined(
    context: xr.Dataset, candidates: xr.Dataset, gap: float | None, steps: int = _LEAST
) -> tuple[xr.Dataset, int]:
    """Put each candidate behind the context.

    Parameters
    ----------
    context
        States of one trajectory.
    candidates
        States of several.
    gap
        Time from the last step of the context to the first of a candidate; None for the median step of both.
    steps
        For how many steps there is room at least.

    Returns
    -------
    (xarray.Dataset, int)
        A trajectory for each candidate, with room at the end so that few lengths are compiled; and the number of steps
        of the context.

    Raises
    ------
    DataError
        If there is not one context, or time counts the share of a text, which the end of a context does not tell.
    StateSpaceError
        If the two are in different spaces.
    """
    _check(context, candidates)
    first = int(context["n_steps"].values[0])
    before = {name: context[name].values[0, :first] for name in _along(context)}
    gap = _median_step(context, candidates) if gap is None else gap
    rows = []
    for row, steps in enumerate(candidates["n_steps"].values):
        after = {name: candidates[name].values[row, :steps] for name in _along(candidates)}
        moved = before["t"][-1] + gap + after["t"] - after["t"][0]
        rows.append({**after, "t": moved})
    both = [
        {name: np.concatenate([before[name], row[name]]) for name in before if name in row} for row in rows
    ]
    names = [str(name) for name in candidates["trajectory"].values]
    data = pack([row["y"] for row in both], [row["t"] for row in both], names, "state")
    room = 1 << (max(steps, data.sizes["time"]) - 1).bit_length()
    data = data.pad(time=(0, room - data.sizes["time"])).assign_coords(time=np.arange(room))
    data = data.assign_coords(state=context["state"].values)
    for name in set(both[0]) - set(_OWN):
        data[name] = (("trajectory", "time"), _padded([row[name] for row in both], room))
    own = {
        str(name): np.repeat(value.values, len(names))
        for name, value in context.coords.items()
        if value.dims == ("trajectory",) and name != "trajectory"
    }
    data = data.assign_coords({name: ("trajectory", values) for name, values in own.items()})
    return validate(data.assign_attrs(context.attrs | {"min_steps": 1})), first


def _check(context: xr.Dataset, candidates: xr.Dataset) -> None:
    validate(context)
    validate(candidates)
    if context.sizes["trajectory"] != 1:
        raise DataError(
            f"rank: the context has {context.sizes['trajectory']} trajectories; give one, as with "
            "data.isel(trajectory=[0])."
        )
    mine, theirs = (data.attrs.get("space_hash") for data in (context, candidates))
    if mine != theirs or list(context["state"].values) != list(candidates["state"].values):
        raise StateSpaceError(
            "rank: context and candidates are in different state spaces; transform both with the posterior's."
        )
    if context.attrs.get("time_unit") == "fraction":
        raise DataError(
            "Time counts the share of a text, which a context without its end does not tell; fit to texts embedded "
            "with time='step' or 'token'."
        )


def _along(data: xr.Dataset) -> list[str]:
    """Names of what has a value at each step, the states among them."""
    return [str(name) for name, one in data.data_vars.items() if one.dims[:2] == ("trajectory", "time")]


def _median_step(*parts: xr.Dataset) -> float:
    steps = np.concatenate([np.diff(one["t"].values, axis=1).ravel() for one in parts])
    known = steps[np.isfinite(steps)]
    return float(np.median(known)) if known.size else 1.0


def _padded(values: list[np.ndarray], room: int) -> np.ndarray:
    nothing: Any = np.nan if values[0].dtype.kind in "fiu" else ""
    kind = float if values[0].dtype.kind in "fiu" else object
    found = np.full((len(values), room), nothing, kind)
    for row, own in enumerate(values):
        found[row, : len(own)] = own
    return found
