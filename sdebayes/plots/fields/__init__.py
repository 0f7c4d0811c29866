"""Figures of drift, covariance and time constants."""

from sdebayes.plots.fields.helmholtz import helmholtz
from sdebayes.plots.fields.reading import jacobian_spectrum, magnitude, profile, signal_to_noise
from sdebayes.plots.fields.slices import line

__all__ = ["helmholtz", "jacobian_spectrum", "line", "magnitude", "profile", "signal_to_noise"]
