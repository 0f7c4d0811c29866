"""The NumPyro model that reads the least of the data: sums over them where these tell the likelihood."""

from __future__ import annotations

from functools import lru_cache

import jax.numpy as jnp
import numpyro
from jaxtyping import PyTree

from sdebayes.inference.sufficient_statistics.linear_drift import TransitionSums, transition_sums
from sdebayes.inference.sufficient_statistics.linear_weights import linear_weights, obstacle
from sdebayes.inference.sufficient_statistics.reduction import statistics_if_exact
from sdebayes.inference.target import Program
from sdebayes.likelihood import Observations
from sdebayes.likelihood.kalman import transitions_of
from sdebayes.model.sdemodel import SDEModel


def shortest_program(model: SDEModel, observations: Observations) -> tuple[Program, PyTree]:
    """Return a NumPyro model with the data that it reads: sums, at a cost that does not depend on the data's number.

    There are sums under Euler–Maruyama for every drift that is linear in its weights, and under every scheme for a
    linear drift where few Δt differ. The data are read themselves where their likelihood is not one of sums, where a
    step is observed in part only, and where sums would lose digits, as in single precision.

    Parameters
    ----------
    model
        The model, scaled to data.
    observations
        The data.
    """
    if jnp.result_type(float) != jnp.float64:
        return model.program, observations
    if not obstacle(model):
        ready = linear_weights(model)
        statistics = statistics_if_exact(ready, observations)
        if statistics is not None:
            return ready.program, statistics
    if model.likelihood.has_linear_sums(observations):
        sums = transition_sums(observations)
        if sums is not None:
            return _linear_program(model), sums
    return model.program, observations


@lru_cache(maxsize=8)
def _linear_program(model: SDEModel) -> Program:
    """Return the program of a model with a linear drift that reads sums over transitions, the same one again."""

    def program(sums: TransitionSums) -> None:
        observed = model.build()
        transitions = transitions_of(observed, model.discretization, sums.steps)
        numpyro.factor("log_likelihood", sums.log_density(observed, transitions))

    return program
