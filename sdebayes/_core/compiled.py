"""Compiled functions, of which those that differ only in the arrays they hold share what is compiled."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache, update_wrapper
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Jaxpr
from jaxtyping import Array

from sdebayes._core.code import digest_of
from sdebayes._core.mappings import make_room
from sdebayes._core.tracing import one_at_a_time

_KEPT = 64


class _Traced(NamedTuple):
    """What a function does with arguments of one structure: compiled code, arrays it holds, and its result's form."""

    run: Any
    held: list[Array]
    result: Any
    static: Any


class Compiled:
    """A function of pytrees, compiled for each structure and shape of its arguments, as by ``equinox.filter_jit``.

    Arrays that the function holds become arguments of the compiled code. Functions of which each does the same with
    arrays of its own, as the densities of a model that is scaled to one data set and another, are traced one by one and
    compiled once: in a process while the code is among the latest, and between processes where JAX keeps what it
    compiles.

    Parameters
    ----------
    function
        A pure function. Leaves of its arguments that are no arrays are known when it is compiled: they must be
        hashable.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._traced: dict[Hashable, _Traced] = {}
        update_wrapper(self, function, updated=())

    def __call__(self, *arguments: Any) -> Any:
        """Return the function's result; in a program that is being traced, as a part of it that is traced once."""
        leaves, structure = jax.tree.flatten(arguments)
        traced = self._of(leaves, structure)
        found = traced.run(traced.held, _arrays(leaves))
        return eqx.combine(jax.tree.unflatten(traced.result, found), traced.static)

    def prepare(self, *arguments: Any) -> None:
        """Compile for arguments of this structure and shape, and run nothing."""
        leaves, structure = jax.tree.flatten(arguments)
        traced = self._of(leaves, structure)
        traced.run.lower(traced.held, _arrays(leaves)).compile()

    def _of(self, leaves: list[Any], structure: Any) -> _Traced:
        key = (structure, jax.config.jax_enable_x64, *(_kind(leaf) for leaf in leaves))
        if key not in self._traced:
            if not any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
                make_room()
            self._trace_once(key, leaves, structure)
        return self._traced[key]

    @one_at_a_time
    def _trace_once(self, key: Hashable, leaves: list[Any], structure: Any) -> None:
        """Trace, unless another thread has done so meanwhile: parts of the program keep what the first has traced."""
        if key not in self._traced:
            self._traced[key] = self._trace(leaves, structure)

    def _trace(self, leaves: list[Any], structure: Any) -> _Traced:
        def of_arrays(*arrays: Any) -> Any:
            rest = iter(arrays)
            return self._function(
                *jax.tree.unflatten(structure, [next(rest) if _is_array(leaf) else leaf for leaf in leaves])
            )

        shapes = [jax.ShapeDtypeStruct(one.shape, jax.dtypes.result_type(one)) for one in _arrays(leaves)]
        code, result, static = eqx.filter_make_jaxpr(of_arrays)(*shapes)
        name = getattr(self._function, "__name__", type(self._function).__name__)
        run = _compiled(name, _Code(code.jaxpr))
        with jax.ensure_compile_time_eval():  # as arrays also where the first call stands in another program
            held = [jnp.asarray(one) for one in code.consts]
        return _Traced(run, held, jax.tree.structure(result), static)


class _Code:
    """A jaxpr, equal to another that computes the same."""

    def __init__(self, jaxpr: Jaxpr) -> None:
        self.jaxpr = jaxpr
        self._digest = digest_of(jaxpr)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Code) and self._digest == other._digest

    def __hash__(self) -> int:
        return hash(self._digest)


@lru_cache(maxsize=_KEPT)
def _compiled(name: str, code: _Code) -> Any:
    def run(held: list[Any], arrays: list[Any]) -> list[Any]:
        return jax.core.eval_jaxpr(code.jaxpr, held, *arrays)

    run.__name__ = name
    return jax.jit(run)


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray | jax.Array | np.generic)


def _arrays(leaves: list[Any]) -> list[Any]:
    return [leaf for leaf in leaves if _is_array(leaf)]


def _kind(leaf: Any) -> Hashable:
    return (leaf.shape, leaf.dtype) if _is_array(leaf) else (type(leaf), leaf)
