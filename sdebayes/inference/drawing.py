"""From data to draws of the SDE alone, where nothing else of a posterior is asked for."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import xarray as xr

from sdebayes._core.precision import Precision, scope, single_blas_thread
from sdebayes.inference.problem import Problem
from sdebayes.inference.strategy import AbstractStrategy, RunOptions
from sdebayes.model.rebuild import per_draw, read_draw
from sdebayes.model.sdemodel import SDEModel
from sdebayes.simulation import Source


def draw(model: SDEModel, data: xr.Dataset, strategy: AbstractStrategy, seed: int) -> Source:
    """Fit a model whose prior constants are frozen, and return the draws of its SDE.

    Parameters
    ----------
    model
        The model, scaled.
    data
        Training trajectories.
    strategy
        How to fit.
    seed
        Seed of the fit.
    """
    precision: Precision = "float64"
    with scope(precision), single_blas_thread():
        target_key, run_key = jax.random.split(jax.random.key(seed))
        problem = Problem(model, model.read(data), target_key)
        found = strategy.run(problem, RunOptions(run_key, precision))
        density = problem.density
        sde_of = per_draw(lambda position: read_draw(model, density.unravel(position)).observed)
        observed = sde_of(found.position.reshape(-1, found.position.shape[-1]))
        observed = jax.tree.map(jnp.asarray, observed)
    return Source(observed, precision, tuple(model.frozen_scale.states), True, {})
