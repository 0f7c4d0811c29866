"""Figures of results: each function takes xarray only and returns matplotlib axes."""

from sdebayes.plots import checks, fields, moments, persistence, phase_space, process, scores, variance

__all__ = ["checks", "fields", "moments", "persistence", "phase_space", "process", "scores", "variance"]
