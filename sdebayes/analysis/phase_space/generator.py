"""The Fokker–Planck operator on a grid of cells, as the rates of a Markov chain that jumps between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from sdebayes._core.errors import DataError
from sdebayes.analysis.phase_space.cell_grid import CellGrid

if TYPE_CHECKING:
    from scipy.sparse import csr_array

LEAST_NOISE = 1e-3
"""Smallest eigenvalue of Σ in units of the grid, as a share of its largest one."""

_REDUCTIONS = 100
_ANCHORS, _LIKELY, _NEGATIVE = 8, 1e-3, 1e-9
_LARGEST = 600.0
_HALVINGS = 30
_SHORTEST = 1e-3


def rate_matrix(
    cells: CellGrid,
    drift: Float[np.ndarray, "cell state"],
    covariance: Float[np.ndarray, "cell state state"],
    free: Callable[[np.ndarray], np.ndarray] | None = None,
) -> csr_array:
    """Return the generator L = f·∇ + ½ Σ:∇∇ of an Itô SDE in one or two states as a rate matrix.

    Its transpose is the Fokker–Planck operator ∂p/∂t = −∇·(f p) + ½ ∇∇:(Σ p), with mass conserved and no flux through
    the border of the grid.

    Parameters
    ----------
    cells
        The grid.
    drift, covariance
        f and Σ at the centres of the cells.
    free
        Whether points (point, state) lie outside of the sets at which the process is stopped: jumps that enter one
        end on its boundary, which keeps the error of second order there; None has no such sets.

    Returns
    -------
    scipy.sparse.csr_array
        Q, (cell, cell): Q[k, l] ≥ 0 is the rate of jumps from cell k to cell l, and the rows add up to 0.

    Raises
    ------
    DataError
        If drift or covariance is not finite, or the covariance vanishes.

    Notes
    -----
    In units of the grid let M = ½ Σᵢⱼ/(hᵢhⱼ) and β = M⁻¹(f/h). Selling's reduction writes M = Σₑ λₑ e eᵀ with at
    most three whole offsets e and λₑ ≥ 0, whatever the correlation of the noise. From cell k the chain jumps by ±e
    at the rates λₑ B(∓β·e) with B(z) = z/(eᶻ − 1), where β is the mean of both ends: Scharfetter and Gummel's
    exponential fitting along each offset. The rates are never negative, the error is of second order in h, and
    where M is constant and the drift a gradient in its metric the stationary law is exp ∫β, without a current.
    Where the smaller eigenvalue of M is below 10⁻³ of the larger it is raised to that, which adds noise along the
    direction that has nearly none.

    References
    ----------
    Scharfetter & Gummel (1969), IEEE Transactions on Electron Devices 16, 64–77, doi:10.1109/T-ED.1969.16566.
    Kushner & Dupuis (2001), Numerical Methods for Stochastic Control Problems in Continuous Time, ch. 5,
    doi:10.1007/978-1-4613-0007-6.
    Shortley & Weller (1938), Journal of Applied Physics 9, 334–348, doi:10.1063/1.1710426 (jumps that end early).
    Fehrenbach & Mirebeau (2014), Journal of Mathematical Imaging and Vision 49, 123–147, doi:10.1007/s10851-013-0446-3.
    """
    from scipy.sparse import coo_array, csr_array, diags_array

    size = len(drift)
    metric, pull = _in_grid_units(cells, drift, covariance)
    start, end, rate = [], [], []
    for weights, offsets in decomposition(metric):
        targets = [cells.neighbours(signed) for signed in (offsets, -offsets)]
        lengths = [_free_share(cells, target, free) for target in targets]
        for signed, target, length in zip((offsets, -offsets), targets, lengths, strict=True):
            here = np.flatnonzero((target >= 0) & (weights > 0))
            there, own = target[here], length[here]
            pulled = pull[here] + 0.5 * own[:, None] * (pull[there] - pull[here])
            tilt = own * np.sum(pulled * signed[here], axis=-1)
            start.append(here)
            end.append(there)
            rate.append(weights[here] * 2 / (own * (lengths[0] + lengths[1])[here]) * bernoulli(-tilt))
    entries = (np.concatenate(rate), (np.concatenate(start), np.concatenate(end)))
    jumps = csr_array(coo_array(entries, shape=(size, size)))
    return csr_array(jumps - diags_array(jumps.sum(axis=1), format="csr"))


def bernoulli(z: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Return B(z) = z/(eᶻ − 1), with B(0) = 1."""
    small = np.abs(z) < 1e-6
    safe = np.where(small, 1.0, np.minimum(z, _LARGEST))
    return np.where(small, 1 - 0.5 * z, safe / np.expm1(safe))


def decomposition(
    metric: Float[np.ndarray, "cell state state"],
) -> list[tuple[Float[np.ndarray, " cell"], Int[np.ndarray, "cell state"]]]:
    """Write positive definite matrices as sums of λ e eᵀ with λ ≥ 0 and whole vectors e (Selling's reduction).

    Parameters
    ----------
    metric
        Symmetric positive definite, for one or two states.

    Returns
    -------
    list of (numpy.ndarray, numpy.ndarray)
        λ, (cell,), and e, (cell, state), of each term: one term for one state, three for two.
    """
    if metric.shape[-1] == 1:
        return [(metric[:, 0, 0], np.ones((len(metric), 1), dtype=int))]
    base = np.broadcast_to(np.array([[-1, -1], [1, 0], [0, 1]]), (len(metric), 3, 2)).copy()
    pairs = ((0, 1, 2), (1, 2, 0), (2, 0, 1))
    scale = 1e-12 * np.trace(metric, axis1=-2, axis2=-1)
    for _ in range(_REDUCTIONS):
        changed = False
        for i, j, k in pairs:
            first, second = base[:, i], base[:, j]
            acute = np.einsum("ca,cab,cb->c", first, metric, second) > scale
            if acute.any():
                changed = True
                base[acute] = np.stack(
                    [v[acute] for _, v in sorted({i: -first, j: second, k: first - second}.items())], axis=1
                )
        if not changed:
            break
    return [
        (
            np.maximum(-np.einsum("ca,cab,cb->c", base[:, i], metric, base[:, j]), 0.0),
            np.stack([-base[:, k, 1], base[:, k, 0]], axis=-1),
        )
        for i, j, k in pairs
    ]


def stationary_law(rates: csr_array) -> Float[np.ndarray, " cell"]:
    """Return the probabilities p of the cells that solve Qᵀp = 0.

    Parameters
    ----------
    rates
        Q, (cell, cell).

    Returns
    -------
    numpy.ndarray
        Positive, adding up to 1.

    Notes
    -----
    With p = 1 in one cell the others solve an M-matrix, whose factors without pivoting keep the small probabilities
    accurate; the cell is moved until it is a likely one. From a cell that is all but never visited the solution
    overflows the digits and has negative entries: then too the cell is moved to where it is largest.
    """
    flow = rates.T.tocsc()
    exits = -rates.diagonal()
    jumps = np.diff(rates.indptr)
    anchor = int(np.argmin(np.where(jumps == jumps.max(), exits, np.inf)))
    for _ in range(_ANCHORS):
        others = np.arange(flow.shape[0]) != anchor
        law = np.ones(flow.shape[0])
        law[others] = factorized(-flow[others][:, others])(flow[others][:, [anchor]].toarray().ravel())
        size = np.max(np.abs(law))
        if law[anchor] > _LIKELY * size and law.min() > -_NEGATIVE * size:
            break
        anchor = int(np.argmax(np.abs(law) * (np.arange(law.size) != anchor)))
    law = np.maximum(law, 0.0)
    return law / law.sum()


def absorbed(
    rates: csr_array,
    free: Bool[np.ndarray, " cell"],
    source: Float[np.ndarray, " cell"],
    boundary: Float[np.ndarray, " cell"],
) -> Float[np.ndarray, " cell"]:
    """Solve L u = −source in the free cells with u given in the others.

    Parameters
    ----------
    rates
        Q, (cell, cell).
    free
        Where u is sought.
    source
        Read in the free cells.
    boundary
        Read in the others.

    Returns
    -------
    numpy.ndarray
        u, (cell,).
    """
    solution = np.array(boundary, dtype=float)
    inner = rates[free]
    right = source[free] + inner[:, ~free] @ solution[~free]
    solution[free] = factorized(-inner[:, free])(right)
    return solution


def factorized(matrix: csr_array) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function that solves with an M-matrix, factorised without pivoting."""
    from scipy.sparse.linalg import splu

    options = {"SymmetricMode": True}
    factors = splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options)
    return factors.solve


def currents(
    cells: CellGrid, rates: csr_array, density: Float[np.ndarray, " cell"]
) -> Float[np.ndarray, "cell state"]:
    """Return the probability current J = f p − ½ ∇·(Σ p) of a density, from the jumps that arrive and leave."""
    jumps = rates.tocoo()
    start, end = jumps.coords
    lengths = (cells.numbers[end] - cells.numbers[start]) * cells.spacing
    moved = 0.5 * (density[start] * jumps.data)[:, None] * lengths
    return np.stack(
        [
            np.bincount(start, column, len(density)) + np.bincount(end, column, len(density))
            for column in moved.T
        ],
        axis=-1,
    )


def _free_share(
    cells: CellGrid, target: Int[np.ndarray, " cell"], free: Callable[[np.ndarray], np.ndarray] | None
) -> Float[np.ndarray, " cell"]:
    """Return which share of the jump from each cell to its target lies before the boundary of a stopping set."""
    share = np.ones(len(target))
    if free is None:
        return share
    is_free = free(cells.centres)
    crossing = np.flatnonzero((target >= 0) & is_free & ~is_free[target])
    begin, jump = cells.centres[crossing], cells.centres[target[crossing]] - cells.centres[crossing]
    low, high = np.zeros(len(crossing)), np.ones(len(crossing))
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        before = free(begin + middle[:, None] * jump)
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    share[crossing] = np.maximum(high, _SHORTEST)
    return share


def _in_grid_units(
    cells: CellGrid, drift: np.ndarray, covariance: np.ndarray
) -> tuple[Float[np.ndarray, "cell state state"], Float[np.ndarray, "cell state"]]:
    """Return M and β = M⁻¹ f in units of the grid, M with no eigenvalue below a share of its largest one."""
    spacing = cells.spacing
    metric = 0.5 * covariance / (spacing[:, None] * spacing)
    if not (np.isfinite(metric).all() and np.isfinite(drift).all()):
        raise DataError("Drift or covariance is not finite everywhere on the grid; give narrower limits.")
    values, vectors = np.linalg.eigh(metric)
    largest = values[:, -1:]
    if (largest <= 0).any():
        where = cells.centres[int(np.argmin(largest))]
        raise DataError(
            f"The noise vanishes at {where.tolist()}: there is no density there; give limits that leave this place out."
        )
    values = np.maximum(values, LEAST_NOISE * largest)
    metric = np.einsum("cij,cj,ckj->cik", vectors, values, vectors)
    pull = np.einsum("cij,cj,ckj,ck->ci", vectors, 1 / values, vectors, drift / spacing)
    return metric, pull
