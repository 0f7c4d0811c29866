"""Forecasts in a store are those that memory would have held."""

from __future__ import annotations

import dask
import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core import tasks
from sdebayes._core.errors import DataError, StateSpaceError, StoreError
from sdebayes.data.blocks import is_lazy
from sdebayes.posterior import forecasting


@pytest.fixture(autouse=True)
def in_twos(monkeypatch, held_out):
    states, targets = held_out.sizes["state"], int(held_out["n_steps"].max()) - 1
    monkeypatch.setattr(forecasting, "_BLOCK_BYTES", 2 * 8 * states**2 * 3 * targets * 4)


@pytest.mark.parametrize(
    "scheduler", [None, "threads", pytest.param("processes", marks=pytest.mark.thorough)]
)
@pytest.mark.parametrize("name", ["exact", "noisy"])
def test_they_have_the_same_digits_wherever_they_are_made(
    name, scheduler, request, held_out, tmp_path, monkeypatch
):
    posterior, made = request.getfixturevalue(name), []
    monkeypatch.setattr(
        forecasting, "in_order", lambda *asked: made.extend(asked[2]) or tasks.in_order(*asked)
    )
    names = [f"text {'x' * place}" for place in range(held_out.sizes["trajectory"])]
    data = held_out.assign_coords(trajectory=names)
    data.chunk(trajectory=2).drop_encoding().to_zarr(tmp_path / "data.zarr", consolidated=False)
    lazy = xr.open_zarr(tmp_path / "data.zarr", consolidated=False)
    with dask.config.set(scheduler=scheduler, num_workers=2):
        found = sb.forecast(posterior, lazy, horizon=3, samples=4, store=tmp_path / "a.zarr")
    assert [(part.start, part.stop) for part in made] == [(0, 2), (2, 3)]
    assert is_lazy(found.variables["mean"])
    expected = sb.forecast(posterior, data, horizon=3, samples=4)
    xr.testing.assert_allclose(found.load(), expected, rtol=0, atol=1e-12)
    assert found["trajectory"].values.tolist() == names
    assert found.attrs == expected.attrs


def test_scores_are_read_from_a_store(exact, held_out, tmp_path):
    found = sb.forecast(exact, held_out, horizon=2, samples=4, store=tmp_path / "a.zarr")
    table = sb.analysis.forecasts.scores(found, held_out)
    expected = sb.analysis.forecasts.scores(sb.forecast(exact, held_out, horizon=2, samples=4), held_out)
    np.testing.assert_allclose(table["log_score"], expected["log_score"], atol=1e-10)


def test_what_cannot_be_predicted_leaves_nothing(exact, held_out, tmp_path):
    taken = tmp_path / "taken.zarr"
    taken.write_text("mine")
    with pytest.raises(StoreError, match="is there already and was left as it is"):
        sb.forecast(exact, held_out, horizon=2, store=taken)
    assert taken.read_text() == "mine"
    with pytest.raises(StoreError, match=r"ends in \.zarr"):
        sb.forecast(exact, held_out, horizon=2, store=tmp_path / "a.nc")
    with pytest.raises(StateSpaceError):
        sb.forecast(exact, held_out.assign_attrs(space_hash="another"), store=tmp_path / "a.zarr")
    with pytest.raises(DataError, match="too few to predict"):
        sb.forecast(exact, held_out, horizon=100, store=tmp_path / "a.zarr")
    assert [path.name for path in tmp_path.iterdir()] == ["taken.zarr"]


def test_what_is_interrupted_is_not_there(exact, held_out, tmp_path, monkeypatch):
    made, own = [], forecasting.Forecasting.of

    def of(asked, rows):
        if made:
            raise KeyboardInterrupt
        made.append(rows)
        return own(asked, rows)

    monkeypatch.setattr(forecasting.Forecasting, "of", of)
    with pytest.raises(KeyboardInterrupt):
        sb.forecast(exact, held_out, horizon=3, samples=4, store=tmp_path / "a.zarr")
    assert made
    assert not list(tmp_path.iterdir())


def test_names_that_are_numbers_stay_numbers(exact, held_out):
    numbered = held_out.assign_coords(trajectory=np.arange(held_out.sizes["trajectory"]))
    ahead = sb.forecast(exact, numbered, horizon=2, samples=2)
    assert ahead["trajectory"].dtype.kind == "i"
    assert np.isfinite(sb.analysis.forecasts.scores(ahead, numbered)["log_score"]).any()
