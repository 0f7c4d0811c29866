"""The likelihood through sums over the data, where it is one of sums."""

from __future__ import annotations

import jax.numpy as jnp

from sdebayes._core.errors import DataError, ModelError
from sdebayes.inference.collapsed import in_closed_form
from sdebayes.inference.evidence import Statistics
from sdebayes.inference.reduction import statistics_of
from sdebayes.inference.target import Program
from sdebayes.model.observations import Observations
from sdebayes.model.sdemodel import SDEModel


def shortest_program(
    model: SDEModel, observations: Observations
) -> tuple[Program, Statistics] | tuple[Program, Observations]:
    """Return a NumPyro model with the data that it reads: sums, at a cost that does not depend on the data's number.

    The data are read themselves where their likelihood is not one of sums, as under any scheme but Euler–Maruyama,
    where a step is observed in part only, and where sums would lose digits, as in single precision.
    """
    if jnp.result_type(float) == jnp.float64:
        try:
            ready = in_closed_form(model)
            return ready.whole_program, statistics_of(ready, observations)
        except (ModelError, DataError):
            pass
    return model.program, observations
