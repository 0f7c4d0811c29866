"""The approximate likelihood of an SDE seen through noise where it is not linear, or its noise not normal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from jaxtyping import Array, Float

from sdebayes._core.types import Key, Matrix, Scalar, Vector
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood.arrays import Observations
from sdebayes.likelihood.base import AbstractLikelihood, Laws
from sdebayes.likelihood.filters import AbstractGaussianFilter, ExtendedKalman
from sdebayes.likelihood.gaussian_steps import (
    Law,
    Linearize,
    carry,
    clock,
    filter_draw,
    filter_log_density,
    gaussian_filter,
    gaussian_smoother,
    predicted_observations,
)
from sdebayes.likelihood.generate import Stepper
from sdebayes.likelihood.horizons import Start
from sdebayes.likelihood.kalman import linear_stepper, tabulated_step, transitions_of
from sdebayes.likelihood.linear_gaussian import Filtered


@dataclass(frozen=True)
class GaussianFilter(AbstractLikelihood):
    """The likelihood of a filter that keeps a normal law of the state; not finite where the filter breaks down.

    Parameters
    ----------
    scheme
        The distribution of a step.
    filter
        How a law is carried over a step.
    trajectory_effect
        Whether each trajectory has an offset c, which rides along.
    linear
        Whether drift and noise are such that a step is the same linear one from everywhere, found once for each Δt.
    """

    approximate: ClassVar[bool] = True
    filter: AbstractGaussianFilter = field(default_factory=ExtendedKalman)
    trajectory_effect: bool = False
    linear: bool = False

    @property
    def title(self) -> str:
        """The filter's name."""
        return "Kalman" if self.linear else type(self.filter).__name__

    @property
    def effect(self) -> bool:
        """Whether there is an offset c."""
        return self.trajectory_effect

    def linear_step(self, model: ObservedSDE, data: Observations) -> Linearize:
        """Return the linear step that stands for the SDE's around a normal law."""
        if self.linear:
            return tabulated_step(model, self.scheme, data)

        def step(mean: Vector, covariance: Matrix, t: Scalar, dt: Scalar) -> tuple[Vector, Matrix, Matrix]:
            return self.filter.linearize(self.scheme, model.sde, mean, covariance, t, dt)

        return step

    def stepper(self, model: ObservedSDE, data: Observations) -> Stepper:
        """Return what draws the next state of a path."""
        if self.linear:
            return linear_stepper(transitions_of(model, self.scheme, data.steps))
        return super().stepper(model, data)

    def run(self, model: ObservedSDE, data: Observations) -> Filtered:
        """Return the laws of z_k = (x_k, c), or x_k alone, before and after each observation."""
        return gaussian_filter(model, self.linear_step(model, data), data, self.trajectory_effect)

    def log_density(self, model: ObservedSDE, data: Observations) -> Float[Array, "trajectory time"]:
        """Return log p(y_k | y_1, …, y_{k−1}); see `AbstractLikelihood.log_density`."""
        return filter_log_density(model, self.linear_step(model, data), data, self.trajectory_effect)

    def draw(
        self, model: ObservedSDE, data: Observations, key: Key
    ) -> Float[Array, "trajectory time observed"]:
        """Draw from the filter's law, zero where the data have no value."""
        return filter_draw(model, self.linear_step(model, data), data, self.trajectory_effect, key)

    def one_step(self, model: ObservedSDE, data: Observations) -> Laws:
        """Return mean and covariance of y_k given y_1, …, y_{k−1}."""
        factors = data.noise_factors(model.noise_slopes)
        return predicted_observations(model, self.run(model, data), factors)

    def smooth(
        self, model: ObservedSDE, data: Observations
    ) -> tuple[Float[Array, "trajectory time z"], Float[Array, "trajectory time z z"]]:
        """Return mean and covariance of z_k given the whole trajectory."""
        return gaussian_smoother(
            self.linear_step(model, data), self.run(model, data), data, model.initial_mean.shape[0]
        )

    def horizon_start(self, model: ObservedSDE, data: Observations) -> Start:
        """Return the filter's laws, carried on as the filter does."""
        filtered, linearize, n = (
            self.run(model, data),
            self.linear_step(model, data),
            model.initial_mean.shape[0],
        )

        def step(law: Law, t: Array, dt: Array) -> Law:
            return carry(law, *linearize(law[0][:n], law[1][:n, :n], t, dt))

        times, dts = clock(data)
        return Start((filtered.mean, filtered.covariance), step, (times[:, 1:], dts[:, 1:]), False)
