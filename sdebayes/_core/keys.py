"""Random keys, one after another."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import numpy as np

from sdebayes._core.types import Key


def single_keys(key: Key, count: int) -> Iterator[Key]:
    """Split a key and hand the new ones out singly, without a program compiled for their number, as unpacking has."""
    for data in np.asarray(jax.random.key_data(jax.random.split(key, count))):
        yield jax.random.wrap_key_data(data)
