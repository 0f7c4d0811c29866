"""Data in parts that are independent given the parameters: the log-likelihood is a sum over them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Int

from sdebayes.likelihood import Observations
from sdebayes.model.sdemodel import SDEModel


def independent_blocks(model: SDEModel, observations: Observations) -> Observations:
    """Cut data into the least parts over which the log-likelihood is a sum, one a row.

    Parameters
    ----------
    model
        The model.
    observations
        The data, as `SDEModel.read` returns them.

    Returns
    -------
    Observations
        Where states are observed exactly, each transition by itself, as a trajectory of two steps of which only a
        trajectory's first counts its first state; else the trajectories themselves.
    """
    if model.likelihood.by_transition(observations):
        return _transitions(observations)
    return observations


def rows(observations: Observations, index: Int[Array | np.ndarray, " part"]) -> Observations:
    """Return some of the trajectories.

    Parameters
    ----------
    observations
        The data.
    index
        Which, (part,).
    """
    return _by_row(observations, lambda leaf: leaf[index], lambda steps: steps)


def row_axes(observations: Observations) -> Observations:
    """Return the axis of the trajectories in every array, as ``jax.vmap`` wants it."""
    return _by_row(observations, lambda leaf: 0, lambda steps: None)


def _by_row(
    observations: Observations, change: Callable[[Any], Any], change_steps: Callable[[Any], Any]
) -> Observations:
    """Change all arrays over trajectories, and the different steps, which are none."""
    known = eqx.tree_at(lambda o: o.steps, observations, None, is_leaf=lambda leaf: leaf is None)
    return eqx.tree_at(
        lambda o: o.steps,
        jax.tree.map(change, known),
        change_steps(observations.steps),
        is_leaf=lambda leaf: leaf is None,
    )


def _transitions(observations: Observations) -> Observations:
    seen = np.asarray(observations.seen)
    kept = np.nonzero(seen[:, 1:].any(-1))

    def pairs(array: Any) -> np.ndarray:
        array = np.asarray(array)
        return np.stack([array[:, :-1][kept], array[:, 1:][kept]], axis=1)

    both = pairs(seen)
    both[kept[1] > 0, 0] = False
    return dataclasses.replace(
        observations,
        values=pairs(observations.values),
        seen=both,
        times=pairs(observations.times),
        step_index=np.asarray(observations.step_index)[kept][:, None],
        table=jax.tree.map(lambda leaf: np.asarray(leaf)[kept][:, None], observations.table),
        shared=False,
        level_terms=None if observations.level_terms is None else pairs(observations.level_terms),
    )
