"""The NumPyro model whose weights are integrated out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpyro
from jaxtyping import Array, Float
from numpyro.handlers import block, substitute, trace

from sdebayes._core.errors import ModelError
from sdebayes._core.types import Key
from sdebayes.inference.marginal.evidence import draw_weights, log_evidence_of
from sdebayes.inference.marginal.gibbs import draw_weights_of_set, log_evidence_of_set, sweep_terms
from sdebayes.inference.marginal.term_sets import MOST_TERMS, Terms, draw_sets, log_evidence_of_sets
from sdebayes.inference.sufficient_statistics.euler_maruyama import Coefficients, Given, Statistics
from sdebayes.inference.sufficient_statistics.linear_weights import (
    LinearWeights,
    functions_of,
    obstacle,
    obstacle_but_scheme,
    refuse,
)
from sdebayes.likelihood import Observations
from sdebayes.model.sdemodel import SDEModel
from sdebayes.priors.selection import RATE

Sites = dict[str, Array]


class DrawnTerms(NamedTuple):
    """A set of terms, where there are too many sets to sum over.

    Attributes
    ----------
    included
        γ, (feature, state), 0 or 1.
    probability
        The probability that each term had when it was drawn, (feature, state).
    """

    included: Terms
    probability: Terms


class Surrogate(NamedTuple):
    """The data of a density whose sums are near those of the likelihood, and a set of terms.

    Attributes
    ----------
    statistics
        The sums.
    observations
        The data themselves.
    terms
        The set; None where all sets are summed over.
    """

    statistics: Statistics
    observations: Observations
    terms: DrawnTerms | None = None


class Completed(NamedTuple):
    """A draw of terms and weights given the rest.

    Attributes
    ----------
    sites
        The values of their sites.
    coefficients
        Θ, what multiplies the features, (feature, state).
    terms
        Probabilities of the terms; empty where all are in.
    """

    sites: Sites
    coefficients: Coefficients
    terms: Sites


@dataclass(frozen=True, eq=False)
class Marginalized:
    """A model given all but its drift's weights, and the evidence of that.

    Parameters
    ----------
    functions
        The model, and the functions that its drift is a sum of; see `marginalized`.
    """

    functions: LinearWeights

    @property
    def model(self) -> SDEModel:
        """The model, scaled to data."""
        return self.functions.model

    @property
    def selects(self) -> bool:
        """Whether terms are in or out, which is summed over."""
        return not self.model.drift.smooth

    @property
    def sweeps(self) -> bool:
        """Whether there are too many sets of terms to sum over."""
        return self.selects and self.functions.shape[0] > MOST_TERMS

    def drawn(self) -> None:
        """Draw all but terms and weights inside a NumPyro model."""
        self.given()

    def given(self) -> tuple[Given, Sites]:
        """Draw all but terms and weights inside a NumPyro model; return what they make, and the draws.

        The model's own program is run twice, with all weights 0 and with all weights 1: what changes is their scale.
        """
        shape, reference = self.functions.shape, self.functions.reference
        zero, one = (self.model.drift.weight_sites(jnp.full(shape, value)) for value in (0.0, 1.0))
        with trace() as sites:
            observed = block(substitute(self.model.build, data=zero), hide=list(zero))()
        known = {name: site["value"] for name, site in sites.items() if site["type"] == "sample"}
        with block():
            unit = substitute(self.model.build, data=known | one)()
        offset, most = (each.sde.drift.coefficients(reference) for each in (observed, unit))
        made = Given(
            offset,
            most - offset,
            observed.sde.covariance(reference),
            observed.initial_mean - reference,
            observed.initial_covariance,
        )
        return made, known

    def program(self, statistics: Statistics) -> None:
        """Draw all but terms and weights, and count the evidence of the data in the log density."""
        numpyro.factor("log_evidence", self.log_evidence(*self.given(), statistics))

    def surrogate_program(self, data: Surrogate) -> None:
        """Do so by sums that are near those of the likelihood, for a set of terms if there is one."""
        numpyro.factor("log_evidence", self.log_evidence(*self.given(), data.statistics, data.terms))

    def log_evidence(
        self, given: Given, known: Sites, data: Statistics, terms: DrawnTerms | None = None
    ) -> Float[Array, ""]:
        """Return log p(y | all but terms and weights), in nats; with a set of terms, log p(y, γ | the same)."""
        if not self.selects:
            return log_evidence_of(given, data, self.model.drift.shares_scale)
        if terms is not None:
            return log_evidence_of_set(given, data, known[RATE], terms.included)
        return log_evidence_of_sets(given, data, known[RATE])

    def sweep(self, key: Key, given: Given, known: Sites, data: Surrogate, times: int) -> DrawnTerms | None:
        """Draw each term given all others and the rest, some times over; None where all sets are summed over."""
        if data.terms is None:
            return None
        return DrawnTerms(*sweep_terms(key, given, data.statistics, known[RATE], data.terms.included, times))

    def complete(
        self, key: Key, given: Given, known: Sites, data: Statistics, terms: DrawnTerms | None = None
    ) -> Completed:
        """Draw weights, and terms unless they are given, given the rest."""
        prior: Any = self.model.drift
        if not self.selects:
            weights = draw_weights(key, given, data, prior.shares_scale)
            return Completed(prior.weight_sites(weights), given.offset + given.scale * weights, {})
        first, second = jax.random.split(key)
        if terms is None:
            found = draw_sets(first, given, data, known[RATE])
        else:
            found = draw_weights_of_set(first, given, data, terms)
        sites = prior.weight_sites(found.weights) | prior.selection.inclusion_sites(
            second, found.included, known[RATE]
        )
        coefficients = given.offset + given.scale * found.included * found.weights
        return Completed(sites, coefficients, {"inclusion_probability": found.probability})


def marginalized(model: SDEModel) -> Marginalized:
    """Return a model without its weights, the same one again for the same model.

    Parameters
    ----------
    model
        The model, scaled to data.

    Raises
    ------
    ModelError
        If the weights cannot be integrated out; the message says what to use instead.
    """
    smooth = model.drift.smooth
    refuse(obstacle(model) if smooth else obstacle_but_scheme(model) or _parts_of_drift(model))
    return _marginalized(functions_of(model))


def _parts_of_drift(model: SDEModel) -> str:
    if not model.discretization.requires_exact_observation:
        return ""
    return (
        f"{type(model.discretization).__name__} splits a drift into its own parts, which a sum of known functions does "
        "not have; use another scheme"
    )


@lru_cache(maxsize=8)
def _marginalized(functions: LinearWeights) -> Marginalized:
    ready = Marginalized(functions)
    if ready.selects and not (functions.shape[1] == 1 or ready.model.diffusion.diagonal):
        raise ModelError(
            "Terms can be in or out under independent noise only; use sdebayes.priors.Constant('diagonal'), or "
            "Sparse(selection=sdebayes.priors.Horseshoe())."
        )
    return ready
