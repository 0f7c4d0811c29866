r"""Sets of terms drawn term by term, where there are too many sets to sum over.

Given everything else but the weights, term k of output j is in with the odds

.. math:: \frac{π}{1 - π}\, s_k^{-1/2} \exp\bigl(r_k^2 / 2 s_k\bigr),

with :math:`s_k` and :math:`r_k` what elimination of the other terms that are in leaves of :math:`P_{kk}` and
:math:`b_k`, P and b as in `sdebayes.inference.marginal.term_sets`. The sweep operator takes a term in or out of that
elimination at the cost of one rank-one update.

References
----------
George & McCulloch (1997), Statistica Sinica 7, sec. 3.1, the Gibbs sampler of terms; Goodnight (1979),
doi:10.1080/00031305.1979.10482685, the sweep operator.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_solve
from jaxtyping import Array, Float

from sdebayes._core.types import Key
from sdebayes.inference.marginal.term_sets import Selected, Terms, draw_weights_of, per_output, set_factor
from sdebayes.inference.sufficient_statistics.euler_maruyama import Given, Statistics, known_log_density


def log_evidence_of_set(
    given: Given, data: Statistics, rate: Float[Array, ""], included: Terms
) -> Float[Array, ""]:
    """Return log p(y, γ | all but terms and weights), in nats.

    Parameters
    ----------
    given
        All but the weights, as if every term were in; Σ is diagonal.
    data
        The statistics.
    rate
        π.
    included
        γ, (feature, state), 0 or 1.
    """
    count = jnp.sum(included)
    total = count * jnp.log(rate) + (included.size - count) * jnp.log1p(-rate)
    for (P, b), chosen in zip(per_output(given, data), included.T, strict=True):
        factor = set_factor(P, chosen)
        information = chosen * b
        total += 0.5 * information @ cho_solve((factor, True), information)
        total -= jnp.sum(jnp.log(jnp.diagonal(factor)))
    return known_log_density(given, data) + total


def sweep_terms(
    key: Key, given: Given, data: Statistics, rate: Float[Array, ""], included: Terms, times: int
) -> tuple[Terms, Terms]:
    """Draw each term in turn given all others, some times over.

    Parameters
    ----------
    key
        Random key.
    given, data, rate, included
        As in `log_evidence_of_set`.
    times
        How often; a negative number from the last term to the first, which is the time reversal of the positive one.

    Returns
    -------
    (included, probability)
        γ, and the probability that each term had when it was last drawn, (feature, state).
    """
    columns = [
        _sweep_output(k, P, b, rate, chosen, times)
        for k, (P, b), chosen in zip(
            jax.random.split(key, included.shape[1]), per_output(given, data), included.T, strict=True
        )
    ]
    drawn, probability = zip(*columns, strict=True)
    return jnp.stack(drawn, 1), jnp.stack(probability, 1)


def draw_weights_of_set(key: Key, given: Given, data: Statistics, selected: tuple[Terms, Terms]) -> Selected:
    """Draw the weights from their law given a sweep's terms and everything else."""
    included, probability = selected
    columns = [
        draw_weights_of(k, P, b, chosen)
        for k, (P, b), chosen in zip(
            jax.random.split(key, included.shape[1]), per_output(given, data), included.T, strict=True
        )
    ]
    return Selected(included, jnp.stack(columns, 1), probability)


def _sweep_output(
    key: Key,
    P: Float[Array, "feature feature"],
    b: Float[Array, " feature"],
    rate: Float[Array, ""],
    included: Float[Array, " feature"],
    times: int,
) -> tuple[Float[Array, " feature"], Float[Array, " feature"]]:
    p = len(b)
    whole = jnp.zeros((p + 1, p + 1), b.dtype).at[:p, :p].set(P).at[:p, p].set(b).at[p, :p].set(b)
    prior_odds = jnp.log(rate) - jnp.log1p(-rate)

    def draw(state: tuple[Array, Array], given: tuple[Array, Array]) -> tuple[tuple[Array, Array], Array]:
        (table, included), (k, level) = state, given
        inside = included[k] > 0
        pivot = jnp.where(inside, -1 / table[k, k], table[k, k])
        left = jnp.where(inside, pivot * table[k, p], table[k, p])
        probability = jax.nn.sigmoid(prior_odds - 0.5 * jnp.log(pivot) + 0.5 * left**2 / pivot)
        drawn = level < probability
        table = jnp.where(drawn != inside, _swept(table, k, inside), table)
        return (table, included.at[k].set(drawn.astype(included.dtype))), probability

    order = np.arange(p) if times > 0 else np.arange(p)[::-1]

    def once(included: Array, key: Key) -> tuple[Array, Array]:
        def enter(k: Array, table: Array) -> Array:
            return jnp.where(included[k] > 0, _swept(table, k, False), table)

        # From anew each time: what rounding leaves of terms taken in and out grows exponentially.
        table = jax.lax.fori_loop(0, p, enter, whole)
        levels = jax.random.uniform(key, (p,), b.dtype)
        (_, drawn), probability = jax.lax.scan(draw, (table, included), (jnp.asarray(order), levels))
        return drawn, probability[order]

    drawn, probability = jax.lax.scan(once, included, jax.random.split(key, abs(times)))
    return drawn, probability[-1]


def _swept(table: Float[Array, "n n"], k: Array, back: Array | bool) -> Float[Array, "n n"]:
    """Return the table with row k eliminated, or put back."""
    pivot = table[k, k]
    row = table[k] / pivot
    side = jnp.where(back, -row, row)
    out = table - jnp.outer(table[:, k], row)
    return out.at[k].set(side).at[:, k].set(side).at[k, k].set(-1 / pivot)
