"""What all analyses do alike with the number of draws, whole numbers and names of states."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from sdebayes._core.draws import choose_draws
from sdebayes._core.errors import DataError
from sdebayes.analysis import fields, forecasts, moments, phase_space, process
from sdebayes.data import trajectories
from sdebayes.dynamics import SDE
from sdebayes.simulation import simulate

ORIGIN = np.zeros(2)
PLANE = [(-2.0, 2.0), (-2.0, 2.0)]
BALL = phase_space.Ball(ORIGIN, 1.0)


@pytest.mark.parametrize(
    "analyse",
    [
        lambda sde: process.mixing_time(sde, 0, x0=ORIGIN),
        lambda sde: process.entropy_production(sde, 0, x0=ORIGIN),
        lambda sde: process.growth(sde, samples=0),
        lambda sde: process.dissipativity(sde, samples=0),
        lambda sde: phase_space.stationary_density(sde, limits=PLANE, points=5, samples=0),
        lambda sde: phase_space.exit_time(sde, BALL, samples=0, limits=PLANE),
        lambda sde: phase_space.simulated_exit_time(sde, BALL, ORIGIN, samples=0),
        lambda sde: phase_space.lyapunov_exponents(sde, 1.0, ORIGIN, samples=0),
        lambda sde: phase_space.basins(sde, limits=PLANE, points=3, samples=0),
        lambda sde: fields.grid(sde, limits=PLANE, samples=0),
    ],
)
def test_no_draws_are_refused(double_well: SDE, analyse):
    with pytest.raises(DataError, match="samples=0"):
        analyse(double_well)


def test_no_draws_of_innovations_are_refused(rotation):
    data = trajectories(simulate(rotation, np.arange(9.0), paths=3, samples=1)["y"].values[0])
    with pytest.raises(DataError, match="samples=0"):
        process.innovations(rotation, data, 0)


def test_the_default_number_of_draws_is_capped_and_what_is_asked_for_is_not():
    np.testing.assert_array_equal(choose_draws(10, 1, None, 5), [0, 2, 4, 7, 9])
    np.testing.assert_array_equal(choose_draws(3, 1, None, 5), [0, 1, 2])
    np.testing.assert_array_equal(choose_draws(10, 1, 10, 5), np.arange(10))
    np.testing.assert_array_equal(choose_draws(3, 1, 1000, 5), [0, 1, 2])
    assert choose_draws(10, 2**28, None, 5).size == 4


@pytest.mark.parametrize(
    "analyse",
    [
        lambda sde: fields.grid(sde, states="x1", limits=PLANE[:1]),
        lambda sde: phase_space.stationary_density(sde, states="x1", limits=PLANE[:1], at=ORIGIN),
        lambda sde: phase_space.basins(sde, "x1"),
    ],
)
def test_a_bare_string_is_no_list_of_states(double_well, analyse, untyped):
    with pytest.raises(DataError, match=r"='x1' must be a list of labels or positions"):
        analyse(double_well)


@pytest.mark.parametrize("value", [5.0, True, 0])
@pytest.mark.parametrize(
    ("name", "analyse"),
    [
        ("points", lambda sde, n: fields.grid(sde, limits=PLANE, points=n)),
        ("points", lambda sde, n: fields.line(sde, ORIGIN, ORIGIN + 1, points=n)),
        ("points", lambda sde, n: phase_space.stationary_density(sde, limits=PLANE, points=n)),
        ("paths", lambda sde, n: simulate(sde, [0.0, 1.0], ORIGIN, paths=n)),
        ("paths", lambda sde, n: phase_space.simulated_exit_time(sde, BALL, ORIGIN, paths=n)),
        ("paths", lambda sde, n: phase_space.lyapunov_exponents(sde, 1.0, ORIGIN, paths=n)),
        ("paths", lambda sde, n: process.entropy_production(sde, x0=ORIGIN, paths=n)),
        ("paths", lambda sde, n: process.mixing_time(sde, x0=ORIGIN, paths=n)),
        (
            "replicates",
            lambda sde, n: process.properties(
                sde, trajectories(np.arange(18.0).reshape(9, 2) ** 2), replicates=n
            ),
        ),
        ("count", lambda sde, n: phase_space.time_scales(sde, n, PLANE, points=9)),
        ("bins", lambda sde, n: forecasts.dependence(xr.DataArray(0.0), xr.Dataset(), bins=n)),
        (
            "bins",
            lambda sde, n: moments.kramers_moyal(trajectories(np.arange(18.0).reshape(2, 9, 1)), bins=n),
        ),
    ],
)
def test_numbers_must_be_whole(double_well, name, analyse, value, untyped):
    with pytest.raises(DataError, match=rf"{name}={value} must be a whole number"):
        analyse(double_well, value)


def test_whole_numbers_of_numpy_are_taken(double_well, untyped):
    found = fields.grid(double_well, limits=PLANE, points=np.int64(5))
    assert found.sizes["grid_x1"] == 5
    assert phase_space.time_scales(double_well, np.int64(1), PLANE, points=np.int64(9)).sizes["mode"] == 1
    assert simulate(double_well, [0.0, 1.0], jnp.zeros(2), paths=np.int32(2)).sizes["path"] == 2
