"""Figures of the phase space."""

from sdebayes.plots.phase_space.basins import basins
from sdebayes.plots.phase_space.counts import fixed_point_counts
from sdebayes.plots.phase_space.cycles import limit_cycles
from sdebayes.plots.phase_space.density import current, quasi_potential, stationary_density
from sdebayes.plots.phase_space.fixed_points import fixed_points, in_trajectories
from sdebayes.plots.phase_space.lyapunov import lyapunov_exponents
from sdebayes.plots.phase_space.nullclines import nullclines
from sdebayes.plots.phase_space.passages import committor, exit_time, exit_time_field, transition_rates
from sdebayes.plots.phase_space.portraits import portrait
from sdebayes.plots.phase_space.rates import time_scales

__all__ = [
    "basins",
    "committor",
    "current",
    "exit_time",
    "exit_time_field",
    "fixed_point_counts",
    "fixed_points",
    "in_trajectories",
    "limit_cycles",
    "lyapunov_exponents",
    "nullclines",
    "portrait",
    "quasi_potential",
    "stationary_density",
    "time_scales",
    "transition_rates",
]
