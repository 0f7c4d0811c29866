"""From a draw of all but the weights to a draw of all."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import jax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float
from numpyro.handlers import seed, substitute
from numpyro.infer.util import constrain_fn

from sdebayes._core.tracing import one_at_a_time
from sdebayes._core.types import Key, Scalar
from sdebayes.inference.marginal.marginalized import DrawnTerms, Marginalized, Sites, Surrogate
from sdebayes.inference.sufficient_statistics.euler_maruyama import Given, Statistics
from sdebayes.inference.target import Density, Flat


class Completion(NamedTuple):
    """A draw of all parameters.

    Attributes
    ----------
    position
        On unconstrained space, (dimension,).
    log_evidence
        log p(y | all but terms and weights), in nats; with a set of terms that is not summed over, log p(y, γ | …).
    known
        The model without unknown weights: Θ as its offset, scales 0.
    terms
        Probabilities of the terms; empty where all are in.
    """

    position: Float[Array, " dimension"]
    log_evidence: Scalar
    known: Given
    terms: Sites


@lru_cache(maxsize=8)
def completer(ready: Marginalized, density: Density) -> Callable[..., Completion]:
    """Return the function that draws terms and weights.

    Parameters
    ----------
    ready
        The model without its weights.
    density
        Its density.

    Returns
    -------
    callable
        From unconstrained parameters, a key, the data's statistics and, where sets are not summed over, the set of
        terms, to all parameters.
    """

    def complete(z: Flat, key: Key, data: Statistics, terms: DrawnTerms | None = None) -> Completion:
        given, known = _given(ready, density, z)
        drawn = ready.complete(key, given, known, data, terms)
        return Completion(
            ravel_pytree(density.unravel(z) | drawn.sites)[0],
            ready.log_evidence(given, known, data, terms),
            given._replace(offset=drawn.coefficients, scale=0 * given.scale),
            drawn.terms,
        )

    return complete


def swept(ready: Marginalized, density: Density, z: Flat, key: Key, data: Surrogate, times: int) -> Surrogate:
    """Return the data with a new set of terms, each drawn in turn given the others and all but the weights."""
    return data._replace(terms=ready.sweep(key, *_given(ready, density, z), data, times))


@one_at_a_time
def _given(ready: Marginalized, density: Density, z: Flat) -> tuple[Given, Sites]:
    values = constrain_fn(seed(ready.drawn, jax.random.key(0)), (), {}, density.unravel(z))
    return substitute(seed(ready.given, jax.random.key(0)), data=values)()
