r"""The Gaussian-sum filter of an SDE that switches between regimes, and its smoother.

Behind noise the law of the state given the data is a mixture of normal laws, one for each sequence of regimes. The
filter keeps one normal law for each regime r_k of the latest step. A step carries each of them by each regime's
linear step, meets what was seen, and then joins those that end in the same regime into the normal law of their mean
and covariance,

.. math::
    w_k(i, j) \propto w_{k-1}(i)\, T_{ij}\, p(y_k \mid i, j), \qquad
    N(m, P)_k(j) = \mathrm{joined}_i\, N(m, P)_k(i, j).

References
----------
Kim (1994), Dynamic linear models with Markov-switching, doi:10.1016/0304-4076(94)90036-1, for filter and smoother;
Blom & Bar-Shalom (1988), doi:10.1109/9.1299, who join before the step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float

from sdebayes._core.linalg import symmetrize
from sdebayes._core.types import Key
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood.arrays import Observations
from sdebayes.likelihood.gaussian_steps import (
    Linearize,
    clock,
    initial_law,
    observed_covariance,
    predict,
    sum_parts,
    update,
)
from sdebayes.likelihood.regime_chain import Chain, moves

Laws = tuple[Float[Array, "*laws z"], Float[Array, "*laws z z"]]


class Belief(NamedTuple):
    """What is known at a step: a weight and a normal law of z = (x, c), or x alone, for each regime of the step.

    Attributes
    ----------
    log_weights
        (…, regime).
    laws
        Means (…, regime, z) and covariances (…, regime, z, z).
    """

    log_weights: Float[Array, "*many regime"]
    laws: Laws


class Branches(NamedTuple):
    """What is predicted of a step by each regime i before it and each regime j of the step, (…, i, j).

    Attributes
    ----------
    log_weights
        log p(i, j | y_1, …, y_{k−1}).
    laws
        Laws of z_k given them and y_1, …, y_{k−1}.
    """

    log_weights: Float[Array, "*many before regime"]
    laws: Laws


class Step(NamedTuple):
    """What the filter leaves for a step, (trajectory, time, …).

    Attributes
    ----------
    log_density
        log p(y_k | y_1, …, y_{k−1}).
    predicted
        The branches before y_k is met; of the first step each regime is its own.
    log_weights
        log p(i | j, y_1, …, y_k), (…, i, j).
    belief
        After y_k is met.
    """

    log_density: Float[Array, "trajectory time"]
    predicted: Branches
    log_weights: Float[Array, "trajectory time before regime"]
    belief: Belief


def joined(log_weights: Float[Array, "*many part"], laws: Laws) -> tuple[Array, tuple[Array, Array]]:
    """Return the sum of weights, and the normal law of mean and covariance of a mixture, over the last axis."""
    total = logsumexp(log_weights, -1)
    share = jnp.exp(log_weights - total[..., None])
    means, covariances = laws
    mean = jnp.sum(share[..., None] * means, -2)
    apart = means - mean[..., None, :]
    spread = jnp.einsum("...k,...ki,...kj->...ij", share, apart, apart)
    return total, (mean, symmetrize(jnp.sum(share[..., None, None] * covariances, -3) + spread))


def stacked(laws: Sequence[tuple[Array, Array]], axis: int = 0) -> tuple[Array, Array]:
    """Stack laws along a new axis."""
    means, covariances = zip(*laws, strict=True)
    return jnp.stack(means, axis), jnp.stack(covariances, axis)


def run(
    model: ObservedSDE,
    steps: Sequence[Linearize],
    chain: Chain,
    data: Observations,
    effect: bool,
    emit: Callable[[Step], Any],
    draw: Key | None = None,
) -> Any:
    """Filter every trajectory, and keep of each step what ``emit`` takes.

    Parameters
    ----------
    model
        The SDE as it is observed, with its regimes.
    steps
        The linear step that stands for the SDE's around a normal law, of each regime.
    chain
        The law of the regimes.
    data
        The data.
    effect
        Whether z = (x, c).
    emit
        What is kept.
    draw
        A random key to draw each y_k from the filter's own law of it given those before; they are then met in the place
        of the data's values, and returned beside what is kept.
    """
    count, one = len(steps), model.of_regime(0)
    begin = [initial_law(model.of_regime(k), effect) for k in range(count)]
    start = Belief(chain.log_initial, stacked(begin))
    diagonal = jnp.where(jnp.eye(count, dtype=bool), 0.0, -jnp.inf)
    given = _given(model, data, draw)

    def first(values: Any) -> tuple[Belief, Any]:
        laws = jax.tree.map(
            lambda part: jnp.broadcast_to(part[:, None], (count, count, *part.shape[1:])), start.laws
        )
        return met(Branches(start.log_weights[:, None] + diagonal, laws), values)

    def later(belief: Belief, values: Any, move: Array, t: Array, dt: Array) -> tuple[Belief, Any]:
        return met(predicted(one, belief, steps, chain.log_transitions[move], t, dt), values)

    def met(branches: Branches, values: Any) -> tuple[Belief, Any]:
        value = values.value if draw is None else _drawn(one, branches, values)
        step = meet(one, branches, value, values)
        return step.belief, (emit(step), value)

    times, dts = clock(data)
    belief, begun = jax.vmap(first)(jax.tree.map(lambda part: part[:, 0], given))
    rest = jax.tree.map(lambda part: part[:, 1:], given), moves(chain, data), times[:, 1:], dts[:, 1:]
    by_time = jax.tree.map(lambda part: jnp.swapaxes(part, 0, 1), rest)
    each = jax.checkpoint(lambda belief, inputs: jax.vmap(later)(belief, *inputs))
    _, found = jax.lax.scan(each, belief, by_time)
    kept, values = jax.tree.map(
        lambda head, tail: jnp.concatenate([head[:, None], jnp.swapaxes(tail, 0, 1)], 1), begun, found
    )
    return kept if draw is None else (kept, values)


class _Given(NamedTuple):
    """What is read of the data at each step, and the randomness of a draw of it."""

    value: Array
    seen: Array
    factor: Array
    hint: Array
    white: Array
    scale: Array
    key: Array


def _given(model: ObservedSDE, data: Observations, draw: Key | None) -> _Given:
    seen = jnp.asarray(data.seen)
    factors = data.noise_factors(model.noise_slopes)
    hint = jnp.zeros((*seen.shape[:2], 1)) if data.regime_hints is None else jnp.asarray(data.regime_hints)
    if draw is None:
        none = jnp.zeros(seen.shape[:2])
        return _Given(jnp.asarray(data.values), seen, factors, hint, none, none, none)
    white_key, scale_key, branch_key = jax.random.split(draw, 3)
    scale = jnp.ones(seen.shape[:2])
    if model.noise_scales is not None:
        scale = model.noise_scales.draw(scale_key, seen.shape[:2])
    white = jax.random.normal(white_key, seen.shape)
    keys = jax.random.split(branch_key, seen.shape[:2])
    return _Given(jnp.asarray(data.values), seen, factors, hint, white, scale, keys)


def predicted(
    one: ObservedSDE,
    belief: Belief,
    steps: Sequence[Linearize],
    log_transition: Float[Array, "before regime"],
    t: Array,
    dt: Array,
) -> Branches:
    """Carry a belief over a step by every regime."""
    n = one.initial_mean.shape[0]

    def by(linearize: Linearize) -> Laws:
        return jax.vmap(lambda *law: predict(linearize, law, n, t, dt))(*belief.laws)

    laws = [by(linearize) for linearize in steps]
    return Branches(belief.log_weights[:, None] + log_transition, stacked(laws, 1))


def meet(one: ObservedSDE, branches: Branches, value: Array, given: _Given) -> Step:
    """Meet what was seen at a step."""

    def each(mean: Array, P: Array) -> tuple[Array, Laws]:
        return update(one, (mean, P), value, given.seen, given.factor)

    densities, laws = jax.vmap(jax.vmap(each))(*branches.laws)
    weights = branches.log_weights + densities + given.hint
    total = logsumexp(weights)
    share, joint = joined(weights.T, jax.tree.map(lambda part: jnp.swapaxes(part, 0, 1), laws))
    return Step(total, branches, weights - share, Belief(share - total, joint))


def _drawn(one: ObservedSDE, branches: Branches, given: _Given) -> Array:
    """Draw what is seen of a step from the mixture of its branches, zero where the data have no value."""
    flat = jax.random.categorical(given.key, branches.log_weights.ravel())
    mean, P = (part.reshape(-1, *part.shape[2:])[flat] for part in branches.laws)
    S = observed_covariance(one, P, given.scale * given.factor)[1]
    both = given.seen[:, None] & given.seen[None, :]
    root = jnp.linalg.cholesky(jnp.where(both, S, jnp.eye(len(given.seen))))
    return jnp.where(given.seen, one.matrix @ sum_parts(mean, one) + root @ given.white, 0.0)
