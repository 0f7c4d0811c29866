"""A set of terms to start from, where there are too many sets to sum over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import jax
import jax.numpy as jnp

from sdebayes._core.types import Key
from sdebayes.inference.marginal.completion import swept
from sdebayes.inference.marginal.marginalized import DrawnTerms, Marginalized, Surrogate
from sdebayes.inference.mode import find_mode
from sdebayes.inference.target import Density, Flat, Target

_ROUNDS = 3
_SWEEPS = 20


def every_term(model: Marginalized) -> DrawnTerms | None:
    """Return the set of all terms, each certain; None for a model that sums over all sets."""
    shape = model.functions.shape
    return DrawnTerms(jnp.ones(shape), jnp.ones(shape)) if model.sweeps else None


def with_initial_terms(model: Marginalized, target: Target, key: Key) -> Target:
    """Return a density at a set of terms amid the posterior's mass: terms and the mode of the rest, in turns.

    Parameters
    ----------
    model
        The model without its weights.
    target
        Its density at `Surrogate`.
    key
        Random key.
    """
    if not model.sweeps:
        return target
    for own in jax.random.split(key, _ROUNDS):
        mode_key, sweep_key = jax.random.split(own)
        mode = find_mode(target, mode_key)
        place = target.density.place(mode.position, mode.whitenings)
        target = replace(target, data=_swept(model, target.density)(place, sweep_key, target.data))
    return target


@lru_cache(maxsize=8)
def _swept(model: Marginalized, density: Density) -> Callable[[Flat, Key, Surrogate], Surrogate]:
    return jax.jit(lambda z, key, data: swept(model, density, z, key, data, _SWEEPS))
