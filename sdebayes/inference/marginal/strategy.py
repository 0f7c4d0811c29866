"""Marginalised sampling: the weights of a drift integrated out, the rest by the No-U-Turn sampler."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar, final

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import InferenceError, ModelError
from sdebayes._core.threads import meanwhile
from sdebayes.inference.chains import sampler_of
from sdebayes.inference.findings import Finding
from sdebayes.inference.hamiltonian import AbstractHamiltonian
from sdebayes.inference.marginal.completion import completer
from sdebayes.inference.marginal.initial_terms import every_term, with_initial_terms
from sdebayes.inference.marginal.local_statistics import local_statistics
from sdebayes.inference.marginal.marginalized import Marginalized, Surrogate, marginalized
from sdebayes.inference.marginal.surrogate_transition import (
    ACCEPTED,
    ADVICE,
    moves_finding,
    surrogate_sampler_of,
)
from sdebayes.inference.problem import Problem
from sdebayes.inference.progress import stage
from sdebayes.inference.strategy import Draws, RunOptions
from sdebayes.inference.sufficient_statistics.reduction import statistics_of
from sdebayes.inference.target import Density, Target, density_of, make_target
from sdebayes.model.rebuild import BLOCK, per_draw

TERMS = ("inclusion_probability",)


@final
@checked
@dataclass(frozen=True)
class Marginal(AbstractHamiltonian):
    r"""The No-U-Turn sampler with the weights of the drift integrated out.

    For a drift that is linear in normal weights, given its other parameters h, under Euler–Maruyama with constant Σ and
    states that are observed exactly: p(y | h) is in closed form and depends on the data through sums over transitions.
    They are taken in one pass; from there on the cost does not depend on the number of data. The sampler goes through
    h, a few parameters without the funnel that weights and their scales make, and the weights are then drawn from their
    normal distribution, once for each draw of h. The posterior is the one of `NUTS`.

    Terms with `sdebayes.priors.SpikeAndSlab`, in or out, have no gradient that `NUTS` could follow. They are fitted
    under every scheme: sums are taken that have the likelihood's value and slopes, and about its curvature, amid the
    posterior's mass, which a few passes more find. Each move of the sampler, terms and weights drawn, is then taken or
    not, so that the draws are those of the scheme's own posterior: one evaluation of the likelihood for each draw.
    ``diagnosis()`` says how many moves are taken.

    Parameters
    ----------
    draws, warmup, chains, target_acceptance, max_tree_depth, dense_dimension, workers
        As in `NUTS`.

    Raises
    ------
    ModelError
        If a number is out of range.

    See Also
    --------
    sdebayes.NUTS : For any model.
    sdebayes.priors.Sparse : Terms in or out, of which it sums over all sets.
    sdebayes.inference.statistics : The sums that it reads.

    Notes
    -----
    All sets of up to 12 terms are summed over; of a larger library each term is drawn in turn given the others, before
    and after each move. The group ``selection`` then holds ``inclusion_probability`` (chain, draw, library_term, state)
    given the other parameters of each draw, and the other terms if they are drawn: their mean is the posterior
    probability of each term, up to what the approximation leaves under schemes other than Euler–Maruyama;
    ``drift_inclusion`` in ``posterior`` has the draws.

    ``sample_stats`` holds ``log_evidence``, log p(y | h), for each draw, the approximate one where there is one; ``lp``
    is the log density of h.

    Euler–Maruyama has a bias of the order of ‖J‖Δt, about −‖J‖Δt of Σ, that more data do not remove: the finding on the
    step size gives the number.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well_1d", 200, 0.1, n_trajectories=4)
    >>> model = sb.SDEModel(drift=sb.priors.Sparse(), scheme=sb.schemes.EulerMaruyama(), observation=sb.Exact())
    >>> posterior = sb.fit(model, data, sb.Marginal(draws=50, warmup=50), seed=0)
    >>> chosen = posterior.data["selection"]["inclusion_probability"].mean(("chain", "draw"))
    >>> chosen["library_term"].values.tolist()
    ['1', 'x1', 'x1²', 'x1³']
    >>> (chosen > 0.9).values.ravel()  # the truth is 2 x - 3 x³
    array([False,  True, False,  True])
    """

    reads_sums: ClassVar[bool] = True

    @staticmethod
    def findings(tree: xr.DataTree, parts: Collection[str]) -> list[Finding]:
        """Judge the chains as `NUTS` does, and the moves that are taken."""
        statistics = tree["sample_stats"].to_dataset()
        moves = [moves_finding(statistics)] if ACCEPTED in statistics else []
        return AbstractHamiltonian.findings(tree, parts) + moves

    def run(self, problem: Problem, options: RunOptions) -> Draws:
        """Draw from a posterior; see `AbstractStrategy.run`. A checkpoint keeps the chains."""
        if options.precision != "float64":
            raise ModelError(
                f"Marginal: precision is {options.precision!r}, but sums over the data need 'float64', which costs "
                "little here."
            )
        ready = marginalized(problem.model)
        if problem.model.discretization.linear_in_drift and not ready.sweeps:
            drawn = self._in_closed_form(ready, problem, options)
        else:
            drawn = self._by_surrogate(ready, problem, options)
        terms = {name: drawn.statistics.pop(name) for name in TERMS if name in drawn.statistics}
        dims = ("chain", "draw", "library_term", "state")
        coords = problem.model.drift.coords() | {"state": list(problem.model.frozen_scale.states)}
        selection = xr.Dataset({name: (dims, value) for name, value in terms.items()}, coords)
        return replace(drawn, groups=drawn.groups | ({"selection": selection} if terms else {}))

    def _in_closed_form(self, ready: Marginalized, problem: Problem, options: RunOptions) -> Draws:
        target_key, run_key, weights_key = jax.random.split(options.key, 3)
        with stage("taking sums over the data", options.progress):
            own = problem.sums
            data = statistics_of(ready.functions, problem.observations) if own is None else own.data
        density = density_of(ready.program, ready.drawn)
        sampler, complete = sampler_of(density, self.settings()), _completed(ready, density)
        shape = (self.chains, self.draws)
        keys = np.asarray(jax.random.key_data(jax.random.split(weights_key, self.chains * self.draws)))

        def compile_all() -> None:
            blank = Target(density, data, jnp.zeros(density.dimension))
            if self._finished(options) is None:
                sampler.prepare(blank, self.any_chart(blank))
            complete((np.zeros((len(keys), density.dimension))[:BLOCK], keys[:BLOCK]), data)

        with meanwhile(compile_all):
            with stage("compiling the density", options.progress):
                target = make_target(ready.program, ready.drawn, data, target_key)
            drawn = self.sample(target, sampler, replace(options, key=run_key))
        flat = drawn.position.reshape(-1, drawn.position.shape[-1])
        found = complete((flat, keys), data)
        added = {"log_evidence": found.log_evidence} | found.terms
        shaped = {name: value.reshape(*shape, *value.shape[1:]) for name, value in added.items()}
        return Draws(found.position.reshape(*shape, -1), drawn.statistics | shaped, drawn.groups)

    def _by_surrogate(self, ready: Marginalized, problem: Problem, options: RunOptions) -> Draws:
        if problem.sums is not None:
            raise ModelError(
                "Marginal: the terms of this model are drawn by its transitions themselves, and these are read from "
                "the disk as sums alone; load the data, or take a library of 12 terms or fewer."
            )
        target_key, run_key, point_key, terms_key = jax.random.split(options.key, 4)
        seen = problem.observations
        with stage("compiling the density", options.progress):
            data = Surrogate(statistics_of(ready.functions, seen), seen, every_term(ready))
            target = make_target(ready.surrogate_program, ready.drawn, data, target_key)
        with stage("searching the approximation of the likelihood", options.progress):
            target = with_initial_terms(ready, target, terms_key)
            if not problem.model.discretization.linear_in_drift:
                try:
                    sums = local_statistics(ready, target, seen, point_key)
                except InferenceError as error:
                    raise InferenceError(f"{error} {ADVICE}") from error
                near = replace(target, data=target.data._replace(statistics=sums))
                target = with_initial_terms(ready, near, terms_key)
        sampler = surrogate_sampler_of(target.density, self.settings(), ready, problem.density)
        return self.sample(target, sampler, replace(options, key=run_key))


@lru_cache(maxsize=8)
def _completed(ready: Marginalized, density: Density) -> Callable[..., Any]:
    """From (positions of h, keys) and data to draws of all parameters."""
    complete = completer(ready, density)
    return per_draw(lambda draw, data: complete(draw[0], jax.random.wrap_key_data(draw[1]), data))
