"""What drift and diffusion compute at states before any parameter is known, compiled once for a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree
from numpyro.handlers import seed

from sdebayes._core.tracing import one_at_a_time
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood import Observations
from sdebayes.schemes import AbstractScheme


def tabulated(
    build: Callable[[], ObservedSDE], scheme: AbstractScheme, observations: Observations
) -> Observations:
    """Return observations with tables of what the scheme reads there, if it reads drift and diffusion nowhere else."""
    order, diffusion_order = scheme.derivatives, scheme.diffusion_derivatives
    if order is None:
        return observations
    x = jnp.asarray(observations.values)[:, :-1]
    return replace(observations, table=_tabulator(build, order, diffusion_order)(x))


@lru_cache(maxsize=8)
def _tabulator(
    build: Callable[[], ObservedSDE], order: int, diffusion_order: int
) -> Callable[[Float[Array, "trajectory transition state"]], PyTree]:
    """Return the function from states to the tables of basis functions there, with their derivatives.

    Parameters
    ----------
    build
        Draws every unknown inside a NumPyro model; the tables do not depend on what is drawn.
    order, diffusion_order
        Highest derivatives of drift and diffusion that are needed.
    """

    def tabulate(x: Float[Array, "trajectory transition state"]) -> PyTree:
        sde = one_at_a_time(seed(build, jax.random.key(0)))().sde
        return jax.vmap(jax.vmap(lambda point: sde.tabulate(point, order, diffusion_order)))(x)

    return jax.jit(tabulate)
