"""Drift and covariance as fields over the state space, and what their derivatives say."""

from sdebayes.analysis.fields.derivatives import divergence, points, rotation, stratonovich
from sdebayes.analysis.fields.distance import data_distance
from sdebayes.analysis.fields.grid import along, grid, signal_to_noise
from sdebayes.analysis.fields.jacobian import jacobian_spectrum
from sdebayes.analysis.fields.line import line

__all__ = [
    "along",
    "data_distance",
    "divergence",
    "grid",
    "jacobian_spectrum",
    "line",
    "points",
    "rotation",
    "signal_to_noise",
    "stratonovich",
]
