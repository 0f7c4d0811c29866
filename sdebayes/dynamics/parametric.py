"""The user's own functions of state and time as drift or diffusion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
from jaxtyping import Array

from sdebayes.dynamics.diffusion import AbstractDiffusion, ParametricDiffusion
from sdebayes.dynamics.drift import AbstractDrift, ParametricDrift


def as_drift(function: Callable[..., Array]) -> AbstractDrift:
    """Return a drift as it is, and a plain function (x, t) as a drift without parameters.

    Raises
    ------
    ModelError
        If ``function`` cannot be called.
    """
    return _as_part(function, ParametricDrift, "drift")


def as_diffusion(function: Callable[..., Array]) -> AbstractDiffusion:
    """Return a diffusion as it is, and a plain function (x, t) as a diffusion without parameters.

    Raises
    ------
    ModelError
        If ``function`` cannot be called.
    """
    return _as_part(function, ParametricDiffusion, "diffusion")


def _as_part(function: Any, kind: Callable[..., Any], role: str) -> Any:
    if isinstance(function, eqx.Module):
        return function
    return kind(_WithoutParameters(function), {"unread": 0.0})


@dataclass(frozen=True)
class _WithoutParameters:
    """It leaves unread the one number that it is given, by whose axis a stack of draws has a length all the same."""

    function: Callable[[Any, Any], Any]

    def __call__(self, x: Any, t: Any, parameters: dict[str, Any]) -> Any:
        return self.function(x, t)
