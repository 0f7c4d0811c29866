"""The noisy Van der Pol oscillator: its density and its current against simulated paths and against its limit cycle."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from scipy.interpolate import RegularGridInterpolator
from scipy.stats import chi2

from sdebayes.analysis.phase_space import limit_cycles, stationary_density
from sdebayes.dynamics import SDE, ConstantDiffusion, ParametricDrift
from sdebayes.simulation import simulate

LIMITS = [(-4.0, 4.0), (-5.0, 5.0)]
POINTS, CELLS_OF_A_BLOCK = 160, 10
PATHS = 4000
ENOUGH = 10


def _drift(x, t, p):
    return jnp.stack([x[1], (1 - x[0] ** 2) * x[1] - x[0]])


def oscillator(noise: float) -> SDE:
    """μ = 1, noise in both states."""
    return SDE(ParametricDrift(_drift, {}), ConstantDiffusion(noise * jnp.eye(2)))


@pytest.fixture(scope="module")
def found() -> xr.Dataset:
    return stationary_density(oscillator(0.5), limits=LIMITS, points=POINTS).isel(sample=0)


@pytest.fixture(scope="module")
def paths() -> np.ndarray:
    """Independent paths over one period and a half, (path, time, state), after 15 time units."""
    x0 = np.random.default_rng(1).normal(scale=1.5, size=(PATHS, 2))
    times = np.concatenate([[0.0], np.arange(15.0, 25.0, 0.1)])
    # Steps of 0.02 throughout.
    run = simulate(oscillator(0.5), times[:2], x0, PATHS, seed=2, substeps=750)
    late = simulate(oscillator(0.5), times[1:], run["x"].values[0, :, -1], PATHS, seed=3, substeps=10)
    return late["x"].values[0].astype(float)


def blocks(found: xr.Dataset, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Observed and expected numbers of points in blocks of cells; blocks where few are expected count as one."""
    axes = [found[f"grid_{state}"].values for state in ("x1", "x2")]
    cells = [axis[1] - axis[0] for axis in axes]
    edges = [np.append(axis - cell / 2, axis[-1] + cell / 2) for axis, cell in zip(axes, cells, strict=True)]
    share = found["density"].transpose("grid_x1", "grid_x2").values * np.prod(cells)
    counts = np.histogram2d(*points.T, bins=edges)[0]
    n = POINTS // CELLS_OF_A_BLOCK
    expected, observed = (
        part.reshape(n, CELLS_OF_A_BLOCK, n, CELLS_OF_A_BLOCK).sum((1, 3))
        for part in (share * len(points), counts)
    )
    full = expected >= ENOUGH
    rest = len(points) - observed[full].sum(), len(points) - expected[full].sum()
    return np.append(observed[full], rest[0]), np.append(expected[full], rest[1])


def p_value(found: xr.Dataset, points: np.ndarray) -> float:
    """Of Pearson's χ² test that the points come from the density."""
    observed, expected = blocks(found, points)
    return float(chi2.sf(((observed - expected) ** 2 / expected).sum(), observed.size - 1))


@pytest.mark.thorough
def test_the_density_on_a_grid_is_that_of_simulated_paths(found, paths):
    assert blocks(found, paths[:, -1])[0].size > 50
    assert p_value(found, paths[:, -1]) > 1e-3


@pytest.mark.thorough
def test_the_comparison_tells_a_noise_that_is_a_sixth_larger(paths):
    other = stationary_density(oscillator(0.5 * 7 / 6), limits=LIMITS, points=POINTS).isel(sample=0)
    assert p_value(other, paths[:, -1]) < 1e-6


def test_the_current_through_a_half_line_is_the_number_of_turns(found, paths):
    """Nothing gathers anywhere, so as much flows through every half-line from the origin: turns per time."""
    angle = np.unwrap(np.arctan2(paths[..., 1], paths[..., 0]), axis=1)
    turns = (angle[:, -1] - angle[:, 0]) / (2 * np.pi * 0.1 * (paths.shape[1] - 1))
    error = turns.std(ddof=1) / np.sqrt(PATHS)
    flow = found["current"]
    across = flow.interp(grid_x2=0.0).sel(state="x2")
    cell = float(np.diff(found["grid_x1"])[0])
    through = [float(across.where(side * found["grid_x1"] > 0).sum()) * cell * side for side in (1, -1)]
    assert error < 0.005 * abs(turns.mean())
    np.testing.assert_allclose(through, turns.mean(), atol=4 * error + 0.005 * abs(turns.mean()))


def test_the_current_circulates_along_the_limit_cycle(found):
    starts = np.array([[2.0, 2.0], [-2.0, -2.0], [0.1, 0.0], [1.0, -1.5]])
    cycle = limit_cycles(oscillator(0.5), starts)["orbit"].isel(sample=0, cycle=0).values
    axes = (found["grid_x1"].values, found["grid_x2"].values)
    flow = found["current"].transpose("grid_x1", "grid_x2", "state").values
    here = RegularGridInterpolator(axes, flow)(cycle)
    drift = np.stack([cycle[:, 1], (1 - cycle[:, 0] ** 2) * cycle[:, 1] - cycle[:, 0]], axis=-1)
    cosine = (here * drift).sum(axis=-1) / np.linalg.norm(here, axis=-1) / np.linalg.norm(drift, axis=-1)

    assert cosine.min() > 0.9
