"""The posterior density of all parameters from sums over the data, where the likelihood is one of sums."""

from __future__ import annotations

import jax.numpy as jnp

from sdebayes._core.errors import DataError, ModelError
from sdebayes._core.types import Key
from sdebayes.inference.collapsed import in_closed_form
from sdebayes.inference.reduction import statistics_of
from sdebayes.inference.target import Target, make_target
from sdebayes.model.observations import Observations
from sdebayes.model.sdemodel import SDEModel


def summed_target(model: SDEModel, observations: Observations, key: Key) -> Target | None:
    """Return the density as a function of sums over the data, whose cost does not depend on their number.

    Parameters
    ----------
    model
        The model, scaled to data.
    observations
        The data, as the model's likelihood reads them.
    key
        Random key of the search for a first point.

    Returns
    -------
    Target or None
        None where the likelihood is not one of sums, as under any scheme but Euler–Maruyama, where a step is observed
        in part only, and where sums would lose digits, as in single precision.

    Raises
    ------
    InferenceError
        If no draw of the prior has a finite density.
    """
    if jnp.result_type(float) != jnp.float64:
        return None
    try:
        ready = in_closed_form(model)
        sums = statistics_of(ready, observations)
    except (ModelError, DataError):
        return None
    return make_target(ready.whole_program, model.build, sums, key)
