"""What is proposed at a step: candidates as texts and as states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from sdebayes._core.characters import cleaned
from sdebayes._core.errors import DataError, ModelError, SteeringError
from sdebayes.analysis.quality.continuation import states_of
from sdebayes.analysis.quality.reading import attributes_of
from sdebayes.data.encoders import Encoder
from sdebayes.simulation.source import SourceLike

type Generate = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True)
class Offer:
    """The candidates of a step.

    Parameters
    ----------
    texts
        The first step of each, different from one another.
    states
        The same as trajectories of one step.
    left_out
        How many were blank, had been offered already, or are such that the encoder has no vector of them.
    """

    texts: tuple[str, ...]
    states: xr.Dataset
    left_out: int


def ask(generate: Generate, context: str, wanted: int, place: str) -> list[str]:
    """Ask for candidates.

    Parameters
    ----------
    generate
        From a text and a number to so many texts that may follow.
    context
        The text.
    wanted
        The number.
    place
        Which step it is, for messages.

    Raises
    ------
    SteeringError
        If it fails or returns no list of texts.
    """
    try:
        given = generate(context, wanted)
    except Exception as error:
        raise SteeringError(f"steer: generate failed at {place}: {type(error).__name__}: {error}.") from error
    if (
        isinstance(given, str)
        or not isinstance(given, Sequence)
        or not all(isinstance(one, str) for one in given)
    ):
        raise SteeringError(
            f"steer: generate returned {type(given).__name__} at {place}; expected a list of {wanted} texts."
        )
    return list(given[:wanted])


def offered(posterior: SourceLike, given: list[str], encoder: Encoder | None, place: str) -> Offer:
    """Cut and embed candidates: of each its first step.

    Raises
    ------
    SteeringError
        If none has a text, or a vector.
    StateSpaceError
        If texts have no place in the posterior's space.
    """
    kept = {str(index): text for index, text in enumerate(given) if text.strip()}
    if not kept:
        raise SteeringError(
            f"steer: generate returned no text at {place}; of {len(given)} candidates all are blank."
            if given
            else f"steer: generate returned no candidate at {place}."
        )
    cut = states_of(posterior, {name: cleaned(text, place) for name, text in kept.items()}, encoder)
    first = cut.isel(time=[0]).assign(n_steps=cut["n_steps"] * 0 + 1)
    texts = [str(text).strip() for text in first["text"].values[:, 0]]
    seen = np.isfinite(first["y"].values[:, 0]).any(axis=1)
    different = [row for row, text in enumerate(texts) if seen[row] and text not in texts[:row]]
    if not different:
        raise SteeringError(
            f"steer: the encoder has no vector of what generate returned at {place}, {texts[0]!r}."
        )
    states = first.isel(trajectory=different).assign_attrs(first.attrs | {"min_steps": 1})
    return Offer(tuple(texts[row] for row in different), states, len(given) - len(different))


def check_rule(posterior: SourceLike) -> None:
    """Refuse steps that share sentences, of which none can be put behind a text.

    Raises
    ------
    ModelError
        If they do.
    """
    warning = attributes_of(posterior).get("warning")
    if warning:
        raise ModelError(
            f"steer: the posterior's steps cannot be chosen one by one ({warning}); fit one with step=Sentences()."
        )


def usual_gap(posterior: SourceLike, state: xr.Dataset | None) -> float:
    """Return the time of a step: the text's own median, or that of the data of the fit."""
    known = (
        np.array([]) if state is None else np.diff(state["t"].values[0, : int(state["n_steps"].values[0])])
    )
    if known.size:
        return float(np.median(known))
    scale = getattr(posterior, "training_scale", None)
    return 1.0 if scale is None else float(scale.step)


def with_aim(states: xr.Dataset, points: np.ndarray, steps_behind: np.ndarray, gap: float) -> xr.Dataset:
    """Put what should be seen later behind each candidate.

    Parameters
    ----------
    states
        Trajectories of one step.
    points, steps_behind
        As `Aim.ahead` returns them.
    gap
        The time of a step.

    Notes
    -----
    A point has as many words as a candidate usually has.
    """
    if not len(points):
        return states
    count, more = states.sizes["trajectory"], len(points)
    if states.sizes["state"] != points.shape[1]:
        raise DataError(
            f"steer: candidates have {states.sizes['state']} coordinates, the aim {points.shape[1]}."
        )
    later = xr.Dataset(
        {
            "y": (("trajectory", "time", "state"), np.broadcast_to(points, (count, *points.shape))),
            "t": (("trajectory", "time"), states["t"].values + gap * (steps_behind - 1)),
            "text": (("trajectory", "time"), np.full((count, more), "", object)),
        },
        {"trajectory": states["trajectory"], "state": states["state"], "time": np.arange(1, more + 1)},
    )
    if "words" in states:
        later["words"] = later["t"].dims, np.full((count, more), float(np.nanmedian(states["words"])))
    along = [name for name, one in states.data_vars.items() if one.dims[:2] == ("trajectory", "time")]
    parts = [states[along].assign_coords(time=[0]), later[[name for name in along if name in later]]]
    both = xr.concat(parts, "time", join="exact")
    return both.assign(n_steps=states["n_steps"] + more).assign_attrs(states.attrs)
