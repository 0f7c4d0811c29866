from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sdebayes as sb
from sdebayes._core.errors import DataError
from sdebayes.data.container import pack


def data(lengths=(5, 9, 7, 6), missing=False):
    generator = np.random.default_rng(3)
    values = [generator.normal(size=(length, 2)) for length in lengths]
    if missing:
        values[1][2] = np.nan
    texts = [[f"{index}:{step}" for step in range(length)] for index, length in enumerate(lengths)]
    times = [np.arange(length) * 2.0 for length in lengths]
    return pack(values, times, [f"n{index}" for index in range(len(lengths))], "embedding", texts)


def pairs(dataset, trajectory):
    """The (text, first value) pairs of a trajectory, as a sorted list."""
    end = int(dataset["n_steps"][trajectory])
    values = dataset["y"].values[trajectory, :end, 0]
    return sorted(zip(dataset["text"].values[trajectory, :end], np.nan_to_num(values, nan=99.0), strict=True))


@settings(max_examples=50)
@given(st.integers(2, 12), st.one_of(st.floats(0.01, 0.99), st.integers(1, 11)), st.integers(0, 5))
def test_a_split_is_a_partition(count, test, seed):
    dataset = data([5] * count)
    if isinstance(test, int) and test >= count:
        with pytest.raises(DataError, match="whole number"):
            sb.data.split(dataset, test, seed)
        return
    train, held_out = sb.data.split(dataset, test, seed)
    names = [*train["trajectory"].values, *held_out["trajectory"].values]
    assert sorted(names) == sorted(dataset["trajectory"].values)
    assert train.sizes["trajectory"] >= 1
    size = held_out.sizes["trajectory"]
    assert size == test if isinstance(test, int) else abs(size - test * count) <= 1
    assert held_out.equals(sb.data.split(dataset, test, seed)[1])


@pytest.mark.parametrize("test", [0, 4, -1, 0.0, 1.0, 1.5, True, float("nan")])
def test_a_split_with_an_empty_side_is_refused(test):
    with pytest.raises(DataError, match=r"expected a whole number from 1 to 3|test=True must be"):
        sb.data.split(data(), test)


def test_one_trajectory_cannot_be_split():
    with pytest.raises(DataError, match="at least 2"):
        sb.data.split(data([5]))


def test_shuffle_within_moves_texts_with_their_steps_and_nothing_between_trajectories():
    dataset = data(missing=True)
    shuffled = sb.data.shuffle_within(dataset, seed=1)
    for index in range(4):
        assert pairs(shuffled, index) == pairs(dataset, index)
    assert not np.array_equal(shuffled["y"], dataset["y"], equal_nan=True)
    assert shuffled["t"].equals(dataset["t"])
    assert shuffled["n_steps"].equals(dataset["n_steps"])
    assert "within" in shuffled.attrs["null"]
    assert "null" not in dataset.attrs
    assert shuffled.equals(sb.data.shuffle_within(dataset, seed=1))
    assert not shuffled.equals(sb.data.shuffle_within(dataset, seed=2))


def test_shuffle_within_reaches_every_order_alike():
    dataset = data([3])
    orders = [
        "".join(text[-1] for text in sb.data.shuffle_within(dataset, seed)["text"].values[0])
        for seed in range(600)
    ]
    counts = np.unique(orders, return_counts=True)[1]
    assert len(counts) == 6
    assert counts.min() > 60


def test_shuffle_across_keeps_lengths_and_times_and_mixes_trajectories():
    dataset = data(missing=True)
    shuffled = sb.data.shuffle_across(dataset, seed=1)
    everything = sorted(pair for index in range(4) for pair in pairs(dataset, index))
    assert sorted(pair for index in range(4) for pair in pairs(shuffled, index)) == everything
    assert any(text[0] != "0" for text, _ in pairs(shuffled, 0))
    assert shuffled["t"].equals(dataset["t"])
    assert "across" in shuffled.attrs["null"]


def labels(dataset, trajectory=0):
    return [
        text.split(":")[1]
        for text in dataset["text"].values[trajectory, : int(dataset["n_steps"][trajectory])]
    ]


def test_blocks_stay_whole_and_change_places():
    dataset = data((7, 9))
    seen = set()
    for seed in range(40):
        order = labels(sb.data.shuffle(dataset, seed, block=3))
        assert sorted(order) == sorted(labels(dataset))
        for whole in ("012", "345"):
            assert whole in "".join(order)
        seen.add("".join(order))
    assert len(seen) == 6
    shuffled = sb.data.shuffle(dataset, 0, block=3)
    assert shuffled.attrs["null"] == "blocks of 3 steps shuffled within trajectories, seed 0"


def test_one_block_leaves_all_as_it_is_and_single_steps_are_shuffle_within():
    dataset = data(missing=True)
    assert sb.data.shuffle(dataset, 0, block=20)["y"].equals(dataset["y"])
    assert sb.data.shuffle(dataset, 3).equals(sb.data.shuffle_within(dataset, 3))


def test_neighbours_change_places_and_nobody_else():
    dataset = data((6, 6))
    orders = {"".join(labels(sb.data.shuffle(dataset, seed, neighbours=True))) for seed in range(20)}
    assert orders == {"103254", "021435"}
    pairs_of_two = {
        "".join(labels(sb.data.shuffle(dataset, seed, neighbours=True, block=3))) for seed in range(5)
    }
    assert pairs_of_two == {"345012"}


def test_reversed_order():
    dataset = data((7, 4), missing=True)
    turned = sb.data.shuffle(dataset, reverse=True)
    np.testing.assert_array_equal(turned["y"].values[1, :4], dataset["y"].values[1, 3::-1])
    assert turned["t"].equals(dataset["t"])
    assert sb.data.shuffle(turned, reverse=True)["text"].equals(dataset["text"])
    assert labels(sb.data.shuffle(dataset, reverse=True, block=3)) == list("6345012")
    with pytest.raises(DataError, match="two different orders"):
        sb.data.shuffle(dataset, neighbours=True, reverse=True)
    with pytest.raises(DataError, match="block=0"):
        sb.data.shuffle(dataset, block=0)


def test_what_goes_along_the_steps_moves_with_them():
    rng = np.random.default_rng(0)
    values = [rng.normal(size=(n, 2)) for n in (6, 9)]
    dataset = sb.data.trajectories(
        values, covariates={"copy": [one[:, 0] for one in values], "year": [1790, 2026]}
    )
    for shuffled in (sb.data.shuffle(dataset, 1), sb.data.shuffle_across(dataset, 1)):
        np.testing.assert_array_equal(shuffled["copy"], shuffled["y"].isel(state=0))
        assert shuffled["year"].equals(dataset["year"])
