"""Figures of the phase space."""

from sdebayes.plots.phase_space.cycles import limit_cycles
from sdebayes.plots.phase_space.lyapunov import lyapunov_exponents
from sdebayes.plots.phase_space.nullclines import nullclines
from sdebayes.plots.phase_space.portraits import portrait

__all__ = ["limit_cycles", "lyapunov_exponents", "nullclines", "portrait"]
