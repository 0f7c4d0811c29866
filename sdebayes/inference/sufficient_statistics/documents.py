"""Documents whose steps are alike, and the few pseudo-documents that stand for them, made of their mean and scatter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from sdebayes.inference.sufficient_statistics.moments import Moments
from sdebayes.likelihood import Observations
from sdebayes.likelihood.arrays import rows
from sdebayes.likelihood.pseudo_documents import PseudoDocuments

LEAST_GAIN = 2
"""How many times fewer trajectories the filter has to go through, or it goes through the data."""

Values = Float[np.ndarray, "trajectory time observed"]
Entries = Bool[np.ndarray, "time observed"]


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


class Pattern(NamedTuple):
    """Trajectories whose steps are the same: their places, their number, and the entries that are read together."""

    places: Int[np.ndarray, " place"]
    number: int
    parts: list[Entries]

    @property
    def rows(self) -> int:
        """The fewest that can stand for them."""
        return min(self.number, 1 + max(int(part.sum()) for part in self.parts))


class Held(NamedTuple):
    """What is held of trajectories at the places of observations.

    Attributes
    ----------
    number
        (place,), how many trajectories there are.
    summed
        (place,), whether of some only sums are left.
    reduced
        From a pattern to its pseudo-documents, the trajectories themselves if they are no fewer.
    rest
        From places to the trajectories there.
    """

    number: Int[np.ndarray, " place"]
    summed: Bool[np.ndarray, " place"]
    reduced: Callable[[Pattern], Rows]
    rest: Callable[[Int[np.ndarray, " place"]], Observations]

    @staticmethod
    def themselves(observations: Observations) -> Held:
        """Return the trajectories of observations, one at each place."""
        values = np.asarray(observations.values)

        def reduced(pattern: Pattern) -> Rows:
            own = values[pattern.places, : len(pattern.parts[0])]
            return Rows.themselves(own) if len(own) == pattern.rows else Rows.of(own, pattern.parts)

        one = np.ones(len(values), dtype=int)
        return Held(one, one == 0, reduced, lambda places: rows(observations, places))


_Family = list[Pattern]
"""Patterns that begin alike, the longest last, so that one run of covariances serves them all."""


def pseudo_documents(
    observations: Observations, independent: bool, held: Held | None = None
) -> tuple[PseudoDocuments, Observations | None] | None:
    """Replace trajectories whose steps repeat by fewer; None where the filter would have not half as many to read.

    Parameters
    ----------
    observations
        The data.
    independent
        Whether states do not touch each other, so that the scatter of each by itself is enough.
    held
        What is held of the data, where the observations show the steps alone; None: these are the data.

    Returns
    -------
    (sums, rest)
        What stands for most trajectories, and the others, if there are any.
    """
    held = Held.themselves(observations) if held is None else held
    chosen = _chosen(_families(observations, independent, held), held)
    if not chosen:
        return None
    used = np.concatenate([pattern.places for family in chosen for pattern in family])
    left = np.setdiff1d(np.arange(len(held.number)), used)
    return _stacked(chosen, observations, held), held.rest(left) if len(left) else None


def _families(observations: Observations, independent: bool, held: Held) -> list[_Family]:
    """Find trajectories with the same Δt, missing entries and level, and join those that begin alike."""
    seen = np.asarray(observations.seen)
    steps, ends = _marks(observations), seen.shape[1] - np.argmax(seen.any(-1)[:, ::-1], axis=1)
    alike: dict[bytes, list[int]] = defaultdict(list)
    for place, end in enumerate(ends):
        alike[steps[place, :end].tobytes()].append(place)
    if LEAST_GAIN * len(alike) > held.number.sum():
        return []
    families: list[_Family] = []
    before = None
    for key in sorted(alike):
        places = np.asarray(alike[key])
        entries = seen[places[0], : ends[places[0]]]
        apart = np.eye(entries.shape[1], dtype=bool)
        parts = [entries & one for one in apart] if independent else [entries]
        pattern = Pattern(places, int(held.number[places].sum()), parts)
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


def _chosen(families: list[_Family], held: Held) -> list[_Family]:
    """Return the families by which the filter has the fewest trajectories to go through; none if that is no gain."""
    count = int(held.number.sum())
    sizes = {id(family): sum(pattern.number for pattern in family) for family in families}
    summed = {id(family): any(held.summed[pattern.places].any() for pattern in family) for family in families}
    ordered = sorted(families, key=lambda family: (not summed[id(family)], -sizes[id(family)]))
    most, left = 0, count
    costs = [count]
    for number, family in enumerate(ordered, start=1):
        most = max(most, sum(pattern.rows for pattern in family))
        left -= sizes[id(family)]
        costs.append(number * most + left)
    least = sum(summed.values())
    best = least + int(np.argmin(costs[least:]))
    return ordered[:best] if LEAST_GAIN * costs[best] <= count else []


def _stacked(families: list[_Family], observations: Observations, held: Held) -> PseudoDocuments:
    """Reduce each family, and fill them up to the same number of rows and steps."""
    longest = [family[-1] for family in families]
    size = max(sum(pattern.rows for pattern in family) for family in families)
    length = max(len(pattern.parts[0]) for pattern in longest)
    shape = len(families), size
    values, weight = np.zeros((*shape, length, observations.values.shape[2])), np.zeros(shape)
    last, number = np.zeros(shape, dtype=int), np.zeros((len(families), length))
    for place, family in enumerate(families):
        start = 0
        for pattern in family:
            reduced, end = held.reduced(pattern), len(pattern.parts[0])
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
