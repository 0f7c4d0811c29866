"""Programs that standardise data and replicates under one draw after another."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood import AbstractLikelihood, Observations
from sdebayes.model.rebuild import per_draw_of_data

MOST_AT_ONCE = 16
"""Replicates in a block: few, so that a last one that is not full takes no program of its own."""


@lru_cache(maxsize=8)
def judging(likelihood: AbstractLikelihood) -> Callable[..., PyTree]:
    """From draws and data to innovations and what was predicted."""

    def one(draw: ObservedSDE, data: Observations) -> tuple[Array, Array]:
        return likelihood.innovations(draw, data, [jnp.asarray(data.values)])[0]

    return per_draw_of_data(one)


@lru_cache(maxsize=8)
def replicating(likelihood: AbstractLikelihood) -> Callable[..., PyTree]:
    """From triples of maker, judge and key, and data, to replicates and to what `judging` returns of data and these."""

    def one(triple: tuple[ObservedSDE, ObservedSDE, Array], data: Observations) -> tuple[Any, ...]:
        maker, judge, key = triple
        values = likelihood.replicate(maker, data, jax.random.wrap_key_data(key))
        own, theirs = likelihood.innovations(judge, data, [jnp.asarray(data.values), values])
        return jnp.where(jnp.asarray(data.seen), values, jnp.nan), own, theirs

    return per_draw_of_data(one, block=MOST_AT_ONCE)
