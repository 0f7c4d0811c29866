"""Laplace's approximation: a normal law at the posterior mode."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import ClassVar

import jax
import numpy as np
import xarray as xr
from jaxtyping import Array

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Count
from sdebayes._core.types import Key
from sdebayes.inference.findings import Finding
from sdebayes.inference.importance import importance_finding, weighted_draws
from sdebayes.inference.normal import EXACT_DIMENSION, approximation_at_mode
from sdebayes.inference.problem import Problem
from sdebayes.inference.progress import progress_bars
from sdebayes.inference.strategy import AbstractStrategy, Draws, RunOptions, check_smooth


@checked
@dataclass(frozen=True)
class Laplace(AbstractStrategy):
    r"""Independent draws from the normal distribution that fits the posterior at its mode.

    With :math:`U(v) = -\log p(v, y)` on unconstrained space, its mode m and its curvature H there,

    .. math::
        q(v) = N(m, H^{-1}), \qquad \log p(y) ≈ -U(m) + \tfrac{d}{2} \log 2π - \tfrac12 \log |H|.

    Weights of a Gaussian process are taken in coordinates that follow their scales, so that in the parameters
    themselves q is not normal where the posterior is not. The importance ratios of the draws say how close q is:
    `diagnosis` judges their Pareto k-hat.

    Parameters
    ----------
    draws
        Number of draws, all independent: one chain.
    exact_dimension
        Up to this many parameters H is the Hessian of U, by differences of its gradient. Above it, and for networks,
        whose Hessian at a mode is often indefinite, H is that of Gauss and Newton: the Fisher information of the
        one-step distributions, which is never negative, and the curvature of the prior.

    Raises
    ------
    ModelError
        If a number is out of range.

    See Also
    --------
    sdebayes.NUTS : Draws of the posterior itself.
    sdebayes.SVI : The best of a family of distributions, rather than a normal one at the mode.

    Notes
    -----
    The posterior's attribute ``log_evidence`` is log p(y) as above, in nats; its group ``sample_stats`` holds ``lp``,
    the log density up to the coordinates' Jacobian, and ``log_weight``, log p(v, y) − log q(v).

    References
    ----------
    Tierney & Kadane (1986), Accurate approximations for posterior moments and marginal densities,
    doi:10.1080/01621459.1986.10478240.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> dict(posterior.data["posterior"].sizes)
    {'chain': 1, 'draw': 50, 'state': 2, 'state_bis': 2, 'point': 5, 'term': 3, 'mode': 2}
    >>> bool(np.isfinite(posterior.data.attrs["log_evidence"]))
    True
    """

    reads_sums: ClassVar[bool] = True

    draws: Count = 1000
    exact_dimension: Count = EXACT_DIMENSION

    @property
    def reads_parts(self) -> bool:
        """Whether data are read in parts, where they are not read as sums."""
        return True

    @staticmethod
    def findings(tree: xr.DataTree, parts: Collection[str]) -> list[Finding]:
        """Judge how close the normal distribution is to the posterior."""
        return [importance_finding(tree, "the normal distribution at the mode")]

    def run(self, problem: Problem, options: RunOptions) -> Draws:
        """Draw from a posterior; see `AbstractStrategy.run`. A checkpoint keeps the mode and the curvature."""
        check_smooth(problem.model)
        search_key, draw_key = jax.random.split(options.key)
        approximation, potential = approximation_at_mode(
            problem, options, search_key, exact_dimension=self.exact_dimension, begin=problem.beginning
        )
        target = problem.target

        def propose(key: Key, count: int) -> tuple[Array, np.ndarray]:
            u = jax.random.normal(key, (count, target.dimension))
            points = approximation.middle + u @ approximation.factor.T
            return points, approximation.log_density(np.asarray(u))

        with progress_bars(["drawing"], self.draws, options.progress) as advance:
            draws = weighted_draws(target, approximation.whitenings, propose, draw_key, self.draws, advance)
        log_evidence = 0.5 * target.dimension * np.log(2 * np.pi) + approximation.log_determinant - potential
        return replace(draws, attributes={"log_evidence": float(log_evidence)} | problem.attributes)
