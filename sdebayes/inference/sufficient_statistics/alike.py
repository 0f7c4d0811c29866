"""Documents with the same steps, found and summed up block by block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float

from sdebayes.data.blocks import Block, blocks
from sdebayes.inference.sufficient_statistics.moments import Moments

MOST_HELD = 2**26
"""Numbers that are held at most, beyond which documents are like too few others (512 MB)."""

_DIGITS = 40
"""Binary digits by which two Δt are told apart."""

Seen = Bool[np.ndarray, "time observed"]


class Alike(NamedTuple):
    """Documents with the same steps: sums over most, and others themselves, as long as they are few.

    Attributes
    ----------
    sums
        Of the entries that are read together, one for each part; empty if there are none.
    rest
        (trajectory, time, observed), NaN where nothing was seen.
    """

    sums: tuple[Moments, ...]
    rest: Float[np.ndarray, "trajectory time observed"]

    @property
    def number(self) -> int:
        """How many documents these are."""
        return len(self.rest) + (self.sums[0].number if self.sums else 0)

    def add(self, others: Alike, parts: list[Seen]) -> Alike:
        """Return both."""
        sums = (
            tuple(map(Moments.add, self.sums, others.sums))
            if self.sums and others.sums
            else self.sums or others.sums
        )
        return Alike(sums, np.concatenate([self.rest, others.rest])).settled(parts)

    @property
    def size(self) -> int:
        """How many numbers are held."""
        return self.rest.size + sum(one.scatter.size for one in self.sums)

    def settled(self, parts: list[Seen]) -> Alike:
        """Sum up the documents that are themselves there, if they are more than would stand for them."""
        return self.summed(parts) if len(self.rest) > 1 + max(int(part.sum()) for part in parts) else self

    def summed(self, parts: list[Seen]) -> Alike:
        """Sum up all documents."""
        if not len(self.rest):
            return self
        own = tuple(Moments.of(self.rest[:, part]) for part in parts)
        return Alike(tuple(map(Moments.add, self.sums, own)) if self.sums else own, self.rest[:0])


class Documents(NamedTuple):
    """All documents of a data set, or some, by their steps.

    Attributes
    ----------
    alike
        By the marks of their steps.
    shape
        The numbers of steps and of observed coordinates.
    independent
        Whether each observed coordinate is read by itself.
    """

    alike: dict[bytes, Alike]
    shape: tuple[int, int]
    independent: bool

    @property
    def too_many(self) -> bool:
        """Whether documents hardly repeat, so that they would all have to be held."""
        return sum(one.size for one in self.alike.values()) > MOST_HELD

    def seen(self, marks: bytes) -> Seen:
        """Return which entries documents with these marks have."""
        return np.frombuffer(marks, bool, count=self.shape[0] * self.shape[1]).reshape(self.shape)

    def steps(self, marks: bytes) -> Float[np.ndarray, " transition"]:
        """Return the Δt of documents with these marks, 0 after their end."""
        return np.frombuffer(marks, np.float64, offset=self.shape[0] * self.shape[1])

    def parts(self, marks: bytes) -> list[Seen]:
        """Return the entries of documents with these marks that are read together."""
        seen = self.seen(marks)
        return [seen & one for one in np.eye(self.shape[1], dtype=bool)] if self.independent else [seen]

    def add(self, others: Documents) -> Documents:
        """Return both."""
        joined = dict(self.alike)
        for marks, own in others.alike.items():
            joined[marks] = joined[marks].add(own, self.parts(marks)) if marks in joined else own
        return self._replace(alike=joined)


class Source(NamedTuple):
    """What documents are read from.

    Attributes
    ----------
    data
        ``y`` and ``t``, lazy.
    independent
        Whether each observed coordinate is read by itself.
    """

    data: xr.Dataset
    independent: bool


def documents_of(source: Source, part: slice) -> Documents:
    """Read some documents, a block at a time; no more of them once they are `Documents.too_many`."""
    _, *shape = source.data["y"].shape
    found = Documents({}, (shape[0], shape[1]), source.independent)
    for block in blocks(source.data.isel(trajectory=part)):
        own = {marks: Alike((), values).settled(found.parts(marks)) for marks, values in _by_marks(block)}
        found = found.add(found._replace(alike=own))
        if found.too_many:
            break
    return found


def _by_marks(block: Block) -> Iterator[tuple[bytes, np.ndarray]]:
    """Part documents by what a filter's covariances read of their steps: the entries seen, and Δt."""
    seen = np.isfinite(block.values)
    count, length = seen.shape[:2]
    ends = length - np.argmax(seen.any(-1)[:, ::-1], axis=1)
    inside = np.arange(1, length) < ends[:, None]
    steps = np.where(inside, _rounded(np.diff(block.times.astype(np.float64), axis=1)), 0.0)
    marks = np.concatenate([seen.reshape(count, -1).view(np.uint8), steps.view(np.uint8)], axis=1)
    keys, which = np.unique(marks.view(np.dtype((np.void, marks.shape[1])))[:, 0], return_inverse=True)
    for place, key in enumerate(keys):
        yield key.tobytes(), block.values[which == place].astype(np.float64, copy=False)


def _rounded(steps: np.ndarray) -> np.ndarray:
    """Take times that differ in their last digits for the same."""
    share, exponent = np.frexp(steps)
    return np.ldexp(np.round(np.ldexp(share, _DIGITS)), exponent - _DIGITS)
