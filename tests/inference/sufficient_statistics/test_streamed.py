"""Sums over documents that are read block by block are those over documents in memory."""

from __future__ import annotations

from functools import partial

import dask
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes.data import blocks
from sdebayes.inference.sufficient_statistics import shortest_program, statistics
from sdebayes.inference.sufficient_statistics.streamed import streamed_program
from sdebayes.inference.target import density_of
from tests.inference.sufficient_statistics.test_documents import ALONE, FULL, LINEAR, mixed, paths


def lazy(data, folder, monkeypatch, rows=7):
    """Write data and open them to be read so many trajectories at a time."""
    monkeypatch.setattr(blocks, "READ", rows * int(np.prod(data["y"].shape[1:])))
    monkeypatch.setattr(blocks, "ENTRIES", 3 * int(np.prod(data["y"].shape[1:])))
    data.to_zarr(folder / "a.zarr", consolidated=False, zarr_format=2)
    return xr.open_zarr(folder / "a.zarr", consolidated=False, chunks=None)


def streamed(model, data, whole):
    return streamed_program(model, data, model.read(whole.isel(trajectory=[0, 1])))


@pytest.mark.thorough
@pytest.mark.parametrize("model", [ALONE, sb.SDEModel(LINEAR, FULL)], ids=["independent", "coupled"])
def test_value_and_slopes_are_those_of_the_filter(x64, model, tmp_path, monkeypatch):
    whole = mixed()
    data, ready = lazy(whole, tmp_path, monkeypatch), model.scaled_to(whole)
    found = streamed(ready, data, whole)
    assert found.said == "sums over 150 trajectories, and 3 as they are"
    summed, direct = density_of(found.program, ready.build), density_of(ready.program, ready.build)
    for start in range(3):
        z = jnp.asarray(0.7 * np.random.default_rng(start).standard_normal(direct.dimension))
        value, expected = (
            density.value_and_gradient(z, jax.tree.map(jnp.asarray, read), density.no_whitening)
            for density, read in ((summed, found.data), (direct, ready.read(whole)))
        )
        assert np.isfinite(expected[0])
        np.testing.assert_allclose(value[0], expected[0], rtol=1e-11)
        np.testing.assert_allclose(value[1], expected[1], rtol=1e-9, atol=1e-10 * np.abs(expected[1]).max())


def test_digits_do_not_depend_on_the_scheduler(x64, tmp_path, monkeypatch):
    whole = mixed()
    data, ready = lazy(whole, tmp_path, monkeypatch), ALONE.scaled_to(whole)
    reading = streamed(ready, data, whole)
    assert reading.said == "sums over 150 trajectories, and 3 as they are"
    alone = reading.data
    last = whole["y"].values[150:]
    kept = sorted(np.asarray(alone[1].values)[:, :5].tolist())
    np.testing.assert_array_equal(kept, sorted(last.tolist()))
    for options in ({"num_workers": 1}, {"num_workers": 3}):
        for opened in (data, data.chunk(trajectory=7)):
            with dask.config.set(scheduler="threads", **options):
                other = streamed(ready, opened, whole).data
            jax.tree.map(np.testing.assert_array_equal, other, alone)


def test_documents_are_not_held(x64, tmp_path, monkeypatch):
    """Of any number of documents that share their times, as many rows as there are numbers in one, and one."""
    whole = sb.trajectories(paths(200))
    data, ready = lazy(whole, tmp_path, monkeypatch), sb.SDEModel(LINEAR, FULL).scaled_to(whole)
    sums, rest = streamed(ready, data, whole).data
    assert sums.values.shape == (1, 11, 5, 2)
    assert rest is None
    expected = shortest_program(ready, ready.read(whole)).data[0]
    for name in ("values", "weight", "number"):
        np.testing.assert_allclose(getattr(sums, name), getattr(expected, name), rtol=1e-9, atol=1e-10)


def test_sums_over_transitions_are_those_of_all_at_once(x64, tmp_path, monkeypatch):
    whole = sb.trajectories(list(paths(40)), names=[f"n{i}" for i in range(40)])
    whole["y"][3, 2] = np.nan
    data = lazy(whole, tmp_path, monkeypatch)
    model = sb.SDEModel(LINEAR, FULL, sb.schemes.EulerMaruyama(), sb.Exact()).scaled_to(whole)
    found, expected = streamed(model, data, whole), shortest_program(model, model.read(whole))
    assert found.said == expected.said == "sums over 159 transitions"
    assert found.program == expected.program
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-10), found.data, expected.data)
    with dask.config.set(scheduler="threads", num_workers=3):
        other = statistics(model, data)
    jax.tree.map(np.testing.assert_array_equal, other, found.data)


def own_times():
    rng = np.random.default_rng(0)
    return sb.trajectories(list(paths(60)), [np.cumsum(0.5 + rng.random(5)) for _ in range(60)])


def next_to_no_noise():
    values = paths(60)
    values[:, 1:] = values[:, :1] + 1e-6 * values[:, 1:]
    return sb.trajectories(values)


@pytest.mark.parametrize(
    ("model", "whole"),
    [
        (ALONE, own_times),
        (sb.SDEModel(LINEAR, FULL), next_to_no_noise),
        (sb.SDEModel(LINEAR, FULL, observation=sb.StudentTNoise()), mixed),
        (sb.SDEModel(LINEAR, FULL, level=sb.Level("t")), mixed),
    ],
    ids=["own times", "lost digits", "student t", "level"],
)
def test_there_are_none_where_the_data_must_be_held(x64, model, whole, tmp_path, monkeypatch):
    whole = whole()
    data = lazy(whole, tmp_path, monkeypatch)
    assert streamed(model.scaled_to(whole), data, whole) is None
