"""Random keys one after another are those of a split."""

from __future__ import annotations

import jax
import numpy as np

from sdebayes._core.keys import single_keys


def test_they_are_the_keys_of_a_split():
    key = jax.random.key(3)
    data = np.stack([jax.random.key_data(one) for one in single_keys(key, 7)])
    np.testing.assert_array_equal(data, jax.random.key_data(jax.random.split(key, 7)))
