"""The program of a model that reads trajectories each of which stands for several."""

from __future__ import annotations

from functools import lru_cache

import jax.numpy as jnp
import numpyro

from sdebayes.inference.target import Program
from sdebayes.likelihood import Observations, TrajectoryLaw
from sdebayes.model.sdemodel import SDEModel


@lru_cache(maxsize=8)
def program_of_some(model: SDEModel, share: float) -> Program:
    """Return the program of a model whose data count several times, the same one again.

    Parameters
    ----------
    model
        The model, scaled.
    share
        How many trajectories each of the data stands for.
    """

    def program(observations: Observations) -> None:
        law = TrajectoryLaw(model.build(), model.likelihood, observations)
        each = law.log_prob(jnp.asarray(observations.values))
        numpyro.factor("log_likelihood", share * jnp.sum(each))

    return program
