"""The result of a fit, and comparisons of results."""

import sdebayes._core.whole_numpyro  # noqa: F401
from sdebayes.inference import nulls
from sdebayes.posterior.calibration import calibrate
from sdebayes.posterior.claims import claims
from sdebayes.posterior.compare import compare
from sdebayes.posterior.cross_validation import cross_validate
from sdebayes.posterior.fit import fit
from sdebayes.posterior.forecast import forecast
from sdebayes.posterior.load import load
from sdebayes.posterior.posterior import Posterior
from sdebayes.posterior.replicate import replicate

__all__ = [
    "Posterior",
    "calibrate",
    "claims",
    "compare",
    "cross_validate",
    "fit",
    "forecast",
    "load",
    "nulls",
    "replicate",
]
