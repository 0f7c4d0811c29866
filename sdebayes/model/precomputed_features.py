"""What drift and diffusion compute at states before any parameter is known, compiled once for a model."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import jax
from jaxtyping import Array, Float, PyTree
from numpyro.handlers import seed

from sdebayes._core.tracing import one_at_a_time
from sdebayes.dynamics import ObservedSDE


@lru_cache(maxsize=8)
def tabulator(
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
