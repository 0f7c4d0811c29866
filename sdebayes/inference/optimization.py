"""Stochastic optimisation of a guide: blocks of steps, each step on a part of the data.

Adam keeps its learning rate, so that a bound that has not come to rest is seen to rise, and the guide is the mean of
the parameters over the last third of the steps, which averages their noise out.

References
----------
Dhaka, Catalina, Andersen, Magnusson, Huggins & Vehtari (2020), Robust, accurate stochastic optimization for variational
inference, arXiv 2009.00666, for averaging.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, Float
from numpyro.distributions import constraints
from numpyro.distributions.transforms import Transform
from numpyro.infer import SVI, Trace_ELBO
from numpyro.optim import Adam

from sdebayes._core.compiled import Compiled
from sdebayes._core.tracing import one_at_a_time
from sdebayes._core.types import Key
from sdebayes.inference.guides import SITE, AbstractGuide
from sdebayes.inference.normal import NormalApproximation
from sdebayes.inference.target import Density
from sdebayes.likelihood import Observations

BLOCK = 100
_AVERAGED = 1 / 3


class Settings(NamedTuple):
    """What an optimisation is compiled with.

    Attributes
    ----------
    guide
        The family of laws.
    steps
        Number of steps; the parameters of the last third are averaged.
    learning_rate
        Adam's.
    particles
        Draws of the guide in each step.
    """

    guide: AbstractGuide
    steps: int
    learning_rate: float
    particles: int


class State(NamedTuple):
    """Where an optimisation is.

    Attributes
    ----------
    inference
        NumPyro's state.
    average
        Mean of the guide's unconstrained parameters since averaging began; before, the parameters.
    """

    inference: Any
    average: Any


class Optimizer:
    """NumPyro's variational inference over u, where v = m + F u.

    Parameters
    ----------
    density
        The density as a function of the data.
    settings
        The rest that it is compiled with.
    """

    def __init__(self, density: Density, settings: Settings) -> None:
        self._density, self._settings = density, settings
        self._guide = settings.guide.build(self._program, density.dimension)
        loss = Trace_ELBO(num_particles=settings.particles)
        self._inference = SVI(self._program, self._guide, Adam(settings.learning_rate), loss)
        self.run = Compiled(self._block)
        self.run_on_parts = Compiled(self._steps)

    @one_at_a_time
    def begin(self, key: Key) -> State:
        """Return the state before the first step."""
        start_key, key = jax.random.split(key)
        start = self._settings.guide.start(self._density.dimension, start_key)
        inference = self._inference.init(key, init_params=start)
        return State(inference, self._parameters(inference))

    @one_at_a_time
    def transform(self, state: State) -> Transform:
        """Return the map from standard normal values to u that has been learned."""
        return self._guide.get_transform(self._inference.constrain_fn(state.average))

    def _parameters(self, inference: Any) -> Any:
        return self._inference.optim.get_params(inference.optim_state)

    def _program(
        self,
        chart: NormalApproximation | None = None,
        data: Observations | None = None,
        factor: float | Array = 1.0,
    ) -> None:
        """Draw u and add its density; without data only the shape of u counts."""
        law = dist.ImproperUniform(constraints.real_vector, (), (self._density.dimension,))
        u = numpyro.sample(SITE, law)
        if chart is not None and data is not None:
            v = chart.middle + chart.factor @ u
            with numpyro.handlers.block():
                potential = self._density.subsampled(v, data, chart.whitenings, factor)
            numpyro.factor("density", -potential)

    def _block(
        self, state: State, chart: NormalApproximation, data: Observations
    ) -> tuple[State, Float[Array, " step"]]:
        """Take `BLOCK` steps, each on all data."""
        return jax.lax.scan(lambda state, _: self._step(state, chart, data, 1.0), state, length=BLOCK)

    def _steps(
        self, state: State, chart: NormalApproximation, data: Observations, factor: Array
    ) -> tuple[State, Float[Array, " step"]]:
        """Take a step on each of some minibatches, (step, part, …), whose log-likelihood counts ``factor`` times."""
        return jax.lax.scan(lambda state, some: self._step(state, chart, some, factor), state, data)

    def _step(
        self, state: State, chart: NormalApproximation, data: Observations, factor: float | Array
    ) -> tuple[State, Array]:
        update = one_at_a_time(self._inference.stable_update)
        inference, loss = update(state.inference, chart, data, factor)
        return State(inference, self._averaged(state.average, inference)), -loss

    def _averaged(self, average: Any, inference: Any) -> Any:
        done = inference.optim_state[0] - int((1 - _AVERAGED) * self._settings.steps)
        weight = 1 / jnp.maximum(done, 1)
        return jax.tree.map(
            lambda mean, now: (mean + weight * (now - mean)).astype(mean.dtype),
            average,
            self._parameters(inference),
        )


@lru_cache(maxsize=8)
def optimizer_of(density: Density, settings: Settings) -> Optimizer:
    """Return the optimiser of a density, the same one again while it is among the latest: it is compiled once."""
    return Optimizer(density, settings)
