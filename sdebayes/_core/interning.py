"""One object for all that are made of the same parts, so that what is compiled for one serves the others."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import fields, is_dataclass
from typing import Any
from weakref import WeakValueDictionary

import jax
import numpy as np

_KNOWN: WeakValueDictionary[Hashable, Any] = WeakValueDictionary()


def interned[Object](value: Object) -> Object:
    """Return the object of the same class and fields that is in use already, or this one where there is none.

    Fields are the same if they hold the same numbers of one precision, and the same functions; a class that was
    defined anew is another.
    """
    return _KNOWN.setdefault(_content(value), value)


def structure_of(value: Any) -> Hashable:
    """Return what a value is made of but its numbers: of arrays their shapes, of real numbers that they are some."""
    return _content(value, numbers=False)


def _content(value: Any, numbers: bool = True) -> Hashable:
    if isinstance(value, np.ndarray | jax.Array):
        array = np.asarray(value)
        return type(value), array.dtype.str, array.shape, array.tobytes() if numbers else None
    if isinstance(value, float) and not numbers:
        return "a number"
    if isinstance(value, tuple | list):
        return type(value), tuple(_content(item, numbers) for item in value)
    if isinstance(value, dict):
        return dict, tuple((key, _content(item, numbers)) for key, item in value.items())
    if is_dataclass(value) and not isinstance(value, type):
        own = tuple((field.name, _content(getattr(value, field.name), numbers)) for field in fields(value))
        return type(value), own
    try:
        hash(value)
    except TypeError:
        return type(value), id(value)
    return type(value), value
