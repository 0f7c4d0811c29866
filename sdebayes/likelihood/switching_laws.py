"""What the filter of switching regimes says of the past and of what comes: smoothed laws, and forecasts."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdebayes._core.linalg import symmetrize
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood.arrays import Observations
from sdebayes.likelihood.gaussian_steps import Law, Linearize, clock, observed_covariance, sum_parts
from sdebayes.likelihood.regime_chain import Chain, moves
from sdebayes.likelihood.switching_filter import Belief, Step, joined, predicted, stacked


def predicted_observations(
    one: ObservedSDE, filtered: Step, factors: Float[Array, "trajectory time"]
) -> tuple[Float[Array, "trajectory time observed"], Float[Array, "trajectory time observed observed"]]:
    """Return mean and covariance of y_k given y_1, …, y_{k−1}: those of the mixture."""
    mean, P = _pooled(filtered.predicted.log_weights, filtered.predicted.laws, 2)
    return _seen(one, mean, P, factors)


def _pooled(
    log_weights: Float[Array, "..."], laws: tuple[Array, Array], axes: int
) -> tuple[Float[Array, "*many z"], Float[Array, "*many z z"]]:
    """Return mean and covariance of a mixture over the last axes of its weights."""
    keep = log_weights.ndim - axes
    flat = [part.reshape(*part.shape[:keep], -1, *part.shape[keep + axes :]) for part in (log_weights, *laws)]
    return joined(flat[0], (flat[1], flat[2]))[1]


def _seen(one: ObservedSDE, mean: Array, P: Array, factors: Array) -> tuple[Array, Array]:
    observed = jax.vmap(jax.vmap(lambda P, factor: observed_covariance(one, P, factor)[1]))
    return sum_parts(mean, one) @ one.matrix.T, observed(P, factors)


def smooth(
    steps: Sequence[Linearize], filtered: Step, data: Observations, state_dim: int
) -> tuple[
    Float[Array, "trajectory time regime"],
    Float[Array, "trajectory time z"],
    Float[Array, "trajectory time z z"],
]:
    r"""Return p(r_k | y_1, …, y_n), and mean and covariance of z_k given the whole trajectory.

    Going back, the weight of a branch is :math:`p(i, j) = p(j)\, p(i \mid j, y_1, …, y_k)`, where j is the regime of
    step k and i that of the step before, and its law that of Rauch, Tung & Striebel. Kim (1994),
    doi:10.1016/0304-4076(94)90036-1.
    """
    n = state_dim
    times, dts = clock(data)

    def branch(linearize: Linearize, law: Law, predicted: Law, later: Law, t: Array, dt: Array) -> Law:
        mean, P = law
        _, F, _ = linearize(mean[:n], P[:n, :n], t, dt)
        gain = jnp.linalg.solve(predicted[1], jnp.concatenate([F @ P[:n], P[n:]])).T
        smoothed = symmetrize(P + gain @ (later[1] - predicted[1]) @ gain.T)
        return mean + gain @ (later[0] - predicted[0]), smoothed

    def one_step(later: Belief, inputs: tuple[Belief, Step, Array, Array]) -> tuple[Belief, Belief]:
        belief, step, t, dt = inputs
        laws = []
        for j, linearize in enumerate(steps):
            next_law = jax.tree.map(lambda part, j=j: part[j], later.laws)
            into = jax.tree.map(lambda part, j=j: part[:, j], step.predicted.laws)
            each = jax.vmap(branch, in_axes=(None, 0, 0, None, None, None))
            laws.append(each(linearize, belief.laws, into, next_law, t, dt))
        weights = later.log_weights + step.log_weights
        found = Belief(*joined(weights, stacked(laws, 1)))
        return found, found

    def one(steps_of: Step, t: Array, dt: Array) -> Belief:
        early = jax.tree.map(lambda part: part[:-1], steps_of.belief)
        late = jax.tree.map(lambda part: part[1:], steps_of)
        last = jax.tree.map(lambda part: part[-1], steps_of.belief)
        _, found = jax.lax.scan(one_step, last, (early, late, t[1:], dt[1:]), reverse=True)
        return jax.tree.map(lambda before, end: jnp.concatenate([before, end[None]]), found, last)

    belief = jax.vmap(one)(filtered, times, dts)
    mean, P = _pooled(belief.log_weights, belief.laws, 1)
    return jax.nn.softmax(belief.log_weights, -1), mean, P


def horizons(
    model: ObservedSDE,
    steps: Sequence[Linearize],
    chain: Chain,
    filtered: Belief,
    data: Observations,
    horizon: int,
    targets: Int[Array, " target"],
) -> tuple[
    Float[Array, "horizon trajectory target observed"],
    Float[Array, "horizon trajectory target observed observed"],
]:
    """Return mean and covariance of y_k given y_1, …, y_{k−h}: beliefs carried on without looking, as `run` does."""
    one = model.of_regime(0)
    times, dts = clock(data)
    factors = data.noise_factors(model.noise_slopes)

    def carried(belief: Belief, move: Array, t: Array, dt: Array) -> Belief:
        branches = predicted(one, belief, steps, chain.log_transitions[move], t, dt)
        laws = jax.tree.map(lambda part: jnp.swapaxes(part, 0, 1), branches.laws)
        return Belief(*joined(branches.log_weights.T, laws))

    along = jax.vmap(jax.vmap(carried))
    inputs = moves(chain, data), times[:, 1:], dts[:, 1:]

    def further(belief: Belief, _: None) -> tuple[Belief, tuple[Array, Array]]:
        following = along(jax.tree.map(lambda part: part[:, :-1], belief), *inputs)
        belief = jax.tree.map(lambda old, new: jnp.concatenate([old[:, :1], new], 1), belief, following)
        wanted = jax.tree.map(lambda part: part[:, targets], belief)
        return belief, _seen(one, *_pooled(wanted.log_weights, wanted.laws, 1), factors[:, targets])

    _, laws = jax.lax.scan(further, filtered, length=horizon)
    return laws
