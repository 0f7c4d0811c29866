"""Gaussian processes on states of unlike units: what the tests of kernels, bases and priors share."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from sdebayes.priors import (
    GP,
    DataScale,
    Matern32,
    Matern52,
    SquaredExponential,
)

KERNELS = [SquaredExponential(), Matern32(), Matern52()]
UNIT = np.array([1.0, 20.0, 0.1, *np.ones(5)])
MIDDLE = np.array([0.0, -50.0, 3.0, *np.zeros(5)])


def named(value) -> str:
    return type(value).__name__


def normal_states(n: int, count: int = 300) -> DataScale:
    """The scale of normal data in n states of unlike units."""
    standard = np.random.default_rng(n).normal(size=(count, n))
    unit, middle = UNIT[:n], MIDDLE[:n]
    return DataScale(
        states=tuple(f"x{i}" for i in range(n)),
        location=middle,
        variance=unit**2,
        rate=unit**2,
        observed_variance=unit**2,
        step=0.1,
        decorrelation_time=np.full(n, 2.0),
        extent=unit * np.abs(standard).max(0),
        points=middle + unit * standard,
        path_variance=unit**2,
        duration=100.0,
    )


def exact(kernel, x, y, lengthscale):
    """The exact process's covariance between two sets of points."""
    return np.asarray(kernel.covariance(jnp.sqrt(jnp.sum(((x[:, None] - y) / lengthscale) ** 2, -1))))


def implied(prior: GP, lengthscale, x) -> np.ndarray:
    """The covariance Φ C Φᵀ at points, (point, point), that standard normal weights give with unit amplitude."""
    unit = np.asarray(prior.state_scale)
    weights = jnp.diag(prior.basis.weight_scale(prior.kernel, jnp.asarray(unit * lengthscale)))
    field = prior.basis.field(
        prior.kernel, jnp.asarray(prior.location), jnp.asarray(unit * lengthscale), True, weights
    )
    root = np.asarray(jax.jit(jax.vmap(field))(jnp.asarray(x)))
    return root @ root.T
