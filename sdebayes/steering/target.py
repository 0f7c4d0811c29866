"""Where a text is to go: a place in state space, or one for each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from sdebayes._core.arguments import Said
from sdebayes._core.errors import DataError, StateSpaceError
from sdebayes._core.kinds import numbers
from sdebayes.analysis.quality.continuation import states_of
from sdebayes.data.encoders import Encoder
from sdebayes.simulation.source import Source, SourceLike

TYPICAL = "typical"


def _is_target(value: Any) -> bool:
    if isinstance(value, str):
        return value == TYPICAL
    if isinstance(value, list | tuple) and value and all(isinstance(one, str) for one in value):
        return True
    return isinstance(value, xr.Dataset) or numbers(value) is not None


type Target = Annotated[
    Any,
    Said(
        "'typical', a place (state,), a path (step, state), trajectories, or sentences as a list of str",
        _is_target,
    ),
]


@dataclass(frozen=True)
class Aim:
    """What should be seen behind each step.

    Parameters
    ----------
    points
        (step, state), NaN where anything may be.
    words
        What it is, for the log.
    """

    points: Float[np.ndarray, "step state"]
    words: str

    def ahead(self, step: int) -> tuple[Float[np.ndarray, "ahead state"], Float[np.ndarray, " ahead"]]:
        """Return the points from a step on, and how many steps behind the last one of the context they are."""
        left = self.points[step:]
        known = np.isfinite(left).any(axis=1)
        return left[known], np.flatnonzero(known) + 1.5

    def distance(
        self, step: int, states: Float[np.ndarray, "candidate state"]
    ) -> Float[np.ndarray, " candidate"]:
        """Return how far candidates of a step are from the next point, Euclidean; NaN where there is none ahead."""
        points = self.ahead(step)[0]
        if not len(points):
            return np.full(len(states), np.nan)
        known = np.isfinite(points[0])
        found: np.ndarray = np.linalg.norm(states[:, known] - points[0][known], axis=1)
        return found


def read_target(
    target: Any, source: Source, posterior: SourceLike, steps: int, encoder: Encoder | None
) -> Aim:
    """Read a target.

    Parameters
    ----------
    target
        As `steer` takes it.
    source
        The posterior, as analyses read it.
    posterior
        The same, as it was given.
    steps
        How many steps are chosen.
    encoder
        As in `steer`.

    Raises
    ------
    DataError
        If it has another shape, or says nothing.
    StateSpaceError
        If it is in another space.
    """
    width = source.observed.matrix.shape[-2]
    if target is None or isinstance(target, str):
        return Aim(np.full((steps, width), np.nan), target or "none")
    if isinstance(target, xr.Dataset | list | tuple) and numbers(target) is None:
        states = states_of(posterior, target, encoder)
        _check_space(states.attrs, source)
        place = states["y"].mean(["trajectory", "time"]).values
        return _at_the_end(place, steps, f"the mean of {int(states['n_steps'].sum())} steps")
    if isinstance(target, xr.DataArray):
        _check_space(target.attrs, source)
    values = numbers(target)
    if values is None or values.shape not in ((width,), (steps, width)):
        shape = "none" if values is None else values.shape
        raise DataError(
            f"steer: target has the shape {shape}; expected ({width},), a place to reach, or ({steps}, {width}), a "
            "place for each step, NaN where anything may be."
        )
    if np.isinf(values).any() or not np.isfinite(values).any():
        raise DataError(
            "steer: target has no finite value, or an infinite one; give finite places, NaN where free."
        )
    return Aim(values, "a path") if values.ndim == 2 else _at_the_end(values, steps, "a place")


def _at_the_end(place: np.ndarray, steps: int, words: str) -> Aim:
    points = np.full((steps, place.size), np.nan)
    points[-1] = place
    return Aim(points, words)


def _check_space(attrs: dict[Any, Any], source: Source) -> None:
    mine, theirs = source.provenance.get("space_hash"), attrs.get("space_hash")
    if mine is not None and theirs is not None and mine != theirs:
        raise StateSpaceError(
            f"steer: the target is in the state space {theirs}, the posterior in {mine}; transform it with the "
            "posterior's space."
        )
