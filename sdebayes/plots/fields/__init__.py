"""Figures of drift, covariance and time constants."""

from sdebayes.plots.fields.helmholtz import helmholtz
from sdebayes.plots.fields.reading import magnitude, profile, signal_to_noise, spectrum
from sdebayes.plots.fields.slices import line

__all__ = ["helmholtz", "line", "magnitude", "profile", "signal_to_noise", "spectrum"]
