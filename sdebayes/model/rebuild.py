"""From unconstrained draws back to the SDE, and quantities computed draw by draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree
from numpyro.distributions import biject_to
from numpyro.handlers import seed, substitute, trace

from sdebayes._core.compiled import Compiled
from sdebayes._core.threads import side_by_side
from sdebayes._core.tracing import one_at_a_time
from sdebayes._core.types import Key
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood import Observations
from sdebayes.likelihood.arrays import of_few_shapes
from sdebayes.model.groups import SCALE
from sdebayes.model.sdemodel import SDEModel

Sites = dict[str, Any]

BLOCK = 100


@one_at_a_time
def prior_draw(model: SDEModel, key: Key) -> ObservedSDE:
    """Return the SDE of a draw from the prior."""
    return seed(model.build, key)()


class Draw(NamedTuple):
    """What one draw's unconstrained sites say.

    Attributes
    ----------
    sites
        All sites on their own supports, deterministic ones included.
    observed
        The SDE.
    log_prior
        Log prior density of each site that was sampled, in nats, on its own support.
    """

    sites: Sites
    observed: ObservedSDE
    log_prior: Sites


@one_at_a_time
def read_draw(model: SDEModel, unconstrained: Sites) -> Draw:
    """Run the model's program once at the unconstrained sites of one draw."""

    def on_support(site: dict[str, Any]) -> Any:
        known = site["type"] == "sample" and site["name"] in unconstrained
        return biject_to(site["fn"].support)(unconstrained[site["name"]]) if known else None

    with trace() as found, substitute(substitute_fn=on_support), seed(rng_seed=jax.random.key(0)):
        observed = model.build()
    sampled = {name: site for name, site in found.items() if site["type"] == "sample"}
    return Draw(
        {name: site["value"] for name, site in found.items() if site["type"] in ("sample", "deterministic")},
        observed,
        {name: site["fn"].log_prob(site["value"]).sum() for name, site in sampled.items()},
    )


def parameters(model: SDEModel, unconstrained: Sites) -> Sites:
    """Return one draw's interpretable parameters by group, with a leading group axis; for a model with groups.

    Beside them, s of each site that varies between groups, under the site's name with ``_group_scale``.
    """
    pooling = model.pooling
    if pooling is None:
        return read_draw(model, unconstrained).sites
    own = pooling.of_groups(unconstrained)
    by_group = jax.vmap(lambda sites: read_draw(model.of_one_group, sites).sites, (pooling.axes(own),))
    scales = {name + SCALE: jnp.exp(unconstrained[name + SCALE]) for name in pooling.widths}
    return by_group(own) | scales


def per_draw(
    function: Callable[..., PyTree], block: int = BLOCK, averaging: bool = False
) -> Callable[..., PyTree]:
    """Make a function of one draw a function of stacked draws, compiled for few sizes of blocks.

    Parameters
    ----------
    function
        ``function(draw, *shared)``: a draw is a pytree, the rest is the same for all draws.
    block
        Draws in a block, at most.
    averaging
        Whether it returns a pair, of which the second is too large to be kept for each draw: its mean is returned.

    Returns
    -------
    callable
        ``(stacked, *shared, advance=None)``: every leaf of the result is a NumPy array with a leading sample axis.
        Draws are taken in blocks, one after another on each processor, so memory does not grow with their number
        beyond the result. ``advance`` is told after each block how many draws it had.
    """
    mapped = _summing(function) if averaging else _stacking(function)
    mapped.__name__ = getattr(function, "__qualname__", type(function).__name__).replace(".<locals>", "")
    compiled = Compiled(mapped)

    def apply(stacked: Any, *shared: Any, advance: Callable[[int], None] | None = None) -> Any:
        count = jax.tree.leaves(stacked)[0].shape[0]
        size = block if 4 * count > block else 1 << (count - 1).bit_length()

        def one_block(start: int) -> Any:
            index = np.arange(start, start + size)
            draws = jax.tree.map(lambda leaf: np.asarray(leaf)[np.minimum(index, count - 1)], stacked)
            result = jax.tree.map(np.asarray, compiled(index < count, draws, *shared))
            if advance is not None:
                advance(min(size, count - start))
            return result

        first, *others = range(0, count, size)
        results = [one_block(first), *side_by_side(one_block, others)]
        sums = jax.tree.map(lambda *leaves: np.sum(leaves, axis=0) / count, *(total for total, _ in results))
        each = jax.tree.map(lambda *leaves: np.concatenate(leaves)[:count], *(found for _, found in results))
        return (each, sums) if averaging else each

    return apply


def per_draw_of_data(function: Callable[..., PyTree], block: int = BLOCK) -> Callable[..., PyTree]:
    """Make a function of one draw and data one of stacked draws and data, compiled for few shapes of small data.

    Parameters
    ----------
    function
        ``function(draw, observations)``: every leaf of its result has the leading axes trajectory and, if it has more
        than one, time.
    block
        Draws in a block, at most.

    Returns
    -------
    callable
        ``(stacked, observations)``: every leaf of the result is a NumPy array with a leading sample axis.
    """
    of_filled = per_draw(function, block)

    def apply(stacked: Any, data: Observations) -> Any:
        own = slice(None), *map(slice, data.times.shape)
        found = of_filled(stacked, of_few_shapes(data))
        return jax.tree.map(lambda leaf: leaf[own[: leaf.ndim]], found)

    return apply


def _stacking(function: Callable[..., PyTree]) -> Callable[..., PyTree]:
    return lambda here, draws, *shared: ((), jax.lax.map(lambda draw: function(draw, *shared), draws))


def _summing(function: Callable[..., PyTree]) -> Callable[..., PyTree]:
    """Add up the second of the pairs over the draws that are there."""

    def mapped(here: Array, draws: PyTree, *shared: Any) -> tuple[PyTree, PyTree]:
        def step(total: PyTree, inputs: tuple[Array, PyTree]) -> tuple[PyTree, PyTree]:
            own, draw = inputs
            each, more = function(draw, *shared)
            return jax.tree.map(lambda a, b: a + jnp.where(own, b, 0.0), total, more), each

        first = jax.tree.map(lambda leaf: leaf[0], draws)
        like = jax.eval_shape(lambda draw: function(draw, *shared)[1], first)
        zero = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), like)
        return jax.lax.scan(step, zero, (here, draws))

    return mapped
