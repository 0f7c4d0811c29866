"""One check of arguments for all public functions and classes: against their annotations, before anything is done."""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, wraps
from reprlib import Repr
from typing import Annotated, Any, Literal, TypeAliasType, TypeGuard, Union, get_args, get_origin

import numpy as np
from beartype import BeartypeConf
from beartype.door import is_bearable
from jaxtyping import AbstractArray, jaxtyped

from sdebayes._core.errors import ArgumentError

CHECKED = "__checked_arguments__"
"""Mark of a function whose arguments are checked."""

_CONF = BeartypeConf(is_pep484_tower=True)
_LARGEST = 2**1000
"""Whole numbers below it can be made real ones."""

_REPR = Repr(maxstring=60, maxother=80, maxlong=40, maxlevel=3)


@dataclass(frozen=True)
class Said:
    """What a value must be beyond its type: metadata of ``Annotated``.

    Parameters
    ----------
    meaning
        In words, behind "must be".
    holds
        Whether it is so.
    """

    meaning: str
    holds: Callable[[Any], bool]


class _Names(dict[str, Any]):
    """Names in which annotations are read; those of matplotlib are imported where one is met, not before."""

    def __missing__(self, name: str) -> Any:
        if name == "Axes":
            from matplotlib.axes import Axes

            return Axes
        raise KeyError(name)


def checked[Target: Callable[..., Any]](target: Target) -> Target:
    """Check the arguments of a function, or of a class's constructor and public methods, at each call.

    Each argument that is given is held against its annotation. A number of numpy is made Python's where that is what
    is expected, and numpy's arrays pass for JAX's. Put it above all other decorators.

    Parameters
    ----------
    target
        A function or a class.

    Returns
    -------
    function or class
        The same, checked: its signature stays.

    Raises
    ------
    ArgumentError
        At a call, for the first argument that does not fit: it names the function, the argument, what was found and
        what was expected.
    """
    if not isinstance(target, type):
        return typing.cast(Target, _checking(target, target.__qualname__, None))
    for name, member in list(vars(target).items()):
        kind = type(member) if isinstance(member, classmethod | staticmethod) else None
        function = member.__func__ if kind else member
        if not isinstance(function, types.FunctionType) or (name.startswith("_") and name != "__init__"):
            continue
        label = target.__name__ if name == "__init__" else f"{target.__name__}.{name}"
        new = _checking(function, label, target)
        setattr(target, name, kind(new) if kind else new)
    return typing.cast(Target, target)


def _checking(function: Callable[..., Any], label: str, owner: type | None) -> Callable[..., Any]:
    signature = inspect.signature(function)

    @cache
    def plan() -> tuple[dict[str, Any], dict[str, Callable[[Any], bool]], bool]:
        """Read the annotations at the first call, when all that they name is there."""
        hints = _hints(function, owner)
        return hints, {name: _test(hint) for name, hint in hints.items()}, _shaped(hints.values())

    @wraps(function)
    def checking(*arguments: Any, **keywords: Any) -> Any:
        hints, tests, shaped = plan()
        try:
            bound = signature.bind(*arguments, **keywords)
        except TypeError:
            return function(*arguments, **keywords)
        with jaxtyped("context") if shaped else nullcontext():
            for name, value in bound.arguments.items():
                if name in tests and not tests[name](value):
                    bound.arguments[name] = _converted(value, hints[name], label, name)
                elif type(value) is int and name in tests and _is_real(hints[name]):
                    bound.arguments[name] = float(value)
        return function(*bound.args, **bound.kwargs)

    setattr(checking, CHECKED, True)
    return checking


def _hints(function: Callable[..., Any], owner: type | None) -> dict[str, Any]:
    """Read a function's annotations: in the modules of the class's bases as well, whose fields it may have."""
    names = _Names()
    for base in reversed(owner.__mro__ if owner else ()):
        names.update(vars(sys.modules[base.__module__]))
    hints = typing.get_type_hints(function, localns=names, include_extras=True)
    hints.pop("return", None)
    return hints


def _shaped(hints: Iterable[Any]) -> bool:
    """Whether annotations name axes: those of one call belong together, and to no other call's."""
    opened = [_opened(hint) for hint in hints]
    return any(
        _shaped(one for one in get_args(hint) if one is not ...)
        or (isinstance(hint, type) and issubclass(hint, AbstractArray))
        for hint in opened
    )


@cache
def _is_real(hint: Any) -> bool:
    """Whether a number is read as a real one, whole or not."""
    hint = _opened(hint)
    kinds = (
        [_opened(one) for one in get_args(hint)] if get_origin(hint) in (Union, types.UnionType) else [hint]
    )
    bases = [get_args(kind)[0] if get_origin(kind) is Annotated else kind for kind in kinds]
    return float in bases and int not in bases


def _converted(value: Any, hint: Any, label: str, name: str) -> Any:
    """Return a number of numpy as Python's, where that fits, or raise."""
    if _is_number(value) and fits(value.item(), hint):
        return value.item()
    raise ArgumentError(f"{label}: {name}={found(value)} must be {expected(hint)}.")


def fits(value: object, hint: object) -> bool:
    """Whether a value fits an annotation; of containers every item is looked at."""
    return _test(hint)(value)


@cache
def _test(hint: Any) -> Callable[[Any], bool]:
    """Return the test of an annotation; beartype's where it is one of types alone."""
    hint = _opened(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        own, said = _test(arguments[0]), [one for one in arguments[1:] if isinstance(one, Said)]
        return lambda value: own(value) and all(_holds(one, value) for one in said)
    if origin in (Union, types.UnionType):
        parts = [_test(one) for one in arguments]
        return lambda value: any(part(value) for part in parts)
    if _is_container(origin):
        return _test_of_items(origin, [_test(one) for one in arguments])
    if origin is tuple:
        return _test_of_tuple([_test(one) for one in arguments if one is not ...], ... in arguments)
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        numpys = hint.dtype[np.ndarray, hint.dim_str]
        return lambda value: isinstance(value, numpys if isinstance(value, np.ndarray) else hint)
    if hint in _PLAIN:
        return lambda value: isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
    if hint is float:
        return lambda value: isinstance(value, float) or (type(value) is int and abs(value) < _LARGEST)
    instances_only = getattr(hint, "_is_protocol", False)
    return lambda value: (
        is_bearable(value, hint, conf=_CONF) and not (instances_only and isinstance(value, type))
    )


_PLAIN = (int, bool, str)


def _test_of_items(kind: Any, tests: list[Callable[[Any], bool]]) -> Callable[[Any], bool]:
    def of(value: Any) -> bool:
        if not isinstance(value, kind) or isinstance(value, bytes) or getattr(value, "shape", None) == ():
            return False
        if isinstance(value, Iterator):
            return True
        if isinstance(value, str):
            return tests[0](value)
        if issubclass(kind, Mapping):
            return all(tests[0](key) and tests[1](item) for key, item in value.items())
        return all(tests[0](item) for item in value)

    return of


def _test_of_tuple(tests: list[Callable[[Any], bool]], of_any_length: bool) -> Callable[[Any], bool]:
    def of(value: Any) -> bool:
        if not isinstance(value, tuple):
            return False
        own = tests * len(value) if of_any_length else tests
        return len(own) == len(value) and all(test(item) for test, item in zip(own, value, strict=True))

    return of


def accepts(value: object, hint: object) -> bool:
    """Whether a value is taken for an argument: as it is, or as Python's number where it is numpy's."""
    return fits(value, hint) or (_is_number(value) and fits(value.item(), hint))


def _is_number(value: object) -> TypeGuard[np.generic]:
    return isinstance(value, np.generic) and value.dtype.kind in "biuf"


def found(value: object) -> str:
    """Describe a value that was given, shortly."""
    if hasattr(value, "data_vars"):
        return f"{type(value).__name__}({', '.join(map(str, value.data_vars))})"
    if hasattr(value, "shape") and hasattr(value, "dtype") and value.shape:
        return f"{type(value).__name__} of shape {tuple(value.shape)} and dtype {value.dtype}"
    return _REPR.repr(value)


def expected(hint: Any) -> str:
    """Describe an annotation in words, behind "must be"."""
    hint = _opened(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        said = [one.meaning for one in arguments[1:] if isinstance(one, Said)]
        return " and ".join(said) or expected(arguments[0])
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(expected(one) for one in arguments))
    if origin is Literal:
        return " or ".join(map(repr, arguments))
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        return f"an array of {hint.dtype.__name__.lower()} numbers ({', '.join(hint.dim_str.split())})"
    if _is_container(origin):
        kind = "a mapping" if issubclass(origin, Mapping) else "a list"
        return f"{kind} of {' to '.join(expected(one) for one in arguments)}"
    if origin is tuple and ... not in arguments:
        return f"a tuple of {' and '.join(expected(one) for one in arguments)}"
    if origin is not None:
        return "a function" if "Callable" in str(origin) else f"a {origin.__name__}"
    return _WORDS.get(hint) or (_of_class(hint) if isinstance(hint, type) else str(hint))


_WORDS: dict[Any, str] = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "a string",
    Any: "anything",
    object: "anything",
    np.ndarray: "an array of numpy",
    None: "None",
    type(None): "None",
}


_AN = ("A", "E", "I", "O", "U", "SDE", "SVI", "HMC")


def _of_class(kind: type) -> str:
    """Name a class; what is abstract, by the first sentence about it as well."""
    name = f"{'an' if kind.__name__.startswith(_AN) else 'a'} {kind.__name__}"
    if not inspect.isabstract(kind):
        return name
    about = (kind.__doc__ or "").split(".")[0]
    known = sorted({f"{one.__name__}()" for one in _made(kind)})[:3]
    return f"{name} ({about[:1].lower()}{about[1:]}{', such as ' if known else ''}{', '.join(known)})"


def _made(kind: type) -> Iterator[type]:
    """Classes of this package that are made of an abstract one."""
    one: type
    for one in kind.__subclasses__():
        if one.__module__.startswith("sdebayes.") and not inspect.isabstract(one) and one.__name__[0] != "_":
            yield one
        yield from _made(one)


@cache
def _is_container(origin: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, Iterable) and not issubclass(origin, tuple)


def _holds(said: Any, value: Any) -> bool:
    try:
        return not isinstance(said, Said) or bool(said.holds(value))
    except (TypeError, ValueError, OverflowError, ArithmeticError):
        return False


def _opened(hint: Any) -> Any:
    while isinstance(hint, TypeAliasType):
        hint = hint.__value__
    return hint
