"""Documents whose steps are alike, and the few pseudo-documents that stand for them, made of their mean and scatter."""

from __future__ import annotations

from collections import defaultdict
from functools import reduce
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.linalg import lapack

from sdebayes.likelihood import Observations
from sdebayes.likelihood.arrays import rows
from sdebayes.likelihood.pseudo_documents import PseudoDocuments

LEAST_GAIN = 2
"""How many times fewer trajectories the filter has to go through, or it goes through the data."""

_BLOCK = 2**21
"""Numbers that are centred at once."""

_LEAST_LEFT = 1e-6
"""The share of an entry's scatter that earlier entries leave, below which too many digits are lost."""

Values = Float[np.ndarray, "trajectory time observed"]
Entries = Bool[np.ndarray, "time observed"]


class Moments(NamedTuple):
    """Number, mean and scatter of vectors; those of parts of the data add up.

    Attributes
    ----------
    number
        Number of vectors.
    mean
        (entry,).
    scatter
        Σ (y − mean)(y − mean)ᵀ, (entry, entry).
    """

    number: int
    mean: Float[np.ndarray, " entry"]
    scatter: Float[np.ndarray, "entry entry"]

    @staticmethod
    def of(vectors: Float[np.ndarray, "vector entry"]) -> Moments:
        """Go through the vectors once, a block at a time."""
        size = max(1, _BLOCK // vectors.shape[1])
        blocks = (vectors[start : start + size] for start in range(0, len(vectors), size))
        return reduce(Moments.add, map(Moments._of_block, blocks))

    @staticmethod
    def _of_block(vectors: Float[np.ndarray, "vector entry"]) -> Moments:
        mean = vectors.mean(0)
        centred = vectors - mean
        return Moments(len(vectors), mean, centred.T @ centred)

    def add(self, others: Moments) -> Moments:
        """Return those of both parts: Chan, Golub & LeVeque (1983), doi:10.1080/00031305.1983.10483115."""
        number, apart = self.number + others.number, others.mean - self.mean
        share = others.number / number
        scatter = self.scatter + others.scatter + self.number * share * np.outer(apart, apart)
        return Moments(number, self.mean + share * apart, scatter)

    def factor(self) -> Float[np.ndarray, "entry entry"] | None:
        """Return Z with Zᵀ Z the scatter; None where entries tell each other so well that it has lost its digits."""
        factor, failed = lapack.dpotrf(self.scatter, clean=1)
        if failed or np.any(np.diagonal(factor) ** 2 < _LEAST_LEFT * np.diagonal(self.scatter)):
            return None
        return factor


class Rows(NamedTuple):
    """Pseudo-documents of trajectories with the same steps.

    Attributes
    ----------
    values
        (row, time, observed).
    weight
        (row,), what the model's means are multiplied by.
    number
        The trajectories that they stand for.
    """

    values: Float[np.ndarray, "row time observed"]
    weight: Float[np.ndarray, " row"]
    number: int

    @staticmethod
    def themselves(values: Values) -> Rows:
        """Return trajectories that stand for themselves."""
        return Rows(values, np.ones(len(values)), len(values))

    @staticmethod
    def of(values: Values, parts: list[Entries]) -> Rows:
        """Replace trajectories by the mean and scatter of those entries that are read together."""
        found = []
        for part in parts:
            vectors = values.reshape(len(values), -1) if part.all() else values[:, part]
            moments = Moments.of(vectors)
            factor = moments.factor()
            if factor is None:
                factor = np.linalg.qr(vectors - moments.mean, mode="r")
            found.append((moments, factor))
        return Rows.of_moments(found, parts)

    @staticmethod
    def of_moments(found: list[tuple[Moments, np.ndarray]], parts: list[Entries]) -> Rows:
        """Put mean and factor of each part's entries where these stand."""
        number, size = found[0][0].number, 1 + max(int(part.sum()) for part in parts)
        values, weight = np.zeros((size, *parts[0].shape)), np.zeros(size)
        weight[0] = np.sqrt(number)
        for (moments, factor), part in zip(found, parts, strict=True):
            values[0, part] = weight[0] * moments.mean
            values[1 : 1 + len(factor), part] = factor
        return Rows(values, weight, number)


class _Pattern(NamedTuple):
    """Trajectories whose steps are the same: their places, and the entries that are read together."""

    places: Int[np.ndarray, " trajectory"]
    parts: list[Entries]

    @property
    def rows(self) -> int:
        """The fewest that can stand for them."""
        return min(len(self.places), 1 + max(int(part.sum()) for part in self.parts))

    def reduced(self, values: Values) -> Rows:
        """Return pseudo-documents, the trajectories themselves if there are no fewer."""
        own = values[self.places, : len(self.parts[0])]
        return Rows.themselves(own) if len(own) == self.rows else Rows.of(own, self.parts)


_Family = list[_Pattern]
"""Patterns that begin alike, the longest last, so that one run of covariances serves them all."""


def pseudo_documents(
    observations: Observations, independent: bool
) -> tuple[PseudoDocuments, Observations | None] | None:
    """Replace trajectories whose steps repeat by fewer; None where the filter would have not half as many to read.

    Parameters
    ----------
    observations
        The data.
    independent
        Whether states do not touch each other, so that the scatter of each by itself is enough.

    Returns
    -------
    (sums, rest)
        What stands for most trajectories, and the others, if there are any.
    """
    values = np.asarray(observations.values)
    chosen = _chosen(_families(observations, independent), len(values))
    if not chosen:
        return None
    used = np.concatenate([pattern.places for family in chosen for pattern in family])
    left = np.setdiff1d(np.arange(len(values)), used)
    return _stacked(chosen, observations), rows(observations, left) if len(left) else None


def _families(observations: Observations, independent: bool) -> list[_Family]:
    """Find trajectories with the same Δt, missing entries and level, and join those that begin alike."""
    seen = np.asarray(observations.seen)
    steps, ends = _marks(observations), seen.shape[1] - np.argmax(seen.any(-1)[:, ::-1], axis=1)
    alike: dict[bytes, list[int]] = defaultdict(list)
    for place, end in enumerate(ends):
        alike[steps[place, :end].tobytes()].append(place)
    if LEAST_GAIN * len(alike) > len(seen):
        return []
    families: list[_Family] = []
    before = None
    for key in sorted(alike):
        places = np.asarray(alike[key])
        entries = seen[places[0], : ends[places[0]]]
        apart = np.eye(entries.shape[1], dtype=bool)
        pattern = _Pattern(places, [entries & one for one in apart] if independent else [entries])
        if before is not None and key.startswith(before):
            families[-1].append(pattern)
        else:
            families.append([pattern])
        before = key
    return families


def _marks(observations: Observations) -> np.ndarray:
    """Return what a filter's covariances and the level read of each step, as bytes, (trajectory, time, byte)."""
    seen = np.asarray(observations.seen)
    index = np.pad(np.asarray(observations.step_index, dtype=np.int32), ((0, 0), (1, 0)))
    found = [seen.view(np.uint8), np.ascontiguousarray(index)[..., None].view(np.uint8)]
    if observations.level_terms is not None:
        found.append(np.ascontiguousarray(observations.level_terms, dtype=np.float64).view(np.uint8))
    return np.concatenate(found, axis=-1)


def _chosen(families: list[_Family], count: int) -> list[_Family]:
    """Return the families by which the filter has the fewest trajectories to go through; none if that is no gain."""
    sizes = {id(family): sum(len(pattern.places) for pattern in family) for family in families}
    ordered = sorted(families, key=lambda family: -sizes[id(family)])
    most, left = 0, count
    costs = [count]
    for number, family in enumerate(ordered, start=1):
        most = max(most, sum(pattern.rows for pattern in family))
        left -= sizes[id(family)]
        costs.append(number * most + left)
    best = int(np.argmin(costs))
    return ordered[:best] if LEAST_GAIN * costs[best] <= count else []


def _stacked(families: list[_Family], observations: Observations) -> PseudoDocuments:
    """Reduce each family, and fill them up to the same number of rows and steps."""
    data, longest = np.asarray(observations.values), [family[-1] for family in families]
    size = max(sum(pattern.rows for pattern in family) for family in families)
    length = max(len(pattern.parts[0]) for pattern in longest)
    shape = len(families), size
    values, weight = np.zeros((*shape, length, data.shape[2])), np.zeros(shape)
    last, number = np.zeros(shape, dtype=int), np.zeros((len(families), length))
    for place, family in enumerate(families):
        start = 0
        for pattern in family:
            reduced, end = pattern.reduced(data), len(pattern.parts[0])
            here = slice(start, start + len(reduced.weight))
            values[place, here, :end], weight[place, here] = reduced.values, reduced.weight
            last[place, here] = end
            number[place, :end] += reduced.number
            start = here.stop
    examples = [pattern.places[0] for pattern in longest]
    terms = observations.level_terms
    return PseudoDocuments(
        values,
        weight,
        last,
        np.asarray(observations.seen)[examples, :length],
        number,
        np.asarray(observations.step_index)[examples, : length - 1],
        np.asarray(observations.steps),
        None if terms is None else np.asarray(terms)[examples, :length],
    )
