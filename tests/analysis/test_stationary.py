"""Stationary densities against closed forms and simulated paths."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdebayes._core.errors import DataError
from sdebayes.analysis.phase_space import occupation_density, stationary_density
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift, ParametricDiffusion, ParametricDrift
from sdebayes.simulation import simulate


def stack(*sdes: SDE) -> SDE:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *sdes)


def normal(x, y, covariance):
    points = np.stack(np.broadcast_arrays(x, y), axis=-1)
    exponent = -0.5 * np.einsum("...i,ij,...j->...", points, np.linalg.inv(covariance), points)
    return np.exp(exponent) / (2 * np.pi * np.sqrt(np.linalg.det(covariance)))


@pytest.fixture(scope="module")
def turning() -> SDE:
    """Draws of dX = −(½Σ + K) P⁻¹ X dt + G dW: the normal law of covariance P whatever the rotation K is."""
    P = np.array([[1.0, 0.5], [0.5, 2.0]])
    noise = np.array([[1.0, -0.4], [-0.4, 0.8]])

    def one(rotation: float) -> SDE:
        K = rotation * np.array([[0.0, 1.0], [-1.0, 0.0]])
        matrix = jnp.asarray((0.5 * noise + K) @ np.linalg.inv(P))
        return SDE(LinearDrift(matrix, jnp.zeros(2)), ConstantDiffusion(jnp.linalg.cholesky(noise)))

    return stack(one(0.0), one(1.5))


def on_a_grid(sde: SDE) -> SDE:
    """The same linear process, not known to be linear."""
    function = ParametricDrift(lambda x, t, p: -p["A"] @ x, {"A": sde.drift.matrix})
    return SDE(function, sde.diffusion)


def test_the_normal_law_of_a_turning_process_is_exact(turning):
    P = np.array([[1.0, 0.5], [0.5, 2.0]])
    found = stationary_density(turning, states=("x2", "x1"), points=31)
    y, x = found.grid_x2.values[:, None], found.grid_x1.values
    exact = normal(x, y, P)
    np.testing.assert_allclose(found.density, np.stack([exact, exact]), rtol=1e-5)
    K = 1.5 * np.array([[0.0, 1.0], [-1.0, 0.0]])
    current = -np.stack(np.broadcast_arrays(x, y), axis=-1) @ (K @ np.linalg.inv(P)).T * exact[..., None]
    assert list(found.state.values) == ["x2", "x1"]
    np.testing.assert_allclose(found.current.sel(state=["x1", "x2"])[1], current, atol=1e-6)
    np.testing.assert_allclose(found.current[0], 0, atol=1e-6)


def test_cells_too_wide_for_a_rotation_are_told(turning):
    """Var(grid)/Var(true) of A = (.1, −2; 2, .1) is 1.57 at 81 cells of ±5 standard deviations."""
    matrix = jnp.array([[0.1, -2.0], [2.0, 0.1]])
    fast = SDE(LinearDrift(matrix, jnp.zeros(2)), ConstantDiffusion(jnp.sqrt(0.2) * jnp.eye(2)))
    found = {
        points: stationary_density(on_a_grid(fast), limits=[(-5.0, 5.0)] * 2, points=points)
        for points in (41, 161)
    }
    peclet = {points: float(one.cell_peclet[0]) for points, one in found.items()}
    variance = {
        points: float((one.density * one.grid_x1**2).sum() / one.density.sum())
        for points, one in found.items()
    }
    assert peclet[41] > 3
    assert peclet[161] < peclet[41] / 3
    assert 1 < variance[161] < variance[41]


@pytest.mark.parametrize(("draw", "rotation"), [(0, 0.0), (1, 1.5)])
def test_law_and_current_of_a_turning_process_on_a_grid(turning, draw, rotation):
    """J = (f − ½ Σ ∇log p) p = −K P⁻¹ x p, with an error of second order in the size of the cells."""
    P = np.array([[1.0, 0.5], [0.5, 2.0]])
    K = rotation * np.array([[0.0, 1.0], [-1.0, 0.0]])
    errors = []
    for points in (61, 121):
        found = stationary_density(on_a_grid(turning), limits=[(-4.5, 4.5), (-6.0, 6.0)], points=points)
        one = found.isel(sample=draw)
        x, y = one.grid_x1.values[:, None], one.grid_x2.values
        exact = normal(x, y, P)
        current = -np.stack(np.broadcast_arrays(x, y), axis=-1) @ (K @ np.linalg.inv(P)).T * exact[..., None]
        away = [np.abs(one.density - exact).max(), np.abs(one.current - current).max()]
        errors.append(np.array(away) / exact.max())
    assert (errors[1] < [0.02, 0.02]).all()
    assert errors[1][0] < max(errors[0][0] / 3, 1e-4)
    cell = float(np.prod([found[dim][1] - found[dim][0] for dim in ("grid_x1", "grid_x2")]))
    np.testing.assert_allclose(found.density.sum(["grid_x1", "grid_x2"]) * cell, 1, rtol=1e-9)
    assert (found.edge_share < 1e-4).all()


def test_order_of_states_and_marginals(turning):
    found = stationary_density(turning, points=61, samples=1)
    swapped = stationary_density(turning, states=("x2", "x1"), points=61, samples=1)
    np.testing.assert_allclose(swapped.density.transpose(*found.density.dims), found.density)
    np.testing.assert_allclose(
        swapped.current.sel(state="x1").transpose(*found.density.dims),
        found.current.sel(state="x1"),
        atol=1e-12,
    )
    marginal = stationary_density(turning, states=("x2",), points=61, samples=1)
    y = marginal.grid_x2.values
    exact = np.exp(-(y**2) / 4) / np.sqrt(4 * np.pi)
    np.testing.assert_allclose(marginal.density[0], exact, atol=6e-3 * exact.max())
    assert "current" not in marginal


def test_default_limits_hold_the_law(turning):
    found = stationary_density(turning)
    np.testing.assert_allclose(found.grid_x2[[0, -1]], [-4 * np.sqrt(2), 4 * np.sqrt(2)], rtol=1e-6)
    assert (found.edge_share < 1e-3).all()


def test_gradient_systems_have_no_current():
    """f = −∇V with V = (x² − 1)²/4 + y²/2 − xy/4 and Σ = σ² I: p ∝ exp(−2V/σ²), quasi-potential 2V/σ²."""
    drift = ParametricDrift(
        lambda x, t, p: jnp.stack([x[0] - x[0] ** 3 + 0.25 * x[1], -x[1] + 0.25 * x[0]]), {}
    )
    sde = SDE(drift, ConstantDiffusion(0.7 * jnp.eye(2)))
    found = stationary_density(sde, limits=[(-2.2, 2.2), (-2.2, 2.2)]).isel(sample=0)
    x, y = found.grid_x1.values[:, None], found.grid_x2.values
    height = 2 * ((x**2 - 1) ** 2 / 4 + y**2 / 2 - x * y / 4) / 0.49
    np.testing.assert_allclose(found.quasi_potential, height - height.min(), atol=0.05)
    assert np.abs(found.current).max() < 1e-3 * found.density.max()


def test_noise_that_depends_on_the_state():
    """Itô, f = −x and Σ = 2(1 + x²): p = (1 + x²)^(−3/2)/2, read from user functions."""
    sde = SDE(
        ParametricDrift(lambda x, t, p: -x, {}),
        ParametricDiffusion(lambda x, t, p: jnp.sqrt(2 * (1 + x[:, None] ** 2)), {}),
    )
    found = stationary_density(sde, limits=[(-15.0, 15.0)], points=601).isel(sample=0)
    x = found.grid_x1.values
    whole = 15 / np.sqrt(1 + 15**2)
    np.testing.assert_allclose(found.density, 0.5 * (1 + x**2) ** -1.5 / whole, rtol=4e-3)
    assert found.density.dims == ("grid_x1",)


def test_more_than_two_states_of_a_linear_process(rotation):
    """The third state is alone: mean 5, variance Σ/(2a) = 1/0.2 for the first draw and 4/0.4 for the second."""
    found = stationary_density(rotation, states=("x3",), limits=[(-10.0, 20.0)], points=301)
    z = found.grid_x3.values
    exact = [np.exp(-((z - 5) ** 2) / (2 * v)) / np.sqrt(2 * np.pi * v) for v in (5.0, 10.0)]
    np.testing.assert_allclose(found.density, exact, rtol=1e-6)
    assert found.attrs["method"] == "normal distribution of a linear SDE"
    np.testing.assert_allclose(stationary_density(rotation).density.sum(["grid_x1", "grid_x2"]).shape, 2)


@pytest.mark.thorough
def test_more_than_two_states_by_simulation():
    """Three independent double wells: each marginal is the density of one, within the error of the paths."""
    drift = ParametricDrift(lambda x, t, p: x - x**3, {})
    three = SDE(drift, ConstantDiffusion(jnp.eye(3)))
    found = stationary_density(
        stack(*[three] * 5), states=(2,), limits=[(-2.5, 2.5)], points=21, at=np.full(3, 0.5)
    )
    one = stationary_density(SDE(drift, ConstantDiffusion(jnp.eye(1))), limits=[(-2.5, 2.5)], points=201)
    mean, error = found.density.mean("sample"), found.density.std("sample", ddof=1) / np.sqrt(5)
    exact = one.density.isel(sample=0).interp(grid_x1=found.grid_x3.values)
    assert (np.abs(mean.values - exact.values) < 5 * error.values + 0.01).all()
    assert found.attrs["method"] == "simulated paths"


def correlated() -> SDE:
    """Noise that depends on the state, with a correlation that changes its sign."""

    def factor(x, t, p):
        angle = 0.9 * jnp.tanh(x[0])
        size = 0.6 * jnp.sqrt(1 + 0.4 * x**2)
        return size[:, None] * jnp.array([[1.0, 0.0], [angle, jnp.sqrt(1 - angle**2)]])

    drift = ParametricDrift(
        lambda x, t, p: jnp.stack([x[0] - x[0] ** 3 + 0.6 * x[1], -x[1] - 0.5 * x[0]]), {}
    )
    return SDE(drift, ParametricDiffusion(factor, {}))


@pytest.mark.slow
def test_the_density_agrees_with_paths_under_correlated_noise():
    """χ² of 10⁵ paths over coarse cells, whose expected counts come from the Fokker–Planck equation."""
    from scipy.stats import chi2

    sde = correlated()
    found = stationary_density(sde, limits=[(-3.0, 3.0), (-3.0, 3.0)], points=241).isel(sample=0)
    paths = simulate(sde, np.linspace(0, 20, 6), np.zeros(2), paths=100_000, substeps=1600)
    ends = paths.x.isel(sample=0, time=-1).values
    coarse = -2.4125 + 0.4 * np.arange(13)
    side = np.digitize(found.grid_x1.values, coarse)
    expected = np.zeros((14, 14))
    np.add.at(expected, (side[:, None], side[None, :]), found.density.values * 0.025**2)
    counts = np.zeros((14, 14))
    np.add.at(counts, (np.digitize(ends[:, 0], coarse), np.digitize(ends[:, 1], coarse)), 1)
    enough = expected * len(ends) > 10
    rest = [len(ends) - counts[enough].sum(), len(ends) * (1 - expected[enough].sum())]
    seen, hoped = np.append(counts[enough], rest[0]), np.append(expected[enough] * len(ends), rest[1])
    statistic = float(np.sum((seen - hoped) ** 2 / hoped))
    print(statistic, len(seen) - 1)
    assert statistic < chi2.ppf(0.999, len(seen) - 1)


def test_paths_that_are_counted(turning):
    """The histogram of the exact normal law, drawn at one time."""
    paths = simulate(turning, [0.0, 1.0], paths=40_000, samples=1)
    found = occupation_density(paths, limits=[(-4.0, 4.0), (-5.0, 5.0)], points=11).isel(sample=0)
    counts = found.density.values * 0.8 * 1.0 * 80_000
    expected = normal(found.grid_x1.values[:, None], found.grid_x2.values, np.array([[1.0, 0.5], [0.5, 2.0]]))
    expected = expected * 0.8 * 80_000
    near = expected > 400
    np.testing.assert_allclose(counts[near], expected[near], rtol=0.2)


def test_limits_of_all_states_make_room_for_those_not_shown(double_well):
    """The states are independent, each with p ∝ exp(−8V) by Σ = 1/4: V = x⁴/4 − x²/2 and V = x²/2."""
    limits = [(-2.0, 2.0), (-2.5, 2.5)]
    first = stationary_density(double_well, ["x1"], limits, points=101)
    second = stationary_density(double_well, ["x2"], limits, points=101)
    for found, potential in (
        (first.density, lambda x: x**4 / 4 - x**2 / 2),
        (second.density, lambda x: x**2 / 2),
    ):
        x = found[found.dims[1]].values
        exact = np.exp(-8 * potential(x))
        np.testing.assert_allclose(found[0], exact / exact.sum() / (x[1] - x[0]), atol=0.02)
    assert (float(second.grid_x2[0]), float(second.grid_x2[-1])) == limits[1]


def test_limits_that_are_missing_are_named(double_well):
    with pytest.raises(DataError, match=r"limits of x2, which is not shown.* for all of x1, x2"):
        stationary_density(double_well, ["x1"], [(-2.0, 2.0)])


@pytest.mark.thorough
def test_simulated_paths_have_a_seed():
    three = SDE(ParametricDrift(lambda x, t, p: x - x**3, {}), ConstantDiffusion(jnp.eye(3)))
    first, again, other = (
        stationary_density(three, (0,), [(-2.5, 2.5)], points=5, seed=seed).density for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"states": (0, 1, 2)}, "1 or 2 states"),
        ({"states": ("u",)}, "no state 'u'"),
        ({"limits": [(0.0, 1.0)]}, "limits"),
        ({"points": 1}, "points"),
        ({"samples": 0}, "samples"),
    ],
)
def test_arguments_that_cannot_be_used(rotation, arguments, message):
    with pytest.raises(DataError, match=message):
        stationary_density(rotation, **arguments)


def test_growing_linear_processes_have_no_density():
    growing = SDE(LinearDrift(-jnp.eye(3), jnp.zeros(3)), ConstantDiffusion(jnp.eye(3)))
    with pytest.raises(DataError, match="has a stationary distribution"):
        stationary_density(growing, limits=[(-1.0, 1.0), (-1.0, 1.0)], at=np.zeros(3))
