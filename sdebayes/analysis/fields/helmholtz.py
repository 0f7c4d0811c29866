r"""The drift in a plane as a slope and a swirl: the Helmholtz–Hodge decomposition on a grid.

The integrals of u = (f₁, f₂) along the edges of the grid, by Simpson's rule, are what a potential at the nodes must
explain; least squares over all edges is Poisson's equation with the natural boundary condition. What is left has no
divergence and no flux through the boundary. A uniform rotation has flux through the sides of a rectangle, and would be
torn apart: so the mean curl, the circulation around the rectangle by its area, is taken out first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, CountFromTwo, State, States
from sdebayes.analysis.evaluate import in_chunks, reference_state, state_indices
from sdebayes.analysis.fields.reading import Limits, grid_axes
from sdebayes.dynamics import ObservedSDE
from sdebayes.simulation import as_source, choose_draws
from sdebayes.simulation.source import SourceLike

_SIMPSON = np.array([1.0, 4.0, 1.0]) / 6


class Parts(NamedTuple):
    """A plane field and its two parts.

    Attributes
    ----------
    potential
        U with mean zero, (sample, row, column).
    field, rotational
        u, and u + ∇U, at the nodes, (sample, row, column, 2).
    """

    potential: np.ndarray
    field: np.ndarray
    rotational: np.ndarray


@checked
def helmholtz(
    source: SourceLike,
    over: States = (0, 1),
    limits: Limits | None = None,
    points: CountFromTwo = 21,
    at: State | None = None,
    samples: Count | None = None,
) -> xr.Dataset:
    r"""Split the drift in the plane of two states into a gradient and a rotational part.

    .. math:: f = -∇U + r, \qquad ∇ \cdot r = 0.

    Parameters
    ----------
    source
        A posterior or an SDE.
    over
        The two states of the plane, by label or position.
    limits
        (low, high) for each, by default as in `grid`.
    points
        Number of grid points along each.
    at
        Values of the other states, and the centre of the uniform rotation, as a whole state (state,); by default as in
        `grid`.
    samples
        Number of draws, evenly thinned; by default all whose drifts fit into 1 GiB.

    Returns
    -------
    xarray.Dataset
        Over (sample, grid_<state>, grid_<state>): ``potential`` U in state² per unit time, with mean zero; ``drift``,
        ``gradient`` −∇U and ``rotational`` r (…, state), in state per unit time. ``rotational_share`` (sample):
        :math:`\overline{|r|^2} / (\overline{|∇U|^2} + \overline{|r|^2})` over the rectangle.

    Raises
    ------
    DataError
        If ``over`` is not two states, or the limits cannot be used.

    Notes
    -----
    Of a linear drift A (b − x) with b at ``at`` the parts are exactly those of the symmetric and the antisymmetric part
    of A; a pure gradient has no rotational part; a uniform rotation, and a swirl that comes to rest at the border, have
    no gradient. A decomposition on a bounded region is not unique: a field with neither divergence nor curl, such as a
    constant one, counts as gradient, and where a swirl that is not uniform crosses the border a part of it does. U is
    no quasi-potential: it takes no account of the noise.

    References
    ----------
    Bhatia, Norgard, Pascucci & Bremer (2013), doi:10.1109/TVCG.2012.316.
    """
    stacked = as_source(source, None if at is None else np.atleast_1d(at).shape[-1])
    chosen = state_indices(stacked.states, over)
    if len(chosen) != 2:
        raise DataError(f"over={list(over)!r} names {len(chosen)} states; a plane has two.")
    fixed = reference_state(stacked, at)
    axes = grid_axes(stacked, chosen, limits, points, fixed)
    fine = [np.linspace(axis[0], axis[-1], 2 * points - 1) for axis in axes]
    mesh = np.broadcast_to(fixed, (*(axis.size for axis in fine), stacked.n_states)).copy()
    mesh[..., chosen] = np.stack(np.meshgrid(*fine, indexing="ij"), -1)
    draws = choose_draws(stacked.n_draws, 8 * mesh.size, samples)
    drift = in_chunks(_drift, stacked, draws, mesh.reshape(-1, stacked.n_states))[0]
    plane = drift[..., chosen].reshape(draws.size, *mesh.shape[:2], 2)
    parts = decompose(plane, axes, fixed[chosen])
    labels = [stacked.states[i] for i in chosen]
    return _labelled(parts, labels, axes, draws).assign_attrs(stacked.provenance)


@eqx.filter_jit
def _drift(
    observed: ObservedSDE, points: Float[Array, "sample point state"]
) -> tuple[Float[Array, "sample point state"]]:
    return (eqx.filter_vmap(lambda one, own: jax.vmap(lambda x: one.sde.drift(x))(own))(observed, points),)


def decompose(
    fine: Float[np.ndarray, "sample fine_row fine_column 2"],
    axes: Sequence[np.ndarray],
    centre: Float[np.ndarray, " 2"],
) -> Parts:
    """Split plane fields.

    Parameters
    ----------
    fine
        The field at the nodes of the grid and half-way between them.
    axes
        Coordinates of the nodes, (row,) and (column,).
    centre
        Centre of the uniform rotation.

    Returns
    -------
    Parts
        At the nodes.
    """
    rows, columns = axes
    steps = np.array([rows[1] - rows[0], columns[1] - columns[0]])
    along_rows = steps[0] * _simpson(fine[:, :, ::2, 0], 1)
    along_columns = steps[1] * _simpson(fine[:, ::2, :, 1], 2)
    circulation = (
        along_rows[:, :, 0].sum(1)
        + along_columns[:, -1].sum(1)
        - along_rows[:, :, -1].sum(1)
        - along_columns[:, 0].sum(1)
    )
    spin = circulation / (2 * (rows[-1] - rows[0]) * (columns[-1] - columns[0]))
    across = np.stack(np.broadcast_arrays(centre[1] - columns, (rows - centre[0])[:, None]), -1)
    uniform = spin[:, None, None, None] * across
    along_rows = along_rows - steps[0] * uniform[:, 1:, :, 0]
    along_columns = along_columns - steps[1] * uniform[:, :, 1:, 1]
    potential = _potential(along_rows, along_columns, steps)
    swirl_rows = (along_rows + np.diff(potential, axis=1)) / steps[0]
    swirl_columns = (along_columns + np.diff(potential, axis=2)) / steps[1]
    swirl = np.stack([_at_nodes(swirl_rows, 1), _at_nodes(swirl_columns, 2)], -1)
    return Parts(potential, fine[:, ::2, ::2], uniform + swirl)


def _simpson(values: np.ndarray, axis: int) -> np.ndarray:
    """Mean over each edge along an axis, of values at its ends and its middle."""
    moved = np.moveaxis(values, axis, 0)
    means = _SIMPSON[0] * moved[:-2:2] + _SIMPSON[1] * moved[1::2] + _SIMPSON[2] * moved[2::2]
    return np.moveaxis(means, 0, axis)


def _potential(along_rows: np.ndarray, along_columns: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return U whose falls along the edges are nearest to the given integrals, (sample, row, column)."""
    from scipy import sparse

    n, m = along_columns.shape[1], along_rows.shape[2]
    half_row, half_column = np.ones(n), np.ones(m)
    half_row[[0, -1]] = half_column[[0, -1]] = 0.5
    down = sparse.kron(_differences(n), sparse.eye(m))
    right = sparse.kron(sparse.eye(n), _differences(m))
    weight_down = np.broadcast_to(steps[1] / steps[0] * half_column, (n - 1, m)).ravel()
    weight_right = np.broadcast_to((steps[0] / steps[1] * half_row)[:, None], (n, m - 1)).ravel()
    laplacian = down.T @ sparse.diags(weight_down) @ down + right.T @ sparse.diags(weight_right) @ right
    total = (weight_down * along_rows.reshape(-1, weight_down.size)) @ down
    total = total + (weight_right * along_columns.reshape(-1, weight_right.size)) @ right
    grounded = sparse.linalg.splu(laplacian.tocsc()[1:, 1:])
    potential = np.zeros((len(total), n * m))
    potential[:, 1:] = -grounded.solve(np.ascontiguousarray(total[:, 1:].T)).T
    return (potential - potential.mean(axis=1, keepdims=True)).reshape(-1, n, m)


def _differences(n: int) -> Any:
    from scipy import sparse

    return sparse.diags([-np.ones(n - 1), np.ones(n - 1)], [0, 1], shape=(n - 1, n))


def _at_nodes(edges: np.ndarray, axis: int) -> np.ndarray:
    """Mean of the edges on both sides of each node; at the border that of the one."""
    padded = np.pad(edges, [(1, 1) if i == axis else (0, 0) for i in range(edges.ndim)], mode="edge")
    first, last = (np.take(padded, np.arange(k, padded.shape[axis] - 1 + k), axis) for k in (0, 1))
    return 0.5 * (first + last)


def _labelled(parts: Parts, labels: list[str], axes: Sequence[np.ndarray], draws: np.ndarray) -> xr.Dataset:
    gradient = parts.field - parts.rotational
    slope, swirl = (np.mean(part**2, axis=(1, 2)).sum(-1) for part in (gradient, parts.rotational))
    with np.errstate(invalid="ignore"):
        share = swirl / (slope + swirl)
    grids = tuple(f"grid_{label}" for label in labels)
    plane, vectors = ("sample", *grids), ("sample", *grids, "state")
    return xr.Dataset(
        {
            "potential": (plane, parts.potential, {"long_name": "potential U"}),
            "drift": (vectors, parts.field, {"long_name": "drift f"}),
            "gradient": (vectors, gradient, {"long_name": "gradient part −∇U"}),
            "rotational": (vectors, parts.rotational, {"long_name": "rotational part"}),
            "rotational_share": ("sample", share, {"long_name": "rotational share of the mean square"}),
        },
        coords={"sample": draws, "state": labels} | dict(zip(grids, axes, strict=True)),
    )
