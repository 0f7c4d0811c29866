"""The stationary law of a linear SDE with additive noise, which is normal."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Float

from sdebayes._core.draws import choose_draws
from sdebayes._core.errors import DataError
from sdebayes.analysis.evaluate import drift_and_covariance, jacobians
from sdebayes.analysis.phase_space.cell_grid import CellGrid
from sdebayes.analysis.phase_space.occupation import densities, with_current
from sdebayes.simulation import Source


def normal_density(source: Source, chosen: list[int], cells: CellGrid, samples: int | None) -> xr.Dataset:
    """Return the density of chosen states, and where these are all, its current J = (f + ½ Σ P⁻¹ (x − m)) p."""
    whole = len(chosen) == source.n_states
    draws = choose_draws(source.n_draws, 8 * len(cells.centres) * (1 + whole * source.n_states), samples)
    mean, covariance = _law(source, draws)
    if not np.isfinite(mean).any():
        raise DataError(
            "No draw of this linear SDE has a stationary distribution: in each, some direction does not return. "
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
    dataset = densities(density, edge, "normal distribution of a linear SDE", source.provenance)
    if not whole:
        return dataset
    drift, noise = drift_and_covariance(source, draws, cells.centres[:, np.argsort(chosen)])
    uphill = np.einsum("sij,spj->spi", np.linalg.inv(own), away)
    outward = np.einsum("spij,spj->spi", noise[:, :, chosen][..., chosen], uphill)
    flow = (drift[..., chosen] + 0.5 * outward) * values[..., None]
    coords["state"] = np.array([source.states[i] for i in chosen])
    current = xr.DataArray(cells.on_grid(flow), coords, ("sample", *dims, "state"))
    return with_current(dataset, current)


def _law(
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
