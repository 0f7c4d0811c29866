"""Figures of drift, covariance and time constants."""

from sdebayes.plots.fields.maps import divergence, rotation, scalar, stratonovich
from sdebayes.plots.fields.paths import along
from sdebayes.plots.fields.reading import jacobian_spectrum, profile, signal_to_noise
from sdebayes.plots.fields.slices import line

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
