"""Everything public that can be called, and values that nobody should call it with."""

from __future__ import annotations

import datetime
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, get_origin

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

import sdebayes as sb
from sdebayes._core import arguments
from sdebayes._core.arguments import CHECKED
from tests.project.test_names import public_objects

ODD: dict[str, Any] = {
    "None": None,
    "True": True,
    "False": False,
    "string": "x",
    "blank": "",
    "NUL": "\0",
    "surrogate": "\ud800",
    "bytes": b"x",
    "minus one": -1,
    "zero": 0,
    "one": 1,
    "2**64": 2**64,
    "-2**64": -(2**64),
    "10**400": 10**400,
    "half": 0.5,
    "NaN": np.nan,
    "infinity": np.inf,
    "-infinity": -np.inf,
    "1e300": 1e300,
    "1e99": 1e99,
    "-1e99": -1e99,
    "1e-300": 1e-300,
    "complex": 1j,
    "int64": np.int64(2),
    "float32": np.float32(0.5),
    "numpy's True": np.bool_(True),
    "empty list": [],
    "[1]": [1],
    "[1e99]": [1e99, 1e99],
    "list of a string": ["x"],
    "list of None": [None],
    "list of NaN": [np.nan, np.nan],
    "ragged": [[1.0], [1.0, 2.0]],
    "empty tuple": (),
    "pairs": [(1.0, 2.0), (2.0, 1.0)],
    "empty dict": {},
    "dict": {"a": 1},
    "set": {1},
    "object": object(),
    "class": int,
    "function": lambda *arguments: None,
    "date": datetime.date(2020, 1, 1),
    "numpy's date": np.datetime64("2020-01-01"),
    "span": np.timedelta64(1, "D"),
    "dates": np.array(["2020-01-01", "2020-01-02"], "datetime64[D]"),
    "strings": np.array(["a", "b"]),
    "truths": np.array([True, False]),
    "no numbers": np.zeros(0),
    "three numbers": np.arange(3.0),
    "four dimensions": np.zeros((2, 2, 2, 2)),
    "Dataset": xr.Dataset(),
    "other Dataset": xr.Dataset({"z": (("a", "b"), np.ones((2, 2)))}),
    "DataArray": xr.DataArray(0.5),
    "other DataArray": xr.DataArray(np.ones((2, 2)), dims=("a", "b")),
    "DataTree": xr.DataTree(),
}

RECORDS = ("Expansion", "Jet")
"""Named tuples, which only the package makes."""


@dataclass(frozen=True)
class Public:
    """A public function, constructor or method.

    Parameters
    ----------
    name
        As a reader finds it.
    function
        What is called; a method takes its object first.
    owner
        The class, None for a function.
    """

    name: str
    function: Callable[..., Any]
    owner: type | None

    @property
    def is_checked(self) -> bool:
        """Whether its arguments are checked."""
        return hasattr(self.function, CHECKED)

    @property
    def parameters(self) -> list[inspect.Parameter]:
        """Its parameters, without the object of a method and without ``*args``."""
        found = list(inspect.signature(self.function).parameters.values())
        variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        return [
            one for one in found[self.owner is not None and not self.is_static :] if one.kind not in variadic
        ]

    @property
    def is_static(self) -> bool:
        """Whether it is a method without an object."""
        member = (
            inspect.getattr_static(self.owner, self.name.rpartition(".")[2], None) if self.owner else None
        )
        return isinstance(member, staticmethod)


def callables() -> Iterator[Public]:
    """Everything public that can be called, each once."""
    seen: set[Any] = set()
    for name, value in public_objects().items():
        if not inspect.isclass(value):
            yield Public(name, value, None)
            continue
        if getattr(value, "_is_protocol", False) or value.__name__ in RECORDS or issubclass(value, Exception):
            continue
        if "__init__" in vars(value):
            yield Public(name, value.__init__, value)
        for base in value.__mro__:
            if not base.__module__.startswith("sdebayes."):
                continue
            for member, of in vars(base).items():
                function = of.__func__ if isinstance(of, classmethod | staticmethod) else of
                if member.startswith("_") or not inspect.isfunction(function) or function in seen:
                    continue
                seen.add(function)
                yield Public(f"{base.__module__}.{base.__name__}.{member}", function, base)


def samples() -> Iterator[Any]:
    """Values of which each annotation takes one."""
    yield from (
        1,
        2,
        4,
        0.5,
        True,
        "x",
        "float64",
        "step",
        "full",
        "tanh",
        "eti",
        "all",
        "free",
        "good",
        ["x1", "x2"],
    )
    yield from ([1.0, 2.0], [[1.0, 2.0]], [(0.0, 1.0)], {}, (), [], lambda *arguments: None)
    paths = np.ones((1, 1, 1, 1, 1))
    dims = ("sample", "trajectory", "path", "time", "state")
    yield xr.Dataset({name: (dims, paths) for name in ("y", "mean", "covariance", "drift")})
    yield xr.DataArray(paths, dims=dims)
    yield from (xr.Dataset(), xr.DataArray(0.5), xr.DataTree(), sb.Sentences(), sb.Exact(), sb.StudentT())
    yield from (
        sb.priors.GP(),
        sb.priors.Linear(),
        sb.priors.Constant(),
        sb.priors.Matern32(),
        sb.priors.HSGP(),
    )
    yield from (
        sb.priors.Polynomial(),
        sb.priors.Horseshoe(),
        sb.NUTS(),
        sb.inference.NormalGuide(),
        sb.SDEModel(),
    )
    yield from (sb.ExtendedKalman(), sb.schemes.Moments(), sb.analysis.phase_space.Ball([0.0, 0.0], 1.0))
    yield from (
        sb.nulls.IID(),
        sb.Precomputed({"x": [1.0]}),
        jax.random.key(0),
        sb.dynamics.Jet(None, None, None),
    )
    sde = sb.SDE(sb.dynamics.LinearDrift(jnp.eye(2), jnp.zeros(2)), sb.dynamics.ConstantDiffusion(jnp.eye(2)))
    yield from (sde, sde.drift, sde.diffusion, sb.dynamics.FunctionBasis(lambda x: x))
    for shape in ((), (2,), (2, 2), (2, 2, 2)):
        yield from (jnp.ones(shape), np.ones(shape), np.ones(shape, np.float32))
    yield from ((jnp.ones((2, 2)),), (jnp.ones(2),), [jnp.ones((2, 2))], {"a": np.ones(2)})
    yield SimpleNamespace(base_model=None)  # as far as an annotation sees, a language model


def fitting_values() -> Callable[[Any], Any]:
    """Return what finds a value for an annotation."""
    values = list(samples())

    def one(hint: Any) -> Any:
        for value in values:
            if arguments.fits(value, hint):
                return value
        kind = arguments._opened(hint)
        kind = next(iter(getattr(kind, "__args__", ())), kind) if get_origin(kind) else kind
        made = next(iter(arguments._made(kind)), kind) if inspect.isabstract(kind) else kind
        return object.__new__(made)

    return one


def hints_of(one: Public) -> dict[str, Any]:
    """Annotations of the arguments."""
    return arguments._hints(inspect.unwrap(one.function), one.owner)
