"""Scopes of precision and BLAS threads leave the process as it was; errors belong to families users catch."""

from __future__ import annotations

import inspect
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from threadpoolctl import threadpool_info

from sdebayes._core import dims, errors, precision


def blas_threads() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


@pytest.mark.parametrize("name", ["float64", "float32"])
def test_a_scope_sets_the_precision_and_restores_it(name):
    before = jax.config.jax_enable_x64
    with precision.scope(name):
        assert jnp.ones(1).dtype == name
        other = "float32" if name == "float64" else "float64"
        with precision.scope(other):
            assert jnp.ones(1).dtype == other
        assert jnp.ones(1).dtype == name
    assert jax.config.jax_enable_x64 == before
    assert jnp.ones(1).dtype == ("float64" if before else "float32")


def test_a_scope_restores_the_precision_after_an_error():
    before = jax.config.jax_enable_x64
    with pytest.raises(ZeroDivisionError), precision.scope("float64"):
        raise ZeroDivisionError
    assert jax.config.jax_enable_x64 == before


def test_a_scope_belongs_to_its_thread():
    inside, done, seen = threading.Event(), threading.Event(), {}

    def other():
        with precision.scope("float64"):
            inside.set()
            done.wait(10)
            seen["other"] = jnp.ones(1).dtype

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait(10)
    seen["main"] = jnp.ones(1).dtype
    done.set()
    thread.join()
    assert seen == {"main": np.dtype("float32"), "other": np.dtype("float64")}


def test_an_unknown_precision_is_refused():
    with (
        pytest.raises(errors.ModelError, match=r"float16.*'float64' or 'float32'"),
        precision.scope("float16"),
    ):
        pass


def test_one_blas_thread_inside_and_the_old_number_after():
    before = blas_threads()
    with precision.single_blas_thread():
        assert set(blas_threads()) <= {1}
    assert blas_threads() == before


def test_every_error_is_an_sdebayes_error_and_a_builtin_one():
    kinds = [k for _, k in inspect.getmembers(errors, inspect.isclass) if not issubclass(k, Warning)]
    kinds.remove(errors.SdebayesError)
    assert len(kinds) >= 6
    for kind in kinds:
        assert issubclass(kind, errors.SdebayesError)
        assert issubclass(kind, ValueError | RuntimeError | OSError | ImportError)
        assert kind.__doc__


def test_dimension_names():
    assert dims.is_dim("state")
    assert dims.is_dim("grid_x")
    assert not dims.is_dim("x")
