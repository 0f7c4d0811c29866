"""Marginalised sampling: the weights of a drift integrated out, the rest by the No-U-Turn sampler."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array
from numpyro.handlers import seed, substitute, trace

from sdebayes._core import precision as precision_scope
from sdebayes._core.arguments import checked
from sdebayes._core.errors import InferenceError, ModelError
from sdebayes._core.programs import one_at_a_time
from sdebayes._core.types import Key
from sdebayes.inference.chains import sampler_of
from sdebayes.inference.collapsed import Collapsed, Linearized, collapsed, in_closed_form
from sdebayes.inference.completion import completer
from sdebayes.inference.correction import (
    LONGEST_STAY,
    SMOOTHED,
    TAKEN,
    abandoned_finding,
    corrected_sampler_of,
    correction_finding,
    longest_stay,
)
from sdebayes.inference.evidence import Statistics
from sdebayes.inference.findings import Finding
from sdebayes.inference.hamiltonian import AbstractHamiltonian
from sdebayes.inference.linearization import approximation
from sdebayes.inference.progress import stage
from sdebayes.inference.reduction import statistics, statistics_of
from sdebayes.inference.selection import MOST_TERMS
from sdebayes.inference.settling import everything, settled
from sdebayes.inference.strategy import Draws, Problem, RunOptions
from sdebayes.inference.target import Density, make_target
from sdebayes.model.rebuild import per_draw
from sdebayes.model.sdemodel import SDEModel

TERMS = ("inclusion_probability",)
ABANDONED = "abandoned_approximation"


@final
@checked
@dataclass(frozen=True)
class Marginal(AbstractHamiltonian):
    r"""The No-U-Turn sampler with the weights of the drift integrated out.

    For a drift that is linear in normal weights, given its other parameters h, constant Σ and states that are observed
    exactly. Under Euler–Maruyama p(y | h) is in closed form and depends on the data through sums over transitions. They
    are taken in one pass; from there on the cost does not depend on the number of data. The sampler goes through h, a
    few parameters without the funnel that weights and their scales make, and the weights are then drawn from their
    normal law, once for each draw of h. The posterior is the one of `NUTS`.

    Under the other schemes the likelihood is nearly so: sums are taken that have its value and slopes, and about its
    curvature, amid the posterior's mass, which a few passes more find. Each move of the sampler, weights drawn, is then
    taken or not, so that the draws are those of the scheme's own posterior: one evaluation of the likelihood for each
    draw. ``diagnosis()`` says how many moves are taken. Where the approximation fails, or the mean draw is one of more
    than five equal ones in a row, all parameters are sampled as by `NUTS`, and ``diagnosis()`` says so; only terms with
    `sdebayes.priors.SpikeAndSlab`, which no gradient sees, are left as they are.

    Parameters
    ----------
    draws, warmup, chains, target_acceptance, max_tree_depth, dense_dimension, workers
        As in `NUTS`.

    Raises
    ------
    ModelError
        If a number is out of range.

    Notes
    -----
    The terms of a `sdebayes.priors.Sparse` drift with `sdebayes.priors.SpikeAndSlab` are summed over too, all sets of
    up to 12; of a larger library each term is drawn in turn given the others, before and after each move. The group
    ``selection`` then holds ``inclusion_probability`` (chain, draw, library_term, state) given the other parameters of
    each draw, and the other terms if they are drawn: their mean is the posterior probability of each term, up to what
    the approximation leaves under schemes other than Euler–Maruyama;
    ``drift_inclusion`` in ``posterior`` has the draws.

    ``sample_stats`` holds ``log_evidence``, log p(y | h), for each draw, the approximate one where there is one; ``lp``
    is the log density of h. Where all parameters were sampled they are as `NUTS` has them.

    Euler–Maruyama has a bias of the order of ‖J‖Δt, about −‖J‖Δt of Σ, that more data do not remove: the finding on the
    step size gives the number.
    """

    @staticmethod
    def findings(tree: xr.DataTree, parts: Collection[str]) -> list[Finding]:
        """Judge the chains as `NUTS` does, and the moves that are taken."""
        statistics = tree["sample_stats"].to_dataset()
        corrected = [correction_finding(statistics)] if TAKEN in statistics else []
        abandoned = [abandoned_finding(str(tree.attrs[ABANDONED]))] if ABANDONED in tree.attrs else []
        return AbstractHamiltonian.findings(tree, parts) + corrected + abandoned

    def run(self, problem: Problem, options: RunOptions) -> Draws:
        """Draw from a posterior; see `AbstractStrategy.run`."""
        if options.precision != "float64":
            raise ModelError(
                f"Marginal: precision is {options.precision!r}, but sums over the data need 'float64', which costs "
                "little here."
            )
        ready = collapsed(problem.model)
        in_closed_form = problem.model.discretization.linear_in_drift and not ready.sweeps
        drawn = (self._exactly if in_closed_form else self._nearly)(ready, problem, options)
        terms = {name: drawn.statistics.pop(name) for name in TERMS if name in drawn.statistics}
        dims = ("chain", "draw", "library_term", "state")
        coords = problem.model.drift.coords() | {"state": list(problem.model.frozen_scale.states)}
        selection = xr.Dataset({name: (dims, value) for name, value in terms.items()}, coords)
        return replace(drawn, groups=drawn.groups | ({"selection": selection} if terms else {}))

    def _exactly(self, ready: Collapsed, problem: Problem, options: RunOptions) -> Draws:
        target_key, run_key, weights_key = jax.random.split(options.key, 3)
        with stage("compiling the density", options.progress):
            data = statistics_of(ready, problem.observations)
            target = make_target(ready.program, ready.drawn, data, target_key)
        sampler = sampler_of(target.density, self.settings())
        drawn = self.sample(target, sampler, replace(options, key=run_key))
        shape = drawn.position.shape[:2]
        flat = drawn.position.reshape(-1, drawn.position.shape[-1])
        keys = np.asarray(jax.random.key_data(jax.random.split(weights_key, len(flat))))
        found = _completed(ready, target.density)((flat, keys), data)
        added = {"log_evidence": found.log_evidence} | found.terms
        shaped = {name: value.reshape(*shape, *value.shape[1:]) for name, value in added.items()}
        return Draws(found.position.reshape(*shape, -1), drawn.statistics | shaped, drawn.groups)

    def _nearly(self, ready: Collapsed, problem: Problem, options: RunOptions) -> Draws:
        try:
            drawn = self._corrected(ready, problem, options)
        except InferenceError as error:
            if ready.selects:
                raise InferenceError(f"{error} {SMOOTHED}") from error
            return self._all_parameters(problem, options, str(error))
        stay = longest_stay(drawn.statistics[TAKEN])
        if ready.selects or stay <= LONGEST_STAY:
            return drawn
        reason = f"Its mean draw was one of {stay:.1f} equal ones, limit {LONGEST_STAY:.0f}."
        return self._all_parameters(problem, options, reason)

    def _corrected(self, ready: Collapsed, problem: Problem, options: RunOptions) -> Draws:
        target_key, run_key, point_key, terms_key = jax.random.split(options.key, 4)
        seen = problem.observations
        with stage("compiling the density", options.progress):
            start = statistics_of(ready, seen)
            data = Linearized(start, seen, everything(ready))
            target = make_target(ready.linearized_program, ready.drawn, data, target_key)
        with stage("searching the approximation of the likelihood", options.progress):
            target = settled(ready, target, terms_key)
            if not problem.model.discretization.linear_in_drift:
                sums = approximation(ready, target, seen, point_key)
                target = settled(
                    ready, replace(target, data=target.data._replace(statistics=sums)), terms_key
                )
        sampler = corrected_sampler_of(target.density, self.settings(), ready, problem.density)
        return self.sample(target, sampler, replace(options, key=run_key))

    def _all_parameters(self, problem: Problem, options: RunOptions, reason: str) -> Draws:
        kept = options.checkpoint
        own = None if kept is None else kept.within("all_parameters")
        drawn = self.sample_all(problem, replace(options, checkpoint=own))
        return replace(drawn, attributes={ABANDONED: reason})


@checked
def log_evidence(model: SDEModel, data: xr.Dataset | Statistics, hyperparameters: Mapping[str, Any]) -> float:
    r"""Return log p(y | h), the weights of the drift integrated out.

    Parameters
    ----------
    model
        A model that `Marginal` can fit, under Euler–Maruyama; scaled to data already if these are statistics.
    data
        Trajectories, or their `statistics`.
    hyperparameters
        h: the value of each parameter of the model that is no weight, on its own support, under the names that
        ``model.numpyro_model(data)`` gives them.

    Returns
    -------
    float
        In nats, constants included: :math:`\log \int p(y \mid h, w)\, p(w)\, dw`.

    Raises
    ------
    DataError
        If the data are not valid.
    ModelError
        If the weights cannot be integrated out, or a parameter is missing or of another shape.
    """
    with precision_scope.scope("float64"):
        ready = in_closed_form(model if isinstance(data, Statistics) else model.scaled_to(data))
        if ready.sweeps:
            raise ModelError(
                f"log_evidence: the library has {ready.shape[0]} functions, too many to sum over all sets of them (at "
                f"most {MOST_TERMS}); use a lower degree or a library of your own."
            )
        sums = data if isinstance(data, Statistics) else statistics(ready.model, data)
        known = {name: jnp.asarray(value, dtype=float) for name, value in hyperparameters.items()}
        _check_names(ready, known)
        return float(_evidence(ready)(known, sums))


@lru_cache(maxsize=8)
def _evidence(ready: Collapsed) -> Callable[[Mapping[str, Array], Statistics], Array]:
    @one_at_a_time
    def evidence(known: Mapping[str, Array], sums: Statistics) -> Array:
        given, sites = substitute(seed(ready.given, jax.random.key(0)), data=known)()
        return ready.log_evidence(given, sites, sums)

    return jax.jit(evidence)


def _check_names(ready: Collapsed, known: Mapping[str, Array]) -> None:
    expected: dict[str, tuple[int, ...]] = {}

    @one_at_a_time
    def once(key: Key) -> None:
        sites = trace(seed(ready.drawn, key)).get_trace()
        drawn = {name: site["value"] for name, site in sites.items() if site["type"] == "sample"}
        expected.update((name, value.shape) for name, value in drawn.items())

    jax.eval_shape(once, jax.random.key(0))
    found = {name: value.shape for name, value in known.items()}
    if found != expected:
        raise ModelError(f"log_evidence: the hyperparameters have the shapes {found}; expected {expected}.")


@lru_cache(maxsize=8)
def _completed(ready: Collapsed, density: Density) -> Callable[..., Any]:
    """From (positions of h, keys) and data to draws of all parameters."""
    complete = completer(ready, density)
    return per_draw(lambda draw, data: complete(draw[0], jax.random.wrap_key_data(draw[1]), data))
