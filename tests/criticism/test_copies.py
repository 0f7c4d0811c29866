"""Repeated stretches are found, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from sdebayes.criticism.copies import copied, repeated


def paths(seed: int = 0, count: int = 5, steps: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, steps, 2))


def test_independent_trajectories_are_no_copies():
    assert copied(paths()) == []


@pytest.mark.parametrize("first", [0, 3])
def test_a_trajectory_inside_another_is_found_whichever_comes_first(first):
    values = paths()
    inner = np.full((40, 2), np.nan)
    inner[:10] = values[1, 7:17]
    values[first] = inner
    assert copied(values) == [tuple(sorted((1, first)))]


def test_copies_are_named_as_pairs():
    values = paths()
    values[3], values[4] = values[0], values[2]
    assert copied(values) == [(0, 3), (2, 4)]


def test_a_short_overlap_is_no_copy():
    values = paths()
    values[1, :10] = values[0, -10:]
    assert copied(values) == []


def test_whole_numbers_repeat_without_being_copies():
    values = np.random.default_rng(0).poisson(1.0, (6, 50, 1)).astype(float)
    assert copied(values) == []
    assert copied(np.full((2, 5, 1), np.nan)) == []


def test_steps_that_repeat_an_earlier_one_of_their_trajectory_are_counted():
    values = paths()
    values[0, 20], values[0, 30], values[1, 5] = values[0, 3], values[0, 3], values[1, 4]
    values[2, 0] = values[0, 0]
    values[3, :2, 0] = np.nan
    assert repeated(values) == (3, 198)
    values[1, 5, 1] += 1e-9
    assert repeated(values) == (2, 198)


def test_whole_numbers_and_nothing_have_no_repeats():
    assert repeated(np.random.default_rng(0).poisson(1.0, (6, 50, 1)).astype(float)) == (0, 300)
    assert repeated(np.full((2, 5, 1), np.nan)) == (0, 0)
