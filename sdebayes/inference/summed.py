"""The likelihood through sums over the data, where it is one of sums."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax.numpy as jnp
import numpyro

from sdebayes._core.errors import DataError, ModelError
from sdebayes.inference.collapsed import in_closed_form
from sdebayes.inference.reduction import statistics_of
from sdebayes.inference.target import Program
from sdebayes.inference.transition_sums import TransitionSums, transition_sums
from sdebayes.likelihood import Observations
from sdebayes.likelihood.kalman import transitions_of
from sdebayes.model.sdemodel import SDEModel


def shortest_program(model: SDEModel, observations: Observations) -> tuple[Program, Any]:
    """Return a NumPyro model with the data that it reads: sums, at a cost that does not depend on the data's number.

    There are sums under Euler–Maruyama for every drift that is linear in its weights, and under every scheme for a
    linear drift where few Δt differ. The data are read themselves where their likelihood is not one of sums, where a
    step is observed in part only, and where sums would lose digits, as in single precision.
    """
    if jnp.result_type(float) == jnp.float64:
        try:
            ready = in_closed_form(model)
            return ready.whole_program, statistics_of(ready, observations)
        except (ModelError, DataError):
            pass
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
