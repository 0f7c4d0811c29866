"""The NumPyro program of one group: every unknown drawn, the SDE as it is observed made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from sdebayes._core.types import Matrix, Vector
from sdebayes.dynamics import SDE, AbstractDiffusion, AbstractDrift, ObservedSDE
from sdebayes.model.groups import OfPart
from sdebayes.model.initial import law_of_start
from sdebayes.model.level import sample_level
from sdebayes.priors import Regimes

if TYPE_CHECKING:
    from sdebayes.model.sdemodel import SDEModel


def draw_sde(model: SDEModel) -> ObservedSDE:
    """Draw every unknown of a model inside a NumPyro program, its sites marked by the part that they are of."""
    n, scale = len(model.frozen_scale.states), model.frozen_scale
    with OfPart("observation", model.observation.by_group):
        drawn = model.observation.sample(n)
    regimes = model.regimes
    sde, mean, covariance, generator = (
        _one(model, n, drawn.variance) if regimes is None else _several(model, regimes, n, drawn.variance)
    )
    seen = {name: value for name, value in drawn._asdict().items() if name != "variance"}
    slopes = sample_level(model.levels, scale)
    return ObservedSDE(sde, mean, covariance, **seen, level_slopes=slopes, generator=generator)


def _one(model: SDEModel, n: int, variance: Vector | None) -> tuple[Any, ...]:
    with OfPart("diffusion", model.diffusion.by_group):
        diffusion = model.diffusion.sample(n, variance=variance)
    with OfPart("drift", model.drift.by_group):
        drift = model.drift.sample(n, diffusion, variance=variance)
        return SDE(drift, diffusion), *_start(model, drift, diffusion), None


def _several(model: SDEModel, regimes: Regimes, n: int, variance: Vector | None) -> tuple[Any, ...]:
    """Draw all regimes; a distribution of the first state that is not the stationary one is the same in all."""
    drift, diffusion, generator = regimes.sample_all(n, model.diffusion, variance)
    if model.stationary:
        start = jax.vmap(lambda *parts: _start(model, *parts))(drift, diffusion)
    else:
        start = jax.tree.map(
            lambda part: jnp.broadcast_to(part, (regimes.n, *part.shape)), _start(model, drift, diffusion)
        )
    return SDE(drift, diffusion), *start, generator


def _start(model: SDEModel, drift: AbstractDrift, diffusion: AbstractDiffusion) -> tuple[Vector, Matrix]:
    block = model.drift.coupled if model.diffusion.diagonal else None
    block = 0 if model.drift.diagonal else block
    return law_of_start(model.initial, model.stationary, model.frozen_scale, drift, diffusion, block)
