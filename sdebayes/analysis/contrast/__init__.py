"""What differs between groups of trajectories, draw by draw, beside what the prior alone would have of it."""

from sdebayes.analysis.contrast.differences import contrast
from sdebayes.analysis.contrast.overview import overview
from sdebayes.analysis.contrast.shuffled import shuffled_groups
from sdebayes.analysis.contrast.trend import trend

__all__ = ["contrast", "overview", "shuffled_groups", "trend"]
