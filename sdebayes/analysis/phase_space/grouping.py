"""Zeros of many draws in groups, one place each, of which no draw has two members."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from sdebayes._core.draws import evenly_spread

_STARTS, _ROUNDS = 5, 50
_ONE, _TWO, _FEW = 2.0, 4.0, 10
_SMOOTH, _LOW, _ERRORS, _GRID = 0.45, 0.5, 2.5, 101
_CLEARLY = 2.0


def groups(zeros: Float[np.ndarray, "sample zero state"], same: float) -> Int[np.ndarray, "sample zero"]:
    """Put the zeros of all draws into groups.

    Draws with equally many zeros are matched among themselves, one to one; a group whose density has a valley is split.
    Then groups that share no draw are united, the closest first, if their means are less than two pooled standard
    deviations apart, or less than four (halves of a uniform law are 3.5) without a valley between them. What could as
    well be united with either of two places that exclude each other stays by itself: the zero between the two wells
    that it becomes.

    Parameters
    ----------
    zeros
        In units of the region, NaN beyond a draw's number of zeros.
    same
        Distance, in these units, within which means are one whatever their spread.

    Returns
    -------
    numpy.ndarray
        Number of the group of each zero, −1 where there is none.
    """
    known = np.isfinite(zeros).all(axis=-1)
    draw, points, count = np.nonzero(known)[0], zeros[known], known.sum(axis=1)
    parts: list[np.ndarray] = []
    for n in np.unique(count[count > 0]):
        rows = np.flatnonzero(count[draw] == n).reshape(-1, n)
        place = _one_to_one(points[rows])
        parts += [half for k in range(n) for half in _split(rows[place == k], points, same)]
    labels = np.full(known.shape, -1)
    of_each = np.full(len(points), -1)
    for number, members in enumerate(_united(parts, draw, points, same)):
        of_each[members] = number
    labels[known] = of_each
    return labels


def _one_to_one(points: Float[np.ndarray, "draw zero state"]) -> Int[np.ndarray, "draw zero"]:
    """Return which place each zero of a draw takes, one each, such that the places scatter least."""
    n = points.shape[1]
    best, least = np.zeros(points.shape[:2], dtype=int), np.inf
    if n == 1:
        return best
    for centres in points[evenly_spread(len(points), _STARTS)]:
        place = best
        for _ in range(_ROUNDS):
            before = place
            place = np.array([linear_sum_assignment(cdist(own, centres, "sqeuclidean"))[1] for own in points])
            ordered = np.take_along_axis(points, np.argsort(place, axis=1)[..., None], axis=1)
            centres = ordered.mean(axis=0)
            if (place == before).all():
                break
        scatter = float(((ordered - centres) ** 2).sum())
        if scatter < least * (1 - 1e-9):
            best, least = place, scatter
    return best


def _split(members: np.ndarray, points: np.ndarray, same: float) -> list[np.ndarray]:
    """Split a group as long as it has a gap, or its density a valley, along one of its principal axes."""
    centred = points[members] - points[members].mean(axis=0)
    for along in np.linalg.svd(centred, full_matrices=False)[2] @ centred.T:
        cut = _gap(along, same)
        cut = _valley(along, same) if cut is None else cut
        if cut is not None:
            halves = (members[along < cut], members[along >= cut])
            return [part for half in halves for part in _split(half, points, same)]
    return [members]


def _gap(t: Float[np.ndarray, " zero"], same: float) -> float | None:
    """Return the middle of the widest gap between values, if it is wider than four standard deviations on its sides."""
    if len(t) < _FEW:
        return None
    ordered = np.sort(t)
    k = int(np.diff(ordered).argmax()) + 1
    scatter = k * ordered[:k].var() + (len(t) - k) * ordered[k:].var()
    wide = ordered[k] - ordered[k - 1] > max(_TWO * np.sqrt(scatter / (len(t) - 2)), same)
    return float(0.5 * (ordered[k - 1] + ordered[k])) if wide else None


def _valley(t: Float[np.ndarray, " zero"], same: float) -> float | None:
    """Return where the density of values along a line has its surest valley, or None.

    There it is less than half of what it is on both sides, by more than 2.5 standard errors, the variance of a sum S of
    kernels exp(−u²/2) being S/√2. Of uniform or normal values, of skewed ones and of heavy tails, one set in fifty or
    fewer has such a valley by chance. The kernel is half as wide as the rule for normal values would have it.
    """
    width = max(_SMOOTH * t.std() * len(t) ** -0.2, 0.5 * same)
    places = np.linspace(t.min(), t.max(), _GRID)
    density = np.exp(-0.5 * ((places[:, None] - t) / width) ** 2).sum(axis=1)
    before, after = np.maximum.accumulate(density), np.maximum.accumulate(density[::-1])[::-1]
    sides = np.minimum(before, after)
    depth = (sides - density) / np.sqrt((sides + density) / np.sqrt(2))
    deepest = int(np.where(density < _LOW * sides, depth, 0).argmax())
    return (
        float(places[deepest])
        if depth[deepest] > _ERRORS and density[deepest] < _LOW * sides[deepest]
        else None
    )


def _united(parts: list[np.ndarray], draw: np.ndarray, points: np.ndarray, same: float) -> list[np.ndarray]:
    """Unite groups that share no draw and lie at one place."""
    parts = list(parts)
    while len(parts) > 1:
        distance = _distances([points[own] for own in parts], same)
        has = np.zeros((len(parts), draw.max() + 1))
        for row, own in zip(has, parts, strict=True):
            row[draw[own]] = 1
        excluded = has @ has.T > 0
        distance[_rivalled(distance, excluded) | excluded] = np.inf
        pair = _closest(distance, [points[own] for own in parts], same)
        if pair is None:
            break
        parts[pair[0]] = np.concatenate([parts[pair[0]], parts[pair[1]]])
        del parts[pair[1]]
    return parts


def _closest(
    distance: Float[np.ndarray, "group group"], parts: list[np.ndarray], same: float
) -> tuple[int, int] | None:
    """Return the two closest groups that are one place, or None."""
    first, second = np.nonzero(np.triu(distance < _TWO, 1))
    for k in np.argsort(distance[first, second], kind="stable"):
        i, j = int(first[k]), int(second[k])
        if distance[i, j] < _ONE or not _has_valley(parts[i], parts[j], same):
            return i, j
    return None


def _has_valley(one: Float[np.ndarray, "a state"], other: Float[np.ndarray, "b state"], same: float) -> bool:
    """Whether there is a valley along the line between the means of two groups."""
    gap = other.mean(axis=0) - one.mean(axis=0)
    return _valley(np.concatenate([one, other]) @ gap / np.linalg.norm(gap), same) is not None


def _distances(parts: list[np.ndarray], same: float) -> Float[np.ndarray, "group group"]:
    """Return how many standard deviations, pooled along the line between the means, lie between two groups."""
    size = np.array([len(own) for own in parts], dtype=float)
    mean = np.array([own.mean(axis=0) for own in parts])
    spread = np.array([(own - own.mean(axis=0)).T @ (own - own.mean(axis=0)) for own in parts])
    gap = mean[:, None] - mean
    length = np.linalg.norm(gap, axis=-1)
    along = gap / np.maximum(length, 1e-300)[..., None]
    square = np.einsum("ijk,ikl,ijl->ij", along, spread, along)
    variance = (square + square.T) / (size[:, None] + size)
    return length / np.sqrt(np.maximum(variance, (same / _ONE) ** 2))


def _rivalled(
    distance: Float[np.ndarray, "group group"], excluded: Bool[np.ndarray, "group group"]
) -> Bool[np.ndarray, "group group"]:
    """Whether another group, which excludes the one of a pair, is about as near to the other as that one is."""
    others = excluded & ~np.eye(len(excluded), dtype=bool)
    reach = np.minimum(_CLEARLY * distance, _TWO)
    rival = ((distance[:, None, :] < reach[:, :, None]) & others[None]).any(axis=-1)
    return rival | rival.T
