"""The compiler's settings of the command line, which a user's own have precedence over."""

from __future__ import annotations

import os

import jax
import pytest

from sdebayes.cli.errors import prepare_compiler


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "--xla_backend_optimization_level=1"),
        ("--xla_dump_to=here", "--xla_dump_to=here --xla_backend_optimization_level=1"),
        ("--xla_backend_optimization_level=3", "--xla_backend_optimization_level=3"),
    ],
)
def test_the_users_flags_have_precedence(monkeypatch, before, after):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "off")
    monkeypatch.setenv("XLA_FLAGS", before)
    prepare_compiler()
    assert os.environ["XLA_FLAGS"] == after


def test_compiled_code_is_kept_in_the_cache_directory(monkeypatch, tmp_path):
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    kept = {name: getattr(jax.config, name) for name in names}
    monkeypatch.setenv("XLA_FLAGS", "")
    monkeypatch.setenv("SDEBAYES_CACHE", str(tmp_path))
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    try:
        prepare_compiler()
        assert jax.config.jax_compilation_cache_dir == str(tmp_path / "compiled")
        assert (tmp_path / "compiled").is_dir()
    finally:
        for name, value in kept.items():
            jax.config.update(name, value)
