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

from sdebayes._core.types import Key, Scalar
from sdebayes.inference.collapsed import Collapsed, Sites
from sdebayes.inference.evidence import Given, Statistics
from sdebayes.inference.target import Density, Flat


class Completion(NamedTuple):
    """A draw of all parameters.

    Attributes
    ----------
    position
        On unconstrained space, (dimension,).
    log_evidence
        log p(y | all but terms and weights), in nats.
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
def completer(ready: Collapsed, density: Density) -> Callable[[Flat, Key, Statistics], Completion]:
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
        From unconstrained parameters, a key and the data's statistics to all parameters.
    """

    def complete(z: Flat, key: Key, data: Statistics) -> Completion:
        free = density.unravel(z)
        values = constrain_fn(seed(ready.drawn, jax.random.key(0)), (), {}, free)
        given, known = substitute(seed(ready.given, jax.random.key(0)), data=values)()
        drawn = ready.complete(key, given, known, data)
        return Completion(
            ravel_pytree(free | drawn.sites)[0],
            ready.log_evidence(given, known, data),
            given._replace(offset=drawn.coefficients, scale=0 * given.scale),
            drawn.terms,
        )

    return complete
