from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import sdebayes as sb
from sdebayes._core.errors import DataError
from sdebayes.data.container import feature_dim, to_arrays, unobserved_states


def walk(steps: int, states: int = 2) -> np.ndarray:
    return np.random.default_rng(steps).normal(size=(steps, states)).cumsum(axis=0)


@settings(max_examples=40)
@given(
    st.lists(st.integers(3, 9), min_size=1, max_size=5), st.integers(1, 3), st.randoms(use_true_random=False)
)
def test_ragged_arrays_come_back_as_they_went_in(lengths, states, random):
    generator = np.random.default_rng(random.getrandbits(32))
    given_values = [generator.normal(size=(length, states)) for length in lengths]
    given_times = [generator.uniform(0.1, 1, size=length).cumsum() for length in lengths]
    dataset = sb.data.trajectories(given_values, given_times)
    values, times, observed, n_steps = to_arrays(dataset)
    assert n_steps.tolist() == lengths
    for index, length in enumerate(lengths):
        np.testing.assert_array_equal(values[index, :length], given_values[index])
        np.testing.assert_array_equal(times[index, :length], given_times[index])
        assert np.isnan(values[index, length:]).all()
        assert np.isnan(times[index, length:]).all()
        assert observed[index].sum() == length * states


@settings(max_examples=40)
@given(arrays(bool, (12, 2)))
def test_missing_entries_stay_missing_and_the_last_value_ends_the_trajectory(missing):
    missing[[0, 1, 5]] = False
    x = walk(12)
    x[missing] = np.nan
    end = max(step for step in range(12) if not np.isnan(x[step]).all()) + 1
    arrays_of_x = to_arrays(sb.data.trajectories(x))
    assert arrays_of_x.n_steps.tolist() == [end]
    np.testing.assert_array_equal(arrays_of_x.values[0], x[:end])
    np.testing.assert_array_equal(arrays_of_x.observed[0], ~missing[:end])


def test_padded_array_list_and_mapping_agree():
    short, long = walk(4), walk(6)
    padded = np.full((2, 6, 2), np.nan)
    padded[0, :4], padded[1] = short, long
    expected = sb.data.trajectories([short, long], names=["a", "b"])
    xr.testing.assert_identical(sb.data.trajectories(padded, names=["a", "b"]), expected)
    xr.testing.assert_identical(sb.data.trajectories({"a": short, "b": long}), expected)


@pytest.mark.parametrize(
    ("t", "expected"),
    [
        (None, [0, 1, 2, 3]),
        (0.5, [0, 0.5, 1, 1.5]),
        ([0, 1, 4, 5, 9, 10], [0, 1, 4, 5]),
        ([[3, 4, 5, 6], [0, 1, 2, 3, 4, 5]], [3, 4, 5, 6]),
        (np.array([[0, 1, 2, 7, np.nan, np.nan], [0, 1, 2, 3, 4, 5]]), [0, 1, 2, 7]),
    ],
)
def test_times_are_given_in_five_ways(t, expected):
    dataset = sb.data.trajectories([walk(4), walk(6)], t)
    np.testing.assert_array_equal(dataset["t"].values[0], [*expected, np.nan, np.nan])


def test_masks_names_groups_and_units_are_kept():
    x = np.ma.masked_array(walk(5), mask=False)
    x[2] = np.ma.masked
    dataset = sb.data.trajectories(
        [x, walk(5)], names=["<script>alert(1)</script>", "b"], groups=["A", "B"], time_unit="s"
    )
    assert np.isnan(dataset["y"].values[0, 2]).all()
    assert dataset["trajectory"].values.tolist() == ["<script>alert(1)</script>", "b"]
    assert dataset["group"].values.tolist() == ["A", "B"]
    assert dataset.attrs["time_unit"] == "s"
    assert feature_dim(dataset) == "state"


def test_columns_of_tables_name_the_states():
    tables = [pd.DataFrame(walk(steps), columns=["mood", "pace"]) for steps in (5, 4)]
    several = sb.data.trajectories({"a": tables[0], "b": tables[1]}, unobserved=("pace",))
    assert several["state"].values.tolist() == ["mood", "pace"]
    one = sb.data.trajectories(tables[0])
    assert one["state"].values.tolist() == ["mood", "pace"]
    np.testing.assert_array_equal(one["y"].values[0], walk(5))
    assert sb.data.trajectories(pd.DataFrame(walk(5)))["state"].values.tolist() == ["x1", "x2"]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (
            pd.DataFrame(walk(5), columns=["pace", "mood"]),
            r"'b' has the columns \['pace', 'mood'\], but 'a' has",
        ),
        (walk(5), r"'b' has the columns None"),
        (pd.DataFrame(walk(5), columns=[1, 0]), r"'b' has the columns \['1', '0'\]"),
    ],
)
def test_tables_whose_columns_differ_are_refused(second, message):
    """The same columns in another order would put one state's values into another's."""
    with pytest.raises(DataError, match=message):
        sb.data.trajectories({"a": pd.DataFrame(walk(5), columns=["mood", "pace"]), "b": second})


def test_columns_of_one_name_are_refused():
    with pytest.raises(DataError, match="Names of states must be unique; used more than once: 'mood'"):
        sb.data.trajectories(pd.DataFrame(walk(5), columns=["mood", "mood"]))


def test_a_state_declared_unobserved_may_be_missing_everywhere():
    x = walk(6)
    x[:, 1] = np.nan
    dataset = sb.data.trajectories(x, unobserved=["x2"])
    assert unobserved_states(dataset) == ["x2"]
    with pytest.raises(DataError, match="states are"):
        sb.data.trajectories(x, unobserved=["x3"])


def with_value(x, where, value):
    x = x.copy()
    x[where] = value
    return x


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([], "empty"),
        (np.zeros((0, 4, 2)), "no trajectory"),
        ("some text", "sdebayes.embed"),
        (walk(5)[:, 0], r"x\[:, None\]"),
        ([walk(5)[:, 0]], r"'trajectory 1' has 1 dimension"),
        (np.zeros((2, 2, 2, 2)), "4 dimensions"),
        ([walk(5), np.array([["1", "2"]] * 5)], "'trajectory 2' must hold real numbers"),
        (np.full((5, 2), None), "dtype object"),
        (walk(5) + 1j, "complex"),
        ([walk(5), [[1, 2], [3]]], "'trajectory 2' is not a regular array"),
        ([walk(5), walk(5, 3)], "'trajectory 2' has 3 states, but 'trajectory 1' has 2"),
        (
            [walk(5), with_value(walk(5), (3, 1), np.inf)],
            "'trajectory 2': the value at step 3, state x2, is infinite",
        ),
        ([walk(5), np.full((5, 2), np.nan)], "'trajectory 2' has no observed value"),
        ([walk(5), walk(2)], "'trajectory 2' has 2 steps"),
        ([walk(5), with_value(walk(5), slice(1, 4), np.nan)], "'trajectory 2' has 2 observed steps among 5"),
        ([with_value(walk(5), (slice(None), 1), 3.0)] * 2, "state x2' never changes"),
        (np.zeros((5, 0)), "no state"),
    ],
)
def test_bad_states_are_named(x, message):
    with pytest.raises(DataError, match=message):
        sb.data.trajectories(x)


@pytest.mark.parametrize(
    ("t", "message"),
    [
        ([0, 1, 3, 2, 4], "'trajectory 1': time decreases between steps 2 and 3"),
        ([0, 1, 1, 2, 3], "'trajectory 1': time repeats between steps 1 and 2"),
        ([0, 1, np.nan, 2, 3], "'trajectory 1': the time of step 2 is nan"),
        ([0, 1, np.inf, 2, 3], "'trajectory 1': the time of step 2 is inf"),
        ([0, 1, 2], "'trajectory 1' has 5 steps"),
        (0.0, "positive"),
        ("noon", "real numbers"),
        ([[0, 1, 2, 3, 4]], "times for 1 trajectories"),
        ([[0, 1, 2, 3, 4], [0, 1, 2, 2, 3]], "'trajectory 2': time repeats"),
    ],
)
def test_bad_times_are_named(t, message):
    with pytest.raises(DataError, match=message):
        sb.data.trajectories([walk(5), walk(5)], t)


def test_bad_names_and_groups():
    with pytest.raises(DataError, match="more than once: 'a'"):
        sb.data.trajectories([walk(5), walk(6)], names=["a", "a"])
    with pytest.raises(DataError, match="1 names"):
        sb.data.trajectories([walk(5), walk(6)], names=["a"])
    with pytest.raises(DataError, match="groups"):
        sb.data.trajectories([walk(5), walk(6)], groups=["a"])


def test_the_gate_refuses_what_is_no_data_set_of_trajectories():
    dataset = sb.data.trajectories([walk(4), walk(6)])
    with pytest.raises(DataError, match="ndarray"):
        sb.data.validate(np.zeros(3))
    with pytest.raises(DataError, match="'n_steps'"):
        sb.data.validate(dataset.drop_vars("n_steps"))
    with pytest.raises(DataError, match="dimensions"):
        sb.data.validate(dataset.transpose("time", "trajectory", "state"))
    with pytest.raises(DataError, match="values after it"):
        sb.data.validate(dataset.assign(y=dataset["y"].fillna(0.0)))
    with pytest.raises(DataError, match="empty"):
        sb.data.validate(dataset.isel(trajectory=[]))
    assert sb.data.validate(dataset) is dataset


@pytest.mark.parametrize(
    "odd",
    [[[1.0], [1.0, 2.0]], xr.Dataset(), xr.DataTree(), xr.DataArray(0.5)],
    ids=["ragged", "Dataset", "DataTree", "0-d"],
)
def test_odd_times_and_covariates_are_refused(odd):
    x = np.arange(12.0).reshape(6, 2) ** 2
    with pytest.raises(DataError):
        sb.trajectories([x, x], [odd, odd])
    with pytest.raises(DataError):
        sb.trajectories(x, covariates={"a": odd})


def test_a_model_is_scaled_to_trajectories_alone():
    for empty in (xr.Dataset(), xr.Dataset({"z": 1})):
        with pytest.raises(DataError, match="has no variable 'y'"):
            sb.SDEModel().scaled_to(empty)
