"""The deterministic flow of the drift, dx/dt = f(x), by the classical Runge–Kutta rule of order 4."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdebayes._core.types import Scalar, Vector
from sdebayes.dynamics import SDE

RATE_TIMES_STEP = 0.25
BLOCK = 8


def runge_kutta(sde: SDE, x: Vector, step: Scalar) -> Vector:
    """Return the state one step later, (state,); the local error is of order step⁵."""
    k1 = sde.drift(x)
    k2 = sde.drift(x + 0.5 * step * k1)
    k3 = sde.drift(x + 0.5 * step * k2)
    k4 = sde.drift(x + step * k3)
    return x + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def advance(sde: SDE, x: Vector, step: Scalar, count: int | Int[Array, ""]) -> Vector:
    """Return the state ``count`` steps later, (state,)."""
    return jax.lax.fori_loop(0, count, lambda _, at: runge_kutta(sde, at, step), x)


def path(sde: SDE, x: Vector, step: Scalar, count: int, every: int = 1) -> Float[Array, "time state"]:
    """Return ``count`` states, the start first, ``every`` steps between them, (time, state)."""

    def move(at: Vector, _: None) -> tuple[Vector, Vector]:
        later, _ = jax.lax.scan(lambda own, _: (runge_kutta(sde, own, step), None), at, None, length=every)
        return later, at

    return jax.lax.scan(move, x, None, length=count)[1]


def local_step(sde: SDE, x: Vector) -> Float[Array, ""]:
    """Return a step that follows the flow about x, in time: a quarter of the inverse of ‖J‖ + ‖dJ/dt‖^½, J = ∂f/∂x.

    The second rate, of the change of J along the flow, counts where J vanishes by chance.
    """
    jacobian, change = jax.jvp(lambda at: sde.drift.jacobian(at), (x,), (sde.drift(x),))
    return RATE_TIMES_STEP / (jnp.linalg.norm(jacobian) + jnp.sqrt(jnp.linalg.norm(change)))


def settle(sde: SDE, x: Vector, blocks: int) -> Vector:
    """Return the state after blocks of ``BLOCK`` steps, the step chosen anew for each block, (state,)."""
    return jax.lax.fori_loop(0, blocks, lambda _, at: advance(sde, at, local_step(sde, at), BLOCK), x)


def settling_path(
    sde: SDE, x: Vector, blocks: int
) -> tuple[Float[Array, " time"], Float[Array, "time state"]]:
    """Return times and states of the path of `settle`, the start first, (time,) and (time, state)."""

    def move(carry: tuple[Array, Vector], _: None) -> tuple[tuple[Array, Vector], tuple[Array, Array]]:
        time, at = carry
        step = local_step(sde, at)
        states = path(sde, at, step, BLOCK)
        later = (time + BLOCK * step, runge_kutta(sde, states[-1], step))
        return later, (time + step * jnp.arange(BLOCK), states)

    _, (times, states) = jax.lax.scan(move, (jnp.zeros((), x.dtype), x), None, length=blocks)
    return times.reshape(-1), states.reshape(-1, x.shape[-1])
