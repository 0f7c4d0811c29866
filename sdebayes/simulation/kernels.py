"""Simulation of one draw of an SDE: exact for linear SDEs, Euler–Maruyama with sub-steps otherwise."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sdebayes._core.linalg import linear_transition, symmetrize
from sdebayes._core.types import Key, Matrix, Vector
from sdebayes.dynamics import SDE, LinearSDE, ObservedSDE


class TimeGrid(eqx.Module):
    """The times of a simulation, with what depends on them alone.

    Parameters
    ----------
    times
        (time,), strictly increasing.
    intervals
        The distinct lengths of the intervals, (interval,).
    which
        For each interval the index into ``intervals``, (time − 1,).
    substeps
        Number of Euler–Maruyama steps in each interval, (time − 1,).
    """

    times: Float[Array, " time"]
    intervals: Float[Array, " interval"]
    which: Int[Array, " step"]
    substeps: Int[Array, " step"]

    @staticmethod
    def of(times: np.ndarray, substeps: np.ndarray) -> TimeGrid:
        """Find the distinct intervals, up to rounding errors of the times."""
        steps = np.diff(times)
        order = np.argsort(steps)
        rounding = 8 * np.finfo(float).eps * np.abs(times).max()
        is_new = np.diff(steps[order], prepend=-np.inf) > rounding
        which = np.empty(steps.size, int)
        which[order] = np.cumsum(is_new) - 1
        return TimeGrid(
            jnp.asarray(times), jnp.asarray(steps[order][is_new]), jnp.asarray(which), jnp.asarray(substeps)
        )


def semidefinite_factor(matrix: Matrix) -> Matrix:
    """Return F with F Fᵀ = M for a positive semidefinite M, singular ones included."""
    values, vectors = jnp.linalg.eigh(symmetrize(matrix))
    return vectors * jnp.sqrt(jnp.clip(values, 0.0))


class Transitions(eqx.Module):
    """Exact transition laws X(t + Δt) | X(t) ~ N(Φ X + s, F Fᵀ), one for each distinct interval.

    Parameters
    ----------
    flow
        Φ = exp(−A Δt), (interval, state, state).
    shift
        s, (interval, state).
    factor
        F, (interval, state, state).
    """

    flow: Float[Array, "*sample interval state state"]
    shift: Float[Array, "*sample interval state"]
    factor: Float[Array, "*sample interval state state"]


@eqx.filter_jit
def exact_transitions(sde: LinearSDE, intervals: Float[Array, " interval"]) -> Transitions:
    """Return the exact transition laws of every draw of a stacked linear SDE with additive noise.

    Notes
    -----
    The offset v rides along as a state that stays 1, d(x, 1) = −[[A, −v], [0, 0]] (x, 1) dt, so that A may be singular.
    """

    def of_draw(one: LinearSDE) -> Transitions:
        n = one.matrix.shape[-1]
        rates = jnp.zeros((n + 1, n + 1)).at[:n, :n].set(one.matrix).at[:n, n].set(-one.offset)
        covariance = jnp.zeros((n + 1, n + 1)).at[:n, :n].set(one.covariance_rate)
        flow, noise = jax.vmap(lambda dt: linear_transition(rates, covariance, dt))(intervals)
        return Transitions(flow[:, :n, :n], flow[:, :n, n], jax.vmap(semidefinite_factor)(noise[:, :n, :n]))

    return eqx.filter_vmap(of_draw)(sde)


def exact_path(
    steps: Transitions, start: Vector, shocks: Float[Array, "step state"], grid: TimeGrid
) -> Float[Array, "time state"]:
    """Simulate a linear SDE by its exact transitions, driven by standard normal shocks.

    Returns
    -------
    Array
        (time, state); no discretisation error at any step.
    """

    def step(x: Vector, which_and_shock: tuple[Int[Array, ""], Vector]) -> tuple[Vector, Vector]:
        which, shock = which_and_shock
        x = steps.flow[which] @ x + steps.shift[which] + steps.factor[which] @ shock
        return x, x

    if not shocks.shape[0]:
        return start[None]
    _, path = jax.lax.scan(step, start, (grid.which, shocks))
    return jnp.concatenate([start[None], path])


def euler_maruyama_path(sde: SDE, start: Vector, key: Key, grid: TimeGrid) -> Float[Array, "time state"]:
    r"""Simulate an SDE by Euler–Maruyama with sub-steps between the given times.

    .. math:: X_{j+1} = X_j + h f(X_j, t_j) + \sqrt{h}\, G(X_j, t_j) z_j

    Returns
    -------
    Array
        (time, state); weak order 1 in h, strong order 1/2 (1 for additive noise); Kloeden & Platen (1992,
        doi:10.1007/978-3-662-12616-5, section 10.2).
    """

    def interval(x: Vector, k: Int[Array, ""]) -> tuple[Vector, Vector]:
        h = (grid.times[k + 1] - grid.times[k]) / grid.substeps[k]
        interval_key = jax.random.fold_in(key, k)

        def substep(j: Int[Array, ""], x: Vector) -> Vector:
            shock = jax.random.normal(jax.random.fold_in(interval_key, j), x.shape, x.dtype)
            t = grid.times[k] + j * h
            return x + h * sde.drift(x, t) + jnp.sqrt(h) * (sde.diffusion(x, t) @ shock)

        x = jax.lax.fori_loop(0, grid.substeps[k], substep, x)
        return x, x

    if grid.times.size == 1:
        return start[None]
    _, path = jax.lax.scan(interval, start, jnp.arange(grid.times.size - 1))
    return jnp.concatenate([start[None], path])


@eqx.filter_jit
def simulate_draws(
    observed: ObservedSDE,
    steps: Transitions | None,
    start: Float[Array, "sample path state"] | None,
    draws: Int[Array, " sample"],
    key: Key,
    grid: TimeGrid,
    paths: int,
) -> tuple[Float[Array, "sample path time state"], Float[Array, "sample path time observed"]]:
    """Simulate latent and observed paths of every draw.

    Parameters
    ----------
    observed
        Stacked SDE with initial law and observation.
    steps
        Exact transitions of every draw, or None: Euler–Maruyama.
    start
        (sample, path, state), or None: the initial law.
    draws
        The numbers of the draws, which choose their random streams, (sample,).
    key
        Root of all random streams; path p of draw s has its own, whatever else is simulated beside it.
    grid
        Times and sub-steps.
    paths
        Number of paths of each draw.

    Returns
    -------
    (x, y)
        Latent paths (sample, path, time, state) and their observations (sample, path, time, observed).
    """

    def draw_paths(
        one: ObservedSDE,
        own_steps: Transitions | None,
        starts: Float[Array, "path state"] | None,
        draw: Int[Array, ""],
    ):
        initial = semidefinite_factor(one.initial_covariance)
        effect = semidefinite_factor(one.effect_covariance)
        noise = semidefinite_factor(one.noise_covariance)
        n, n_observed, n_times = one.initial_mean.size, one.noise_covariance.shape[-1], grid.times.size

        def path(start: Vector | None, number: Int[Array, ""]):
            key_of_path = jax.random.fold_in(jax.random.fold_in(key, draw), number)
            key_of_steps, key_of_rest = jax.random.split(key_of_path)
            normals = jax.random.normal(
                key_of_rest, (n_times * (n + n_observed) + n,), one.initial_mean.dtype
            )
            own = normals[: n * (n_times + 1)].reshape(n_times + 1, n)
            if start is None:
                start = one.initial_mean + initial @ own[0]
            if own_steps is None:
                x = euler_maruyama_path(one.sde, start, key_of_steps, grid)
            else:
                x = exact_path(own_steps, start, own[2:], grid)
            errors = normals[own.size :].reshape(n_times, n_observed)
            if one.noise_scales is not None:
                factors = one.noise_scales.draw(jax.random.fold_in(key_of_rest, 1), (n_times, 1))
                errors = errors * jnp.sqrt(factors)
            return x, (x + effect @ own[1]) @ one.matrix.T + errors @ noise.T

        return jax.vmap(path, in_axes=(None if starts is None else 0, 0))(starts, jnp.arange(paths))

    return eqx.filter_vmap(draw_paths)(observed, steps, start, draws)


@eqx.filter_jit
def local_rates(sde: SDE, x: Float[Array, "sample point state"]) -> Float[Array, "sample point"]:
    r"""Fastest local rate of an SDE, :math:`\|\partial f\|_2 + \|\partial G\|_F^2`, in 1/time.

    Parameters
    ----------
    sde
        Stacked SDE.
    x
        States of each draw, (sample, point, state).
    """

    def rate(one: SDE, point: Vector) -> Float[Array, ""]:
        slope = jax.jacfwd(lambda p: one.diffusion(p))(point)
        return jnp.linalg.norm(one.drift.jacobian(point), ord=2) + jnp.sum(slope**2)

    along = eqx.filter_vmap(rate, in_axes=(None, 0))
    return eqx.filter_vmap(along, in_axes=(eqx.if_array(0), 0))(sde, x)
