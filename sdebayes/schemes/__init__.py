"""Discretisation schemes: maps from an SDE, a state and a step to the distribution of the next state.

See Also
--------
sdebayes.SDEModel : Takes one.

Examples
--------
>>> sb.SDEModel(observation=sb.Exact()).discretization
LocalLinearization()
>>> sb.SDEModel(diffusion=sb.priors.Diagonal(), observation=sb.Exact()).discretization
Moments()
"""

from sdebayes.schemes.base import AbstractScheme, AffineTransition
from sdebayes.schemes.euler_maruyama import EulerMaruyama
from sdebayes.schemes.linear_noise import LinearNoise
from sdebayes.schemes.local_linearization import LocalLinearization
from sdebayes.schemes.moments import Moments
from sdebayes.schemes.strang import Strang
from sdebayes.schemes.substeps import Substeps

__all__ = [
    "AbstractScheme",
    "AffineTransition",
    "EulerMaruyama",
    "LinearNoise",
    "LocalLinearization",
    "Moments",
    "Strang",
    "Substeps",
]
