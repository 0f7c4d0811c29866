"""A process that compiles more than Linux gives it room for goes on."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdebayes._core import mappings
from sdebayes._core.compiled import Compiled

pytestmark = pytest.mark.skipif(not mappings.OWN.exists(), reason="only Linux says what is used")


def used() -> int:
    return len(mappings.OWN.read_text().splitlines())


@pytest.fixture
def limit(tmp_path, monkeypatch):
    """Say that so many mappings are allowed."""
    monkeypatch.setattr(mappings, "LIMIT", tmp_path / "max_map_count")
    return lambda count: mappings.LIMIT.write_text(f"{count}\n")


def programs(count: int) -> list[Compiled]:
    return [Compiled(lambda x, k=k: jnp.linalg.solve(x + k, x) @ jnp.sin(x * k)) for k in range(count)]


def test_programs_are_let_go_where_the_limit_is_near_and_found_again(limit):
    x = np.eye(3)
    limit(10**9)
    before, kept = used(), programs(20)
    found = [one(x) for one in kept]
    full = used()
    assert full > before + 40
    limit(full + 10)
    Compiled(lambda x: x + 1)(x)
    assert used() < full - 40
    for one, known in zip(kept, found, strict=True):
        np.testing.assert_array_equal(one(x), known)


def test_programs_stay_where_there_is_room(limit, monkeypatch):
    monkeypatch.setattr(jax, "clear_caches", lambda: pytest.fail("cleared"))
    limit(10**9)
    Compiled(lambda x: x + 2)(np.eye(2))


def test_nothing_is_asked_of_a_system_that_does_not_say(monkeypatch, tmp_path):
    monkeypatch.setattr(mappings, "LIMIT", tmp_path / "missing")
    mappings.make_room()
