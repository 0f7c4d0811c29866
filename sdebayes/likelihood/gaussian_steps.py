r"""The Gaussian filter and smoother of a nonlinear SDE observed with noise and a trajectory effect.

The filter's state is z = (x, c), or x alone without a trajectory effect. A linearisation replaces a step of the SDE by

.. math::
    x_{k+1} = μ_k + F_k (x_k - m_k) + η_k, \quad η_k \sim N(0, Q_k),

around the normal law N(m_k, P_k) that the filter has of x_k; the rest is Kalman's filter (1960, doi:10.1115/1.3662552)
and the smoother of Rauch, Tung & Striebel (1965, doi:10.2514/3.3166). Särkkä & Svensson (2023), Bayesian Filtering and
Smoothing, chapters 7, 8, 13 and 14, doi:10.1017/9781108917407.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.special import logsumexp
from jaxtyping import Array, Bool, Float

from sdebayes._core.linalg import inverse_and_log_determinant, symmetrize
from sdebayes._core.types import Key, Matrix, Scalar, Vector
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood.arrays import Observations
from sdebayes.likelihood.conditioning import KEPT, condition
from sdebayes.likelihood.linear_gaussian import Filtered

Linearize = Callable[[Vector, Matrix, Scalar, Scalar], tuple[Vector, Matrix, Matrix]]
Law = tuple[Float[Array, " z"], Float[Array, "z z"]]
Laws = tuple[Float[Array, "many z"], Float[Array, "many z z"]]


def gaussian_filter(
    model: ObservedSDE, linearize: Linearize, observations: Observations, trajectory_effect: bool
) -> Filtered:
    """Filter every trajectory: any times, any gaps, missing entries included.

    Parameters
    ----------
    model
        The SDE as it is observed.
    linearize
        From mean (state,), covariance (state, state), t and Δt of one step to μ, F and Q.
    observations
        The data.
    trajectory_effect
        Whether z = (x, c).
    """

    def emit(density: Array, predicted: Law, updated: Law) -> tuple[Array, ...]:
        return density, *predicted, *updated

    return Filtered(*_scan(model, linearize, observations, trajectory_effect, emit))


def filter_log_density(
    model: ObservedSDE, linearize: Linearize, observations: Observations, trajectory_effect: bool
) -> Float[Array, "trajectory time"]:
    """Return log p(y_k | y_1, …, y_{k−1}) alone, made for its gradient: of a step the law and the gain are kept."""
    return _scan(model, linearize, observations, trajectory_effect, lambda density, *_: density)


def filter_draw(
    model: ObservedSDE, linearize: Linearize, observations: Observations, trajectory_effect: bool, key: Key
) -> Float[Array, "trajectory time observed"]:
    """Draw each y_k from the filter's law of it given y_1, …, y_{k−1}, zero where the data have no value.

    These are draws of the law that `filter_log_density` is the density of, the filter's approximation included.
    """
    white = jax.random.normal(key, observations.values.shape, model.initial_mean.dtype)
    scales = jnp.ones(white.shape[:2], white.dtype)
    if model.noise_scales is not None:
        scales = model.noise_scales.draw(jax.random.fold_in(key, 1), white.shape[:2])

    def one(predicted: Law, drawn: tuple[Array, ...], seen: Array) -> tuple[Law, Array]:
        (mean, P), (z, scale, factor) = predicted, drawn
        S = observed_covariance(model, P, scale * factor)[1]
        root = jnp.linalg.cholesky(jnp.where(seen[:, None] & seen[None, :], S, jnp.eye(len(seen))))
        value = jnp.where(seen, model.matrix @ sum_parts(mean, model) + root @ z, 0.0)
        return update(model, predicted, value, seen, factor)[1], value

    inputs = white, scales, observations.noise_factors(model.noise_slopes)
    return _over_time(model, linearize, observations, trajectory_effect, inputs, one)


def _scan(
    model: ObservedSDE,
    linearize: Linearize,
    observations: Observations,
    trajectory_effect: bool,
    emit: Callable[..., Any],
) -> Any:
    """Filter the data's values."""

    def one(predicted: Law, given: tuple[Array, Array], seen: Array) -> tuple[Law, Any]:
        value, factor = given
        density, updated = update(model, predicted, value, seen, factor)
        return updated, emit(density, predicted, updated)

    values = jnp.asarray(observations.values), observations.noise_factors(model.noise_slopes)
    return _over_time(model, linearize, observations, trajectory_effect, values, one)


def _over_time(
    model: ObservedSDE,
    linearize: Linearize,
    observations: Observations,
    trajectory_effect: bool,
    values: Any,
    one: Callable[[Law, Any, Array], tuple[Law, Any]],
) -> Any:
    """Scan over time with all trajectories inside; after a trajectory's end its Δt is 0 and its law stands still.

    ``one`` takes the predicted law, an entry of ``values``, arrays (trajectory, time, …), and what is seen at the step,
    and returns the updated law and a result.
    """
    times, dts = clock(observations)
    n = model.initial_mean.shape[0]

    def both(law: Law, value: Any, seen: Array, t: Array, dt: Array) -> tuple[Law, Any]:
        return one(predict(linearize, law, n, t, dt), value, seen)

    def step(laws: Laws, inputs: tuple[Any, ...]) -> tuple[Laws, Any]:
        return jax.vmap(both)(laws, *inputs)

    inputs = (values, jnp.asarray(observations.seen), times, dts)
    start = jax.tree.map(
        lambda part: jnp.broadcast_to(part, (times.shape[0], *part.shape)),
        initial_law(model, trajectory_effect),
    )
    by_time = jax.tree.map(lambda part: jnp.swapaxes(part, 0, 1), inputs)
    policy = jax.checkpoint_policies.save_only_these_names(KEPT)
    _, results = jax.lax.scan(jax.checkpoint(step, policy=policy), start, by_time)
    return jax.tree.map(lambda part: jnp.swapaxes(part, 0, 1), results)


def clock(
    observations: Observations,
) -> tuple[Float[Array, "trajectory time"], Float[Array, "trajectory time"]]:
    """Return, for each step, the time of the step before it and the Δt since: 0 for the first and after the end.

    Where an observation follows, single precision of times far from zero must not stop the clock.
    """
    times = jnp.asarray(observations.times)
    before = jnp.concatenate([times[:, :1], times[:, :-1]], 1)
    dts = jnp.asarray(observations.steps)[jnp.asarray(observations.step_index)]
    dts = jnp.concatenate([jnp.zeros_like(times[:, :1]), dts.astype(times.dtype)], 1)
    ahead = jnp.cumsum(jnp.any(jnp.asarray(observations.seen), -1)[:, ::-1], 1)[:, ::-1] > 0
    return before, jnp.where(ahead | (times > before), dts, 0.0)


def initial_law(model: ObservedSDE, trajectory_effect: bool) -> Law:
    """Return the law of z at the first step before anything is seen."""
    if not trajectory_effect:
        return model.initial_mean, model.initial_covariance
    mean = jnp.concatenate([model.initial_mean, jnp.zeros_like(model.initial_mean)])
    return mean, jax.scipy.linalg.block_diag(model.initial_covariance, model.effect_covariance)


def predict(linearize: Linearize, law: Law, n: int, t: Scalar, dt: Scalar) -> Law:
    """Carry the law of z, whose first n entries are x, over a step."""
    mean, P = law
    return carry(law, *linearize(mean[:n], P[:n, :n], t, dt))


def carry(law: Law, following: Vector, F: Matrix, Q: Matrix) -> Law:
    """Carry the law of z over the step x' = ``following`` + F (x − m) + N(0, Q); c stays."""
    (mean, P), n = law, following.shape[0]
    rows = F @ P[:n]
    xx = symmetrize(rows[:, :n] @ F.T + Q)
    predicted = jnp.block([[xx, rows[:, n:]], [rows[:, n:].T, P[n:, n:]]])
    return jnp.concatenate([following, mean[n:]]), predicted


def update(
    model: ObservedSDE,
    law: Law,
    value: Float[Array, " observed"],
    seen: Bool[Array, " observed"],
    factor: Scalar,
) -> tuple[Float[Array, ""], Law]:
    """Return log p(y_k | y_1, …, y_{k−1}) and the law of z_k given y_1, …, y_k; unseen entries are not read.

    Where the noise is a scale mixture, that law is the normal one with the mean and covariance of the mixture's.
    """
    mean, P = law
    cross, S = observed_covariance(model, P, factor)
    both = seen[:, None] & seen[None, :]
    residual = jnp.where(seen, value - model.matrix @ sum_parts(mean, model), 0.0)
    cross = jnp.where(seen, cross, 0.0)

    constant = jnp.sum(seen) * jnp.log(2 * jnp.pi)
    if model.noise_scales is None:
        density, shift, reduction = condition(cross, jnp.where(both, S, jnp.eye(len(seen))), residual)
        return density - 0.5 * constant, (mean + shift, symmetrize(P - reduction))

    def given(S: Array) -> tuple[Array, Array]:
        precision, log_determinant = inverse_and_log_determinant(jnp.where(both, S, jnp.eye(len(seen))))
        return -0.5 * (residual @ precision @ residual + log_determinant + constant), cross @ precision

    noises = (factor * (model.noise_scales.factors - 1))[:, None, None] * model.noise_covariance
    densities, gains = jax.vmap(given)(S + noises)
    joint = model.noise_scales.log_weights + densities
    weights = jax.nn.softmax(joint)
    gain = jnp.tensordot(weights, gains, 1)
    apart = (gains - gain) @ residual
    covariance = P - gain @ cross.T + (weights * apart.T) @ apart
    return logsumexp(joint), (mean + gain @ residual, symmetrize(covariance))


def observed_covariance(
    model: ObservedSDE, P: Float[Array, "z z"], factor: Scalar
) -> tuple[Float[Array, "z observed"], Array]:
    """Return Cov(z, y) and Cov(y), where R is multiplied by a factor."""
    cross = sum_parts(P, model) @ model.matrix.T
    return cross, model.matrix @ sum_parts(cross.T, model).T + factor * model.noise_covariance


def sum_parts(array: Float[Array, "*rows z"], model: ObservedSDE) -> Float[Array, "*rows state"]:
    """Add x and c along the last axis: y sees their sum."""
    n = model.initial_mean.shape[0]
    return array.reshape(*array.shape[:-1], -1, n).sum(-2)


def predicted_observations(
    model: ObservedSDE, filtered: Filtered, factors: Float[Array, "trajectory time"]
) -> tuple[Float[Array, "trajectory time observed"], Float[Array, "trajectory time observed observed"]]:
    """Return mean and covariance of y_k given y_1, …, y_{k−1}."""
    mean = sum_parts(filtered.predicted_mean, model) @ model.matrix.T
    at_all = jax.vmap(jax.vmap(lambda P, factor: observed_covariance(model, P, factor)[1]))
    return mean, at_all(filtered.predicted_covariance, factors)


def gaussian_smoother(
    linearize: Linearize, filtered: Filtered, observations: Observations, state_dim: int
) -> tuple[Float[Array, "trajectory time z"], Float[Array, "trajectory time z z"]]:
    """Return mean and covariance of z_k given the whole trajectory.

    After a trajectory's end its last law is carried on; callers mask it.
    """
    times, dts = clock(observations)
    n = state_dim

    def step(later: Law, inputs: tuple[Array, ...]) -> tuple[Law, Law]:
        next_mean, next_covariance, mean, P, t, dt = inputs
        _, F, _ = linearize(mean[:n], P[:n, :n], t, dt)
        gain = jnp.linalg.solve(next_covariance, jnp.concatenate([F @ P[:n], P[n:]])).T
        smoothed = symmetrize(P + gain @ (later[1] - next_covariance) @ gain.T)
        law = (mean + gain @ (later[0] - next_mean), smoothed)
        return law, law

    def one(predicted: Laws, updated: Laws, t: Array, dt: Array) -> Laws:
        early, late = (
            jax.tree.map(lambda part: part[:-1], updated),
            jax.tree.map(lambda part: part[1:], predicted),
        )
        last = jax.tree.map(lambda part: part[-1], updated)
        _, laws = jax.lax.scan(step, last, (*late, *early, t[1:], dt[1:]), reverse=True)
        return jax.tree.map(lambda before, end: jnp.concatenate([before, end[None]]), laws, last)

    predicted = (filtered.predicted_mean, filtered.predicted_covariance)
    return jax.vmap(one)(predicted, (filtered.mean, filtered.covariance), times, dts)
