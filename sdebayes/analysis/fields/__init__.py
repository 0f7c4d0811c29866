"""Drift and covariance as fields over the state space, and what their derivatives say."""

from sdebayes.analysis.fields.derivatives import divergence, places, rotation, stratonovich
from sdebayes.analysis.fields.reading import along, grid, jacobian_spectrum, signal_to_noise
from sdebayes.analysis.fields.slices import line

__all__ = [
    "along",
    "divergence",
    "grid",
    "jacobian_spectrum",
    "line",
    "places",
    "rotation",
    "signal_to_noise",
    "stratonovich",
]
