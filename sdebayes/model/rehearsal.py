"""A model's program, run on shapes alone before data are fitted to it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import lru_cache

import jax
from numpyro.handlers import seed, trace

from sdebayes._core.errors import ModelError
from sdebayes._core.tracing import one_at_a_time
from sdebayes._core.types import Key


@dataclass(frozen=True)
class Rehearsal:
    """What is run.

    Parameters
    ----------
    structure
        What the program is made of but its numbers: of those with the same one is run.
    program
        The NumPyro program.
    """

    structure: Hashable
    program: Callable[[], object] = field(compare=False)


@lru_cache(maxsize=64)
def rehearse(rehearsal: Rehearsal) -> None:
    """Run a NumPyro program once on shapes alone.

    Raises
    ------
    ModelError
        If two of its sites have one name, or a site that of the observations.
    """
    names: set[str] = set()

    @one_at_a_time
    def once(key: Key) -> None:
        with trace() as sites, seed(rng_seed=key):
            rehearsal.program()
        names.update(sites)

    try:
        jax.eval_shape(once, jax.random.key(0))
    except AssertionError as error:
        raise ModelError(f"Two parts of the model share a parameter's name ({error}); rename it.") from error
    if "y" in names:
        raise ModelError("A parameter is named 'y', the name of the observations; rename it.")
