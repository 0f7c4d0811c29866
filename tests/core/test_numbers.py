from __future__ import annotations

import numpy as np
import pytest

from sdebayes._core.errors import DataError
from sdebayes._core.numbers import random_generator, random_key, whole_number


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_whole_numbers_of_any_kind_become_pythons(value):
    found = whole_number("count", value, 3)
    assert (found, type(found)) == (3, int)


@pytest.mark.parametrize("value", [2, 3.0, np.float64(3), True, np.bool_(True), "3", None, [3]])
def test_others_are_refused(value):
    with pytest.raises(DataError, match=r"count=.* must be a whole number, 3 or more"):
        whole_number("count", value, 3)


@pytest.mark.parametrize("make", [random_generator, random_key])
@pytest.mark.parametrize("seed", [-1, 1.5, None, "a", True])
def test_a_seed_that_is_none_is_refused(make, seed):
    with pytest.raises(DataError, match=r"seed=.* must be a whole number, 0 or more"):
        make(seed)


def test_a_seed_of_numpy_is_that_of_python():
    assert random_generator(np.int64(7)).random() == np.random.default_rng(7).random()
    assert random_key(np.uint8(7)) == random_key(7)
