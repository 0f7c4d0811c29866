"""Paths in a store are those that memory would have held."""

from __future__ import annotations

from dataclasses import replace

import dask
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from sdebayes._core import memory, tasks
from sdebayes._core.errors import DataError, StoreError
from sdebayes.data.blocks import is_lazy
from sdebayes.dynamics import SDE, ParametricDrift
from sdebayes.simulation import blocks, simulate

TIMES = [0.0, 1.0, 2.5]
BYTES = 4 * 3 * 2 * 8
"""Of ``x`` of a draw, four paths at three times."""


@pytest.fixture
def straight(observed, stack):
    return stack(*[observed] * 7)


@pytest.fixture
def curved(observed, disguised, stack):
    """The same, by small steps."""
    return stack(*[replace(observed, sde=disguised)] * 7)


@pytest.fixture(autouse=True)
def in_threes(monkeypatch):
    monkeypatch.setattr("sdebayes.simulation.ensemble._CHUNK_BYTES", 3 * 2 * BYTES)


@pytest.mark.parametrize(
    "scheduler", [None, "threads", pytest.param("processes", marks=pytest.mark.thorough)]
)
@pytest.mark.parametrize("law", ["straight", "curved"])
def test_they_have_the_same_digits_wherever_they_are_made(law, scheduler, request, tmp_path, monkeypatch):
    source = request.getfixturevalue(law)
    made = []
    monkeypatch.setattr(blocks, "in_order", lambda *asked: made.append(asked[2]) or tasks.in_order(*asked))
    with dask.config.set(scheduler=scheduler, num_workers=2):
        found = simulate(source, TIMES, paths=4, seed=3, store=tmp_path / "a.zarr")
    assert [block.tolist() for block in made[0]] == [[0, 1, 2], [3, 4, 5], [6]]
    assert is_lazy(found.variables["x"])
    expected = simulate(source, TIMES, paths=4, seed=3)
    xr.testing.assert_identical(found.load(), expected)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


def test_memory_need_hold_a_block_alone(straight, tmp_path, monkeypatch):
    monkeypatch.setattr("sdebayes.simulation.ensemble._CHUNK_BYTES", 1)
    monkeypatch.setattr("sdebayes._core.draws.MEMORY_LIMIT", 3 * BYTES)
    monkeypatch.setattr(memory, "available_memory", lambda: 7 * BYTES)
    with pytest.raises(DataError, match="fewer samples"):
        simulate(straight, TIMES, paths=4, samples=7)
    assert simulate(straight, TIMES, paths=4, store=tmp_path / "a.zarr").sizes["sample"] == 7
    some = simulate(straight, TIMES, paths=4, samples=3, store=tmp_path / "b.zarr")
    assert some["sample"].values.tolist() == [0, 3, 6]


def test_what_is_interrupted_is_not_there(straight, tmp_path, monkeypatch):
    made = []

    def of(simulation, draws):
        if made:
            raise KeyboardInterrupt
        made.append(draws)
        return own(simulation, draws)

    own = blocks.Simulation.of
    monkeypatch.setattr(blocks.Simulation, "of", of)
    with pytest.raises(KeyboardInterrupt):
        simulate(straight, TIMES, paths=4, store=tmp_path / "a.zarr")
    assert made
    assert not list(tmp_path.iterdir())


def test_a_place_that_is_taken_is_left_as_it_is(straight, tmp_path):
    (tmp_path / "a.zarr").write_text("mine")
    for name, message in (
        ("a.zarr", "is there already and was left as it is"),
        ("a.nc", r"ends in \.zarr"),
        ("no/a.zarr", "does not exist"),
    ):
        with pytest.raises(StoreError, match=message):
            simulate(straight, TIMES, paths=4, store=tmp_path / name)
    assert (tmp_path / "a.zarr").read_text() == "mine"


def test_lost_paths_are_counted_over_all_blocks(observed, stack, tmp_path):
    drift = ParametricDrift(lambda x, t, params: params["rate"] * x**3, {"rate": jnp.array(50.0)})
    away = stack(*[replace(observed, sde=SDE(drift, observed.sde.diffusion))] * 7)
    found = simulate(away, [0.0, 1.0], x0=np.ones(2), paths=4, substeps=20, store=tmp_path / "a.zarr")
    lost = int((~np.isfinite(found["x"].values).all(axis=(2, 3))).sum())
    assert found.attrs["paths_nonfinite"] == lost > 12
