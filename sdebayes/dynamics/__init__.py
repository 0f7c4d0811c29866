"""Drift, diffusion and SDE as pure functions: Equinox modules with no probability inside."""

from sdebayes.dynamics.diffusion import AbstractDiffusion, ConstantDiffusion, ParametricDiffusion
from sdebayes.dynamics.drift import AbstractDrift, AffineDrift, LinearDrift, ParametricDrift
from sdebayes.dynamics.observed import ObservedSDE
from sdebayes.dynamics.sde import SDE

__all__ = [
    "SDE",
    "AbstractDiffusion",
    "AbstractDrift",
    "AffineDrift",
    "ConstantDiffusion",
    "LinearDrift",
    "ObservedSDE",
    "ParametricDiffusion",
    "ParametricDrift",
]
