"""Data sets on the disk are checked, split, shuffled and reduced without being loaded, as those in memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core.errors import DataError
from sdebayes.data import blocks
from sdebayes.data.blocks import is_lazy
from sdebayes.data.container import pack, to_arrays
from sdebayes.data.moments import moments, root

WIDTH = 6
LENGTHS = (9, 14, 11, 7, 12, 10)


def embeddings(width=WIDTH, lengths=LENGTHS, scale=1.0):
    generator = np.random.default_rng(0)
    mix = generator.normal(size=(width, width))
    values = [np.cumsum(generator.normal(size=(n, width)), 0) * scale @ mix + 30.0 for n in lengths]
    values[1][3, 2] = np.nan
    texts = [[f"step {step} of {index}" for step in range(n)] for index, n in enumerate(lengths)]
    times = [np.arange(float(n)) for n in lengths]
    return pack(values, times, [f"n{i}" for i in range(len(lengths))], "embedding", texts)


def on_disk(dataset, path, chunks=2):
    """Write a data set and open it as xarray does without dask."""
    dataset = dataset.assign(text=dataset["text"].astype(str)) if "text" in dataset else dataset
    shape = (chunks, *dataset["y"].shape[1:])
    encoding = {"y": {"chunks": shape, "compressors": None}}
    dataset.to_zarr(path, consolidated=False, encoding=encoding, zarr_format=2)
    return xr.open_zarr(path, consolidated=False, chunks=None)


@pytest.fixture
def small_blocks(monkeypatch):
    """Make a block of one trajectory or two."""
    monkeypatch.setattr(blocks, "ENTRIES", 14 * WIDTH)
    monkeypatch.setattr(blocks, "READ", 5 * 14 * WIDTH)


def test_blocks_are_all_trajectories_in_their_order(tmp_path, small_blocks):
    data = embeddings()
    lazy = on_disk(data, tmp_path / "a.zarr")
    for dataset in (lazy, lazy.isel(trajectory=[4, 1, 0])):
        parts = list(blocks.blocks(dataset))
        assert [part.rows.start for part in parts] == list(range(dataset.sizes["trajectory"]))
        expected = data.sel(trajectory=dataset["trajectory"].values)
        np.testing.assert_array_equal(np.concatenate([part.values for part in parts]), expected["y"])
        np.testing.assert_array_equal(np.concatenate([part.times for part in parts]), expected["t"])
    arrays = to_arrays(lazy)
    np.testing.assert_array_equal(arrays.values, data["y"])
    assert is_lazy(lazy.variables["y"])
    assert np.shares_memory(next(blocks.blocks(data)).values, data["y"].values)


def faulty(name):
    data = embeddings()
    y, t = data["y"].values, data["t"].values
    if name == "infinite":
        y[4, 3, 1], y[5, 2, 2], t[2, 4] = np.inf, -np.inf, 0.0
    elif name == "times":
        t[3, 4], t[5, 2] = t[3, 3], np.nan
    elif name == "after the end":
        y[3, 9] = 1.0
    elif name == "few":
        y[4, 2:] = np.nan
    else:
        y[~np.isnan(y)] = 1.0
    return data


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("infinite", r"'n4': the value at step 3, embedding 1, is infinite \(2 such"),
        ("times", "'n3': time repeats between steps 3 and 4"),
        ("after the end", "'n3' ends after 7 steps"),
        ("few", "'n4' has 2 observed steps among 12"),
        ("constant", "the same at every step"),
    ],
)
def test_the_first_fault_is_named_wherever_a_block_ends(tmp_path, small_blocks, name, message):
    data = faulty(name).assign_coords(embedding=np.arange(WIDTH))
    lazy = on_disk(data, tmp_path / "a.zarr")
    for dataset in (data, lazy):
        for reading in (sb.data.validate, sb.PCA(2).fit, to_arrays, sb.data.split):
            with pytest.raises(DataError, match=message):
                reading(dataset)


@pytest.mark.parametrize("options", [{}, {"standardize": True}, {"common_scale": True}])
def test_components_are_those_of_all_steps_at_once(tmp_path, small_blocks, options):
    data = embeddings()
    lazy = on_disk(data, tmp_path / "a.zarr")
    space = sb.PCA(3, **options).fit(lazy)
    steps = data["y"].values.reshape(-1, WIDTH)
    steps = steps[np.isfinite(steps).all(1)]
    unit = steps.std(0) if "standardize" in options else np.ones(WIDTH)
    _, singular, rows = np.linalg.svd((steps - steps.mean(0)) / unit, full_matrices=False)
    scale = singular / np.sqrt(len(steps))
    np.testing.assert_allclose(space.mean, steps.mean(0), rtol=1e-12)
    np.testing.assert_allclose(np.abs((space.components * rows[:3]).sum(1)), 1.0, rtol=1e-12)
    np.testing.assert_allclose(space.explained_variance, scale[:3] ** 2 / (scale**2).sum(), rtol=1e-10)
    common = np.full(3, np.sqrt((scale[:3] ** 2).mean()))
    np.testing.assert_allclose(space.scale, common if "common_scale" in options else scale[:3], rtol=1e-10)
    assert (space.spec["training_steps"], space.spec["training_trajectories"]) == (len(steps), 6)
    states = space.transform(lazy)
    np.testing.assert_allclose(states["y"], space.transform(data)["y"], rtol=1e-12)
    assert is_lazy(states.variables["text"])
    assert not is_lazy(states.variables["y"])
    assert is_lazy(lazy.variables["y"])
    found = space.exemplars([0.0] * 3, lazy, n=2)
    xr.testing.assert_equal(found, space.exemplars([0.0] * 3, data, n=2).astype(found.dtypes))
    assert is_lazy(lazy.variables["text"])


def test_small_components_keep_their_digits_far_from_zero(small_blocks):
    """Of second moments alone a standard deviation of 1e-6 of the largest would keep four digits."""
    generator = np.random.default_rng(1)
    sd = np.array([1.0, 1e-2, 1e-4, 1e-6])
    basis = np.linalg.qr(generator.normal(size=(WIDTH, WIDTH)))[0][:4]
    z = generator.normal(size=(60, 4))
    z = np.linalg.qr(z - z.mean(0))[0] * np.sqrt(60)
    x = (z * sd) @ basis + 10.0
    data = sb.trajectories(list(x.reshape(6, 10, WIDTH)))
    found = sb.PCA(4).fit(data)
    np.testing.assert_allclose(found.scale, sd, rtol=1e-8)
    np.testing.assert_allclose(np.abs((found.components * basis).sum(1)), 1.0, rtol=1e-8)
    with pytest.raises(DataError, match="vary in 4 directions only"):
        sb.PCA(5).fit(data)


def test_moments_of_parts_are_those_of_the_whole():
    generator = np.random.default_rng(2)
    x = generator.normal(size=(500, 3)) * [1.0, 1e-3, 1e3] + [1e6, 0.0, -5.0]
    x[:, 1] = 0.1
    parts = np.split(x, [1, 1, 40, 41, 300])
    found = moments(parts, 3)
    assert found.count == 500
    np.testing.assert_allclose(found.mean, x.mean(0), rtol=1e-14)
    np.testing.assert_allclose(found.scatter, 500 * np.cov(x.T, bias=True), rtol=1e-9, atol=1e-9)
    assert found.scatter[1, 1] == 0
    rows = root([part - found.mean for part in parts], 3)
    assert len(rows) <= 6
    np.testing.assert_allclose(rows.T @ rows, found.scatter, rtol=1e-9, atol=1e-9)


def test_slow_components_are_the_same_block_by_block(tmp_path, monkeypatch):
    data = embeddings()
    one = sb.TICA(2).fit(data)
    monkeypatch.setattr(blocks, "ENTRIES", 1)
    found = sb.TICA(2).fit(on_disk(data, tmp_path / "a.zarr"))
    for name in ("components", "scale", "mean", "autocorrelation", "explained_variance"):
        np.testing.assert_allclose(getattr(found, name), getattr(one, name), rtol=1e-9, atol=1e-12)
    assert found.spec["components"] == one.spec["components"]


def test_a_split_reads_what_it_is_asked_for(tmp_path):
    data = embeddings()
    lazy = on_disk(data, tmp_path / "a.zarr")
    for part, expected in zip(sb.split(lazy, seed=3), sb.split(data, seed=3), strict=True):
        assert is_lazy(part.variables["y"])
        xr.testing.assert_equal(part, expected)


def test_a_shuffle_within_trajectories_is_put_off(tmp_path, small_blocks):
    data = embeddings()
    lazy = on_disk(data, tmp_path / "a.zarr")
    for options in ({}, {"block": 3}, {"neighbours": True}, {"reverse": True}):
        here, there = (sb.data.shuffle(dataset, 5, **options) for dataset in (data, lazy))
        assert all(is_lazy(there.variables[name]) for name in ("y", "text"))
        for key in ((3,), (-1, 2), (slice(1, 5), slice(None, None, -2), 4), ([4, 0], [1, 3, 2], [0, 5])):
            np.testing.assert_array_equal(there["y"][key], here["y"][key])
        points = xr.DataArray([0, 4], dims="point"), xr.DataArray([5, 2], dims="point")
        np.testing.assert_array_equal(there["text"][points], here["text"][points])
        xr.testing.assert_equal(there.load(), here)


def test_shuffled_states_are_the_states_of_what_is_shuffled(tmp_path, small_blocks):
    """A projection maps each step by itself: states, which are few, may be shuffled in place of embeddings."""
    data = embeddings()
    lazy = on_disk(data, tmp_path / "a.zarr")
    space = sb.PCA(2).fit(lazy)
    states = space.transform(lazy)
    for order in (sb.data.shuffle, sb.data.shuffle_across):
        xr.testing.assert_allclose(order(states, 4), space.transform(order(lazy, 4)), rtol=1e-12)
    assert is_lazy(lazy.variables["y"])


def test_a_projection_takes_little_memory(tmp_path):
    """More than 200 MB on the disk, where few texts stand for many."""
    few, steps, width, times = 64, 256, 192, 18
    generator = np.random.default_rng(3)
    few_texts = xr.Dataset(
        {
            "y": (
                ("trajectory", "time", "embedding"),
                generator.normal(size=(few, steps, width)).astype("f4"),
            ),
            "t": (("trajectory", "time"), np.tile(np.arange(float(steps)), (few, 1))),
            "n_steps": ("trajectory", np.full(few, steps)),
        }
    )
    lazy = on_disk(few_texts, tmp_path / "a.zarr", chunks=16).isel(
        trajectory=np.repeat(np.arange(few), times)
    )
    lazy = lazy.assign_coords(trajectory=[f"n{i}" for i in range(few * times)])
    assert lazy["y"].nbytes > 200e6
    tracemalloc.start()
    try:
        states = sb.PCA(4).fit(lazy).transform(lazy)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(states["y"].std(["trajectory", "time"]), 1.0)
    assert peak < lazy["y"].nbytes / 4
