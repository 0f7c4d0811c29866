"""What a strategy is asked to solve: a model and data, in memory, as sums, or in parts on the disk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from sdebayes._core.arguments import checked
from sdebayes._core.types import Key
from sdebayes.data.blocks import kept_rows
from sdebayes.inference.devices import over_devices
from sdebayes.inference.minibatches.parts import AbstractParts, HeldParts, Pieces, StreamedParts
from sdebayes.inference.minibatches.passes import StreamedTarget
from sdebayes.inference.minibatches.share import program_of_some
from sdebayes.inference.progress import stage
from sdebayes.inference.regime_starts import check_steps, guided_starts, with_hints
from sdebayes.inference.sufficient_statistics import Reading, shortest_program
from sdebayes.inference.target import Density, Target, density_of, make_target
from sdebayes.likelihood import Observations
from sdebayes.likelihood.arrays import of_few_shapes, rows
from sdebayes.model.sdemodel import SDEModel


@checked
@dataclass(frozen=True)
class Problem:
    """What a strategy is asked to solve.

    Parameters
    ----------
    model
        The model, scaled to data.
    observations
        The data, as the model's likelihood reads them.
    key
        Random key of the search for a first point.
    sums
        A program with what stands for all data, where the observations are only some of them.
    streamed
        All data, to be read in parts, where the observations are only some of them.
    pieces
        Trajectories that are read at once where an order is drawn; None for all of them.
    share
        How many trajectories each of the observations stands for.

    See Also
    --------
    sdebayes.inference.AbstractStrategy : Solves it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> import jax
    >>> model = sb.SDEModel().scaled_to(train)
    >>> problem = sb.inference.Problem(model, model.read(train), jax.random.key(0))
    >>> problem.observations.values.shape
    (8, 100, 2)
    """

    model: SDEModel
    observations: Observations
    key: Key
    sums: Reading | None = None
    streamed: StreamedParts | None = None
    pieces: Pieces | None = None
    share: float = 1.0

    @cached_property
    def density(self) -> Density:
        """The posterior density on unconstrained space, as a function of data."""
        return density_of(self.model.program, self.model.build)

    @cached_property
    def reading(self) -> Reading:
        """The program of these data, from sums over them if they tell all; else they are on the devices of a mesh."""
        found = self._reading
        if not isinstance(found.data, Observations):
            return found
        return found._replace(data=over_devices(of_few_shapes(found.data)))

    @property
    def _reading(self) -> Reading:
        if self.sums is not None:
            return self.sums
        regimes, data = self.model.regimes, self.observations
        if regimes is not None:
            check_steps(data, regimes.n)
            data = with_hints(data, regimes.n)
        elif self.share == 1:
            return shortest_program(self.model, data)
        program = self.model.program if self.share == 1 else program_of_some(self.model, self.share)
        return Reading(program, data)

    @cached_property
    def parts(self) -> AbstractParts:
        """The data in independent parts, from memory or from the disk."""
        if self.streamed is not None:
            return self.streamed
        whole = (slice(0, len(self.observations.values)),)
        return HeldParts(self.model, self.observations, self.pieces or whole)

    @cached_property
    def sample(self) -> Problem:
        """The same of trajectories that stand for all, where these are many; else itself."""
        some = self.observations
        count = len(some.values) if self.streamed is None else self.streamed.trajectories
        if self.streamed is None and len(index := kept_rows(some.values)) < count:
            some = rows(some, index)
        if len(some.values) == count:
            return self
        share = count / len(some.values)
        return replace(self, observations=some, streamed=None, share=share)

    @cached_property
    def target(self) -> Target:
        """The density of these data, with a first point, an InferenceError if none."""
        if self.streamed is not None:
            return StreamedTarget(self.density, None, self.sample.target.start, parts=self.streamed)
        target = make_target(self.reading.program, self.model.build, self.reading.data, self.key)
        if self.model.regimes is None:
            return target
        starts = guided_starts(target, self.reading.data, self.model.regimes.n, self.key)
        return replace(target, starts=starts)

    def compiled(self, progress: bool) -> Target:
        """Return `target`, and say from what it is while it is made.

        Parameters
        ----------
        progress
            Whether anything is said.

        Returns
        -------
        Target
            The density of these data.
        """
        with stage("taking sums over the data", progress):
            read = self.reading.said or "the data"
        with stage(f"compiling the density, from {read}", progress):
            return self.target

    @property
    def beginning(self) -> Problem:
        """The problem whose mode and curvature are searched first: of some of the data, where these are on the disk."""
        return self if self.streamed is None else self.sample

    @property
    def attributes(self) -> dict[str, Any]:
        """What is kept with the posterior of how `target` reads the data: ``likelihood_from``, if sums are read."""
        if self.streamed is not None:
            return {"likelihood_from": f"{self.streamed.trajectories:,} trajectories on the disk"}
        return {"likelihood_from": self.reading.said} if self.reading.said else {}
