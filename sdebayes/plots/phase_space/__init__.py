"""Figures of the phase space."""

from sdebayes.plots.phase_space.portraits import portrait

__all__ = ["portrait"]
