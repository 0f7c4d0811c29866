"""Minibatches in an order that is drawn anew for each epoch, read ahead while the device computes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import batched

import jax
import numpy as np

from sdebayes._core.precision import Precision, scope
from sdebayes._core.types import Key
from sdebayes.data.blocks import MIXED
from sdebayes.inference.minibatches.parts import AbstractParts
from sdebayes.inference.minibatches.structure import joined
from sdebayes.likelihood import Observations
from sdebayes.likelihood.arrays import by_row, rows

_FED = 2**19
"""Numbers that are handed to the device at once."""


class Minibatches:
    """All parts once in each epoch, cut into minibatches.

    Pieces come in random order, `MIXED` of them are in memory at a time, and their parts are shuffled with each other.
    What is left over of an epoch stands before the next. Which parts a step sees depends on the key and the number of
    the step alone, so that an interrupted run goes on where it was.

    Parameters
    ----------
    parts
        The parts.
    batch
        How many of them there are in a step.
    key
        Random key of the order.
    """

    def __init__(self, parts: AbstractParts, batch: int, key: Key) -> None:
        self._parts, self._batch = parts, batch
        self._seed = np.asarray(jax.random.key_data(key)).tolist()

    @property
    def factor(self) -> float:
        """The number of parts over those of a minibatch."""
        return sum(self._parts.counts) / self._batch

    def read(self, first: int, last: int, block: int, precision: Precision) -> Iterator[Observations]:
        """Hand out the minibatches of steps, some at a time, and read the next meanwhile.

        Parameters
        ----------
        first, last
            The first step, and the one behind the last; multiples of ``block``.
        block
            Steps that are divided evenly.
        precision
            In force where they are read.

        Yields
        ------
        Observations
            (step, part, …), as many steps each time.
        """
        feeds = self._feeds(first, last, block)

        def following() -> Observations | None:
            with scope(precision):
                return next(feeds, None)

        with ThreadPoolExecutor(1) as pool:
            ahead = pool.submit(following)
            while (found := ahead.result()) is not None:
                ahead = pool.submit(following)
                yield found

    def _feeds(self, first: int, last: int, block: int) -> Iterator[Observations]:
        waiting, ready, number, done = [], 0, 0, first
        for some in self._shuffled(first * self._batch):
            waiting.append(some)
            ready += len(some.values)
            number = number or _steps_at_once(block, self._batch * some.values[0].size)
            while ready >= (wanted := number * self._batch):
                whole = joined(waiting)
                yield self._cut(rows(whole, slice(0, wanted)), number)
                waiting, ready, done = [rows(whole, slice(wanted, None))], ready - wanted, done + number
                if done >= last:
                    return

    def _cut(self, some: Observations, number: int) -> Observations:
        """Return minibatches of steps; the different Δt of each alone where these are fewer than those of all."""
        own = self._batch * some.step_index.shape[1]
        if self._parts.steps is None or self._parts.steps > own:
            known = np.asarray(some.steps)[some.step_index].reshape(number, own)
            one = np.arange(own).reshape(self._batch, -1)
            some = replace(some, step_index=np.tile(one, (number, 1)))
        else:
            known = np.broadcast_to(some.steps, (number, len(some.steps)))
        shape = (number, self._batch)
        return by_row(some, lambda leaf: leaf.reshape(*shape, *leaf.shape[1:]), lambda _: known)

    def _shuffled(self, start: int) -> Iterator[Observations]:
        """Go through the parts from one on, epoch after epoch."""
        counts = self._parts.counts
        epoch, before = divmod(start, sum(counts))
        while True:
            pieces = self._random(epoch).permutation(len(counts)).tolist()
            for window, some in enumerate(batched(pieces, MIXED)):
                count = sum(counts[piece] for piece in some)
                if before < count:
                    order = self._random(epoch, window + 1).permutation(count)[before:]
                    yield rows(joined([self._parts.read(piece) for piece in some]), order)
                before = max(0, before - count)
            epoch += 1

    def _random(self, *place: int) -> np.random.Generator:
        return np.random.default_rng((*self._seed, *place))


def _steps_at_once(block: int, numbers: int) -> int:
    """Return how many of a block's steps are handed over together, of so many numbers each."""
    return next(n for n in range(block, 0, -1) if block % n == 0 and (n == 1 or n * numbers <= _FED))
