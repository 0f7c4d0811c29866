"""The program that makes random bits in the tests makes the bits that users have."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from jax.extend.random import threefry_2x32

from tests import random_bits


@pytest.mark.parametrize(
    ("key", "count", "expected"),
    [
        ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_they_are_the_published_ones(key, count, expected):
    """Known answers of Random123, the authors' library."""
    words = np.array(key, np.uint32), np.array(count, np.uint32)
    found = jax.jit(random_bits.threefry)(*words[0], *words[1])
    np.testing.assert_array_equal(found, np.array(expected, np.uint32))
    np.testing.assert_array_equal(jax.jit(threefry_2x32)(*words), np.array(expected, np.uint32))


def test_shapes_are_broadcast_and_may_be_empty():
    key = np.uint32(1), np.arange(2, dtype=np.uint32)[:, None]
    found = jax.jit(random_bits.threefry)(*key, np.uint32(3), np.arange(4, dtype=np.uint32))
    one = jax.jit(random_bits.threefry)(key[0], np.uint32(1), np.uint32(3), np.uint32(2))
    assert np.shape(found) == (2, 2, 4)
    np.testing.assert_array_equal(np.array(found)[:, 1, 2], np.ravel(one))
    assert np.shape(jax.random.bits(jax.random.key(0), (0, 3))) == (0, 3)
