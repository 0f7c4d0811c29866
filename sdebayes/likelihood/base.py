"""The contract of a likelihood: what is asked of the law of trajectories under a scheme."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Bool, Float, Int
from numpyro.distributions import constraints

from sdebayes._core.errors import ModelError
from sdebayes._core.types import Key
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood.arrays import Observations
from sdebayes.likelihood.conditional import (
    Conditional,
    Laws,
    noise_of_steps,
    read_at,
    seeing,
    signal,
    without,
)
from sdebayes.likelihood.gaussian_steps import Linearize
from sdebayes.likelihood.generate import Stepper, generate
from sdebayes.likelihood.horizons import Start, horizon_laws
from sdebayes.likelihood.pseudo_documents import PseudoDocuments
from sdebayes.likelihood.whitening import whiten
from sdebayes.schemes import AbstractScheme

Innovations = tuple[Float[Array, "trajectory time observed"], Float[Array, "trajectory time observed"]]


@dataclass(frozen=True, eq=False)
class AbstractLikelihood(ABC):
    """The law of the observations of whole trajectories, c, latent path and missing values integrated out.

    One object stands for one way of computing it; a model chooses its own once, by its observation. Equal ones share
    what is compiled: a subclass that is a dataclass is compared by its fields, another by identity.

    Parameters
    ----------
    scheme
        The distribution of a step.

    What it says of itself, and does not compute from its fields, a class sets as class attributes:
    ``states_observed = True``.
    """

    scheme: AbstractScheme

    @property
    def effect(self) -> bool:
        """Whether a trajectory's offset c rides along with the state."""
        return False

    @property
    def states_observed(self) -> bool:
        """Whether the states themselves are observed, so that steps without a value are left out of data."""
        return False

    @property
    def approximate(self) -> bool:
        """Whether more than the scheme is approximated."""
        return False

    @property
    def reads_tables(self) -> bool:
        """Whether drift and diffusion are read at the data alone: what no parameter enters can be tabulated there."""
        return False

    @property
    def title(self) -> str:
        """What a reader is told of it."""
        return type(self).__name__

    @property
    def integrates_entries(self) -> bool:
        """Whether single missing entries of a step are integrated out."""
        return True

    @abstractmethod
    def log_density(self, model: ObservedSDE, data: Observations) -> Float[Array, "trajectory time"]:
        """Return log p(y_k | y_1, …, y_{k−1}), zero where nothing was seen: a trajectory's sum is its own."""

    @abstractmethod
    def one_step(self, model: ObservedSDE, data: Observations) -> Laws:
        """Return mean and covariance of y_k given y_1, …, y_{k−1}."""

    @abstractmethod
    def smooth(
        self, model: ObservedSDE, data: Observations
    ) -> tuple[Float[Array, "trajectory time z"], Float[Array, "trajectory time z z"]]:
        """Return mean and covariance of z_k = (x_k, c), or x_k alone, given the whole trajectory.

        After a trajectory's end the last law is carried on; callers mask it.
        """

    @abstractmethod
    def horizon_start(self, model: ObservedSDE, data: Observations) -> Start:
        """Return the laws of z_k given y_1, …, y_k, and how a law is carried over a step without looking."""

    def given_past(self, model: ObservedSDE, data: Observations) -> Conditional:
        """Return the law of each y_k given y_1, …, y_{k−1}."""
        found = read_at(model, data, self.one_step(model, data))
        return found._replace(log_density=self.log_density(model, data))

    def given_others(
        self, model: ObservedSDE, data: Observations, left_out: Bool[Array, "trajectory time"] | None = None
    ) -> Conditional:
        """Return the law of each y_k given all other steps of its trajectory: of a pass for each step.

        Steps that are ``left_out`` tell nothing of others, and are judged all the same.

        Raises
        ------
        ModelError
            If the states themselves are observed.
        """
        self._need_noise("The distribution of a step given all others")
        steps, noise = jnp.arange(data.times.shape[1]), noise_of_steps(model, data)
        known = without(data, left_out)

        def one(k: Array) -> tuple[Array, Array]:
            mean, covariance = self.smooth(model, seeing(known, (steps != k)[None, :, None]))
            return signal(model, mean[:, k], covariance[:, k])

        mean, covariance = (jnp.swapaxes(part, 0, 1) for part in jax.lax.map(one, steps))
        return read_at(model, data, (mean, covariance + noise))

    def given_nothing(self, model: ObservedSDE, data: Observations) -> Conditional:
        """Return the law of each y_k where nothing of its trajectory is known.

        Raises
        ------
        ModelError
            If the states themselves are observed.
        """
        self._need_noise("The distribution of a step by itself")
        blind = seeing(data, jnp.zeros(data.seen.shape, bool))
        return read_at(model, data, self.one_step(model, blind))

    def _need_noise(self, what: str) -> None:
        if self.states_observed:
            raise ModelError(
                f"{what} is there for models with observation noise, and {self.title} observes the states "
                "themselves; fit with GaussianNoise()."
            )

    def linear_step(self, model: ObservedSDE, data: Observations) -> Linearize:
        """Return the linear step that stands for the SDE's around a normal law, as regimes need it."""
        raise ModelError(f"{self.title} has no linear steps, between which regimes could switch.")

    def regimes(self, model: ObservedSDE, data: Observations) -> Float[Array, "trajectory time regime"]:
        """Return the probability of the regime that led to each step, given the whole trajectory."""
        raise ModelError(f"{self.title} is of one SDE, without regimes.")

    def stepper(self, model: ObservedSDE, data: Observations) -> Stepper:
        """Return what draws the next state of a path: (x, t, index of Δt, standard normals) → x'."""
        steps = jnp.asarray(data.steps)
        return lambda x, t, u, white: self.scheme.draw(model.sde, x, t, steps[u], white)

    def replicate(
        self, model: ObservedSDE, data: Observations, key: Key
    ) -> Float[Array, "trajectory time observed"]:
        """Draw y at the data's times by the scheme's steps, zero where the data have no value."""
        return generate(model, self.stepper(model, data), data, key)

    def draw(
        self, model: ObservedSDE, data: Observations, key: Key
    ) -> Float[Array, "trajectory time observed"]:
        """Draw y from the very law whose density `log_density` is, its approximations included."""
        return self.replicate(model, data, key)

    def horizons(
        self, model: ObservedSDE, data: Observations, horizon: int, targets: Int[Array, " target"]
    ) -> tuple[
        Float[Array, "horizon trajectory target observed"],
        Float[Array, "horizon some target observed observed"],
    ]:
        """Return mean and covariance of y_k given y_1, …, y_{k−h}, for k in ``targets`` and h = 1, …, ``horizon``."""
        factors = data.noise_factors(model.noise_slopes)
        return horizon_laws(model, self.horizon_start(model, data), horizon, targets, factors)

    def innovations(
        self, model: ObservedSDE, data: Observations, sets: list[Float[Array, "trajectory time observed"]]
    ) -> list[Innovations]:
        """Standardise several sets of values at the data's times.

        Returns L⁻¹ (y_k − μ) and μ for each, L Lᵀ being the covariance of y_k given y_1, …, y_{k−1} and μ its mean; NaN
        where nothing was seen.
        """
        seen = jnp.asarray(data.seen)

        def one_set(values: Array) -> Innovations:
            mean, covariance = self.one_step(model, eqx.tree_at(lambda o: o.values, data, values))
            return whiten(values, mean, covariance, seen), jnp.where(seen, mean, jnp.nan)

        white, predicted = jax.lax.map(one_set, jnp.stack(sets))
        return list(zip(white, predicted, strict=True))

    def by_transition(self, data: Observations) -> bool:
        """Whether the terms of `log_density` are those of single transitions, each of two states alone."""
        return False

    def has_linear_sums(self, data: Observations) -> bool:
        """Whether the data enter through sums over transitions alone, by affine means and equal covariances."""
        return False

    def has_document_sums(self, data: Observations) -> bool:
        """Whether trajectories with the same steps enter through their mean and scatter alone."""
        return False

    @property
    def independent(self) -> bool:
        """Whether states do not touch each other, so that the scatter of each by itself is all that is read."""
        return False

    def log_density_of_sums(self, model: ObservedSDE, sums: PseudoDocuments) -> Float[Array, ""]:
        """Return log p(y) of all the trajectories that are summed, where there are such sums."""
        raise ModelError(f"{self.title} has no sums over documents.")


class TrajectoryLaw(dist.Distribution):
    """The law of y over trajectories, (trajectory,) × (time, observed), at the times of a data set.

    Parameters
    ----------
    model
        The SDE as it is observed.
    likelihood
        How its law is computed.
    observations
        The data set whose times and missing entries the law has.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}
    support = constraints.real_matrix
    pytree_data_fields = ("model", "observations")
    pytree_aux_fields = ("likelihood",)

    def __init__(
        self, model: ObservedSDE, likelihood: AbstractLikelihood, observations: Observations
    ) -> None:
        self.model, self.likelihood, self.observations = model, likelihood, observations
        count, *event = observations.values.shape
        super().__init__(batch_shape=(count,), event_shape=tuple(event))

    def log_prob(
        self, value: Float[Array, "trajectory time observed"], intermediates: object = None
    ) -> Float[Array, " trajectory"]:
        """Return the log-likelihood of each trajectory, in nats; missing entries of ``value`` are not read."""
        seen, known = jnp.asarray(self.observations.seen), jnp.asarray(self.observations.values)
        observations = eqx.tree_at(lambda o: o.values, self.observations, jnp.where(seen, value, known))
        return self.likelihood.log_density(self.model, observations).sum(-1)

    def sample(self, key: Key, sample_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        """Draw trajectories, zero at missing entries."""
        if sample_shape == ():
            return self.likelihood.draw(self.model, self.observations, key)
        count = 1
        for size in sample_shape:
            count *= size
        draws = jax.vmap(lambda k: self.sample(k))(jax.random.split(key, count))
        return draws.reshape(*sample_shape, *draws.shape[1:])
