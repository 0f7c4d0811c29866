"""Functions of the state that are products of one function of each state, with their derivatives."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sdebayes.dynamics.basis import Jet

Factors = list[Float[Array, "derivative _"]]
"""Of each state its functions, with their derivatives from the value on."""


def combination(table: Float[Array, "*function output"], factors: Factors, order: int) -> Jet:
    """Return the sum of products with these weights, the sums over the functions of each state one after another.

    Each derivative is a product of a vector with a table. XLA makes one kernel of a loop over time whose products
    are of this kind; one product of two matrices breaks it into a call for each of its hundreds of operations.

    Parameters
    ----------
    table
        An axis of functions for each state, and the outputs.
    factors
        The functions.
    order
        Highest derivative, 0, 1 or 2.
    """
    tables: dict[tuple[int, ...], Array] = {(): table}
    for factor in factors:
        tables = {
            (*orders, k): jnp.tensordot(factor[k], own, 1)
            for orders, own in tables.items()
            for k in range(order + 1 - sum(orders))
        }
        # without a barrier XLA computes the factors anew for every entry that is made of them
        tables = jax.lax.optimization_barrier(tables)
    return jet_of_orders(lambda orders: tables[tuple(orders.tolist())], len(factors), order)


def jet_of_orders(derivative: Callable[[np.ndarray], Array], states: int, order: int) -> Jet:
    """Collect derivatives, of which a function makes those of given orders in each state.

    Parameters
    ----------
    derivative
        From orders (state,) to the derivative.
    states
        Their number.
    order
        Highest derivative, 0, 1 or 2.
    """
    unit = np.eye(states, dtype=int)
    return Jet(
        derivative(0 * unit[0]),
        jnp.stack([derivative(j) for j in unit], -1) if order >= 1 else None,
        jnp.stack([jnp.stack([derivative(j + k) for k in unit], -1) for j in unit], -2)
        if order >= 2
        else None,
    )
