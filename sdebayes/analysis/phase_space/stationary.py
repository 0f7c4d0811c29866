"""The stationary density, its current and its quasi-potential."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from jaxtyping import Float
from numpy.typing import ArrayLike

from sdebayes._core.errors import DataError
from sdebayes.analysis.evaluate import drift_and_covariance, jacobians, state_indices
from sdebayes.analysis.fields.reading import Limits, checked_axes
from sdebayes.analysis.phase_space.cells import Cells
from sdebayes.analysis.phase_space.chains import Chains, some_draws, wide_limits
from sdebayes.analysis.phase_space.generator import currents, stationary_law
from sdebayes.analysis.phase_space.occupation import check_count, densities, long_paths, occupied
from sdebayes.simulation import Source, as_source, choose_draws
from sdebayes.simulation.source import SourceLike


def stationary_density(
    source: SourceLike,
    states: Sequence[str | int] | None = None,
    limits: Limits | None = None,
    points: int = 81,
    at: ArrayLike | None = None,
    samples: int | None = None,
) -> xr.Dataset:
    """Return the density p(x) in which the process is found after a long time, draw by draw.

    Parameters
    ----------
    source
        A posterior or an SDE.
    states
        One or two states, by label or position; by default the first two, or the only one.
    limits
        (low, high) for each of them; by default four standard deviations of the stationary or initial law and 1.25
        times the box that the data fill.
    points
        Number of cells along each.
    at
        A whole state, (state,), around which the default limits lie and where simulated paths start; by default the
        median equilibrium of an affine drift, else the median initial mean, else zero.
    samples
        Number of draws, evenly thinned; by default at most 100, and for a linear SDE all that fit into 1 GiB.

    Returns
    -------
    xarray.Dataset
        On ``grid_<state>``, for each draw: ``density``, per unit of each state; ``quasi_potential``, −log p above its
        minimum (no unit; infinite where the density is 0); ``edge_share`` (sample), the share of the probability in
        the outermost cells and beyond: where it is not small, give wider limits. ``current`` (sample, …, state), the
        probability current J = f p − ½ ∇·(Σ p) in state per unit time and volume, if all states of a source of one or
        two are shown. The attribute ``method`` says how it was found.

    Raises
    ------
    DataError
        If the states or the limits cannot be used, or a linear SDE has no stationary law in any draw.

    Notes
    -----
    One or two states: the Fokker–Planck equation 0 = −∇·(f p) + ½ ∇∇:(Σ p) on cells, with no flux through the border.
    More states: of a linear SDE with additive noise the normal law itself (NaN for draws that have none); of others
    :func:`occupation_density` of 50 simulated paths a draw, recorded over ten of the slowest time constants at ``at``
    after five of them: wells that are left more seldom than that keep the shares they started with. A trajectory
    effect is left out: this is the law of the process within one trajectory.

    With Σ = ε Σ₀ and ε → 0, ε times the quasi-potential tends to Freidlin and Wentzell's; for f = −∇V and Σ = σ² I
    it is 2V/σ², at any σ. With noise that depends on the state its minimum need not be a fixed point.

    References
    ----------
    Risken (1996), The Fokker–Planck Equation, ch. 4–6, doi:10.1007/978-3-642-61544-3.
    Freidlin & Wentzell (2012), Random Perturbations of Dynamical Systems, ch. 4, doi:10.1007/978-3-642-25847-3.
    """
    stacked = as_source(source, _told(at, limits))
    chosen = state_indices(stacked.states, range(min(2, stacked.n_states)) if states is None else states)
    check_count(chosen)
    axes = checked_axes(wide_limits(stacked, at)[chosen] if limits is None else limits, points, len(chosen))
    if stacked.n_states <= 2:
        return _solved(stacked, chosen, axes, at, samples)
    if stacked.sde.affine:
        return _normal(stacked, chosen, Cells(tuple(axes)), samples)
    draws = some_draws(stacked, samples)
    paths = long_paths(stacked.take(draws), at)
    return occupied(paths, chosen, Cells(tuple(axes))).assign_coords(sample=draws)


def _told(at: ArrayLike | None, limits: Limits | None) -> int | None:
    """Return the number of states that the arguments tell."""
    if at is not None:
        return np.asarray(at).shape[-1]
    return None if limits is None else len(limits)


def _solved(
    source: Source, chosen: list[int], axes: list[np.ndarray], at: ArrayLike | None, samples: int | None
) -> xr.Dataset:
    """Solve the Fokker–Planck equation in all states of the source, and show the chosen ones."""
    hidden = [i for i in range(source.n_states) if i not in chosen]
    own = dict(zip(chosen, axes, strict=True))
    for i in hidden:
        low, high = wide_limits(source, at)[i]
        own[i] = np.linspace(low, high, len(axes[0]))
    cells = Cells(tuple(own[i] for i in range(source.n_states)))
    chains = Chains(source, some_draws(source, samples), cells)
    laws, flows = [], []
    for rates in chains.rates():
        laws.append(stationary_law(rates) / cells.volume)
        flows.append(currents(cells, rates, laws[-1]))
    edge = 1 - np.sum(np.stack(laws)[:, ~cells.outermost()], axis=-1) * cells.volume
    density = chains.field(np.stack(laws))
    for i in hidden:
        density = density.sum(f"grid_{source.states[i]}") * cells.spacing[i]
    kept = [f"grid_{source.states[i]}" for i in chosen]
    dataset = densities(density.transpose("sample", *kept), edge, "Fokker–Planck equation", source.provenance)
    if hidden:
        return dataset
    unit = source.provenance.get("time_unit", "unit time")
    current = chains.field(np.stack(flows), "state").assign_coords(state=list(source.states))
    current = current.isel(state=chosen).transpose("sample", *kept, "state")
    return dataset.assign(current=current.assign_attrs(long_name=f"probability current per {unit}"))


def _normal(source: Source, chosen: list[int], cells: Cells, samples: int | None) -> xr.Dataset:
    """Return the marginal of the normal law of a linear SDE with additive noise."""
    draws = choose_draws(source.n_draws, 8 * len(cells.centres), samples)
    mean, covariance = _linear_law(source, draws)
    if not np.isfinite(mean).any():
        raise DataError(
            "No draw of this linear SDE has a stationary law: in each, some direction does not return. "
            "Look at sdebayes.analysis.fields.jacobian_spectrum."
        )
    own = covariance[:, chosen][:, :, chosen]
    away = cells.centres - mean[:, None, chosen]
    exponent = -0.5 * np.einsum("spi,sij,spj->sp", away, np.linalg.inv(own), away)
    values = np.exp(exponent) / np.sqrt(np.linalg.det(2 * np.pi * own))[:, None]
    edge = 1 - np.sum(values[:, ~cells.outermost()], axis=-1) * cells.volume
    dims = tuple(f"grid_{source.states[i]}" for i in chosen)
    coords = dict(zip(dims, cells.axes, strict=True)) | {"sample": draws}
    density = xr.DataArray(cells.on_grid(values), coords, ("sample", *dims))
    return densities(density, edge, "normal law of a linear SDE", source.provenance)


def _linear_law(
    source: Source, draws: np.ndarray
) -> tuple[Float[np.ndarray, "sample state"], Float[np.ndarray, "sample state state"]]:
    """Return mean and covariance of the stationary law of each draw, NaN where there is none."""
    from scipy.linalg import solve_continuous_lyapunov

    origin = np.zeros((1, source.n_states))
    slopes = jacobians(source, draws, origin)[:, 0].astype(float)
    drift, noise = (values[:, 0].astype(float) for values in drift_and_covariance(source, draws, origin))
    mean, covariance = np.full_like(drift, np.nan), np.full_like(noise, np.nan)
    for i in np.flatnonzero((np.linalg.eigvals(slopes).real < 0).all(axis=-1)):
        mean[i] = np.linalg.solve(slopes[i], -drift[i])
        covariance[i] = solve_continuous_lyapunov(slopes[i], -noise[i])
    return mean, covariance
