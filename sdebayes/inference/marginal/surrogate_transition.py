"""The No-U-Turn sampler of an approximation whose moves are taken or not, so that the draws are the posterior's.

A kernel that is reversible with respect to an approximation q proposes, and the proposal is taken with the probability
min(1, r′/r) of Metropolis and Hastings, r = p/q being the ratio of the posterior to q. The approximation may be rough,
at the cost of refused moves.

References
----------
Liu (2001), Monte Carlo Strategies in Scientific Computing, sec. 9.4.3, the surrogate transition method,
doi:10.1007/978-0-387-76371-2; Christen & Fox (2005), doi:10.1198/106186005X76983.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Bool

from sdebayes._core.types import Key, Scalar
from sdebayes.inference.chains import FIRST_FREE, Sampler, Settings, statistics_of
from sdebayes.inference.chart import Chart
from sdebayes.inference.findings import Finding
from sdebayes.inference.marginal.completion import Completion, completer, swept
from sdebayes.inference.marginal.marginalized import DrawnTerms, Marginalized, Surrogate
from sdebayes.inference.sufficient_statistics.euler_maruyama import known_log_density
from sdebayes.inference.target import Density, Flat, Target

ACCEPTED = "correction_accepted"
LONGEST_STAY = 5.0
ADVICE = "Use Sparse(selection=sdebayes.priors.Horseshoe()) and sdebayes.NUTS()."
SWEEPS = 10


class ChainState(NamedTuple):
    """The state of a chain.

    Attributes
    ----------
    kernel
        The state of the sampler of q.
    completion
        The draw of all parameters.
    log_ratio
        log p/q there, up to a constant.
    terms
        The set of terms, as in `Surrogate`.
    """

    kernel: Any
    completion: Completion
    log_ratio: Scalar
    terms: DrawnTerms | None


class SurrogateSampler(Sampler):
    """The No-U-Turn kernel for all but the weights under q, and the posterior's say on each of its moves.

    Parameters
    ----------
    density
        q of all but the weights, as a function of `Surrogate` data.
    settings
        The rest that it is compiled with; during warm-up every move is taken.
    model
        The model without its weights.
    posterior
        The posterior density of all parameters.
    """

    def __init__(self, density: Density, settings: Settings, model: Marginalized, posterior: Density) -> None:
        super().__init__(density, settings)
        self._model, self._complete, self._posterior = model, completer(model, density), posterior

    def first(
        self, target: Target, key: Key, position: Flat, place: tuple[Array, Flat], chart: Chart
    ) -> ChainState:
        """Return the state of a chain before its first iteration, which every move leaves."""
        data: Surrogate = target.data
        shapes = jax.eval_shape(self._complete, target.start, key, data.statistics, data.terms)
        blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        kernel = super().first(target, key, position, place, chart)
        return ChainState(kernel, blank, jnp.array(-jnp.inf), data.terms)

    def step(self, state: ChainState, data: Surrogate, chart: Chart) -> tuple[ChainState, dict[str, Array]]:
        """Return the state after one more iteration, and what is kept of it."""
        moved, terms = self._proposed(state, data, chart)
        weights_key, accept_key = jax.random.split(jax.random.fold_in(moved.rng_key, FIRST_FREE))

        def propose() -> tuple[Completion, Scalar]:
            completion = self._complete(self.place(moved, chart), weights_key, data.statistics, terms)
            return completion, self._log_ratio(completion, data)

        warm = moved.i <= self.settings.warmup
        proposed, log_ratio = jax.lax.cond(warm, lambda: (state.completion, state.log_ratio), propose)
        level = jnp.log(jax.random.uniform(accept_key))
        taken = warm | (level < log_ratio - state.log_ratio)
        there, back = ((s.z, s.z_grad, s.potential_energy) for s in (moved, state.kernel))
        z, z_grad, potential = jax.tree.map(lambda new, old: jnp.where(taken, new, old), there, back)
        kernel = moved._replace(z=z, z_grad=z_grad, potential_energy=potential)
        completion, log_ratio, terms = jax.tree.map(
            lambda new, old: jnp.where(taken, new, old), (proposed, log_ratio, terms), state[1:]
        )
        kept = {"position": completion.position, "log_evidence": completion.log_evidence, ACCEPTED: taken}
        after = ChainState(kernel, completion, log_ratio, terms)
        return after, statistics_of(kernel) | kept | completion.terms

    def _proposed(self, state: ChainState, data: Surrogate, chart: Chart) -> tuple[Any, DrawnTerms | None]:
        """Return the kernel's state and the set of terms after a move that is reversible with respect to q.

        Where terms are drawn, they are on both sides of the kernel's move, in reverse order.
        """
        kernel = state.kernel
        if state.terms is None:
            return self.move(kernel, data, chart), None
        first, second = jax.random.split(jax.random.fold_in(kernel.rng_key, FIRST_FREE + 1))
        here = self._swept(kernel, first, data._replace(terms=state.terms), chart, SWEEPS)
        potential, gradient = jax.value_and_grad(self.potential)(kernel.z, here, chart)
        kernel = self.move(kernel._replace(potential_energy=potential, z_grad=gradient), here, chart)
        return kernel, self._swept(kernel, second, here, chart, -SWEEPS).terms

    def _swept(self, kernel: Any, key: Key, data: Surrogate, chart: Chart, times: int) -> Surrogate:
        return swept(self._model, self._density, self.place(kernel, chart), key, data, times)

    def _log_ratio(self, proposed: Completion, data: Surrogate) -> Scalar:
        """Return log p/q: the prior, the same in both, cancels."""
        exact = self._posterior.log_likelihood(proposed.position, data.observations)
        return exact - known_log_density(proposed.known, data.statistics)


@lru_cache(maxsize=8)
def surrogate_sampler_of(
    density: Density, settings: Settings, model: Marginalized, posterior: Density
) -> SurrogateSampler:
    """Return the sampler of an approximation, the same one again while it is among the latest: it is compiled once."""
    return SurrogateSampler(density, settings, model, posterior)


def longest_stay(taken: Bool[np.ndarray, "chain draw"]) -> float:
    r"""Return how many draws in a row are equal, for the mean draw of the chain where it is most.

    With stays of :math:`m_i` draws of n it is :math:`\sum m_i^2 / n`; n over it bounds the effective draws.
    """

    def stay(moves: Bool[np.ndarray, " draw"]) -> float:
        starts = np.flatnonzero(np.concatenate([[True], moves[1:], [True]]))
        return float(np.sum(np.diff(starts) ** 2.0) / len(moves))

    return max(map(stay, taken))


def moves_finding(statistics: xr.Dataset) -> Finding:
    """Judge an approximation by the moves that the posterior took.

    Parameters
    ----------
    statistics
        The group ``sample_stats``.
    """
    taken = statistics[ACCEPTED].values.astype(bool)
    share, stay = float(taken.mean(1).min()), longest_stay(taken)
    good = stay <= LONGEST_STAY
    return Finding(
        "Moves taken",
        "good" if good else "warning",
        f"at least {share:.0%} of each chain's moves, made by a quadratic approximation of the likelihood; the mean "
        f"draw is one of {stay:.1f} equal ones, limit {LONGEST_STAY:.0f}.",
        ""
        if good
        else f"Chains stand still where the approximation is far off, as where steps are long. {ADVICE}",
        {"accepted_share": share, "longest_stay": stay},
    )
