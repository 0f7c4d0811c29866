r"""The curvature of Gauss and Newton at a mode: never negative in the likelihood's part.

Each observation has, given those before it, a normal law :math:`N(m_k(v), S_k(v))` with Fisher information

.. math::
    I_k = J_m^\top S_k^{-1} J_m + \tfrac12 \operatorname{tr}\!\left(S_k^{-1} \partial S_k\, S_k^{-1} \partial S_k\right)
        = J_r^\top J_r, \qquad
    r_k(v) = \Big(L^{-1} m_k(v),\; \tfrac{1}{\sqrt 2} \operatorname{vec} L^{-1} S_k(v) L^{-\top}\Big),

where :math:`L L^\top = S_k` at the mode is held. So the sum over k needs first derivatives of r only, and is streamed
over parts of the data.

References
----------
Schraudolph (2002), Fast curvature matrix–vector products for second-order gradient descent,
doi:10.1162/08997660260028683; Immer, Korzepa & Bauer (2021), Improving predictions of Bayesian neural nets via local
linearization, arXiv 2008.08400, for Laplace's approximation of networks with this curvature.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

from sdebayes._core.compiled import Compiled
from sdebayes._core.errors import ModelError
from sdebayes.inference.independent_blocks import independent_blocks
from sdebayes.inference.mode import Mode
from sdebayes.inference.problem import Problem
from sdebayes.inference.target import Flat
from sdebayes.likelihood import Observations
from sdebayes.likelihood.arrays import row_axes, rows
from sdebayes.model.rebuild import read_draw

_MEMORY = 2**26
_MOST_ROWS = 512


def gauss_newton(problem: Problem, mode: Mode) -> Float[np.ndarray, "dimension dimension"]:
    """Return the Fisher information of the one-step laws plus the prior's curvature at a mode.

    Parameters
    ----------
    problem
        The model, the data and the density.
    mode
        Where.

    Raises
    ------
    ModelError
        If the problem has only some of the data.
    """
    if problem.sums is not None:
        raise ModelError(
            f"The curvature at the mode of {problem.density.dimension} parameters is computed from the trajectories "
            "themselves (exact_dimension), and these are read from the disk as sums alone; use sdebayes.NUTS(), or "
            "load the data."
        )
    density, v = problem.density, mode.position
    moments = _whitened_moments(problem, mode)
    data = jax.tree.map(np.asarray, independent_blocks(problem.model, problem.observations))
    axes = row_axes(data)
    count, steps, observed = data.values.shape
    outputs = steps * observed * (observed + 1)
    differentiate = jax.jacrev if outputs < density.dimension else jax.jacfwd

    def one(part: Observations) -> Float[Array, "output dimension"]:
        alone = jax.tree.map(lambda leaf, axis: leaf[None] if axis == 0 else leaf, part, axes)
        return differentiate(lambda v: moments(v, alone))(v)

    @Compiled
    def information(part: Observations, weight: Float[Array, " part"]) -> Float[Array, "dimension dimension"]:
        slopes = jax.vmap(one, in_axes=(axes,))(part) * weight[:, None, None]
        flat = slopes.reshape(-1, slopes.shape[-1])
        return flat.T @ flat

    size = min(count, _MOST_ROWS, max(1, _MEMORY // (outputs * density.dimension)))
    total = np.zeros((density.dimension, density.dimension))
    for start in range(0, count, size):
        index = np.arange(start, start + size)
        inside = (index < count).astype(data.values.dtype)
        total += np.asarray(information(rows(data, np.minimum(index, count - 1)), inside))
    return problem.share * total + np.asarray(_prior_hessian(problem, mode), dtype=np.float64)


def _whitened_moments(problem: Problem, mode: Mode) -> Callable[[Flat, Observations], Array]:
    """Return r of all observations as a function of v and the data."""
    model, density, likelihood = problem.model, problem.density, problem.model.likelihood

    def moments(v: Flat, data: Observations) -> Float[Array, " output"]:
        observed = read_draw(model, density.unravel(density.placed(v, mode.whitenings)[0])).observed
        law = likelihood.one_step(observed, data)
        return jax.vmap(jax.vmap(_whitened))(*law, jnp.asarray(data.seen)).ravel()

    return moments


def _whitened(
    mean: Float[Array, " observed"], covariance: Float[Array, "observed observed"], seen: Any
) -> Float[Array, " output"]:
    """Return r of one law; entries that were not seen have no slope."""
    both = seen[:, None] & seen
    covariance = jnp.where(both, covariance, jnp.eye(len(seen), dtype=covariance.dtype))
    factor = jax.lax.stop_gradient(jnp.linalg.cholesky(covariance))
    half = solve_triangular(factor, covariance, lower=True)
    white = solve_triangular(factor, half.T, lower=True)
    r = solve_triangular(factor, jnp.where(seen, mean, 0.0), lower=True)
    return jnp.concatenate([r, white.ravel() / jnp.sqrt(2.0)])


def _prior_hessian(problem: Problem, mode: Mode) -> Float[Array, "dimension dimension"]:
    density = problem.density
    prior = Compiled(jax.hessian(lambda v: density.prior_potential(v, mode.whitenings)))
    return prior(mode.position)
