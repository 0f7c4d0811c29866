"""Priors: NumPyro programs that, called inside a model, return drift and diffusion functions.

See Also
--------
sdebayes.SDEModel : Takes them.

Examples
--------
>>> model = sb.SDEModel(drift=sb.priors.GP(), diffusion=sb.priors.Constant("diagonal"))
>>> model.drift.title
'Gaussian process'
"""

import sdebayes._core.whole_numpyro  # noqa: F401
from sdebayes.priors.base import AbstractDiffusionPrior, AbstractDriftPrior, DataScale
from sdebayes.priors.bnn import BNN
from sdebayes.priors.diffusion import Constant
from sdebayes.priors.diffusion_field import Diagonal, Full
from sdebayes.priors.gp import GP
from sdebayes.priors.hsgp import HSGP
from sdebayes.priors.inducing import Inducing
from sdebayes.priors.kernels import Matern32, Matern52, SquaredExponential
from sdebayes.priors.library import AbstractLibrary, Functions, Polynomial
from sdebayes.priors.linear import Linear
from sdebayes.priors.parametric import Fixed, Parametric
from sdebayes.priors.random_fourier import RandomFourier
from sdebayes.priors.regimes import Regimes
from sdebayes.priors.selection import Horseshoe, SpikeAndSlab
from sdebayes.priors.sparse import Sparse

__all__ = [
    "BNN",
    "GP",
    "HSGP",
    "AbstractDiffusionPrior",
    "AbstractDriftPrior",
    "AbstractLibrary",
    "Constant",
    "DataScale",
    "Diagonal",
    "Fixed",
    "Full",
    "Functions",
    "Horseshoe",
    "Inducing",
    "Linear",
    "Matern32",
    "Matern52",
    "Parametric",
    "Polynomial",
    "RandomFourier",
    "Regimes",
    "Sparse",
    "SpikeAndSlab",
    "SquaredExponential",
]
