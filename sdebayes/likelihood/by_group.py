"""The likelihood of trajectories of several groups, each with an SDE of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree

from sdebayes._core.errors import ModelError
from sdebayes._core.types import Key
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood.arrays import Observations, row_axes, rows
from sdebayes.likelihood.base import Innovations, Laws
from sdebayes.likelihood.conditional import Conditional
from sdebayes.likelihood.generate import Stepper
from sdebayes.likelihood.horizons import Start
from sdebayes.likelihood.wrapper import AbstractWrapper


@dataclass(frozen=True)
class ByGroup(AbstractWrapper):
    """The likelihood of one SDE, asked for the SDE of each trajectory's group.

    Every ``model`` is stacked: all its arrays have a leading group axis.

    Parameters
    ----------
    scheme
        The distribution of a step.
    inner
        The likelihood of one SDE.
    """

    @property
    def reads_tables(self) -> bool:
        """Whether drift and diffusion are read at the data alone."""
        return self.inner.reads_tables

    def log_density(self, model: ObservedSDE, data: Observations) -> Float[Array, "trajectory time"]:
        """Return log p(y_k | y_1, …, y_{k−1}); see `AbstractLikelihood.log_density`."""
        return _ask(self.inner.log_density, model, data)

    def one_step(self, model: ObservedSDE, data: Observations) -> Laws:
        """Return mean and covariance of y_k given y_1, …, y_{k−1}."""
        return _ask(self.inner.one_step, model, data)

    def given_past(self, model: ObservedSDE, data: Observations) -> Conditional:
        """Return the law of each y_k given y_1, …, y_{k−1}."""
        return _ask(self.inner.given_past, model, data)

    def given_others(
        self, model: ObservedSDE, data: Observations, left_out: Bool[Array, "trajectory time"] | None = None
    ) -> Conditional:
        """Return the law of each y_k given all other steps of its trajectory."""
        return _ask(self.inner.given_others, model, data, *([] if left_out is None else [left_out]))

    def given_nothing(self, model: ObservedSDE, data: Observations) -> Conditional:
        """Return the law of each y_k where nothing of its trajectory is known."""
        return _ask(self.inner.given_nothing, model, data)

    def smooth(
        self, model: ObservedSDE, data: Observations
    ) -> tuple[Float[Array, "trajectory time z"], Float[Array, "trajectory time z z"]]:
        """Return mean and covariance of z_k given the whole trajectory."""
        return _ask(self.inner.smooth, model, data)

    def horizon_start(self, model: ObservedSDE, data: Observations) -> Start:
        """Refuse: several SDEs have no common step; `horizons` asks each group for its own."""
        raise ModelError(_NO_STEP)

    def stepper(self, model: ObservedSDE, data: Observations) -> Stepper:
        """Refuse: several SDEs have no common step; `replicate` and `draw` ask each group for its own."""
        raise ModelError(_NO_STEP)

    def replicate(
        self, model: ObservedSDE, data: Observations, key: Key
    ) -> Float[Array, "trajectory time observed"]:
        """Draw y at the data's times by the scheme's steps."""
        return _ask(self.inner.replicate, model, data, key=key)

    def draw(
        self, model: ObservedSDE, data: Observations, key: Key
    ) -> Float[Array, "trajectory time observed"]:
        """Draw y from the very law whose density `log_density` is."""
        return _ask(self.inner.draw, model, data, key=key)

    def horizons(
        self, model: ObservedSDE, data: Observations, horizon: int, targets: Int[Array, " target"]
    ) -> tuple[
        Float[Array, "horizon trajectory target observed"],
        Float[Array, "horizon trajectory target observed observed"],
    ]:
        """Return mean and covariance of y_k given y_1, …, y_{k−h}."""

        def by_trajectory(model: ObservedSDE, data: Observations) -> tuple[Array, Array]:
            mean, covariance = self.inner.horizons(model, data, horizon, targets)
            covariance = jnp.broadcast_to(covariance, (*mean.shape, mean.shape[-1]))
            return jnp.swapaxes(mean, 0, 1), jnp.swapaxes(covariance, 0, 1)

        mean, covariance = _ask(by_trajectory, model, data)
        return jnp.swapaxes(mean, 0, 1), jnp.swapaxes(covariance, 0, 1)

    def innovations(
        self, model: ObservedSDE, data: Observations, sets: list[Float[Array, "trajectory time observed"]]
    ) -> list[Innovations]:
        """Standardise several sets of values at the data's times."""

        def of_group(model: ObservedSDE, data: Observations, *sets: Array) -> list[Innovations]:
            return self.inner.innovations(model, data, list(sets))

        return _ask(of_group, model, data, *sets)


_NO_STEP = "Trajectories of several groups have no step in common; ask the likelihood of one group."


def _ask(
    question: Callable[..., PyTree],
    model: ObservedSDE,
    data: Observations,
    *along: Array,
    key: Key | None = None,
) -> Any:
    """Put a question to each group at once, and its answers, over trajectories, in the order of the data.

    Where trajectories are not laid out by group, each is asked for by itself.

    Parameters
    ----------
    question
        From an SDE and data (and arrays over trajectories, and a key) to arrays over trajectories.
    model
        The SDEs, stacked by group.
    data
        The data.
    along
        Further arrays over trajectories.
    key
        Random key, of which each group gets its own.
    """
    index, models, place = _layout(model, data)
    alone = dataclasses.replace(data, group=None, rows_of_groups=None)
    parts = rows(jax.tree.map(jnp.asarray, alone), index)
    arguments = [models, parts, *(jnp.asarray(array)[index] for array in along)]
    axes: list[Any] = [0, row_axes(parts), *(0 for _ in along)]
    if key is not None:
        arguments, axes = [*arguments, jax.random.split(key, len(index))], [*axes, 0]
    answers = jax.vmap(question, in_axes=tuple(axes))(*arguments)
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[place], answers)


def _layout(model: ObservedSDE, data: Observations) -> tuple[Array, ObservedSDE, Array]:
    """Return trajectories (group, row), the SDE of each group, and where each trajectory is among all rows."""
    each, group = jnp.arange(len(data.values)), jnp.asarray(data.group)
    if data.rows_of_groups is None:
        return each[:, None], jax.tree.map(lambda leaf: leaf[group], model), each
    index = jnp.asarray(data.rows_of_groups)
    row = jnp.argmax(index[group] == each[:, None], axis=1)
    return index, model, group * index.shape[1] + row
