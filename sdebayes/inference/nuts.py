"""The No-U-Turn sampler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from sdebayes._core.arguments import checked
from sdebayes.inference.hamiltonian import AbstractHamiltonian
from sdebayes.inference.problem import Problem
from sdebayes.inference.strategy import Draws, RunOptions


@final
@checked
@dataclass(frozen=True)
class NUTS(AbstractHamiltonian):
    """Hamiltonian Monte Carlo with the No-U-Turn criterion, on unconstrained space.

    Parameters
    ----------
    draws
        Kept draws of each chain.
    warmup
        Iterations before them.
    chains
        Number of chains, started from draws of the normal approximation at the mode.
    target_acceptance
        Mean acceptance probability that the step size aims at.
    max_tree_depth
        Trajectories have at most 2**max_tree_depth leapfrog steps.
    dense_dimension
        Up to this many parameters they are sampled along the eigenvectors of the curvature in the midst of the
        posterior, in units of the standard deviation along them; above it those that are no weights of a field are. If
        these are too many as well, they are sampled along their own axes. Warm-up adapts the units.
    workers
        Chains that run at the same time, each in its own thread.

    Raises
    ------
    ModelError
        If a number is out of range.

    See Also
    --------
    sdebayes.HMC : Paths of one length: less cost for each draw where the posterior is nearly normal.
    sdebayes.Marginal : Where the weights of the drift can be integrated out.
    sdebayes.Laplace : A first look.

    References
    ----------
    Hoffman & Gelman (2014), Journal of Machine Learning Research 15, 1593–1623, in NumPyro's iterative form.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> sampled = sb.fit(sb.SDEModel(), train, sb.NUTS(draws=50, warmup=50, chains=2), seed=0)
    >>> dict(sampled.data["posterior"].sizes)
    {'chain': 2, 'draw': 50, 'state': 2, 'state_bis': 2, 'point': 5, 'term': 3, 'mode': 2}
    """

    reads_sums: ClassVar[bool] = True

    def run(self, problem: Problem, options: RunOptions) -> Draws:
        """Draw from a posterior; see `AbstractStrategy.run`. A checkpoint keeps the chains."""
        return self.sample_all(problem, options)
