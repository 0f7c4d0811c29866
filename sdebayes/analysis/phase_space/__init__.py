"""The phase space: where the process goes, and how surely."""

from sdebayes.analysis.phase_space.basins import basins
from sdebayes.analysis.phase_space.counts import fixed_point_counts
from sdebayes.analysis.phase_space.cycles import limit_cycles
from sdebayes.analysis.phase_space.exemplars import exemplars, in_trajectories, without_effect
from sdebayes.analysis.phase_space.fixed_points import fixed_points
from sdebayes.analysis.phase_space.lyapunov import lyapunov_exponents
from sdebayes.analysis.phase_space.matched import matched
from sdebayes.analysis.phase_space.nullclines import nullclines
from sdebayes.analysis.phase_space.occupation import occupation_density
from sdebayes.analysis.phase_space.passages import committor, exit_time
from sdebayes.analysis.phase_space.portraits import portrait
from sdebayes.analysis.phase_space.rates import time_scales, transition_rates
from sdebayes.analysis.phase_space.regions import Ball, Box, Region
from sdebayes.analysis.phase_space.simulated_exit import simulated_exit_time
from sdebayes.analysis.phase_space.stationary import stationary_density

__all__ = [
    "Ball",
    "Box",
    "Region",
    "basins",
    "committor",
    "exemplars",
    "exit_time",
    "fixed_point_counts",
    "fixed_points",
    "in_trajectories",
    "limit_cycles",
    "lyapunov_exponents",
    "matched",
    "nullclines",
    "occupation_density",
    "portrait",
    "simulated_exit_time",
    "stationary_density",
    "time_scales",
    "transition_rates",
    "without_effect",
]
