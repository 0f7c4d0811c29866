"""Trajectories about a level that covariates say: any likelihood, of what is left when the level is taken away."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from sdebayes._core.types import Key
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood.arrays import Observations
from sdebayes.likelihood.base import Innovations, Laws
from sdebayes.likelihood.conditional import Conditional
from sdebayes.likelihood.generate import Stepper
from sdebayes.likelihood.horizons import Start
from sdebayes.likelihood.pseudo_documents import PseudoDocuments
from sdebayes.likelihood.wrapper import AbstractWrapper


@dataclass(frozen=True)
class AroundLevel(AbstractWrapper):
    """The law of Y_k = H (X(t_k) + c + B w_k) + ε_k by that of the same without B w_k.

    It takes H B w_k from the data before another likelihood sees them, and adds it to what that one predicts or draws.
    As the level changes with B, sums over transitions and tables at the data are of no use.

    Parameters
    ----------
    scheme
        The distribution of a step.
    inner
        How the law without a level is computed.
    """

    def log_density(self, model: ObservedSDE, data: Observations) -> Float[Array, "trajectory time"]:
        """Return log p(y_k | y_1, …, y_{k−1}), zero where nothing was seen."""
        return self.inner.log_density(model, data.centred(model))

    def has_document_sums(self, data: Observations) -> bool:
        """Whether there are such sums about a level that trajectories share."""
        return self.inner.has_document_sums(data)

    @property
    def independent(self) -> bool:
        """Whether states do not touch each other."""
        return self.inner.independent

    def log_density_of_sums(self, model: ObservedSDE, sums: PseudoDocuments) -> Float[Array, ""]:
        """Return log p(y) of all the trajectories that are summed."""
        return self.inner.log_density_of_sums(model, sums.centred(model))

    def one_step(self, model: ObservedSDE, data: Observations) -> Laws:
        """Return mean and covariance of y_k given y_1, …, y_{k−1}."""
        mean, covariance = self.inner.one_step(model, data.centred(model))
        return mean + data.level(model), covariance

    def given_past(self, model: ObservedSDE, data: Observations) -> Conditional:
        """Return the law of each y_k given y_1, …, y_{k−1}."""
        return self._about(self.inner.given_past(model, data.centred(model)), model, data)

    def given_others(
        self, model: ObservedSDE, data: Observations, left_out: Bool[Array, "trajectory time"] | None = None
    ) -> Conditional:
        """Return the law of each y_k given all other steps of its trajectory."""
        return self._about(self.inner.given_others(model, data.centred(model), left_out), model, data)

    def given_nothing(self, model: ObservedSDE, data: Observations) -> Conditional:
        """Return the law of each y_k where nothing of its trajectory is known but the level."""
        return self._about(self.inner.given_nothing(model, data.centred(model)), model, data)

    def smooth(
        self, model: ObservedSDE, data: Observations
    ) -> tuple[Float[Array, "trajectory time z"], Float[Array, "trajectory time z z"]]:
        """Return mean and covariance of z_k, about the level, given the whole trajectory."""
        return self.inner.smooth(model, data.centred(model))

    def regimes(self, model: ObservedSDE, data: Observations) -> Float[Array, "trajectory time regime"]:
        """Return the probability of the regime that led to each step, given the whole trajectory."""
        return self.inner.regimes(model, data.centred(model))

    def horizon_start(self, model: ObservedSDE, data: Observations) -> Start:
        """Return the laws of z_k, about the level, given y_1, …, y_k."""
        return self.inner.horizon_start(model, data.centred(model))

    def stepper(self, model: ObservedSDE, data: Observations) -> Stepper:
        """Return what draws the next state of a path."""
        return self.inner.stepper(model, data)

    def replicate(
        self, model: ObservedSDE, data: Observations, key: Key
    ) -> Float[Array, "trajectory time observed"]:
        """Draw y at the data's times, zero where the data have no value."""
        return self._raised(model, data, self.inner.replicate(model, data, key))

    def draw(
        self, model: ObservedSDE, data: Observations, key: Key
    ) -> Float[Array, "trajectory time observed"]:
        """Draw y from the law whose density `log_density` is."""
        return self._raised(model, data, self.inner.draw(model, data, key))

    def horizons(
        self, model: ObservedSDE, data: Observations, horizon: int, targets: Int[Array, " target"]
    ) -> tuple[
        Float[Array, "horizon trajectory target observed"],
        Float[Array, "horizon some target observed observed"],
    ]:
        """Return mean and covariance of y_k given y_1, …, y_{k−h}."""
        mean, covariance = self.inner.horizons(model, data.centred(model), horizon, targets)
        return mean + data.level(model)[:, targets], covariance

    def innovations(
        self, model: ObservedSDE, data: Observations, sets: list[Float[Array, "trajectory time observed"]]
    ) -> list[Innovations]:
        """Return innovations and what was predicted."""
        level = data.level(model)
        about = self.inner.innovations(model, data.centred(model), [values - level for values in sets])
        return [(white, predicted + level) for white, predicted in about]

    @staticmethod
    def _about(found: Conditional, model: ObservedSDE, data: Observations) -> Conditional:
        return found._replace(mean=found.mean + data.level(model))

    @staticmethod
    def _raised(
        model: ObservedSDE, data: Observations, about: Float[Array, "trajectory time observed"]
    ) -> Float[Array, "trajectory time observed"]:
        return jnp.where(jnp.asarray(data.seen), about + data.level(model), 0.0)
