"""The NumPyro model whose weights are integrated out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpyro
from jaxtyping import Array, Float
from numpyro.handlers import block, seed, substitute, trace

from sdebayes._core.errors import ModelError
from sdebayes._core.programs import one_at_a_time
from sdebayes._core.types import Key, Vector
from sdebayes.inference.evidence import (
    Coefficients,
    Given,
    Statistics,
    draw_weights,
    known_log_density,
    log_evidence_of,
)
from sdebayes.inference.selection import MOST_TERMS, Terms, draw_sets, log_evidence_of_sets
from sdebayes.inference.sweep import draw_weights_of_set, log_evidence_of_set, sweep_terms
from sdebayes.model.sdemodel import SDEModel
from sdebayes.priors.base import constant
from sdebayes.priors.selection import RATE

Sites = dict[str, Array]


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


class Linearized(NamedTuple):
    """Data whose likelihood is not that of statistics, but nearly; and the set of terms where it is not summed over.

    Attributes
    ----------
    statistics
        The statistics of the approximation.
    observations
        The data themselves.
    selected
        γ and the probability that each term had when it was drawn, each (feature, state); None where all terms are in,
        or all sets are summed over.
    """

    statistics: Statistics
    observations: Any
    selected: tuple[Terms, Terms] | None = None


@dataclass(frozen=True, eq=False)
class Collapsed:
    """A model given all but its drift's weights, and the evidence of that.

    Parameters
    ----------
    model
        The model, scaled to data; see `collapsed`.
    """

    model: SDEModel

    @property
    def reference(self) -> Vector:
        """Where the drift's linear functions are 0, (state,)."""
        prior: Any = self.model.drift
        n = len(self.model.frozen_scale.states)
        return jnp.asarray(constant("location", prior.location, type(prior).__name__, n))

    @property
    def selects(self) -> bool:
        """Whether terms are in or out, which is summed over."""
        return not self.model.drift.smooth

    @property
    def sweeps(self) -> bool:
        """Whether there are too many sets of terms to sum over."""
        return self.selects and self.shape[0] > MOST_TERMS

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Numbers of features and states."""
        found = jax.eval_shape(lambda: self.features(self.reference))
        return found.shape[0], len(self.model.frozen_scale.states)

    @one_at_a_time
    def features(self, x: Vector) -> Float[Array, " feature"]:
        """Return the known functions that the drift is linear in, at one point."""
        drift: Any = seed(self.model.build, jax.random.key(0))().sde.drift
        return drift.features(x, self.reference)

    def drawn(self) -> None:
        """Draw all but terms and weights inside a NumPyro model."""
        self.given()

    def given(self) -> tuple[Given, Sites]:
        """Draw all but terms and weights inside a NumPyro model; return what they make, and the draws.

        The model's own program is run twice, with all weights 0 and with all weights 1: what changes is their scale.
        """
        zero, one = (self.model.drift.weight_sites(jnp.full(self.shape, value)) for value in (0.0, 1.0))
        with trace() as sites:
            observed = block(substitute(self.model.build, data=zero), hide=list(zero))()
        known = {name: site["value"] for name, site in sites.items() if site["type"] == "sample"}
        with block():
            unit = substitute(self.model.build, data=known | one)()
        reference = self.reference
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

    def whole_program(self, statistics: Statistics) -> None:
        """Draw all parameters, weights too, and count the likelihood of the data in the log density."""
        observed = self.model.build()
        drift: Any = observed.sde.drift
        reference = self.reference
        offset = drift.coefficients(reference)
        first = observed.initial_mean - reference, observed.initial_covariance
        given = Given(offset, jnp.zeros_like(offset), observed.sde.covariance(reference), *first)
        numpyro.factor("log_likelihood", known_log_density(given, statistics))

    def linearized_program(self, data: Linearized) -> None:
        """Do so for a likelihood of which the statistics are an approximation."""
        given, known = self.given()
        numpyro.factor("log_evidence", self.log_evidence(given, known, data.statistics, data.selected))

    def log_evidence(
        self, given: Given, known: Sites, data: Statistics, selected: tuple[Terms, Terms] | None = None
    ) -> Float[Array, ""]:
        """Return log p(y | all but terms and weights), in nats; with a set of terms, log p(y, γ | the same)."""
        if not self.selects:
            return log_evidence_of(given, data, self.model.drift.shares_scale)
        if selected is not None:
            return log_evidence_of_set(given, data, known[RATE], selected[0])
        return log_evidence_of_sets(given, data, known[RATE])

    def sweep(
        self, key: Key, given: Given, known: Sites, data: Linearized, times: int
    ) -> tuple[Terms, Terms] | None:
        """Draw each term given all others and the rest, as `sweep_terms`; None where terms are not drawn so."""
        if data.selected is None:
            return None
        return sweep_terms(key, given, data.statistics, known[RATE], data.selected[0], times)

    def complete(
        self,
        key: Key,
        given: Given,
        known: Sites,
        data: Statistics,
        selected: tuple[Terms, Terms] | None = None,
    ) -> Completed:
        """Draw weights, and terms unless they are given, given the rest."""
        prior: Any = self.model.drift
        if not self.selects:
            weights = draw_weights(key, given, data, prior.shares_scale)
            return Completed(prior.weight_sites(weights), given.offset + given.scale * weights, {})
        first, second = jax.random.split(key)
        if selected is None:
            found = draw_sets(first, given, data, known[RATE])
        else:
            found = draw_weights_of_set(first, given, data, selected)
        sites = prior.weight_sites(found.weights) | prior.selection.inclusion_sites(
            second, found.included, known[RATE]
        )
        coefficients = given.offset + given.scale * found.included * found.weights
        return Completed(sites, coefficients, {"inclusion_probability": found.probability})


def collapsed(model: SDEModel) -> Collapsed:
    """Return a model without its weights, the same one again for the same model.

    Parameters
    ----------
    model
        The model, scaled to data.

    Raises
    ------
    ModelError
        If the weights cannot be integrated out, in closed form or nearly; the message says what to use instead.
    """
    refuse(model)
    return _collapsed(model)


def in_closed_form(model: SDEModel) -> Collapsed:
    """Return a model without its weights, whose scheme is linear in the drift.

    Parameters
    ----------
    model
        The model, scaled to data.

    Raises
    ------
    ModelError
        If the weights cannot be integrated out in closed form; the message says what to use instead.
    """
    if not model.discretization.linear_in_drift:
        raise ModelError(
            f"The mean of {type(model.discretization).__name__} is not linear in the drift, so sums over the data do "
            "not hold its likelihood; use scheme=sdebayes.schemes.EulerMaruyama(). A fit by sdebayes.Marginal() takes "
            "any scheme."
        )
    return collapsed(model)


@lru_cache(maxsize=8)
def _collapsed(model: SDEModel) -> Collapsed:
    ready = Collapsed(model)
    _, states = ready.shape
    if ready.selects and not (states == 1 or model.diffusion.diagonal):
        raise ModelError(
            "Terms can be in or out under independent noise only; use sdebayes.priors.Constant('diagonal'), or "
            "Sparse(selection=sdebayes.priors.Horseshoe())."
        )
    return ready


def refuse(model: SDEModel) -> None:
    """Raise an error if a model's weights cannot be integrated out, in closed form or nearly.

    Parameters
    ----------
    model
        The model, scaled to data.

    Raises
    ------
    ModelError
        If observation, diffusion, scheme or drift do not allow it; the message says what to use instead.
    """
    drift, scheme = type(model.drift).__name__, type(model.discretization).__name__
    checks = (
        (
            model.observation.exact,
            f"{type(model.observation).__name__} hides the states; use sdebayes.NUTS(), or "
            "observation=sdebayes.Exact() if there is no noise",
        ),
        (
            model.observation.normal,
            "Student-t innovations have no closed form; use sdebayes.NUTS(), or sdebayes.Exact() without innovations",
        ),
        (
            model.diffusion.constant,
            f"{type(model.diffusion).__name__} depends on the state; use sdebayes.NUTS(), or "
            "diffusion=sdebayes.priors.Constant()",
        ),
        (
            not model.discretization.requires_exact_observation,
            f"{scheme} splits a drift into its own parts, which a sum of known functions does not have; use "
            "sdebayes.NUTS(), or another scheme",
        ),
        (
            model.drift.linear_in_weights,
            f"{drift} is not a sum of known functions; use sdebayes.NUTS(), or a drift whose weights can be "
            "integrated out: Linear(), Sparse(), GP() with the basis HSGP (up to three states), GP(lengthscale=...) "
            "with any basis",
        ),
    )
    for fits, words in checks:
        if not fits:
            raise ModelError(f"The weights cannot be integrated out: {words}.")
