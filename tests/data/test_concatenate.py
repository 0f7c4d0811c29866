"""Data sets one behind the other, beside the parts that they were."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core.errors import DataError
from sdebayes.data import concatenate


def part(name: str, lengths: tuple[int, ...], middle: float = 0.0, **given) -> xr.Dataset:
    rng = np.random.default_rng(len(name))
    x = [middle + rng.normal(size=(length, 2)) for length in lengths]
    texts = [[f"{name} {k} {j}" for j in range(length)] for k, length in enumerate(lengths)]
    labels = [f"{name} {k}" for k in range(len(lengths))]
    return sb.trajectories(x, names=labels, texts=texts, **given)


LONG = part("long", (7, 5), 3.0, covariates={"year": [1900, 1950], "words": [list(range(7)), list(range(5))]})
SHORT = part("short", (4, 3, 3), -2.0, covariates={"words": [list(range(n)) for n in (4, 3, 3)]})


def test_each_trajectory_is_what_it_was(tmp_path):
    both = concatenate({"a": LONG, "b": SHORT})
    assert both["group"].values.tolist() == ["a", "a", "b", "b", "b"]
    assert "year" not in both.coords
    for source in (LONG, SHORT):
        for name in source["trajectory"].values:
            old, new = (
                data.sel(trajectory=name).isel(time=slice(int(source.n_steps.sel(trajectory=name))))
                for data in (source, both)
            )
            for variable in ("y", "t", "text", "words"):
                np.testing.assert_array_equal(old[variable], new[variable])
    assert set(both["text"].values[4, 3:]) == {""}
    sb.data.save(both, tmp_path / "both.nc")
    xr.testing.assert_identical(sb.data.load(tmp_path / "both.nc"), both)


def test_centred_parts_lie_around_one_place():
    both = concatenate({"a": LONG, "b": SHORT}, centred=True)
    for name in "ab":
        own = both["y"].isel(trajectory=both["group"].values == name)
        np.testing.assert_allclose(own.mean(["trajectory", "time"]), 0.0, atol=1e-12)
    difference = LONG["y"] - both["y"].sel(trajectory=LONG["trajectory"])
    np.testing.assert_allclose(difference.std(["trajectory", "time"]), 0.0, atol=1e-12)


def test_groups_of_corpora_are_fitted():
    both = concatenate({"a": LONG, "b": SHORT})
    model = sb.SDEModel(sb.priors.Linear(diagonal=True, by_group=True), observation=sb.Exact())
    posterior = sb.fit(model, both, sb.Laplace(draws=5), progress=False)
    assert posterior.data["posterior"]["group"].values.tolist() == ["a", "b"]


def test_what_parts_say_of_themselves_is_told_by_name():
    both = concatenate(
        {
            "a": LONG.assign_attrs(
                cut_off="1 of 9", axes=np.arange(2), own=np.arange(3), min_steps=3, step="sentences"
            ),
            "b": SHORT.assign_attrs(axes=np.arange(2), own=np.arange(4), min_steps=2, step="sentences"),
        }
    )
    assert both.attrs["cut_off"] == "a: 1 of 9"
    assert both.attrs["min_steps"] == 2
    assert both.attrs["axes"].tolist() == [0, 1]
    assert "own" not in both.attrs
    assert both.attrs["step"] == "sentences"


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"a": LONG}, "got 1 data set"),
        ({"a": LONG, "b": LONG}, "2 trajectories have the name .* first 'long 0'"),
        (
            {"a": LONG, "b": SHORT.assign_attrs(encoder="other")},
            "'a' and 'b' differ in 'encoder': None and other",
        ),
        ({"a": LONG, "b": SHORT.assign_attrs(time_unit="day")}, "step and day; give both the same unit"),
        ({"a": LONG, "b": SHORT.assign_coords(state=["x1", "x3"])}, "2 states and 'b' 2 states, or others"),
        ({"a": LONG, "b": SHORT.rename(state="embedding")}, "2 states and 'b' 2 embeddings"),
        ({"a": LONG, "b": SHORT.assign(t=-SHORT["t"])}, "time decreases"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(parts, message):
    with pytest.raises(DataError, match=message):
        concatenate(parts)


def test_states_of_a_space_are_not_centred():
    states = SHORT.assign_attrs(space_hash="x")
    with pytest.raises(DataError, match="'b' holds states of a space; centre embeddings"):
        concatenate({"b": states, "a": LONG.assign_attrs(space_hash="x")}, centred=True)
