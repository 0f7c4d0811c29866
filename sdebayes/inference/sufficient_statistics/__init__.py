"""Sums over data that tell a likelihood: at what cost a posterior is sampled then does not depend on their number."""

from sdebayes.inference.sufficient_statistics.euler_maruyama import Statistics
from sdebayes.inference.sufficient_statistics.program import Reading, shortest_program
from sdebayes.inference.sufficient_statistics.reduction import statistics
from sdebayes.inference.sufficient_statistics.streamed import streamed_program

__all__ = ["Reading", "Statistics", "shortest_program", "statistics", "streamed_program"]
