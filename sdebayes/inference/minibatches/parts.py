"""The parts that a minibatch is made of, from memory or from the disk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import jax
import numpy as np
import xarray as xr

from sdebayes._core.tasks import total
from sdebayes.data.blocks import TASKS
from sdebayes.inference.independent_blocks import independent_blocks, parts_of_each
from sdebayes.inference.minibatches.structure import Structure
from sdebayes.likelihood import Observations
from sdebayes.likelihood.arrays import rows
from sdebayes.model.sdemodel import SDEModel

Pieces = tuple[slice, ...]


class AbstractParts(ABC):
    """Independent parts of data, in pieces that are read at once: transitions of observed states, else trajectories."""

    @property
    @abstractmethod
    def counts(self) -> tuple[int, ...]:
        """The number of parts in each piece."""

    @property
    @abstractmethod
    def steps(self) -> int | None:
        """How many different Δt there are, None where they are not listed."""

    @abstractmethod
    def read(self, piece: int) -> Observations:
        """Return the parts of a piece, one a row."""


class HeldParts(AbstractParts):
    """Parts of data that memory holds.

    Parameters
    ----------
    model
        The model, scaled.
    observations
        All trajectories, as the model reads them.
    pieces
        Trajectories that count as read at once.
    """

    def __init__(self, model: SDEModel, observations: Observations, pieces: Pieces) -> None:
        self._parts = jax.tree.map(np.asarray, independent_blocks(model, observations))
        ends = np.concatenate([[0], np.cumsum(parts_of_each(model, observations))])
        self._pieces = [slice(int(ends[one.start]), int(ends[one.stop])) for one in pieces]

    @property
    def counts(self) -> tuple[int, ...]:
        """The number of parts in each piece."""
        return tuple(one.stop - one.start for one in self._pieces)

    @property
    def steps(self) -> int:
        """How many different Δt there are."""
        return len(self._parts.steps)

    def read(self, piece: int) -> Observations:
        """Return the parts of a piece, one a row: views."""
        own = self._pieces[piece]
        return rows(self._parts, own)


@dataclass(frozen=True, eq=False)
class StreamedParts(AbstractParts):
    """Parts of data that memory need not hold.

    Parameters
    ----------
    model
        The model, scaled.
    data
        Trajectories that are valid, lazy.
    pieces
        Trajectories that are read at once; all but the last are as many.
    structure
        What they have in common.
    """

    model: SDEModel
    data: xr.Dataset
    pieces: Pieces
    structure: Structure

    @classmethod
    def of(cls, model: SDEModel, data: xr.Dataset, pieces: Pieces) -> StreamedParts:
        """Read data once, as tasks of the Dask scheduler that is active, and find what they have in common."""
        bare = data[["y", "t", "n_steps"]].reset_coords(drop=True).assign_attrs(data.attrs | {"min_steps": 1})
        found = total(_surveyed, (model, bare), together(pieces), Structure.add)
        return cls(model, bare, pieces, found)

    @property
    def counts(self) -> tuple[int, ...]:
        """The number of parts in each piece: trajectories where a step of any is seen in part."""
        if self.structure.complete:
            return self.structure.counts
        return tuple(one.stop - one.start for one in self.pieces)

    @property
    def steps(self) -> int | None:
        """How many different Δt there are, None where they are not listed."""
        return None if self.structure.steps is None else len(self.structure.steps)

    @cached_property
    def trajectories(self) -> int:
        """How many there are."""
        return self.pieces[-1].stop

    def whole(self, piece: int) -> Observations:
        """Return the trajectories of a piece, as many as in any other."""
        read = self.model.read(self.data.isel(trajectory=self.pieces[piece]))
        return self.structure.given_to(read, self.pieces[0].stop)

    def read(self, piece: int) -> Observations:
        """Return the parts of a piece, one a row."""
        own = self.pieces[piece]
        read = self.model.read(self.data.isel(trajectory=own))
        alike = self.structure.given_to(read, own.stop - own.start)
        return jax.tree.map(np.asarray, independent_blocks(self.model, alike))


def together[Piece](pieces: Sequence[Piece]) -> list[tuple[Piece, ...]]:
    """Divide pieces into at most `TASKS` tasks, whoever works on them."""
    size = -(-len(pieces) // TASKS)
    return [tuple(pieces[start : start + size]) for start in range(0, len(pieces), size)]


def _surveyed(shared: tuple[SDEModel, xr.Dataset], pieces: Pieces) -> Structure:
    """Return what the trajectories of some pieces have in common."""
    model, data = shared
    first, *others = (Structure.of(model.read(data.isel(trajectory=one)), model) for one in pieces)
    for other in others:
        first = first.add(other)
    return first
