"""Figures of drift, covariance and time constants."""

from sdebayes.plots.fields.along import along
from sdebayes.plots.fields.grid import profile, signal_to_noise
from sdebayes.plots.fields.jacobian import jacobian_spectrum
from sdebayes.plots.fields.line import line
from sdebayes.plots.fields.maps import divergence, rotation, scalar, stratonovich

__all__ = [
    "along",
    "divergence",
    "jacobian_spectrum",
    "line",
    "profile",
    "rotation",
    "scalar",
    "signal_to_noise",
    "stratonovich",
]
