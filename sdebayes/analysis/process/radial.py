"""Spheres about the data in a quadratic form, on which drift and diffusion are read far out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

from sdebayes._core.errors import DataError
from sdebayes.analysis.evaluate import drift_and_covariance, jacobians, reference_state
from sdebayes.analysis.fields.grid import Limits, checked_pairs
from sdebayes.simulation import Source

RADII = tuple(2.0**k for k in range(9))
_RANDOM_DIRECTIONS = 32
_STEPS, _STEP = 80, 0.1


@dataclass(frozen=True)
class Outward:
    """How drift and diffusion point outward on spheres |z| = r, z = L (x − middle), of every draw.

    Parameters
    ----------
    radial
        Largest z·L f over directions, over r², (sample, radius), in 1/time.
    generator
        Largest z·L f + ½ tr(L Σ Lᵀ), over 1 + r², (sample, radius), in 1/time.
    worst
        The place of the largest z·L f + ½ tr(L Σ Lᵀ) on the outermost sphere, (sample, state).
    """

    radial: Float[np.ndarray, "sample radius"]
    generator: Float[np.ndarray, "sample radius"]
    worst: Float[np.ndarray, "sample state"]

    def better_of(self, other: Outward) -> Outward:
        """Take of each draw the one that points outward less on the outermost sphere."""
        swap = other.generator[:, -1] < self.generator[:, -1]

        def pick(mine: np.ndarray, theirs: np.ndarray) -> np.ndarray:
            return np.where(swap[:, None], theirs, mine)

        return Outward(
            pick(self.radial, other.radial),
            pick(self.generator, other.generator),
            pick(self.worst, other.worst),
        )


def read_box(source: Source, limits: Limits | None) -> Float[np.ndarray, "2 state"]:
    """Return the middle and the half-widths of a box, (2, state): of the limits, by default of the data.

    Raises
    ------
    DataError
        If the limits are not one finite pair (low, high) for each state, low below high.
    """
    if limits is not None:
        pairs = checked_pairs(limits, source.n_states)
        return np.stack([pairs.mean(axis=1), 0.5 * np.diff(pairs, axis=1)[:, 0]])
    if source.region is not None:
        return np.asarray(source.region, dtype=float)
    middle = reference_state(source, None)
    if not source.has_initial_law:
        return np.stack([middle, np.ones_like(middle)])
    variances = np.diagonal(np.asarray(source.observed.initial_covariance), axis1=-2, axis2=-1)
    return np.stack([middle, 3 * np.sqrt(np.median(variances, axis=0))])


def read_radii(radii: ArrayLike | None) -> Float[np.ndarray, " radius"]:
    """Return growing positive radii, at least two.

    Raises
    ------
    DataError
        If they are not.
    """
    found = np.asarray(RADII if radii is None else radii, dtype=float)
    if found.ndim != 1 or found.size < 2 or not (found[0] > 0 and (np.diff(found) > 0).all()):
        raise DataError(f"radii={radii!r}; expected at least two growing positive numbers.")
    return found


def outward(source: Source, draws: np.ndarray, box: np.ndarray, radii: np.ndarray) -> Outward:
    """Read drift and diffusion on spheres, each draw in the better of two quadratic forms.

    One is the box of the data; the other solves the Lyapunov equation of the mean Jacobian on the outermost sphere, if
    that is stable: of a linear drift every stable one then points inward everywhere.
    """
    directions = _directions(source.n_states)
    scale = np.broadcast_to(np.diag(1 / box[1]), (draws.size, source.n_states, source.n_states))
    plain = _read(source, draws, box[0], scale, radii, directions)
    edge = box[0] + radii[-1] * directions * box[1]
    mean = jacobians(source, draws, edge).mean(axis=1, dtype=np.float64)
    factor, stable = _lyapunov_factor(mean, box[1])
    if not stable.any():
        return plain
    return plain.better_of(
        _read(source, draws, box[0], np.where(stable[:, None, None], factor, scale), radii, directions)
    )


def escapes(
    source: Source, draws: np.ndarray, box: np.ndarray, start: np.ndarray
) -> Bool[np.ndarray, " sample"]:
    """Whether the flow of the drift from a far place runs away faster than any exponential, beyond what noise turns.

    In steps that move the place by a tenth of its distance from the middle, at growing speed: the time of a step falls
    as a power of the distance, so that all further steps together take a finite time.
    """
    places, times, distances = start, [], []
    share = np.zeros(draws.size)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for _ in range(_STEPS):
            drift, covariance = (
                part[:, 0].astype(float) for part in drift_and_covariance(source, draws, places[:, None])
            )
            z, speed = (places - box[0]) / box[1], drift / box[1]
            distance = np.linalg.norm(z, axis=-1)
            step = _STEP * distance / np.linalg.norm(speed, axis=-1)
            noise = 0.5 * (np.diagonal(covariance, axis1=-2, axis2=-1) / box[1] ** 2).sum(axis=-1)
            share = noise / np.maximum((z * speed).sum(axis=-1), np.finfo(float).tiny)
            times.append(np.log(step))
            distances.append(np.log(distance))
            places = places + step[:, None] * drift
        away = np.stack(distances)
        away = away - away.mean(axis=0)
        power = -(away * np.stack(times)).sum(axis=0) / (away**2).sum(axis=0)
        return (distances[-1] - distances[0] > 2) & (power > 0.05) & (share < 0.1)


def _directions(n: int) -> Float[np.ndarray, "direction state"]:
    """Both ends of each axis, and in more than one state random directions."""
    axes = np.concatenate([np.eye(n), -np.eye(n)])
    if n == 1:
        return axes
    other = np.random.default_rng(0).normal(size=(_RANDOM_DIRECTIONS, n))
    other /= np.linalg.norm(other, axis=-1, keepdims=True)
    return np.concatenate([axes, other, -other])


def _read(
    source: Source,
    draws: np.ndarray,
    middle: np.ndarray,
    factor: np.ndarray,
    radii: np.ndarray,
    directions: np.ndarray,
) -> Outward:
    """Read on spheres |L (x − middle)| = r, L (sample, state, state)."""
    unit = np.linalg.solve(factor, np.broadcast_to(directions.T, (draws.size, *directions.T.shape)))
    unit = unit.swapaxes(-1, -2)
    radial, generator = [], []
    for radius in radii:
        places = middle + radius * unit
        drift, covariance = drift_and_covariance(source, draws, places)
        along = radius * np.einsum("pi,sij,spj->sp", directions, factor, drift.astype(float))
        spread = 0.5 * np.einsum("sij,spjk,sik->sp", factor, covariance.astype(float), factor, optimize=True)
        whole = along + spread
        radial.append(along.max(axis=1) / radius**2)
        generator.append(whole.max(axis=1) / (1 + radius**2))
    worst = np.take_along_axis(places, whole.argmax(axis=1)[:, None, None], axis=1)[:, 0]
    return Outward(np.stack(radial, 1), np.stack(generator, 1), worst)


def _lyapunov_factor(J: np.ndarray, half_width: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return L, (sample, state, state), with M = Lᵀ L and Jᵀ M + M J = −diag(1/h²), and which J are stable.

    M is scaled so that the half-widths have length 1 on average.
    """
    from scipy.linalg import solve_continuous_lyapunov

    finite = np.isfinite(J).all(axis=(1, 2))
    stable = finite.copy()
    stable[finite] = (np.linalg.eigvals(J[finite]).real < 0).all(axis=-1)
    factor = np.zeros_like(J)
    for draw in np.flatnonzero(stable):
        M = solve_continuous_lyapunov(J[draw].T, -np.diag(1 / half_width**2))
        M = 0.5 * (M + M.T) * half_width.size / (half_width**2 @ np.diagonal(M))
        factor[draw] = np.linalg.cholesky(M).T
    return factor, stable
