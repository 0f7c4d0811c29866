r"""The Markov chain of regimes between the steps of data: its law, and what the steps say of it.

The regime Z has the generator Q. It is taken to stay as it is over a step: the one at the step's start rules the step,
and at its end the next is drawn from :math:`\exp(Q Δt)`. Where the chain leaves a regime at the rate q, this is off by
a share of about qΔt of the steps. Z₁ has the stationary law of Q.

A step is said to be of the regime that led to it; the first step is of the regime whose law it has, which leads to the
second as well.

References
----------
Rabiner (1989), A tutorial on hidden Markov models, doi:10.1109/5.18626.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float, Int

from sdebayes._core.linalg import linear_transition
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood.arrays import Observations


class Chain(NamedTuple):
    """The law of the regimes at the steps of data.

    Attributes
    ----------
    log_initial
        log p(Z₁), (regime,).
    log_transitions
        log exp(QΔt), (unique + 1, regime, regime), of each different Δt; the last one stands still.
    """

    log_initial: Float[Array, " regime"]
    log_transitions: Float[Array, "unique_and_one regime regime"]


class Forward(NamedTuple):
    """What the forward recursion leaves.

    Attributes
    ----------
    log_density
        log p(y_k | y_1, …, y_{k−1}), (trajectory, time).
    before
        log p(r_k | y_1, …, y_{k−1}) of the regime r_k of step k, (trajectory, time, regime).
    """

    log_density: Float[Array, "trajectory time"]
    before: Float[Array, "trajectory time regime"]


def stationary_law(generator: Float[Array, "regime regime"]) -> Float[Array, " regime"]:
    """Return π with π Q = 0, (regime,)."""
    count = len(generator)
    equations = generator.T.at[-1].set(1.0)
    return jnp.linalg.solve(equations, jnp.zeros(count, generator.dtype).at[-1].set(1.0))


def transition_probabilities(
    generator: Float[Array, "regime regime"], steps: Float[Array, " unique"]
) -> Float[Array, "unique regime regime"]:
    """Return exp(QΔt) of each Δt."""
    none = jnp.zeros_like(generator)
    return jax.vmap(lambda dt: linear_transition(-generator, none, dt)[0])(steps)


def chain_of(model: ObservedSDE, data: Observations) -> Chain:
    """Return the law of the regimes at the steps of data."""
    Q = jnp.asarray(model.generator)
    still = jnp.eye(len(Q), dtype=Q.dtype)[None]
    between = jnp.concatenate([transition_probabilities(Q, jnp.asarray(data.steps, Q.dtype)), still])
    smallest = jnp.finfo(Q.dtype).tiny
    return Chain(*(jnp.log(jnp.maximum(law, smallest)) for law in (stationary_law(Q), between)))


def moves(chain: Chain, data: Observations) -> Int[Array, "trajectory transition"]:
    """Return the transition, an index into the chain's, that the regime makes before it rules each step of the data."""
    index = jnp.asarray(data.step_index)
    still = jnp.full((len(index), 1), len(chain.log_transitions) - 1, index.dtype)
    return jnp.concatenate([still, index[:, :-1]], 1)


def forward(chain: Chain, data: Observations, terms: Float[Array, "trajectory time regime"]) -> Forward:
    """Sum regimes out of log p(y_k | y_1, …, y_{k−1}, r_k), in log space."""

    def step(known: Array, inputs: tuple[Array, Array]) -> tuple[Array, tuple[Array, Array]]:
        """Take log p(r_k | y_1, …, y_k) to the next step."""
        term, move = inputs
        before = logsumexp(known[:, :, None] + chain.log_transitions[move], 1)
        density, known = _met(before, term)
        return known, (density, before)

    first = jnp.broadcast_to(chain.log_initial, terms[:, 0].shape)
    density, known = _met(first, terms[:, 0])
    inputs = jnp.swapaxes(terms[:, 1:], 0, 1), moves(chain, data).T
    _, (densities, before) = jax.lax.scan(step, known, inputs)
    return Forward(
        jnp.concatenate([density[:, None], densities.T], 1),
        jnp.concatenate([first[:, None], jnp.swapaxes(before, 0, 1)], 1),
    )


def _met(before: Array, term: Array) -> tuple[Array, Array]:
    joint = before + term
    density = logsumexp(joint, -1)
    return density, joint - density[:, None]


def smoothed(
    chain: Chain, data: Observations, terms: Float[Array, "trajectory time regime"]
) -> Float[Array, "trajectory time regime"]:
    """Return p(r_k | y_1, …, y_n), the probability of the regime of each step given the whole trajectory."""
    before = forward(chain, data, terms).before

    def step(later: Array, inputs: tuple[Array, Array]) -> tuple[Array, Array]:
        """Take log p(y_k, …, y_n | r_k) to the step before."""
        term, move = inputs
        own = term + logsumexp(chain.log_transitions[move] + later[:, None, :], 2)
        return own, own

    inputs = jnp.swapaxes(terms[:, :-1], 0, 1), moves(chain, data).T
    _, own = jax.lax.scan(step, terms[:, -1], inputs, reverse=True)
    both = before + jnp.concatenate([jnp.swapaxes(own, 0, 1), terms[:, -1:]], 1)
    return jax.nn.softmax(both, -1)


def draw_regimes(chain: Chain, data: Observations, key: Array) -> Int[Array, "trajectory time"]:
    """Draw the regimes of all steps."""
    first_key, walk_key = jax.random.split(key)
    count, length = data.times.shape
    first = jax.random.categorical(first_key, chain.log_initial, shape=(count,))

    def step(regime: Array, inputs: tuple[Array, Array]) -> tuple[Array, Array]:
        move, key = inputs
        following = jax.random.categorical(key, chain.log_transitions[move, regime])
        return following, following

    inputs = moves(chain, data).T, jax.random.split(walk_key, length - 1)
    _, later = jax.lax.scan(step, first, inputs)
    return jnp.concatenate([first[:, None], later.T], 1)
