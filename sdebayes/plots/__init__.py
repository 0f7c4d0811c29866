"""Figures of results: each function takes xarray only and returns matplotlib axes."""

from sdebayes.plots import checks, fields, moments, phase_space

__all__ = ["checks", "fields", "moments", "phase_space"]
