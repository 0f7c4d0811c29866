"""Regions of the state space: a ball and a box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import AnyNumbers, Numbers, Positive


@runtime_checkable
class Region(Protocol):
    """An open set of states: its boundary is outside.

    See Also
    --------
    sdebayes.analysis.phase_space.Ball : Around a centre.
    sdebayes.analysis.phase_space.Box : Between two corners.

    Examples
    --------
    >>> isinstance(sb.analysis.phase_space.Ball([0.0], 1.0), sb.analysis.phase_space.Region)
    True
    """

    @property
    def n_states(self) -> int:
        """Number of states."""

    @property
    def limits(self) -> np.ndarray:
        """Lower and upper end of the smallest box around the region, (state, 2), infinite where there is none."""

    def contains(self, points: ArrayLike) -> np.ndarray:
        """Whether points (…, state) lie inside, (…)."""


@checked
@dataclass(frozen=True)
class Ball:
    """The points nearer to a centre than a radius, ‖x − c‖ < r.

    Parameters
    ----------
    centre
        (state,), in units of the states.
    radius
        Positive, in the same units.

    Raises
    ------
    DataError
        If the centre is not a finite vector or the radius not a positive number.

    See Also
    --------
    sdebayes.analysis.phase_space.Box : A region between two corners.

    Examples
    --------
    >>> sb.analysis.phase_space.Ball((0.0, 0.0), 1.0).contains([[0.5, 0.5], [1.0, 1.0]])
    array([ True, False])
    """

    centre: Numbers
    radius: Positive

    def __post_init__(self) -> None:
        centre = _vector("centre", self.centre)
        object.__setattr__(self, "centre", tuple(centre.tolist()))

    @property
    def n_states(self) -> int:
        """Number of states."""
        return np.size(self.centre)

    @property
    def limits(self) -> np.ndarray:
        """Lower and upper end along each state, (state, 2)."""
        return np.asarray(self.centre)[:, None] + self.radius * np.array([-1.0, 1.0])

    def contains(self, points: AnyNumbers) -> np.ndarray:
        """Whether points (…, state) lie inside, (…)."""
        distance = np.linalg.norm(_points(points, self.n_states) - self.centre, axis=-1)
        return np.asarray(distance < self.radius)


@checked
@dataclass(frozen=True)
class Box:
    """The points between two corners, lower < x < upper in every state.

    Parameters
    ----------
    lower, upper
        (state,), in units of the states; infinite where a state is not bounded.

    Raises
    ------
    DataError
        If the corners have different lengths, or lower is not below upper.

    See Also
    --------
    sdebayes.analysis.phase_space.Ball : A region around a centre.

    Examples
    --------
    >>> sb.analysis.phase_space.Box([-np.inf, -1.0], [0.0, 1.0]).contains([[-9.0, 0.0], [0.5, 0.0]])
    array([ True, False])
    """

    lower: AnyNumbers
    upper: AnyNumbers

    def __post_init__(self) -> None:
        lower, upper = _vector("lower", self.lower), _vector("upper", self.upper)
        if lower.shape != upper.shape or not (lower < upper).all():
            raise DataError(
                f"lower={lower.tolist()} must have as many numbers as upper={upper.tolist()}, each below its own."
            )
        object.__setattr__(self, "lower", tuple(lower.tolist()))
        object.__setattr__(self, "upper", tuple(upper.tolist()))

    @property
    def n_states(self) -> int:
        """Number of states."""
        return np.size(self.lower)

    @property
    def limits(self) -> np.ndarray:
        """Lower and upper end along each state, (state, 2), infinite where there is none."""
        return np.stack([self.lower, self.upper], axis=1)

    def contains(self, points: AnyNumbers) -> np.ndarray:
        """Whether points (…, state) lie inside, (…)."""
        places = _points(points, self.n_states)
        return np.asarray(np.all((places > self.lower) & (places < self.upper), axis=-1))


def _vector(name: str, value: Any) -> np.ndarray:
    vector = np.atleast_1d(np.asarray(value, dtype=float))
    if vector.ndim != 1 or not vector.size or np.isnan(vector).any():
        raise DataError(f"{name} must be a vector, one number a state; got an array of shape {vector.shape}.")
    return vector


def _points(points: Any, n_states: int) -> np.ndarray:
    places = np.asarray(points, dtype=float)
    if not places.ndim or places.shape[-1] != n_states:
        raise DataError(
            f"The points have shape {places.shape}; expected (…, {n_states}), the region's states."
        )
    return places
