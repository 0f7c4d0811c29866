"""Drift, diffusion and SDE as pure functions: Equinox modules with no probability inside.

See Also
--------
sdebayes.simulate : Simulates them.

Examples
--------
>>> drift = sb.dynamics.LinearDrift(jnp.eye(2), jnp.zeros(2))
>>> sde = sb.SDE(drift, sb.dynamics.ConstantDiffusion(0.5 * jnp.eye(2)))
>>> sde.drift(jnp.array([1.0, 2.0])).tolist()
[-1.0, -2.0]
"""

from sdebayes.dynamics.basis import AbstractBasis, Jet, TabulatedBasis
from sdebayes.dynamics.diffusion import (
    AbstractDiffusion,
    ConstantDiffusion,
    DiagonalDiffusion,
    FullDiffusion,
    ParametricDiffusion,
)
from sdebayes.dynamics.drift import (
    AbstractAffineDrift,
    AbstractDrift,
    AffineDrift,
    Expansion,
    FieldDrift,
    LinearDrift,
    ParametricDrift,
)
from sdebayes.dynamics.field import AbstractField, BasisField
from sdebayes.dynamics.hsgp import LaplacianBasis
from sdebayes.dynamics.inducing import KernelBasis
from sdebayes.dynamics.library import FunctionBasis, LibraryDrift, MonomialBasis
from sdebayes.dynamics.network import Network
from sdebayes.dynamics.random_fourier import FourierBasis
from sdebayes.dynamics.scale_mixture import ScaleMixture
from sdebayes.dynamics.sde import SDE, LinearSDE
from sdebayes.dynamics.state_space_model import ObservedSDE
from sdebayes.dynamics.trend import JointBasis, TaperedMonomials

__all__ = [
    "SDE",
    "AbstractAffineDrift",
    "AbstractBasis",
    "AbstractDiffusion",
    "AbstractDrift",
    "AbstractField",
    "AffineDrift",
    "BasisField",
    "ConstantDiffusion",
    "DiagonalDiffusion",
    "Expansion",
    "FieldDrift",
    "FourierBasis",
    "FullDiffusion",
    "FunctionBasis",
    "Jet",
    "JointBasis",
    "KernelBasis",
    "LaplacianBasis",
    "LibraryDrift",
    "LinearDrift",
    "LinearSDE",
    "MonomialBasis",
    "Network",
    "ObservedSDE",
    "ParametricDiffusion",
    "ParametricDrift",
    "ScaleMixture",
    "TabulatedBasis",
    "TaperedMonomials",
]
