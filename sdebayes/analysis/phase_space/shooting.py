"""Closed orbits of the flow: guessed from a path that comes back, then solved for."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sdebayes.analysis.phase_space import flow
from sdebayes.dynamics import SDE, ObservedSDE

ORBIT_POINTS = 128
"""Number of points of an orbit, equally spaced in time."""

_ITERATIONS = 12
_LONGEST = 0.25
_STILL = 1e-3
_RETURN = 0.1
_FAR = 1e6


def guess(
    times: Float[np.ndarray, " time"],
    path: Float[np.ndarray, "time state"],
    unit: Float[np.ndarray, " state"],
) -> float | None:
    """Return after what time a path came back to where it ends, or None.

    Crossings of the plane through the last point, across the path, in the path's direction (a Poincaré section): the
    latest one nearer to the last point than a tenth of the path's extent.

    Parameters
    ----------
    times
        Increasing times, (time,).
    path
        States at these times, (time, state).
    unit
        Scale of each state, (state,).

    Returns
    -------
    float or None
        A time, interpolated.
    """
    if not (np.abs(path) < _FAR * unit).all():
        return None
    scaled = (path - path[-1]) / unit
    extent = np.linalg.norm(np.ptp(scaled, axis=0))
    if extent < _STILL:
        return None
    height = scaled @ (scaled[-1] - scaled[-2])
    before = np.flatnonzero((height[:-2] < 0) & (height[1:-1] >= 0))
    share = height[before] / (height[before] - height[before + 1])
    crossing = scaled[before] + share[:, None] * (scaled[before + 1] - scaled[before])
    near = np.flatnonzero(np.linalg.norm(crossing, axis=1) < _RETURN * extent)
    if not near.size:
        return None
    last, part = before[near[-1]], share[near[-1]]
    return float(times[-1] - (1 - part) * times[last] - part * times[last + 1])


@eqx.filter_jit
def solve(
    observed: ObservedSDE,
    guesses: Float[Array, "sample cycle state_and_period"],
    unit: Float[Array, " state"],
    substeps: int,
) -> tuple[
    Float[Array, "sample cycle points state"],
    Float[Array, "sample cycle"],
    Float[Array, "sample cycle state state"],
    Float[Array, "sample cycle"],
]:
    """Solve φ_T(x) = x for a point x of the orbit and its period T by Newton's iteration.

    Parameters
    ----------
    observed
        The stacked SDE.
    guesses
        x and T in one row, (sample, cycle, state + 1).
    unit
        Scale of each state, (state,).
    substeps
        Runge–Kutta steps between two of the orbit's points.

    Returns
    -------
    (orbit, period, monodromy, error)
        (sample, cycle, points, state), (sample, cycle), ∂φ_T/∂x (sample, cycle, state, state), and the largest gap
        ‖φ_T(x) − x‖ in units.

    References
    ----------
    Seydel (2010), Practical Bifurcation and Stability Analysis, ch. 7, doi:10.1007/978-1-4419-1740-9.
    """

    def one(sde: SDE, start: Array) -> tuple[Array, Array, Array, Array]:
        origin, normal = start[:-1], sde.drift(start[:-1]) / unit

        def end(x: Array, period: Array) -> Array:
            steps = ORBIT_POINTS * substeps
            later, _ = jax.lax.scan(
                lambda at, _: (flow.runge_kutta(sde, at, period / steps), None), x, None, length=steps
            )
            return later

        def gap(z: Array) -> Array:
            closed = (end(z[:-1], z[-1]) - z[:-1]) / unit
            return jnp.append(closed, normal @ ((z[:-1] - origin) / unit))

        def move(z: Array, _: None) -> tuple[Array, None]:
            step = -jnp.linalg.solve(jax.jacfwd(gap)(z), gap(z))
            length = jnp.maximum(jnp.linalg.norm(step[:-1] / unit), jnp.abs(step[-1] / z[-1]))
            return z + step * jnp.minimum(1.0, _LONGEST / length), None

        z, _ = jax.lax.scan(move, start, None, length=_ITERATIONS)
        x, period = z[:-1], z[-1]
        orbit = flow.path(sde, x, period / (ORBIT_POINTS * substeps), ORBIT_POINTS, substeps)
        return orbit, period, jax.jacfwd(end)(x, period), jnp.linalg.norm((end(x, period) - x) / unit)

    return eqx.filter_vmap(lambda own, starts: jax.vmap(lambda z: one(own.sde, z))(starts))(observed, guesses)
