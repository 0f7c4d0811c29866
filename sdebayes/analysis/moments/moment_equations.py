"""Mean and covariance of the process over time, from their differential equations and without simulation."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from sdebayes._core import precision
from sdebayes._core.arguments import checked
from sdebayes._core.draws import choose_draws
from sdebayes._core.errors import DataError, ModelError
from sdebayes._core.kinds import Count, Numbers, Times
from sdebayes._core.linalg import symmetrize
from sdebayes._core.types import Matrix, Scalar, Vector
from sdebayes._core.units import with_units
from sdebayes.analysis.moments.cubature import fifth_degree_rule, normal_points, third_degree_points
from sdebayes.dynamics import SDE, LinearSDE
from sdebayes.simulation import Source, as_source
from sdebayes.simulation.ensemble import checked_times
from sdebayes.simulation.kernels import exact_transitions, local_rates
from sdebayes.simulation.source import SourceLike

_RATE_TIMES_STEP = 0.1
_FEWEST_STEPS, _MOST_STEPS = 2, 1000
_DRAWS_AT_ONCE = 64


@checked
def moment_equations(
    source: SourceLike,
    times: Times,
    mean0: Numbers | None = None,
    covariance0: Numbers | None = None,
    *,
    samples: Count | None = None,
    substeps: Count | None = None,
) -> xr.Dataset:
    r"""Return mean and covariance of the state over time.

    .. math:: \dot m = E f(X), \qquad \dot P = E (X - m) f(X)^\top + E f(X) (X - m)^\top + E\,Σ(X).

    Parameters
    ----------
    source
        A posterior or an SDE.
    times
        Times of the result, (time,), strictly increasing.
    mean0
        Mean at ``times[0]``, (state,); by default that of the posterior's initial distribution, or of the stationary
        distribution of a stable linear SDE.
    covariance0
        Covariance at ``times[0]``, (state, state); by default that of the same distribution, and zero where ``mean0``
        is given.
    samples
        At most so many draws, evenly spread; by default all whose covariances fit into 1 GiB.
    substeps
        Number of Runge–Kutta steps between two times, where there is no exact transition. By default, in the longest
        interval, the step h with h(‖∂f‖₂ + ‖∂G‖²) ≤ 0.1 at the states of the initial distribution, at least 2.

    Returns
    -------
    xarray.Dataset
        ``mean`` (sample, time, state) and ``covariance`` (sample, time, state, state_bis) of the state X, in units of
        the states and their squares. Where states are observed one by one, ``observed_covariance``, P + C + R, adds
        what trajectory effect and noise bring to the observations, which have the same mean. ``closure`` in the
        attributes says which equations were solved.

    Raises
    ------
    DataError
        If times, the initial distribution or substeps cannot be used.
    ModelError
        If no initial distribution is given and the source has none.

    See Also
    --------
    sdebayes.analysis.moments.moments : Of data and of simulated paths.
    sdebayes.plots.moments.moment_equations : Draws them.

    Notes
    -----
    The closure is ``"exact"`` for a linear SDE with additive noise: its transitions are exact. It is ``"gaussian"`` for
    all others: the means on the right are taken as if X were normal, N(m, P), by rules that are exact for polynomials
    of degree 5 (those with f) and 3 (that of Σ), and the equations are solved by Runge–Kutta's method of fourth order.
    Where f is linear and Σ at most quadratic in x, as in geometric Brownian motion, the right-hand sides need no more
    than m and P, and the result is exact up to that method's error. Elsewhere it is an approximation, poor where the
    distribution has two humps: compare with ``simulate``.

    References
    ----------
    Särkkä & Solin (2019), Applied Stochastic Differential Equations, eq. 5.50 to 5.51 and ch. 9,
    doi:10.1017/9781108186735; the rules: McNamee & Stenger (1967), doi:10.1007/BF02162160, and
    Arasaratnam & Haykin (2009), doi:10.1109/TAC.2009.2019800.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("ornstein_uhlenbeck_1d", 10, 0.1)
    >>> found = sb.analysis.moments.moment_equations(truth, times=[0.0, np.log(2.0)], mean0=[2.0])
    >>> found["mean"].values.ravel().round(2), found["covariance"].values.ravel().round(2)
    (array([2., 1.]), array([0.  , 0.75]))
    """
    moments = checked_times(times)
    stacked = as_source(source, None if mean0 is None else np.atleast_1d(mean0).shape[-1])
    n = stacked.n_states
    draws = choose_draws(stacked.n_draws, 8 * moments.size * n * n, samples)
    chosen = stacked.take(draws)
    with precision.scope(stacked.precision):
        start = _initial(chosen, mean0, covariance0)
        linear = chosen.sde.linear
        if linear is not None:
            mean, covariance = _exact(linear, moments, *start)
            attrs: dict[str, str | int] = {"closure": "exact"}
        else:
            count = _substeps(chosen, moments, start) if substeps is None else substeps
            laws = _closed(
                chosen.sde, jnp.asarray(moments), jnp.asarray(start[0]), jnp.asarray(start[1]), count
            )
            mean, covariance = (np.asarray(part) for part in laws)
            attrs = {"closure": "gaussian", "substeps": count}
    return _labelled(chosen, draws, moments, mean, covariance).assign_attrs(attrs)


def _initial(
    source: Source, mean0: ArrayLike | None, covariance0: ArrayLike | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the initial law of every draw, (sample, state) and (sample, state, state)."""
    n = source.n_states
    if mean0 is None and not source.has_initial_law:
        raise ModelError(
            "mean0 was not given and the SDE has no stationary distribution to start from: it is no stable linear SDE "
            f"with additive noise. Pass mean0 of shape ({n},)."
        )
    own = (np.asarray(source.observed.initial_mean), np.asarray(source.observed.initial_covariance))
    mean = own[0] if mean0 is None else np.broadcast_to(_finite("mean0", mean0, (n,)), own[0].shape)
    if covariance0 is None:
        return mean, own[1] if mean0 is None else np.zeros_like(own[1])
    P = _finite("covariance0", covariance0, (n, n))
    if not np.allclose(P, P.T) or np.linalg.eigvalsh(P).min() < -1e-8 * max(np.trace(P), 0.0):
        raise DataError(
            "covariance0 is no covariance matrix; it must be symmetric without negative eigenvalues."
        )
    return mean, np.broadcast_to(P, own[1].shape)


def _finite(name: str, value: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    array = np.asarray(value, dtype=float)
    if array.shape != shape or not np.isfinite(array).all():
        raise DataError(f"{name} must be finite numbers of shape {shape}; got shape {array.shape}.")
    return array


def _exact(
    sde: LinearSDE, times: np.ndarray, mean: np.ndarray, covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Follow the law of a linear SDE with additive noise by its exact transitions."""
    intervals, which = np.unique(np.diff(times), return_inverse=True)
    steps = exact_transitions(sde, jnp.asarray(intervals))
    flow, shift, factor = (np.asarray(part) for part in (steps.flow, steps.shift, steps.factor))
    means, covariances = [mean], [covariance]
    for k in which:
        F, L = flow[:, k], factor[:, k]
        means.append((F @ means[-1][..., None])[..., 0] + shift[:, k])
        covariances.append(F @ covariances[-1] @ F.swapaxes(-1, -2) + L @ L.swapaxes(-1, -2))
    return np.stack(means, 1), np.stack(covariances, 1)


@eqx.filter_jit
def _closed(
    sde: SDE,
    times: Float[Array, " time"],
    mean: Float[Array, "sample state"],
    covariance: Float[Array, "sample state state"],
    substeps: int,
) -> tuple[Float[Array, "sample time state"], Float[Array, "sample time state state"]]:
    """Solve the equations closed by a normal law, for every draw."""

    def one(own: SDE, m: Vector, P: Matrix) -> tuple[Array, Array]:
        def interval(law: tuple[Vector, Matrix], ends: Float[Array, " 2"]) -> tuple[Any, Any]:
            h = (ends[1] - ends[0]) / substeps
            law = jax.lax.fori_loop(0, substeps, lambda j, now: _step(own, now, ends[0] + j * h, h), law)
            return law, law

        _, (means, covariances) = jax.lax.scan(interval, (m, P), jnp.stack([times[:-1], times[1:]], 1))
        return jnp.concatenate([m[None], means]), jnp.concatenate([P[None], covariances])

    arrays, rest = eqx.partition(sde, eqx.is_array)
    return jax.lax.map(
        lambda own: one(eqx.combine(own[0], rest), own[1], own[2]),
        (arrays, mean, covariance),
        batch_size=min(_DRAWS_AT_ONCE, len(mean)),
    )


def _step(sde: SDE, law: tuple[Vector, Matrix], t: Scalar, h: Scalar) -> tuple[Vector, Matrix]:
    """One step of the classical Runge–Kutta method."""

    def moved(slope: tuple[Vector, Matrix], by: Scalar) -> tuple[Vector, Matrix]:
        return law[0] + by * slope[0], law[1] + by * slope[1]

    first = _rates(sde, *law, t)
    second = _rates(sde, *moved(first, h / 2), t + h / 2)
    third = _rates(sde, *moved(second, h / 2), t + h / 2)
    fourth = _rates(sde, *moved(third, h), t + h)
    mean, covariance = (
        start + h / 6 * (a + 2 * b + 2 * c + d)
        for start, a, b, c, d in zip(law, first, second, third, fourth, strict=True)
    )
    return mean, symmetrize(covariance)


def _rates(sde: SDE, m: Vector, P: Matrix, t: Scalar) -> tuple[Vector, Matrix]:
    """Right-hand sides for X ~ N(m, P)."""
    standard, weights = fifth_degree_rule(m.shape[0])
    points, w = normal_points(m, P, standard), jnp.asarray(weights, m.dtype)
    drift = jax.vmap(lambda x: sde.drift(x, t))(points)
    cross = (w[:, None] * (points - m)).T @ drift
    few = normal_points(m, P, third_degree_points(m.shape[0]))
    noise = jax.vmap(lambda x: sde.covariance(x, t))(few).mean(axis=0)
    return w @ drift, cross + cross.T + noise


def _substeps(source: Source, times: np.ndarray, start: tuple[np.ndarray, np.ndarray]) -> int:
    """Choose the number of steps in the longest interval by the rates around the initial law."""
    if times.size < 2:
        return 1
    standard, _ = fifth_degree_rule(source.n_states)
    mean, covariance = (jnp.asarray(part) for part in start)
    points = jax.vmap(lambda m, P: normal_points(m, P, standard))(mean, covariance)
    rates = np.asarray(local_rates(source.sde, points))
    fastest = float(np.quantile(rates[np.isfinite(rates)], 0.99)) if np.isfinite(rates).any() else np.inf
    wanted = np.minimum(np.diff(times).max() * fastest / _RATE_TIMES_STEP, _MOST_STEPS)
    return int(np.clip(np.ceil(wanted), _FEWEST_STEPS, _MOST_STEPS))


def _labelled(
    source: Source, draws: np.ndarray, times: np.ndarray, mean: np.ndarray, covariance: np.ndarray
) -> xr.Dataset:
    dims = ("sample", "time", "state")
    variables: dict[str, Any] = {
        "mean": (dims, mean, {"long_name": "mean of the state"}),
        "covariance": ((*dims, "state_bis"), covariance, {"long_name": "covariance of the state"}),
    }
    observed = source.observed
    H, n = np.asarray(observed.matrix), source.n_states
    if H.shape[-2] == n and bool((np.eye(n) == H).all()):
        added = np.asarray(observed.effect_covariance) + np.asarray(observed.noise_covariance)
        variables["observed_covariance"] = (
            (*dims, "state_bis"),
            covariance + added[:, None],
            {"long_name": "covariance of the observations"},
        )
    labels = list(source.states)
    coords = {"sample": draws, "time": times, "state": labels, "state_bis": labels}
    dataset = xr.Dataset(variables, coords, source.provenance)
    return with_units(dataset, mean="state", covariance="state²", observed_covariance="state²", time="time")
