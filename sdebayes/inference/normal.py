"""The normal approximation of a posterior at its mode."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sdebayes._core.keys import single_keys
from sdebayes._core.types import Key
from sdebayes.inference.curvature import inverse_factor, mode_hessian
from sdebayes.inference.gauss_newton import gauss_newton
from sdebayes.inference.mode import Mode, find_mode
from sdebayes.inference.problem import Problem
from sdebayes.inference.progress import stage
from sdebayes.inference.strategy import RunOptions
from sdebayes.inference.target import Flat, Target, Whitenings

_PRIOR_DRAWS = 100
_STEPS, _AT_REST = 20, 0.05
_SHORTER = (1.0, 0.3, 0.1, 0.03, 0.01)


class NormalApproximation(NamedTuple):
    """N(m, F Fᵀ) in the coordinates v of a target.

    Attributes
    ----------
    middle
        m, (dimension,).
    factor
        F, (dimension, dimension).
    whitenings
        From v to unconstrained parameters.
    """

    middle: Flat
    factor: Float[Array, "dimension dimension"]
    whitenings: Whitenings

    @staticmethod
    def blank(target: Target) -> NormalApproximation:
        """Return one of the right shapes, to read a stored one into."""
        size = target.dimension
        return NormalApproximation(jnp.zeros(size), jnp.zeros((size, size)), target.density.no_whitening)

    @property
    def log_determinant(self) -> float:
        """Log |det F|."""
        return float(np.linalg.slogdet(np.asarray(self.factor, dtype=np.float64))[1])

    def log_density(self, u: Float[np.ndarray, "draw dimension"]) -> Float[np.ndarray, " draw"]:
        """Return log q(v) at v = m + F u, (draw,)."""
        size = u.shape[1]
        return -0.5 * np.sum(u**2, axis=1) - 0.5 * size * np.log(2 * np.pi) - self.log_determinant


EXACT_DIMENSION = 1000
"""Up to this many parameters the curvature is that of the density."""


def approximation_at_mode(
    problem: Problem,
    options: RunOptions,
    key: Key,
    *,
    exact_dimension: int = EXACT_DIMENSION,
    begin: Problem | None = None,
) -> tuple[NormalApproximation, float]:
    """Return the normal law at the mode and U there, from a checkpoint if it holds them.

    Parameters
    ----------
    problem
        The model, the data and the density.
    options
        How it is run: whether progress is shown, and the checkpoint.
    key
        Random key of the search.
    exact_dimension
        As in `normal_approximation`.
    begin
        The same problem of some of the data, of which the mode is searched and the curvature taken before the mode is
        put right; None for all data.
    """
    begin = problem if begin is None else begin
    progress, kept = options.progress, options.checkpoint
    blank = NormalApproximation.blank(begin.compiled(progress))
    approximation, records = (blank, []) if kept is None else kept.restore(0, blank)
    if records:
        return approximation, float(records[0]["potential"][0])
    mode_key, prior_key = jax.random.split(key)
    with stage("searching the mode of the posterior", progress):
        mode = find_mode(begin.target, mode_key)
    with stage("curvature at the mode", progress):
        approximation = normal_approximation(begin, mode, prior_key, exact_dimension=exact_dimension)
    potential = mode.potential
    if begin is not problem:
        with stage("mode of all data", progress):
            approximation, potential = put_right(problem.target, approximation)
    if kept is not None:
        kept.keep(0, approximation, [{"potential": np.array([potential])}])
    return approximation, potential


def put_right(target: Target, approximation: NormalApproximation) -> tuple[NormalApproximation, float]:
    """Go from the mode of some of the data to that of all, by Newton's steps with the curvature of some.

    Parameters
    ----------
    target
        The density of all data.
    approximation
        That of some.

    Returns
    -------
    tuple
        The approximation with its middle at the mode, to a twentieth of a standard deviation, and U there.
    """
    middle, factor, whitenings = approximation
    value, slope = target.value_and_gradient(middle, whitenings)
    for _ in range(_STEPS):
        along = slope @ factor
        if float(jnp.abs(along).max()) < _AT_REST:
            break
        for shorter in _SHORTER:
            there = middle - shorter * factor @ along
            found = target.value_and_gradient(there, whitenings)
            if found[0] < value:
                break
        else:
            break
        middle, (value, slope) = there, found
    return approximation._replace(middle=middle), float(value)


def normal_approximation(
    problem: Problem, mode: Mode, key: Key, *, exact_dimension: int
) -> NormalApproximation:
    """Approximate a posterior at its mode.

    Parameters
    ----------
    problem
        The model, the data and the density.
    mode
        Its mode.
    key
        Random key of draws of the prior.
    exact_dimension
        Up to this many parameters the curvature is that of the density, above it, and where parts of the model are
        overparameterised, that of Gauss and Newton.

    Notes
    -----
    A direction in which the density is flat is given thrice the prior's standard deviation.
    """
    target, model = problem.target, problem.model
    overparameterized = model.drift.overparameterized or model.diffusion.overparameterized
    if overparameterized or target.dimension > exact_dimension:
        hessian = gauss_newton(problem, mode)
    else:
        hessian = mode_hessian(target, mode)
    spread = _prior_spread(target, key)
    factor = spread[:, None] * inverse_factor(spread[:, None] * hessian * spread)
    return NormalApproximation(mode.position, jnp.asarray(factor, dtype=mode.position.dtype), mode.whitenings)


def _prior_spread(target: Target, key: Key) -> Float[np.ndarray, " dimension"]:
    """Return half the interquartile range of draws of the prior in normal units; 1 for weights, which are whitened."""
    draws = np.stack([target.draw_prior(k) for k in single_keys(key, _PRIOR_DRAWS)])
    lower, upper = np.quantile(draws, [0.25, 0.75], axis=0)
    spread = np.maximum((upper - lower) / 1.349, 1e-8)
    for index in target.density.weights:
        spread[index] = 1.0
    return spread
