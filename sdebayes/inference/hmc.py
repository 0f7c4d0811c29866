"""Hamiltonian Monte Carlo with paths of one length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Positive
from sdebayes.inference.hamiltonian import AbstractHamiltonian
from sdebayes.inference.problem import Problem
from sdebayes.inference.strategy import Draws, RunOptions


@final
@checked
@dataclass(frozen=True)
class HMC(AbstractHamiltonian):
    r"""Hamiltonian Monte Carlo whose paths have about one length, in the coordinates and units of `NUTS`.

    The No-U-Turn criterion spends leapfrog steps on finding out when to turn. Here all parameters have about unit
    variance already, so the length of a good path is known before. Over a path of length T a parameter
    of variance 1 keeps a share :math:`\cos T` of where it was, and its square one of :math:`\cos^2 T`: both are small
    at a quarter turn, :math:`π/2`. Directions that are wider than their unit call for more.

    Parameters
    ----------
    draws, warmup, chains, target_acceptance
        As in `NUTS`.
    max_tree_depth
        Paths have at most 2**max_tree_depth leapfrog steps.
    dense_dimension, workers
        As in `NUTS`.
    path_length
        Mean T, in standard deviations. The length of each path is drawn evenly from 0.7 to 1.3 of it, so that no
        direction comes back to where it was each time.

    Raises
    ------
    ModelError
        If a number is out of range.

    See Also
    --------
    sdebayes.NUTS : The default.

    References
    ----------
    Neal (2011), MCMC using Hamiltonian dynamics, sec. 5.3.2 and 5.5.1, arXiv 1206.1901.

    Examples
    --------
    >>> strategy = sb.HMC(draws=500, warmup=200)
    >>> strategy.path_length  # in standard deviations
    2.3
    """

    reads_sums: ClassVar[bool] = True

    path_length: Positive = 2.3

    def run(self, problem: Problem, options: RunOptions) -> Draws:
        """Draw from a posterior; see `AbstractStrategy.run`. A checkpoint keeps the chains."""
        return self.sample_all(problem, options, self.path_length)
