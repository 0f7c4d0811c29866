"""The likelihood of an SDE that switches between regimes, its regimes summed out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdebayes._core.errors import ModelError
from sdebayes._core.types import Key
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood import switching_laws
from sdebayes.likelihood.arrays import Observations
from sdebayes.likelihood.base import AbstractLikelihood, Laws
from sdebayes.likelihood.gaussian_steps import Linearize
from sdebayes.likelihood.generate import Stepper, generate_switching
from sdebayes.likelihood.horizons import Start
from sdebayes.likelihood.regime_chain import chain_of, draw_regimes, forward, smoothed
from sdebayes.likelihood.switching_filter import Step, run
from sdebayes.likelihood.wrapper import AbstractWrapper


def switching(law: AbstractLikelihood) -> AbstractLikelihood:
    """Return the likelihood of several regimes, each of which has a given one."""
    kind = SwitchingTransitions if law.states_observed else SwitchingFilter
    return kind(law.scheme, law)


@dataclass(frozen=True)
class SwitchingFilter(AbstractWrapper):
    """The Gaussian-sum filter's likelihood of regimes behind noise: one normal law for each regime.

    Every ``model`` has regimes, whose drift, diffusion and first state have a leading regime axis.

    Parameters
    ----------
    scheme
        The distribution of a step.
    inner
        The likelihood of one regime.
    """

    @property
    def title(self) -> str:
        """The filter's name."""
        return f"{self.inner.title}, regimes joined"

    @property
    def approximate(self) -> bool:
        """Whether more than the scheme is approximated: that laws are joined."""
        return True

    @property
    def effect(self) -> bool:
        """Whether there is an offset c."""
        return self.inner.effect

    def by_transition(self, data: Observations) -> bool:
        """Not: the regime remembers."""
        return False

    def _steps(self, model: ObservedSDE, data: Observations) -> list[Linearize]:
        count = model.initial_mean.shape[0]
        return [self.inner.linear_step(model.of_regime(k), data) for k in range(count)]

    def _run(
        self, model: ObservedSDE, data: Observations, emit: Callable[[Step], Any], key: Any = None
    ) -> Any:
        return run(model, self._steps(model, data), chain_of(model, data), data, self.effect, emit, key)

    def log_density(self, model: ObservedSDE, data: Observations) -> Float[Array, "trajectory time"]:
        """Return log p(y_k | y_1, …, y_{k−1}); see `AbstractLikelihood.log_density`."""
        return _of_seen(self._run(model, data, lambda step: step.log_density), data)

    def draw(
        self, model: ObservedSDE, data: Observations, key: Key
    ) -> Float[Array, "trajectory time observed"]:
        """Draw from the filter's law, zero where the data have no value."""
        return self._run(model, data, lambda step: (), key)[1]

    def one_step(self, model: ObservedSDE, data: Observations) -> Laws:
        """Return mean and covariance of y_k given y_1, …, y_{k−1}, those of a mixture over regimes."""
        filtered = self._run(model, data, lambda step: step)
        factors = data.noise_factors(model.noise_slopes)
        return switching_laws.predicted_observations(model.of_regime(0), filtered, factors)

    def _smoothed(self, model: ObservedSDE, data: Observations) -> tuple[Array, Array, Array]:
        filtered = self._run(model, data, lambda step: step)
        return switching_laws.smooth(self._steps(model, data), filtered, data, model.initial_mean.shape[-1])

    def smooth(
        self, model: ObservedSDE, data: Observations
    ) -> tuple[Float[Array, "trajectory time z"], Float[Array, "trajectory time z z"]]:
        """Return mean and covariance of z_k given the whole trajectory, those of a mixture over regimes."""
        return self._smoothed(model, data)[1:]

    def regimes(self, model: ObservedSDE, data: Observations) -> Float[Array, "trajectory time regime"]:
        """Return the probability of the regime that led to each step, given the whole trajectory."""
        return self._smoothed(model, data)[0]

    def horizons(
        self, model: ObservedSDE, data: Observations, horizon: int, targets: Int[Array, " target"]
    ) -> tuple[
        Float[Array, "horizon trajectory target observed"],
        Float[Array, "horizon trajectory target observed observed"],
    ]:
        """Return mean and covariance of y_k given y_1, …, y_{k−h}, those of a mixture over regimes."""
        belief = self._run(model, data, lambda step: step.belief)
        steps, chain = self._steps(model, data), chain_of(model, data)
        return switching_laws.horizons(model, steps, chain, belief, data, horizon, targets)

    def horizon_start(self, model: ObservedSDE, data: Observations) -> Start:
        """Refuse: the law of the state is no normal one; `horizons` carries all regimes on."""
        raise ModelError(_NO_STEP)

    def stepper(self, model: ObservedSDE, data: Observations) -> Stepper:
        """Refuse: a step needs its regime; `replicate` and `draw` draw both."""
        raise ModelError(_NO_STEP)

    def replicate(
        self, model: ObservedSDE, data: Observations, key: Key
    ) -> Float[Array, "trajectory time observed"]:
        """Draw regimes, then y at the data's times by each regime's steps."""
        path_key, regime_key = jax.random.split(key)
        regimes = draw_regimes(chain_of(model, data), data, regime_key)
        steppers = [self.inner.stepper(model.of_regime(k), data) for k in range(model.initial_mean.shape[0])]
        return generate_switching(model, steppers, regimes, data, path_key)


@dataclass(frozen=True)
class SwitchingTransitions(SwitchingFilter):
    """The exact likelihood of regimes whose states are observed: the forward algorithm over transitions.

    Parameters
    ----------
    scheme
        The distribution of a step.
    inner
        The likelihood of one regime.
    """

    @property
    def title(self) -> str:
        """What a reader is told of it."""
        return self.inner.title

    @property
    def approximate(self) -> bool:
        """Not: sums over regimes are exact."""
        return False

    def _terms(self, model: ObservedSDE, data: Observations) -> Float[Array, "trajectory time regime"]:
        """Return log p(y_k | y_{k−1}, r_k)."""
        count = model.initial_mean.shape[0]
        terms = [self.inner.log_density(model.of_regime(k), data) for k in range(count)]
        hints = 0.0 if data.regime_hints is None else jnp.asarray(data.regime_hints)
        return jnp.stack(terms, -1) + hints

    def log_density(self, model: ObservedSDE, data: Observations) -> Float[Array, "trajectory time"]:
        """Return log p(y_k | y_1, …, y_{k−1}); see `AbstractLikelihood.log_density`."""
        if not data.complete:
            return super().log_density(model, data)
        found = forward(chain_of(model, data), data, self._terms(model, data)).log_density
        return _of_seen(found, data)

    def draw(
        self, model: ObservedSDE, data: Observations, key: Key
    ) -> Float[Array, "trajectory time observed"]:
        """Draw regimes and states."""
        return self.replicate(model, data, key)

    def smooth(
        self, model: ObservedSDE, data: Observations
    ) -> tuple[Float[Array, "trajectory time z"], Float[Array, "trajectory time z z"]]:
        """Return mean and covariance of the states given the whole trajectory."""
        return self.inner.smooth(model.of_regime(0), data) if data.complete else super().smooth(model, data)

    def regimes(self, model: ObservedSDE, data: Observations) -> Float[Array, "trajectory time regime"]:
        """Return the probability of the regime that led to each step, given the whole trajectory."""
        if not data.complete:
            return super().regimes(model, data)
        return smoothed(chain_of(model, data), data, self._terms(model, data))


def _of_seen(terms: Array, data: Observations) -> Float[Array, "trajectory time"]:
    """Return terms with those of steps without a value, which rounding leaves, at zero."""
    return jnp.where(jnp.any(jnp.asarray(data.seen), -1), terms, 0.0)


_NO_STEP = (
    "An SDE of several regimes has no one step; take the SDE of one regime, or draw replicates of data."
)
