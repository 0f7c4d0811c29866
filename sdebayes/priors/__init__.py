"""Priors: NumPyro programs that, called inside a model, return drift and diffusion functions."""

from sdebayes.priors.base import AbstractDiffusionPrior, AbstractDriftPrior, DataScale
from sdebayes.priors.diffusion import Constant
from sdebayes.priors.linear import Linear
from sdebayes.priors.parametric import Fixed, Parametric

__all__ = [
    "AbstractDiffusionPrior",
    "AbstractDriftPrior",
    "Constant",
    "DataScale",
    "Fixed",
    "Linear",
    "Parametric",
]
