"""Where the truths of a calibration study come from, and data of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from sdebayes._core.errors import ModelError
from sdebayes._core.types import Key
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood import AroundLevel, Kalman, Observations
from sdebayes.likelihood.generate import observe, scale_normals
from sdebayes.model.rebuild import prior_draw
from sdebayes.model.sdemodel import SDEModel
from sdebayes.posterior.quantities import Read
from sdebayes.schemes import LocalLinearization
from sdebayes.simulation.kernels import TimeGrid, euler_maruyama_path
from sdebayes.simulation.source import Source, as_source

FINE_STEPS = 50
"""Euler–Maruyama steps from one observation of a given nonlinear truth to the next."""

Law = Callable[[ObservedSDE, Observations, Key], Array]
Draw = Callable[[Observations, Key], tuple[Array, Array]]
"""From data and a key to values of data drawn like them, and the quantities of the truth behind them."""


@lru_cache(maxsize=8)
def from_prior(model: SDEModel, read: Read, substeps: int | None, corrects_filter: bool) -> Draw:
    """Draw truths from a model's prior.

    Parameters
    ----------
    model
        The model, scaled to data.
    read
        From the SDE as it is observed, and data, to the quantities.
    substeps
        None for data of the likelihood's own law; else the Euler–Maruyama steps from one observation to the next.
    corrects_filter
        Whether that own law is the scheme's where the likelihood is a filter's.
    """
    law = _own_law(model, corrects_filter) if substeps is None else _fine_law(substeps)

    def draw(observations: Observations, key: Key) -> tuple[Array, Array]:
        prior_key, data_key = jax.random.split(key)
        truth = prior_draw(model, prior_key)
        values = law(truth, observations, data_key)
        return values, read(truth, replace(observations, values=values, table=None))

    return eqx.filter_jit(draw)


def given(truth: Any, shape: tuple[int, int], read: Read, substeps: int | None) -> Draw:
    """Take the truths of a user.

    Parameters
    ----------
    truth
        An SDE, one as it is observed, a posterior, of which one draw is taken for each data set, or a function from a
        random key to any of these.
    shape
        Numbers of observed coordinates and of states that the model has.
    read
        From the SDE as it is observed, and data, to the quantities.
    substeps
        Euler–Maruyama steps from one observation to the next; None for the exact law of a linear SDE with constant Σ,
        and so many that they are fine for any other.

    Raises
    ------
    ModelError
        From the function that is returned, if the truth is none of these or does not fit the model.
    """
    known = None if callable(truth) else as_source(truth, shape[1])

    @eqx.filter_jit
    def drawn(one: ObservedSDE, observations: Observations, key: Key) -> tuple[Array, Array]:
        exact = LocalLinearization()
        linear = substeps is None and one.sde.linear is not None
        law = AroundLevel(exact, Kalman(exact)).replicate if linear else _fine_law(substeps or FINE_STEPS)
        values = law(one, observations, key)
        return values, read(one, replace(observations, values=values, table=None))

    def draw(observations: Observations, key: Key) -> tuple[Array, Array]:
        truth_key, choice_key, data_key = jax.random.split(key, 3)
        source = as_source(truth(truth_key), shape[1]) if known is None else known
        return drawn(_one_of(source, shape, choice_key), observations, data_key)

    return draw


def _one_of(source: Source, shape: tuple[int, int], key: Key) -> ObservedSDE:
    """Return one draw of a source, in the precision in force."""
    if not source.has_initial_law:
        raise ModelError(
            "calibrate: the truth is an SDE without a stationary distribution that is known, so that its paths have no "
            "start; give a sdebayes.dynamics.ObservedSDE, which has initial_mean and initial_covariance."
        )
    found = source.observed.matrix.shape[1:]
    if found != shape:
        raise ModelError(
            f"calibrate: the truth has {found[0]} observed coordinates of {found[1]} states, the model {shape[0]} of "
            f"{shape[1]}; give one of the model's."
        )
    index = jax.random.randint(key, (), 0, source.n_draws)

    def taken(leaf: Any) -> Any:
        if not eqx.is_array(leaf):
            return leaf
        return jnp.asarray(leaf[index], dtype=float if eqx.is_inexact_array(leaf) else leaf.dtype)

    return jax.tree.map(taken, source.observed)


def _own_law(model: SDEModel, corrects_filter: bool) -> Law:
    return model.likelihood.replicate if corrects_filter else model.likelihood.draw


def _fine_law(substeps: int) -> Law:
    """Return draws of the SDE itself, by Euler–Maruyama steps that are many times shorter than the data's."""

    def path(truth: ObservedSDE, times: Array, start: Array, key: Key) -> Array:
        count = times.shape[0] - 1
        grid = TimeGrid(times, jnp.diff(times), jnp.arange(count), jnp.full(count, substeps))
        return euler_maruyama_path(truth.sde, start, key, grid)

    def law(truth: ObservedSDE, data: Observations, key: Key) -> Array:
        start_key, path_key, effect_key, noise_key = jax.random.split(key, 4)
        times = jnp.asarray(data.times)
        white = jax.random.normal(start_key, (times.shape[0], truth.initial_mean.shape[0]))
        starts = truth.initial_mean + scale_normals(truth.initial_covariance, white)
        keys = jax.random.split(path_key, times.shape[0])
        paths = jax.vmap(path, in_axes=(None, 0, 0, 0))(truth, times, starts, keys)
        factors = data.noise_factors(truth.noise_slopes)
        seen = jnp.asarray(data.seen)
        about = observe(truth, paths, seen, factors, effect_key, noise_key)
        return jnp.where(seen, about + data.level(truth), 0.0)

    return law
