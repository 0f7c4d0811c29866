"""Draws are taken as they are, each array in its own precision."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from sdebayes._core.draws import take_draws


def test_draws_are_those_asked_for_in_their_precision():
    with jax.enable_x64(True):
        wide = jnp.arange(12.0, dtype="float64").reshape(4, 3) / 3
    narrow, whole = jnp.arange(4, dtype="float32") / 7, np.arange(4)
    draws = np.array([3, 0, 0])
    with jax.enable_x64(False):
        found = take_draws({"wide": wide, "narrow": narrow, "whole": whole, "name": "x"}, draws)
    assert found["name"] == "x"
    for name, given in {"wide": wide, "narrow": narrow, "whole": whole}.items():
        assert isinstance(found[name], jax.Array)
        assert found[name].dtype == given.dtype
        np.testing.assert_array_equal(np.asarray(found[name]), [np.asarray(given)[k] for k in (3, 0, 0)])
