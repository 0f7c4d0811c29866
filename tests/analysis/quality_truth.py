"""Texts of a known Ornstein–Uhlenbeck process behind noise, and their laws as one dense normal each."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from scipy import linalg

import sdebayes as sb
from sdebayes._core import precision
from sdebayes.dynamics import ObservedSDE
from tests.likelihood.dense import Dense

A = np.array([[0.15, 0.1], [-0.05, 0.3]])
SIGMA = np.array([[0.25, 0.05], [0.05, 0.4]])

TRUTH = Dense(
    A=A,
    b=np.array([0.5, -0.2]),
    sigma=SIGMA,
    m0=np.array([0.5, -0.2]),
    P0=linalg.solve_continuous_lyapunov(A, SIGMA),
    H=np.eye(2),
    R=np.diag([0.3, 0.4]),
    C=np.diag([0.3, 0.2]),
)
OTHER = replace(TRUTH, R=np.diag([0.6, 0.3]), C=np.diag([0.1, 0.2]))


def stacked(*dense: Dense) -> ObservedSDE:
    """Several processes as the draws of one posterior."""
    with precision.scope("float64"):
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *(one.observed_sde() for one in dense))


def texts(count: int, steps: int, seed: int, truth: Dense = TRUTH) -> xr.Dataset:
    """Draw texts at unit steps."""
    mean, covariance, read = truth.joint(np.arange(steps))
    covariance = read @ covariance @ read.T + np.kron(np.eye(steps), truth.R)
    factor = np.linalg.cholesky(covariance)
    rng = np.random.default_rng(seed)
    y = read @ mean + rng.standard_normal((count, 2 * steps)) @ factor.T
    names = [f"{seed}-{row}" for row in range(count)]
    return sb.trajectories(y.reshape(count, steps, 2), names=names)


def with_foreign(
    data: xr.Dataset, number: int, others: xr.Dataset, seed: int
) -> tuple[xr.Dataset, np.ndarray]:
    """Put so many sentences of other texts into each text, and say where."""
    rng = np.random.default_rng(seed)
    y, pool = data["y"].values.copy(), others["y"].values.reshape(-1, 2)
    foreign = np.zeros(y.shape[:2], bool)
    for row in range(len(y)):
        foreign[row, rng.choice(y.shape[1], number, replace=False)] = True
    y[foreign] = pool[rng.choice(len(pool), foreign.sum(), replace=False)]
    return data.assign(y=(data["y"].dims, y)), foreign
