"""The exact likelihood of a linear SDE that is seen through Gaussian noise."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from sdebayes._core.errors import ModelError
from sdebayes._core.types import Matrix, Scalar, Vector
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood.arrays import Observations
from sdebayes.likelihood.base import AbstractLikelihood, Innovations, Laws
from sdebayes.likelihood.conditional import Conditional, read_at, without, without_own
from sdebayes.likelihood.gaussian_steps import Law, Linearize, carry
from sdebayes.likelihood.generate import Stepper
from sdebayes.likelihood.horizons import Start
from sdebayes.likelihood.linear_gaussian import (
    Filtered,
    LinearGaussian,
    kalman_filter,
    linear_gaussian,
    shared_log_density,
    smooth,
)
from sdebayes.likelihood.pseudo_documents import PseudoDocuments
from sdebayes.likelihood.whitening import shared_innovations
from sdebayes.schemes import AbstractScheme, AffineTransition


def transitions_of(
    model: ObservedSDE, scheme: AbstractScheme, steps: Float[Array | np.ndarray, " unique"]
) -> AffineTransition:
    """Return the transitions of a linear SDE over each Δt."""
    linear = model.sde.linear
    if linear is None:
        raise ModelError(
            "The SDE is not linear with additive noise, so that its transitions have no closed form."
        )
    return jax.vmap(lambda dt: scheme.affine_transition(linear, dt))(jnp.asarray(steps))


def linear_stepper(transitions: AffineTransition) -> Stepper:
    """Return what draws the next state of a linear SDE."""
    factors = jnp.linalg.cholesky(transitions.covariance)
    return lambda x, t, u, white: transitions.matrix[u] @ x + transitions.shift[u] + factors[u] @ white


def tabulated_step(model: ObservedSDE, scheme: AbstractScheme, data: Observations) -> Linearize:
    """Return the step of a linear SDE around any law, its transitions found once for each different Δt."""
    known = jnp.concatenate([jnp.zeros(1), jnp.asarray(data.steps, dtype=float)])
    laws = transitions_of(model, scheme, known)

    def step(mean: Vector, covariance: Matrix, t: Scalar, dt: Scalar) -> tuple[Vector, Matrix, Matrix]:
        u = jnp.searchsorted(known, dt)
        return laws.matrix[u] @ mean + laws.shift[u], laws.matrix[u], laws.covariance[u]

    return step


@dataclass(frozen=True)
class Kalman(AbstractLikelihood):
    """The Kalman filter's likelihood of a linear SDE with additive noise.

    Parameters
    ----------
    scheme
        The distribution of a step.
    trajectory_effect
        Whether each trajectory has an offset c, which rides along as a state that stands still.
    """

    trajectory_effect: bool = False

    @property
    def effect(self) -> bool:
        """Whether there is an offset c."""
        return self.trajectory_effect

    def linear_step(self, model: ObservedSDE, data: Observations) -> Linearize:
        """Return the step of the SDE itself."""
        return tabulated_step(model, self.scheme, data)

    def system(self, model: ObservedSDE, data: Observations) -> LinearGaussian:
        """Return the linear-Gaussian state-space model of z = (x, c), or x alone."""
        return self._over(model, data.steps)

    def _over(self, model: ObservedSDE, steps: Float[Array | np.ndarray, " unique"]) -> LinearGaussian:
        return linear_gaussian(model, transitions_of(model, self.scheme, steps), self.trajectory_effect)

    def run(self, model: ObservedSDE, data: Observations) -> tuple[LinearGaussian, Filtered]:
        """Set up the filter and run it."""
        system = self.system(model, data)
        return system, kalman_filter(system, data)

    def log_density(self, model: ObservedSDE, data: Observations) -> Float[Array, "trajectory time"]:
        """Return log p(y_k | y_1, …, y_{k−1}); see `AbstractLikelihood.log_density`."""
        system = self.system(model, data)
        return shared_log_density(system, data) if data.shared else kalman_filter(system, data).log_density

    def has_document_sums(self, data: Observations) -> bool:
        """Whether R is the same at all steps."""
        return data.noise_terms is None

    def log_density_of_sums(self, model: ObservedSDE, sums: PseudoDocuments) -> Float[Array, ""]:
        """Return log p(y) of all the trajectories that are summed."""
        return sums.log_density(self._over(model, sums.steps))

    def one_step(self, model: ObservedSDE, data: Observations) -> Laws:
        """Return mean and covariance of y_k given y_1, …, y_{k−1}."""
        system, filtered = self.run(model, data)
        mean = filtered.predicted_mean @ system.matrix.T
        noise = data.noise_factors(system.noise_slopes)[..., None, None] * system.noise
        return mean, system.matrix @ filtered.predicted_covariance @ system.matrix.T + noise

    def smooth(
        self, model: ObservedSDE, data: Observations
    ) -> tuple[Float[Array, "trajectory time z"], Float[Array, "trajectory time z z"]]:
        """Return mean and covariance of z_k given the whole trajectory."""
        return smooth(*self.run(model, data), data)

    def given_others(
        self, model: ObservedSDE, data: Observations, left_out: Bool[Array, "trajectory time"] | None = None
    ) -> Conditional:
        """Return the law of each y_k given all other steps of its trajectory, of one smoother pass."""
        known = without(data, left_out)
        return read_at(model, data, without_own(model, known, *self.smooth(model, known)))

    def stepper(self, model: ObservedSDE, data: Observations) -> Stepper:
        """Return what draws the next state of a path, by the transitions over each different Δt."""
        return linear_stepper(transitions_of(model, self.scheme, data.steps))

    def horizon_start(self, model: ObservedSDE, data: Observations) -> Start:
        """Return the filter's laws; where trajectories share their times, all have the covariances of the longest."""
        laws = transitions_of(model, self.scheme, data.steps)
        n = model.initial_mean.shape[0]

        def step(law: Law, u: Array, _: Array) -> Law:
            F = laws.matrix[u]
            return carry(law, F @ law[0][:n] + laws.shift[u], F, laws.covariance[u])

        _, filtered = self.run(model, data)
        index = jnp.asarray(data.step_index)
        if not data.shared:
            return Start((filtered.mean, filtered.covariance), step, (index, index), False)
        longest = jnp.argmax(jnp.any(jnp.asarray(data.seen), -1).sum(-1))
        return Start((filtered.mean, filtered.covariance[longest]), step, (index[0], index[0]), True)

    def innovations(
        self, model: ObservedSDE, data: Observations, sets: list[Float[Array, "trajectory time observed"]]
    ) -> list[Innovations]:
        """Return innovations and what was predicted; covariances that all trajectories share are filtered once."""
        if not data.shared:
            return super().innovations(model, data, sets)
        seen = jnp.asarray(data.seen)
        both = shared_innovations(self.system(model, data), data, jnp.concatenate(sets))
        parts = [jnp.split(one_of_both, len(sets)) for one_of_both in both]
        return [
            (jnp.where(seen, w, jnp.nan), jnp.where(seen, m, jnp.nan)) for w, m in zip(*parts, strict=True)
        ]
