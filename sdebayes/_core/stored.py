"""Objects as JSON: which classes with which fields, and no code."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from sdebayes._core.errors import StoreError

_PACKAGE = __name__.split(".")[0]
_NUMBERS = "biuf"


class Stored:
    """A class whose objects files describe: by its name and its fields, for which it is a dataclass.

    All abstract classes that a user may derive from are of it. A file's class is looked for among those that are
    defined when it is read: nothing is imported because a file names it.
    """


def name_of(kind: type) -> str:
    """Return the name that files have for a class: ``Name`` for one of this package, else ``module:Name``."""
    own = kind.__module__.split(".")[0] == _PACKAGE
    return kind.__qualname__ if own else f"{kind.__module__}:{kind.__qualname__}"


def defined(base: type) -> Iterator[Any]:
    """Return all classes derived from one, in the order of their definition within one base."""
    kind: type
    for kind in base.__subclasses__():
        yield kind
        yield from defined(kind)


def class_named(name: object, base: type = Stored) -> Any:
    """Return the class of a name; of two, as where a notebook's cell ran again, the one that was defined last.

    Raises
    ------
    StoreError
        If none is defined; the message says what to import.
    """
    found = {name_of(kind): kind for kind in defined(base)}
    if isinstance(name, str) and name in found:
        return found[name]
    module, colon, own = str(name).rpartition(":")
    if not colon:
        raise StoreError(f"This version of sdebayes has no class {name!r}.")
    raise StoreError(
        f"The class {own!r} of the module {module!r} is not defined here, and nothing is imported because a file names "
        f"it: import the module, then load again (on the command line: sdebayes --import {module!r} …)."
    )


def encode(value: object) -> str:
    """Write an object as JSON.

    Raises
    ------
    StoreError
        If a part of it cannot be brought back from a file: the message says which, and why.
    """
    text = json.dumps(_to_json(value, type(value).__name__))
    with jax.enable_x64(True):
        try:
            again = json.dumps(_to_json(decode(text), type(value).__name__))
        except Exception as error:  # the constructor of a class may fail in any way
            raise StoreError(
                f"{type(value).__name__} cannot be made of its own fields ({type(error).__name__}: {error})."
            ) from error
    if again != text:
        raise StoreError(f"{type(value).__name__} made of its own fields is another: {again}, not {text}.")
    return text


def decode(text: str) -> Any:
    """Read an object from JSON, its arrays in the precision in force.

    Raises
    ------
    StoreError
        If a class is not defined. What else may be wrong with a text ends in errors of any kind.
    """
    return _from_json(json.loads(text))


def _to_json(value: Any, where: str) -> Any:
    if isinstance(value, np.ndarray | jax.Array) and np.asarray(value).dtype.kind in _NUMBERS:
        return {"array": np.asarray(value).tolist()}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list):
        return [_to_json(item, where) for item in value]
    if type(value) is tuple:
        return {"tuple": [_to_json(item, where) for item in value]}
    if type(value) is dict and all(isinstance(key, str) for key in value):
        return {"dict": {key: _to_json(item, where) for key, item in value.items()}}
    kind = type(value)
    reason = _fault(value)
    if reason:
        raise StoreError(f"{where} {reason}")
    return {"class": name_of(kind)} | {
        field.name: _to_json(getattr(value, field.name), f"{kind.__name__}.{field.name}")
        for field in fields(value)
        if field.init
    }


def _fault(value: Any) -> str:
    """Say why no file can hold an object; the empty string where one can."""
    kind = type(value)
    if not isinstance(value, Stored):
        what = "a function" if inspect.isroutine(value) else f"of the class {kind.__name__}"
        return f"is {what}, which no file holds."
    if not is_dataclass(value):
        return f"is of the class {kind.__name__}, whose fields are not known: put @dataclass(frozen=True) above it."
    if "<locals>" in kind.__qualname__:
        return (
            f"is of the class {kind.__name__}, defined within a function: move it to the top of its module."
        )
    return ""


def _from_json(value: Any) -> Any:
    if isinstance(value, list):
        return [_from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return _array(value["array"])
    if "tuple" in value:
        return tuple(_from_json(item) for item in value["tuple"])
    if "dict" in value:
        return {key: _from_json(item) for key, item in value["dict"].items()}
    kind = class_named(value["class"])
    parts = {name: _from_json(item) for name, item in value.items() if name != "class"}
    if issubclass(kind, eqx.Module):
        parts = {
            name: jnp.asarray(part) if isinstance(part, np.ndarray) else part for name, part in parts.items()
        }
    return kind(**parts)


def _array(items: Any) -> np.ndarray:
    array = np.asarray(items)
    if array.dtype.kind not in _NUMBERS:
        raise StoreError("An array of the file holds no numbers.")
    return array.astype(np.float64) if array.dtype.kind == "f" else array
