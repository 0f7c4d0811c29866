"""The exact likelihood of a linear SDE whose first states touch each other and whose others stand alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.linalg import block_diag
from jaxtyping import Array, Bool, Float, Int

from sdebayes._core.errors import ModelError
from sdebayes._core.types import Matrix
from sdebayes.dynamics import SDE, AffineDrift, ConstantDiffusion, ObservedSDE
from sdebayes.likelihood.arrays import Observations
from sdebayes.likelihood.base import Innovations, Laws
from sdebayes.likelihood.conditional import Conditional
from sdebayes.likelihood.generate import Stepper
from sdebayes.likelihood.independent import IndependentKalman
from sdebayes.likelihood.kalman import Kalman


@dataclass(frozen=True)
class PartlyIndependentKalman(Kalman):
    """The Kalman filter's likelihood of a linear SDE that falls into a few coupled states and many independent ones.

    A, Σ and the covariance of the first state are block diagonal, with a block for the first states and a diagonal for
    the others; R and C are diagonal and H is the identity. What stands elsewhere is not read. The joint density is the
    product of `Kalman` of the first and `IndependentKalman` of the others.

    Parameters
    ----------
    scheme, trajectory_effect
        As in `Kalman`.
    coupled
        How many states are in the block.
    """

    coupled: int = 2

    def log_density(self, model: ObservedSDE, data: Observations) -> Float[Array, "trajectory time"]:
        """Return log p(y_k | y_1, …, y_{k−1}); see `AbstractLikelihood.log_density`."""
        return sum(self._both(lambda law, *own: law.log_density(*own), model, data))

    def has_document_sums(self, data: Observations) -> bool:
        """Trajectories are read one by one."""
        return False

    def given_past(self, model: ObservedSDE, data: Observations) -> Conditional:
        """Return the law of each y_k given y_1, …, y_{k−1}."""
        return _together(self._both(lambda law, *own: law.given_past(*own), model, data))

    def given_others(
        self, model: ObservedSDE, data: Observations, left_out: Bool[Array, "trajectory time"] | None = None
    ) -> Conditional:
        """Return the law of each y_k given all other steps of its trajectory, of one smoother pass."""
        return _together(self._both(lambda law, *own: law.given_others(*own, left_out), model, data))

    def given_nothing(self, model: ObservedSDE, data: Observations) -> Conditional:
        """Return the law of each y_k where nothing of its trajectory is known."""
        return _together(self._both(lambda law, *own: law.given_nothing(*own), model, data))

    def one_step(self, model: ObservedSDE, data: Observations) -> Laws:
        """Return mean and covariance of y_k given y_1, …, y_{k−1}."""
        return _joint(self._both(lambda law, *own: law.one_step(*own), model, data))

    def smooth(
        self, model: ObservedSDE, data: Observations
    ) -> tuple[Float[Array, "trajectory time z"], Float[Array, "trajectory time z z"]]:
        """Return mean and covariance of z_k given the whole trajectory."""
        mean, covariance = _joint(self._both(lambda law, *own: law.smooth(*own), model, data))
        n = model.initial_mean.shape[0]
        first, others = jnp.arange(self.coupled), jnp.arange(n - self.coupled)
        order = jnp.concatenate([first, self.coupled + others])
        if self.effect:  # each part has (x, c), and so has the whole
            x = jnp.concatenate([first, 2 * self.coupled + others])
            order = jnp.concatenate([x, x + jnp.where(x < self.coupled, self.coupled, n - self.coupled)])
        return mean[..., order], covariance[..., order[:, None], order]

    def stepper(self, model: ObservedSDE, data: Observations) -> Stepper:
        """Return what draws the next state of a path, part by part."""
        first, others = self._both(lambda law, *own: law.stepper(*own), model, data)
        k = self.coupled
        return lambda x, t, u, white: jnp.concatenate(
            [first(x[:k], t, u, white[:k]), others(x[k:], t, u, white[k:])]
        )

    def horizons(
        self, model: ObservedSDE, data: Observations, horizon: int, targets: Int[Array, " target"]
    ) -> tuple[
        Float[Array, "horizon trajectory target observed"],
        Float[Array, "horizon some target observed observed"],
    ]:
        """Return mean and covariance of y_k given y_1, …, y_{k−h}."""
        return _joint(self._both(lambda law, *own: law.horizons(*own, horizon, targets), model, data))

    def innovations(
        self, model: ObservedSDE, data: Observations, sets: list[Float[Array, "trajectory time observed"]]
    ) -> list[Innovations]:
        """Return innovations and what was predicted."""
        k = self.coupled
        parts = iter(([one[..., :k] for one in sets], [one[..., k:] for one in sets]))
        first, others = self._both(lambda law, *own: law.innovations(*own, next(parts)), model, data)
        return [
            (jnp.concatenate([a[0], b[0]], -1), jnp.concatenate([a[1], b[1]], -1))
            for a, b in zip(first, others, strict=True)
        ]

    def _both(self, ask: Callable[..., Any], model: ObservedSDE, data: Observations) -> tuple[Any, Any]:
        """Ask the likelihoods of the first states and of the others, each with its own part of model and data."""
        linear = model.sde.linear
        if linear is None:
            raise ModelError(
                "The SDE is not linear with additive noise, so that its transitions have no closed form."
            )

        def part(own: slice, factor: Matrix) -> tuple[ObservedSDE, Observations]:
            sde = SDE(AffineDrift(linear.matrix[own, own], linear.offset[own]), ConstantDiffusion(factor))
            start, noise, effect = (
                matrix[own, own]
                for matrix in (model.initial_covariance, model.noise_covariance, model.effect_covariance)
            )
            unit, slopes = jnp.eye(len(factor)), model.noise_slopes
            alone = eqx.tree_at(
                lambda o: (o.values, o.seen), data, (data.values[..., own], data.seen[..., own])
            )
            return ObservedSDE(
                sde, model.initial_mean[own], start, unit, noise, effect, noise_slopes=slopes
            ), alone

        first, others = slice(None, self.coupled), slice(self.coupled, None)
        rate = linear.covariance_rate
        block = jnp.linalg.cholesky(rate[first, first])
        alone = jnp.diag(jnp.sqrt(jnp.diagonal(rate)[others]))
        return (
            ask(Kalman(self.scheme, self.trajectory_effect), *part(first, block)),
            ask(IndependentKalman(self.scheme, self.trajectory_effect), *part(others, alone)),
        )


def _together(parts: tuple[Conditional, Conditional]) -> Conditional:
    first, others = parts
    return Conditional(
        first.log_density + others.log_density,
        first.distance + others.distance,
        jnp.concatenate([first.mean, others.mean], -1),
    )


def _joint(parts: tuple[tuple[Array, Array], tuple[Array, Array]]) -> tuple[Array, Array]:
    """Put means side by side, and covariances as blocks."""
    (mean, covariance), (other_mean, other_covariance) = parts
    blocks = jnp.vectorize(block_diag, signature="(a,a),(b,b)->(c,c)")
    return jnp.concatenate([mean, other_mean], -1), blocks(covariance, other_covariance)
