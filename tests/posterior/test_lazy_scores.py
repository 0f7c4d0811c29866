"""Lazy data are scored a block at a time, to the same numbers."""

from __future__ import annotations

import dask
import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core.errors import DataError
from sdebayes.data import blocks
from sdebayes.data.blocks import is_lazy
from sdebayes.likelihood import labelled


@pytest.fixture
def lazy(training, tmp_path, monkeypatch):
    """The training data on the disk, read five trajectories at a time."""
    monkeypatch.setattr(blocks, "READ", 5 * int(np.prod(training["y"].shape[1:])))
    training.to_zarr(tmp_path / "a.zarr", consolidated=False, zarr_format=2)
    return xr.open_zarr(tmp_path / "a.zarr", consolidated=False, chunks=None)


@pytest.mark.parametrize("scheduler", [None, "threads"])
def test_scores_are_those_of_all_at_once(noisy, training, lazy, scheduler, monkeypatch):
    read = []
    own = type(noisy.model).read

    def counted(model, data, *options):
        read.append(data.sizes["trajectory"])
        return own(model, data, *options)

    monkeypatch.setattr(type(noisy.model), "read", counted)
    with dask.config.set(scheduler=scheduler):
        found = noisy.log_score(lazy)
    assert sorted(read) == [4, 5, 5, 5, 5]
    expected = noisy.log_score(training)
    np.testing.assert_array_equal(found["trajectory"], expected["trajectory"])
    xr.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found.attrs == expected.attrs
    assert found.name == expected.name
    assert is_lazy(lazy.variables["y"])


@pytest.mark.thorough
def test_other_processes_score_in_the_same_precision(noisy, lazy):
    expected = noisy.log_score(lazy)
    with dask.config.set(scheduler="processes", num_workers=1):
        xr.testing.assert_allclose(noisy.log_score(lazy), expected, rtol=1e-12)


def test_a_comparison_is_that_of_all_at_once(noisy, training, lazy):
    found, expected = (sb.compare({"linear": noisy}, data) for data in (lazy, training))
    xr.testing.assert_allclose(found, expected, rtol=1e-9)
    assert found["in_sample"].all()


def test_a_state_that_stays_the_same_in_a_block_is_no_fault_and_a_fault_of_the_whole_is(
    noisy, lazy, monkeypatch
):
    monkeypatch.setattr(labelled, "MOST_TERMS", 1)
    some = lazy.isel(trajectory=slice(2, 5)).chunk()
    fourth = some["trajectory"] == "text 3"
    calm = some.assign(y=some["y"].where(~fourth, 1.0).where(some["y"].notnull()))
    assert float(calm["y"].isel(trajectory=1).std()) == 0
    assert np.isfinite(noisy.log_score(calm)).all()
    with pytest.raises(DataError, match="'text 3': the value at step 0, state x1, is infinite"):
        noisy.log_score(some.assign(y=some["y"].where(~fourth, np.inf)))
