"""The curvature of U = −log density at a mode, and the units of parameters that follow from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import DTypeLike

from sdebayes._core.threads import side_by_side
from sdebayes.inference.mode import Mode, Objective, weights_of
from sdebayes.inference.target import Target

_WIDEST = 3.0
_FLAT = 0.5
_TRIES, _NEAR = 6, 0.1
_PRECISE = 1e-12


class Units(NamedTuple):
    """Units of some parameters.

    Attributes
    ----------
    factor
        F, (n, n), or its diagonal, (n,). F Fᵀ is the inverse curvature, made positive definite; the columns are its
        eigenvectors, each as long as the standard deviation along it.
    where
        Indices of these parameters, (n,).
    """

    factor: Array
    where: Array


def curvature_units(target: Target, mode: Mode, dense_dimension: int) -> Units:
    """Return units of the parameters in which the curvature at a mode is one.

    Parameters
    ----------
    target
        The density.
    mode
        Where; whitened weights have about unit curvature by construction.
    dense_dimension
        Above so many parameters the curvature is computed of those that are no such weights alone; above so many of
        these, the units are standard deviations along the parameters' own axes.

    Notes
    -----
    A standard normal prior alone has curvature one. Where less is found, as at a point between a scale's prior and
    the weights that it multiplies, second derivatives say little of the density's width, and it is measured: the unit
    is the distance at which U has risen by one half on the mean of both sides.
    """
    index, dense = _scaled(target, dense_dimension)
    values, vectors = np.linalg.eigh(np.nan_to_num(mode_hessian(target, mode, index)))
    objective, position = Objective(target, mode.whitenings), np.asarray(mode.position, dtype=np.float64)
    widths = _widths(values)

    def measured(direction: int) -> float:
        step = np.zeros_like(position)
        step[index] = vectors[:, direction]

        def rise(distance: float) -> float:
            sides = (objective.value(position + sign * distance * step) for sign in (-1, 1))
            return 0.5 * sum(sides) - mode.potential

        return _distance_of_half(rise, widths[direction])

    flat = np.flatnonzero(values < _FLAT)
    widths[flat] = side_by_side(measured, flat.tolist())
    factor = vectors * widths
    return _units(target, factor if dense else np.linalg.norm(factor, axis=1), index)


def unit_lengths(target: Target, dense_dimension: int) -> Units:
    """Return units of one, of the shapes that `curvature_units` has: enough to compile by."""
    index, dense = _scaled(target, dense_dimension)
    return _units(target, np.eye(len(index)) if dense else np.ones(len(index)), index)


def _scaled(target: Target, dense_dimension: int) -> tuple[np.ndarray, bool]:
    """Return which parameters have units, and whether these are of directions that mix them."""
    index = np.arange(target.dimension)
    if target.dimension > dense_dimension:
        index = np.setdiff1d(index, weights_of(target))
    return index, len(index) <= dense_dimension


def _units(target: Target, factor: np.ndarray, index: np.ndarray) -> Units:
    return Units(jnp.asarray(factor, dtype=target.start.dtype), jnp.asarray(index))


def _distance_of_half(rise: Callable[[float], float], start: float) -> float:
    """Return about the distance at which a function is ½: a try finds it for s⁴, and halves the log error for s²."""
    distance = start
    for _ in range(_TRIES):
        before, distance = distance, min(_WIDEST, distance * max(2 * rise(distance), 1 / 16) ** -0.25)
        if abs(np.log(distance / before)) < _NEAR:
            break
    return distance


def mode_hessian(target: Target, mode: Mode, index: np.ndarray | None = None) -> Float[np.ndarray, "n n"]:
    """Return the second derivatives of U at a mode, in all parameters or in those of an index."""
    objective = Objective(target, mode.whitenings)
    position = np.asarray(mode.position, dtype=np.float64)
    index = np.arange(position.size) if index is None else index

    def gradient(part: np.ndarray) -> np.ndarray:
        point = position.copy()
        point[index] = part
        return objective(point)[1][index]

    return hessian_of(gradient, position[index], target.start.dtype)


def hessian_of(
    gradient: Callable[[np.ndarray], np.ndarray], position: np.ndarray, dtype: DTypeLike
) -> np.ndarray:
    """Return differences of a gradient, (dimension, dimension), made symmetric.

    To one side in double precision, which is half the gradients: a step of 6·10⁻⁶ leaves as much of a third
    derivative. In single precision, where it is a thousand times as long, to both.
    """
    step = np.cbrt(np.finfo(dtype).eps) * np.maximum(1.0, np.abs(position))
    here = gradient(position) if np.finfo(dtype).eps < _PRECISE else None

    def column(index: int) -> np.ndarray:
        shift = np.zeros_like(position)
        shift[index] = step[index]
        above = gradient(position + shift)
        if here is not None:
            return (above - here) / step[index]
        return (above - gradient(position - shift)) / (2 * step[index])

    hessian = np.array(side_by_side(column, range(position.size)))
    return 0.5 * (hessian + hessian.T)


def inverse_factor(hessian: np.ndarray) -> np.ndarray:
    """Factor the inverse of the absolute curvature; no direction is wider than thrice a standard normal."""
    values, vectors = np.linalg.eigh(np.nan_to_num(hessian))
    return vectors * _widths(values)


def _widths(values: np.ndarray) -> np.ndarray:
    return 1 / np.sqrt(np.maximum(np.abs(values), 1 / _WIDEST**2))
