r"""The regimes of all draws under one set of labels.

The prior is the same for all regimes, so that the posterior is the same under every exchange of their labels, and
chains may exchange them. Every draw's regimes are put in the order in which the probabilities :math:`p_{tk}` of regime
k at step t of the data are nearest to those of a reference q,

.. math::
    \min_ν \sum_t \sum_k p_{tν(k)} \log \frac{p_{tν(k)}}{q_{tk}},

q being the mean of the draws in their orders, begun at the draw of the largest density. The labels of q are then put in
order, the regime of most steps first.

References
----------
Stephens (2000), Dealing with label switching in mixture models, doi:10.1111/1467-9868.00265.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import jax
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int
from scipy.optimize import linear_sum_assignment

from sdebayes._core.compiled import Compiled
from sdebayes._core.draws import evenly_spread
from sdebayes.inference.problem import Problem
from sdebayes.inference.strategy import Draws
from sdebayes.inference.target import Program
from sdebayes.likelihood import Observations
from sdebayes.model.rebuild import per_draw, read_draw
from sdebayes.model.sdemodel import SDEModel
from sdebayes.priors.regimes import RATES, RATIOS, Regimes, off_diagonal, site_prefix

STEPS = 2000
"""Of so many steps, evenly spread, the probabilities are compared."""

_ROUNDS = 10

Probabilities = Float[np.ndarray, "sample step regime"]
Orders = Int[np.ndarray, "sample regime"]


def relabelled(problem: Problem, draws: Draws) -> Draws:
    """Return draws whose regimes have one set of labels; the draws themselves where there are no regimes.

    Parameters
    ----------
    problem
        The model and the data.
    draws
        What a strategy drew.
    """
    regimes = problem.model.regimes
    if regimes is None:
        return draws
    flat = draws.position.reshape(-1, draws.position.shape[-1])
    sites, probabilities = _reading(problem.model, problem.density.unravel)(
        flat, problem.observations, _steps(problem.observations)
    )
    best = int(np.argmax(draws.statistics["lp"])) if "lp" in draws.statistics else 0
    moved = permuted(regimes, sites, orders(probabilities, best))
    position = Compiled(jax.vmap(lambda one: ravel_pytree(one)[0]))(moved)
    return replace(draws, position=np.asarray(position).reshape(draws.position.shape))


def orders(probabilities: Probabilities, best: int) -> Orders:
    """Return for each draw which of its regimes has each label.

    Parameters
    ----------
    probabilities
        Of each draw's regimes at the steps of data; NaN, of a draw without a density, says nothing.
    best
        The draw that the reference begins with.
    """
    probabilities = np.where(np.isfinite(probabilities), probabilities, 1 / probabilities.shape[-1])
    reference, found = probabilities[best], np.zeros(probabilities[:, 0].shape, int)
    entropy = np.einsum("stk,stk->sk", probabilities, _log(probabilities))
    for _ in range(_ROUNDS):
        before = found
        cost = entropy[:, :, None] - np.einsum("stj,tk->sjk", probabilities, _log(reference))
        found = np.array([linear_sum_assignment(one.T)[1] for one in cost])
        reference = np.take_along_axis(probabilities, found[:, None], axis=2).mean(0)
        if np.array_equal(found, before):
            break
    return found[:, np.argsort(-reference.sum(0), kind="stable")]


def _log(values: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(values, 1e-12))


def permuted(regimes: Regimes, sites: dict[str, np.ndarray], order: Orders) -> dict[str, np.ndarray]:
    """Return unconstrained sites, (sample, …), with the regimes of each draw in another order."""
    rows, n = np.arange(len(order)), regimes.n
    found = dict(sites)
    prefixes = [site_prefix(label) for label in regimes.labels]
    for name in [name for name in sites if name.startswith(prefixes[0])]:
        own = name.removeprefix(prefixes[0])
        stacked = np.stack([np.asarray(sites[prefix + own]) for prefix in prefixes])
        for k, prefix in enumerate(prefixes):
            found[prefix + own] = stacked[order[:, k], rows]
    off = off_diagonal(n)
    rates = np.zeros((len(order), n, n))
    rates[:, off[0], off[1]] = sites[RATES]
    found[RATES] = rates[rows[:, None, None], order[:, :, None], order[:, None, :]][:, off[0], off[1]]
    if RATIOS in sites:
        found[RATIOS] = np.asarray(sites[RATIOS])[rows[:, None], order]
    return found


def _steps(observations: Observations) -> tuple[np.ndarray, np.ndarray]:
    """Return trajectory and place of some of the steps that were seen."""
    rows, columns = np.nonzero(np.asarray(observations.seen).any(-1))
    chosen = evenly_spread(len(rows), STEPS)
    return rows[chosen], columns[chosen]


@lru_cache(maxsize=8)
def _reading(model: SDEModel, unravel: Any) -> Program:
    """From positions to unconstrained sites and the probabilities of regimes at some steps."""

    def one(position: Array, data: Observations, steps: tuple[Array, Array]) -> tuple[Any, Array]:
        free = unravel(position)
        sde = read_draw(model, free).observed
        return free, model.likelihood.regimes(sde, data)[steps]

    return per_draw(one)
