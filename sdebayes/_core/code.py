"""What a traced program computes, as a digest: its operations in turn, variables by number, numbers by their bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

_DERIVATIVES = ("jvp_jaxpr_fun", "fwd", "bwd", "fwd_jaxpr_thunk", "out_trees")
"""Parameters of an operation that say how it is differentiated, and not what it computes."""

_KNOWN: WeakKeyDictionary[Jaxpr, bytes] = WeakKeyDictionary()


def digest_of(jaxpr: Jaxpr) -> bytes:
    """Return the digest of a program, the same for another that computes the same from its arguments."""
    found = _KNOWN.get(jaxpr)
    if found is None:
        digest = hashlib.sha256()
        for part in _parts(jaxpr):
            digest.update(part if isinstance(part, bytes) else repr(part).encode())
        found = _KNOWN[jaxpr] = digest.digest()
    return found


def _parts(jaxpr: Jaxpr) -> Iterator[Hashable]:
    """Yield what a program is made of."""
    numbers: dict[Any, int] = {}

    def made(variables: Any) -> tuple[Hashable, ...]:
        return tuple((numbers.setdefault(one, len(numbers)), _kind(one.aval)) for one in variables)

    def read(atom: Any) -> Hashable:
        return (_array(atom.val), _kind(atom.aval)) if isinstance(atom, Literal) else numbers[atom]

    yield made(jaxpr.constvars), made(jaxpr.invars)
    for equation in jaxpr.eqns:
        yield equation.primitive.name, tuple(read(atom) for atom in equation.invars), made(equation.outvars)
        for name, value in equation.params.items():
            if name not in _DERIVATIVES:
                yield name, _parameter(value)
    yield tuple(read(atom) for atom in jaxpr.outvars)


def _parameter(value: Any) -> Hashable:
    if isinstance(value, Jaxpr | ClosedJaxpr):
        return digest_of(getattr(value, "jaxpr", value)), *map(_array, getattr(value, "consts", ()))
    if isinstance(value, np.ndarray | jax.Array | np.generic):
        return _array(value)
    if type(value) in (tuple, list):
        return tuple(_parameter(one) for one in value)
    return repr(value)


def _kind(aval: Any) -> Hashable:
    return getattr(aval, "shape", None), str(getattr(aval, "dtype", aval)), getattr(aval, "weak_type", False)


def _array(held: Any) -> Hashable:
    if jnp.issubdtype(getattr(held, "dtype", np.float64), jax.dtypes.prng_key):
        return "key", _array(jax.random.key_data(held))
    array = np.asarray(held)
    return array.dtype.str, array.shape, array.tobytes()
