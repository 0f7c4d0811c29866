r"""Kramers–Moyal coefficients from sums of increments, with or without observation noise.

Without noise the conditional moments :math:`M_n(x, τ) = E[(X_{t+τ} - X_t)^n | X_t = x]` are fitted over lags by
:math:`M_n / τ = c_1 + c_2 τ + …`, and :math:`D_n = c_1 / n!`. With noise of variance R, y = x + ε,

.. math::
    M_1(y, τ) &= γ_1(y) + τ\, E[f(X) | y] + O(τ^2), \\
    M_2(y, τ) &= γ_2(y) + τ\, E[2 (X - y) f(X) + Σ(X) | y] + O(τ^2).

The intercepts γ hold what noise alone adds, and are dropped; the slopes are averages over the law of X given y, which
a deconvolution undoes: the density of X by Richardson's and Lucy's iteration, f and then Σ by least squares with a
penalty on second differences that smooths over the standard deviation of the noise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from sdebayes.analysis.moments.bins import Bins, Sums

_FEWEST = 10
_ITERATIONS = 100
_NODES = 8


class Coefficients(NamedTuple):
    """Kramers–Moyal coefficients by cell.

    Attributes
    ----------
    first
        D₁, (cell, state).
    second
        D₂, (cell, state, state).
    fourth
        D₄, (cell, state); NaN with noise.
    pairs
        Number of increments at the shortest lag, (cell,).
    """

    first: np.ndarray
    second: np.ndarray
    fourth: np.ndarray
    pairs: np.ndarray


class Blur(NamedTuple):
    """What noise does to cells.

    Attributes
    ----------
    kernel
        P(Y in cell | X uniform in cell_bis), (cell, cell_bis).
    offset
        E[(X − Y)_i 1(Y in cell) | X uniform in cell_bis], (state, cell, cell_bis).
    penalty
        Quadratic form of second differences, (cell, cell), in units of increments a cell.
    """

    kernel: np.ndarray
    offset: np.ndarray
    penalty: np.ndarray


def coefficients(sums: Sums, times: np.ndarray, degree: int, blur: Blur | None) -> Coefficients:
    """Return the coefficients of the only group of some sums; ``times`` are the lags in time, (lag,)."""
    count = sums.count[:, 0]
    enough = (count >= _FEWEST).all(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        moments = [
            part[:, 0] / count.reshape(*count.shape, *(1,) * (part.ndim - 3))
            for part in (sums.first, sums.second, sums.fourth)
        ]
    first, second, fourth = (_slope(part, times, degree, blur is not None) for part in moments)
    if blur is not None:
        if enough.any():
            first, second = _sharpened(first, second, np.where(enough, count[0], 0.0), blur)
        fourth = np.full_like(fourth, np.nan)
    for part in (first, second, fourth):
        part[~enough] = np.nan
    return Coefficients(first, second / 2, fourth / 24, count[0])


def _slope(moment: np.ndarray, times: np.ndarray, degree: int, intercept: bool) -> np.ndarray:
    """Fit moments (lag, …) by a polynomial in the lag, and return its slope at zero."""
    powers = np.arange(0 if intercept else 1, degree + 1)
    scale = np.ones_like(times) if intercept else 1 / times
    weights = np.linalg.pinv(scale[:, None] * times[:, None] ** powers)[int(intercept)] * scale
    return np.einsum("l,l...->...", weights, moment)


def _sharpened(
    first: np.ndarray, second: np.ndarray, count: np.ndarray, blur: Blur
) -> tuple[np.ndarray, np.ndarray]:
    """Undo the average over the law of X given the cell of Y."""
    n, seen = first.shape[-1], count > 0
    first, second = (np.where(seen.reshape(-1, *(1,) * (p.ndim - 1)), p, 0.0) for p in (first, second))
    density = _density(count, blur.kernel)
    total = np.maximum(blur.kernel @ density, np.finfo(float).tiny)[:, None]
    law, offset = blur.kernel * density / total, blur.offset * density / total
    normal = law.T @ (count[:, None] * law) + count[seen].mean() * blur.penalty
    weighted = law.T * count
    inverse = np.linalg.pinv(normal, hermitian=True)
    drift = inverse @ (weighted @ first)
    lean = np.einsum("ijk,kl->jil", offset, drift)
    right = second - lean - lean.swapaxes(-1, -2)
    return drift, (inverse @ (weighted @ right.reshape(len(right), -1))).reshape(-1, n, n)


def _density(count: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Probability of X in each cell, by the iteration of Richardson and Lucy."""
    share = count / count.sum()
    density = np.full(kernel.shape[1], 1 / kernel.shape[1])
    reach = np.maximum(kernel.sum(axis=0), np.finfo(float).tiny)
    for _ in range(_ITERATIONS):
        expected = np.maximum(kernel @ density, np.finfo(float).tiny)
        density = density * (kernel.T @ (share / expected)) / reach
    return density


def blur_of(cells: Bins, noise: Float[np.ndarray, " state"]) -> Blur:
    """Return what independent normal noise of these variances does to the cells."""
    parts = [_blur_along(own, float(variance)) for own, variance in zip(cells.edges, noise, strict=True)]
    kernel = _product([own for own, _ in parts])
    offset = np.stack(
        [_product([part[int(i == j)] for j, part in enumerate(parts)]) for i in range(len(parts))]
    )
    penalty = np.zeros_like(kernel)
    for i, (own, variance) in enumerate(zip(cells.edges, noise, strict=True)):
        difference = np.diff(np.eye(own.size - 1), 2, axis=0)
        width = (own[-1] - own[0]) / (own.size - 1)
        strength = (variance / width**2) ** 2
        alone = [np.eye(size) for size in cells.shape]
        alone[i] = max(strength, 1e-6) * difference.T @ difference
        penalty += _product(alone)
    return Blur(kernel, offset, penalty)


def _blur_along(edges: np.ndarray, variance: float) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and offset along one state, (cell, cell_bis), by Gauss's rule within the cell of X."""
    from scipy.stats import norm

    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    middle, half = 0.5 * (edges[1:] + edges[:-1]), 0.5 * np.diff(edges)
    x = middle[:, None] + half[:, None] * nodes
    sd = np.sqrt(variance)
    ends = np.concatenate([[-np.inf], edges[1:-1], [np.inf]])
    z = (ends[:, None, None] - x) / sd
    inside = np.diff(norm.cdf(z), axis=0) @ (weights / 2)
    shift = sd * np.diff(norm.pdf(z), axis=0) @ (weights / 2)
    return inside, shift


def _product(parts: list[np.ndarray]) -> np.ndarray:
    result = parts[0]
    for part in parts[1:]:
        result = np.kron(result, part)
    return result
