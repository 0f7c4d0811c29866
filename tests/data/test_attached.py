"""Texts and covariates that go along with trajectories made of arrays."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import sdebayes as sb
from sdebayes._core.errors import DataError

LENGTHS = (5, 8, 6, 7)


def arrays(lengths=LENGTHS) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.normal(size=(n, 3)) for n in lengths]


def texts(lengths=LENGTHS) -> list[list[str]]:
    return [[f"{i}:{k}" for k in range(n)] for i, n in enumerate(lengths)]


COVARIATES = {
    "year": [1790, 1850, 1945, 2026],
    "party": ["a", "b", "a", "none"],
    "words": [np.arange(n) for n in LENGTHS],
    "kind": [["x"] * n for n in LENGTHS],
    "spoken": [True, False, True, True],
}


@pytest.fixture
def data() -> xr.Dataset:
    return sb.trajectories(arrays(), texts=texts(), covariates=COVARIATES, groups=list("ABAB"))


def test_shape_says_what_a_covariate_is_of(data):
    assert data["year"].dims == data["party"].dims == ("trajectory",)
    assert {"year", "party", "spoken", "group"} <= set(data.coords)
    assert data["words"].dims == data["kind"].dims == data["text"].dims == ("trajectory", "time")
    assert list(data["text"].values[0]) == [*texts()[0], "", "", ""]
    np.testing.assert_array_equal(data["words"].values[0], [0, 1, 2, 3, 4, np.nan, np.nan, np.nan])
    assert list(data["kind"].values[0]) == ["x"] * 5 + [""] * 3
    assert data["year"].dtype.kind == "i"


@pytest.mark.parametrize("name", ["data.nc", "data.zarr"])
def test_all_of_it_comes_back_from_disk(data, tmp_path, name):
    loaded = sb.data.load(sb.data.save(data, tmp_path / name))
    xr.testing.assert_identical(loaded, data)
    assert {k: v.dtype.kind for k, v in loaded.variables.items()} == {
        k: v.dtype.kind for k, v in data.variables.items()
    }


def test_split_and_state_space_keep_all_of_it(data):
    train, test = sb.split(data, test=1, seed=0)
    assert len(train["year"]) == 3
    states = sb.PCA(2).fit(train).transform(test)
    for name in COVARIATES:
        assert states[name].equals(test[name])
    assert states["text"].equals(test["text"])


def test_what_lies_after_the_last_value_is_cut_off():
    values = arrays()
    values[1][6:] = np.nan
    data = sb.trajectories(values, texts=texts(), covariates={"words": COVARIATES["words"]})
    assert list(data["text"].values[1]) == [*texts()[1][:6], ""]
    assert np.isnan(data["words"].values[1, 6])
    padded = sb.trajectories(np.stack([values[1], values[1]]), texts=[texts()[1], texts()[1][:6]])
    assert padded["text"].values[1, 5] == "1:5"


def test_one_trajectory_needs_no_list_of_lists():
    data = sb.trajectories(arrays()[0], texts=texts()[0], covariates={"words": np.arange(5), "year": [1790]})
    assert data["text"].shape == data["words"].shape == (1, 5)
    assert data["year"].dims == ("trajectory",)


@settings(max_examples=30)
@given(st.lists(st.integers(3, 9), min_size=1, max_size=5), st.data())
def test_each_value_stays_with_its_step(lengths, draw):
    values = [[draw.draw(st.floats(-5, 5)) for _ in range(n)] for n in lengths]
    data = sb.trajectories(arrays(lengths), covariates={"own": values})
    for index, one in enumerate(values):
        np.testing.assert_array_equal(data["own"].values[index, : len(one)], one)
        assert np.isnan(data["own"].values[index, len(one) :]).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"texts": texts()[:3]}, "lists for 3 trajectories, but there are 4"),
        ({"texts": [*texts()[:3], ["only one"]]}, "'trajectory 4' has 1 entries for 7 steps"),
        ({"texts": ["a", "b", "c", "d"]}, "a list of texts, one for each step"),
        ({"texts": [[1] * n for n in LENGTHS]}, "expected a text for each step"),
        ({"texts": "a text"}, "expected a list"),
        ({"covariates": {"y": [1, 2, 3, 4]}}, "use themselves"),
        ({"covariates": {"group": [1, 2, 3, 4]}}, "use themselves"),
        ({"covariates": {"space_mean": [1, 2, 3, 4]}}, "use themselves"),
        ({"covariates": {"year": [1, 2, 3]}}, "3 entries for 4 trajectories"),
        ({"covariates": {"year": 3}}, "expected a list"),
        ({"covariates": {"year": [1, 2, 3, [4]]}}, "one value, or one list"),
        ({"covariates": {"year": [1, 2, 3, None]}}, "real numbers or texts"),
        ({"covariates": {"year": [1, 2, 3, "x"]}}, "real numbers or texts"),
        ({"covariates": {"year": [1, 2, 3, np.inf]}}, "infinite"),
        ({"covariates": {"words": [np.zeros(9)] * 4}}, "9 entries for 5 steps"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, words):
    with pytest.raises(DataError, match=words):
        sb.trajectories(arrays(), **arguments)
