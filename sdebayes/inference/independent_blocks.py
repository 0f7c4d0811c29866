"""Data in parts that are independent given the parameters: the log-likelihood is a sum over them."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np
from jaxtyping import Int

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
    parts = dataclasses.replace(observations, rows_of_groups=None)
    return _transitions(parts) if model.likelihood.by_transition(observations) else parts


def parts_of_each(model: SDEModel, observations: Observations) -> Int[np.ndarray, " trajectory"]:
    """Return how many parts `independent_blocks` makes of each trajectory.

    Parameters
    ----------
    model, observations
        As there.
    """
    if not model.likelihood.by_transition(observations):
        return np.ones(len(observations.values), dtype=int)
    return np.asarray(observations.seen)[:, 1:].any(-1).sum(axis=1)


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
        group=None if observations.group is None else np.asarray(observations.group)[kept[0]],
        shared=False,
        level_terms=None if observations.level_terms is None else pairs(observations.level_terms),
    )
