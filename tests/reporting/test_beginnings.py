"""What a chapter computes with where data are long, against counting."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core.draws import MEMORY_LIMIT
from sdebayes.reporting.beginnings import beginnings, fewer_draws, said_of

LENGTHS = (400, 90, 20, 250)


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    rng = np.random.default_rng(0)
    return sb.trajectories([rng.normal(size=(length, 2)) for length in LENGTHS])


def test_data_that_fit_are_all_taken(data):
    chosen = beginnings(data, MEMORY_LIMIT // 1600)
    xr.testing.assert_identical(chosen, data)
    assert said_of(chosen, data, "texts") == ""


def test_of_long_data_each_trajectory_begins(data):
    chosen = beginnings(data, MEMORY_LIMIT // 800)
    assert chosen["n_steps"].values.tolist() == [200, 90, 20, 200]
    xr.testing.assert_identical(chosen["y"], data["y"].isel(time=slice(200)))
    sb.data.validate(chosen)
    assert said_of(chosen, data, "texts") == "Of long texts the first 200 steps were taken. "


def test_trajectories_are_left_out_before_they_are_too_short():
    many = sb.trajectories(np.random.default_rng(1).normal(size=(40, 60, 2)))
    chosen = beginnings(many, MEMORY_LIMIT // 1000)
    assert chosen["trajectory"].values.tolist() == [f"trajectory {1 + round(k * 39 / 19)}" for k in range(20)]
    assert set(chosen["n_steps"].values) == {50}
    assert "first 50 steps were taken, and 20 texts were left out. " in said_of(chosen, many, "texts")


def test_ten_trajectories_are_kept_in_any_case(data):
    assert beginnings(data, MEMORY_LIMIT)["n_steps"].values.tolist() == [50, 50, 20, 50]
    many = sb.trajectories(np.random.default_rng(1).normal(size=(40, 60, 2)))
    assert beginnings(many, MEMORY_LIMIT).sizes["trajectory"] == 10


@pytest.mark.parametrize(("states", "draws"), [(2, 50), (16, 50), (32, 12), (128, 8), (1024, 8)])
def test_of_many_states_fewer_draws_are_forecast(states, draws):
    assert fewer_draws(50, states) == draws


def test_two_draws_are_taken_in_any_case():
    assert fewer_draws(5, 500) == 2
