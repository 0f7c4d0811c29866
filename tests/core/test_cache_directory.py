"""Compiled code that outlives its process."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest
from jax.experimental.compilation_cache import compilation_cache

import sdebayes as sb
from sdebayes._core.errors import StoreError

SETTINGS = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")


@pytest.fixture
def settings(monkeypatch):
    """Leave JAX as it was."""
    kept = {name: getattr(jax.config, name) for name in SETTINGS}
    monkeypatch.delenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", raising=False)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 5.0)
    yield monkeypatch
    for name, value in kept.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


def test_what_is_compiled_is_found_again(settings, tmp_path):
    """However small it is."""
    found: list[str] = []
    folder = sb.keep_compiled(tmp_path / "one" / "two")

    def run() -> None:
        jax.jit(lambda x: jnp.sin(x) * 0.123)(jnp.ones(7)).block_until_ready()

    run()
    assert any(folder.iterdir())
    jax.monitoring.register_event_listener(lambda event, **_: found.append(event))
    jax.clear_caches()
    run()
    assert "/jax/compilation_cache/cache_hits" in found


def test_the_default_is_the_users_directory(settings, tmp_path):
    settings.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    settings.setenv("SDEBAYES_CACHE", str(tmp_path))
    assert sb.keep_compiled() == tmp_path / "compiled"
    assert jax.config.jax_compilation_cache_dir == str(tmp_path / "compiled")
    settings.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "mine"))
    assert sb.keep_compiled() == tmp_path / "mine"


def test_a_directory_that_cannot_be_made_is_named(settings, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file.*Not a directory.*give another"):
        sb.keep_compiled(tmp_path / "file" / "within")
