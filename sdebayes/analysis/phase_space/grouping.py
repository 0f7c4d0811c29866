"""Zeros of many draws in groups, one place each, of which no draw has two members."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

_STARTS, _ROUNDS = 5, 50
_APART = 2.0
_CLEARLY = 2.0
_FOLD_NOISE = 2.6


def groups(zeros: Float[np.ndarray, "sample zero state"], same: float) -> Int[np.ndarray, "sample zero"]:
    """Put the zeros of all draws into groups.

    Draws with equally many zeros are matched among themselves, one to one; a group with two modes is split; then groups
    that share no draw are united, the closest first, where their means differ by less than two standard deviations (of
    the one or the other, on average), so that both together have one mode. What could as well be united with either of
    two places that exclude each other stays by itself: the zero between the two wells that it becomes.

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
    for centres in points[np.linspace(0, len(points) - 1, _STARTS).astype(int)]:
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
    """Split a group as long as it has two modes along one of its principal axes.

    By the folding test: values with two modes, folded at the pivot between them, scatter much less than before; for
    uniform ones the ratio is 1/4. Siffer, Fouque, Termier & Largouët (2018), doi:10.1145/3219819.3219994.
    """
    centred = points[members] - points[members].mean(axis=0)
    best, least = None, 1 - _FOLD_NOISE / np.sqrt(len(members))
    for along in np.linalg.svd(centred, full_matrices=False)[2] @ centred.T:
        variance = along.var()
        if variance < (0.5 * same) ** 2:
            continue
        pivot = 0.5 * np.mean(along**3) / variance
        ratio = 4 * np.abs(along - pivot).var() / variance
        if ratio < least:
            best, least = along > pivot, ratio
    if best is None:
        return [members]
    return [part for half in (best, ~best) for part in _split(members[half], points, same)]


def _united(parts: list[np.ndarray], draw: np.ndarray, points: np.ndarray, same: float) -> list[np.ndarray]:
    """Unite groups that share no draw and lie at one place."""
    parts = list(parts)
    while len(parts) > 1:
        distance = _distances([points[own] for own in parts], same)
        has = np.zeros((len(parts), draw.max() + 1))
        for row, own in zip(has, parts, strict=True):
            row[draw[own]] = 1
        excluded = has @ has.T > 0
        distance[_rivalled(distance, excluded) | excluded | (distance >= _APART)] = np.inf
        i, j = np.unravel_index(distance.argmin(), distance.shape)
        if not np.isfinite(distance[i, j]):
            break
        parts[i] = np.concatenate([parts[i], parts[j]])
        del parts[j]
    return parts


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
    return length / np.maximum(np.sqrt(variance), same / _APART)


def _rivalled(
    distance: Float[np.ndarray, "group group"], excluded: Bool[np.ndarray, "group group"]
) -> Bool[np.ndarray, "group group"]:
    """Whether another group, which excludes the one of a pair, is about as near to the other as that one is."""
    others = excluded & ~np.eye(len(excluded), dtype=bool)
    reach = np.minimum(_CLEARLY * distance, _APART)
    rival = ((distance[:, None, :] < reach[:, :, None]) & others[None]).any(axis=-1)
    return rival | rival.T
