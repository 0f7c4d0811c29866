"""What a calibration study is asked: any process that is given it makes the same study of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property

import xarray as xr

from sdebayes._core.interning import interned
from sdebayes._core.kinds import Numbers
from sdebayes._core.precision import Precision, scope, single_blas_thread
from sdebayes.inference import AbstractStrategy
from sdebayes.likelihood import Observations
from sdebayes.model.sdemodel import SDEModel
from sdebayes.posterior.calibration_study import Record, Study, frozen, scaled_anew, study_key
from sdebayes.posterior.calibration_truths import Draw, from_prior, given
from sdebayes.posterior.quantities import Places, Quantities, as_places, quantities
from sdebayes.simulation.source import SourceLike


@dataclass(frozen=True, eq=False)
class Plan:
    """The arguments of `sdebayes.calibrate`, and what is made of them where a data set is fitted."""

    model: SDEModel
    design: xr.Dataset
    strategy: AbstractStrategy
    seed: int
    truth: SourceLike | Callable[..., object] | None
    rescale: bool
    substeps: int | None
    draws: int
    points: Numbers | None
    precision: Precision

    def __reduce__(self) -> tuple[type[Plan], tuple[object, ...]]:
        """Send the arguments alone to another process: what is compiled is compiled there."""
        return Plan, tuple(getattr(self, field.name) for field in fields(self))

    @cached_property
    def scaled(self) -> SDEModel:
        """The model, frozen to the design."""
        return interned(self.model.scaled_to(self.design))

    @cached_property
    def observations(self) -> Observations:
        """The design, as the model reads it."""
        return self.scaled.read(self.design)

    @cached_property
    def places(self) -> Places | None:
        """Where drift and covariance are ranked."""
        return as_places(self.scaled, self.points)

    @cached_property
    def ranked(self) -> Quantities:
        """What is ranked."""
        return quantities(self.scaled, self.places, self.truth is None)

    @cached_property
    def study(self) -> Study:
        """The study, ready to draw and fit."""
        prepare = (
            scaled_anew(self.model, self.design, self.observations)
            if self.rescale
            else frozen(self.scaled, self.observations)
        )
        return Study(
            self._draw, prepare, self.observations, self.strategy, self.ranked, self.draws, self.precision
        )

    @property
    def _draw(self) -> Draw:
        if self.truth is None:
            return from_prior(self.scaled, self.ranked.read, self.substeps, self.strategy.corrects_filter)
        shape = self.observations.values.shape[-1], len(self.scaled.frozen_scale.states)
        return given(self.truth, shape, self.ranked.read, self.substeps)


def replicate(plan: Plan, number: int) -> Record:
    """Draw one truth and its data, fit them, and rank the truth: the same in every process, however many there are.

    Parameters
    ----------
    plan
        Of what study.
    number
        Which of its data sets.
    """
    with scope(plan.precision), single_blas_thread():
        return plan.study.replicate(study_key(number, plan.seed))
