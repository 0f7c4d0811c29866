"""JAX's random bits by a program that is compiled in half the time: most programs of the tests draw numbers.

JAX writes Threefry for a processor as a loop over seven arrays, of which XLA makes ten kernels for each call; here it
is a loop over one.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.extend.random import threefry2x32_p
from jax.interpreters import mlir

ROTATIONS = np.array([[13, 15, 26, 6], [17, 29, 16, 24]], np.uint32)
PARITY = np.uint32(0x1BD11BDA)
ROUNDS, ONE, BITS = 5, np.uint32(1), np.uint32(32)


def threefry(key_1: Array, key_2: Array, count_1: Array, count_2: Array) -> tuple[Array, Array]:
    """Return what Threefry-2x32 with 20 rounds makes of two words (Salmon et al. 2011, doi:10.1145/2063384.2063405)."""
    key_1, key_2, count_1, count_2 = jnp.broadcast_arrays(key_1, key_2, count_1, count_2)
    if not count_1.size:
        return count_1, count_2
    number = (5,) + (0,) * count_1.ndim

    def rounds(state: Array) -> Array:
        a, b, first, second, third, done = state
        for even, odd in ROTATIONS.T:
            turn = jnp.where(done & ONE == ONE, odd, even)
            a = a + b
            b = a ^ (b << turn | b >> (BITS - turn))
        done = done + ONE
        return jnp.stack([a + second, b + third + done, second, third, first, done])

    keys = [key_1, key_2, key_1 ^ key_2 ^ PARITY]
    begin = jnp.stack([count_1 + key_1, count_2 + key_2, *keys, jnp.zeros_like(key_1)])
    end = lax.while_loop(lambda state: state[number] < ROUNDS, rounds, begin)
    return end[0], end[1]


def use_everywhere() -> None:
    """Let JAX compile this program for its own."""
    mlir.register_lowering(threefry2x32_p, mlir.lower_fun(threefry, multiple_results=True), platform="cpu")
