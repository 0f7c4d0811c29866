"""Stochastic variational inference: the law of a family that is closest to the posterior."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.compiled import Compiled
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import Count, Positive
from sdebayes._core.precision import Precision
from sdebayes._core.types import Key
from sdebayes.inference.checkpoint import Checkpoint
from sdebayes.inference.convergence import elbo_finding
from sdebayes.inference.findings import Finding
from sdebayes.inference.guides import AbstractGuide, NormalGuide
from sdebayes.inference.importance import importance_finding, weighted_draws
from sdebayes.inference.minibatches.order import Minibatches
from sdebayes.inference.normal import NormalApproximation, approximation_at_mode
from sdebayes.inference.optimization import BLOCK, Optimizer, Settings, optimizer_of
from sdebayes.inference.problem import Problem
from sdebayes.inference.progress import Advance, progress_bars
from sdebayes.inference.strategy import AbstractStrategy, Draws, RunOptions, check_smooth


@checked
@dataclass(frozen=True)
class SVI(AbstractStrategy):
    r"""Independent draws from the distribution of a family that maximises the evidence lower bound.

    With :math:`p(v, y)` on unconstrained space and a guide :math:`q_φ(v)`,

    .. math::
        \mathrm{ELBO}(φ) = \mathrm{E}_{q_φ} \log \frac{p(v, y)}{q_φ(v)} \le \log p(y),

    is raised by Adam with gradients through draws of the guide. The guide begins at the posterior's mode, in
    coordinates in which the normal distribution there, that of `Laplace`, is N(0, I).

    Parameters
    ----------
    draws
        Number of draws, all independent: one chain.
    steps
        Steps of the optimisation, rounded up to hundreds.
    guide
        The family: ``NormalGuide()``, ``LowRankGuide(rank)`` or ``FlowGuide()`` of `sdebayes.inference`.
    batch
        Parts of the data that a step looks at: transitions where states are observed exactly, trajectories else. All
        parts come once in an epoch, in an order that is drawn anew for each. Their log-likelihood, times the number of
        parts over ``batch``, is an unbiased estimate of that of all. None for all data in each step. With a number,
        data that are on the disk are read from there: see the notes.
    particles
        Draws of the guide in each step.
    learning_rate
        Adam's. The guide is the mean of its parameters over the last third of the steps.

    Raises
    ------
    ModelError
        If a number is out of range, or the guide is none.

    See Also
    --------
    sdebayes.Laplace : A normal distribution at the mode.
    sdebayes.plots.checks.elbo : Draws the bound.

    Notes
    -----
    The search of the mode goes over all data; with ``batch``, where these are many, over trajectories that are evenly
    spread over them, each standing for several, and from there by a few steps, each with the gradient of all. Large
    lazy data are then never held: what is in memory is what comes next, pieces from all over the data whose parts are
    shuffled with each other, and is read while the steps before are taken. Only groups, covariates and regimes need all
    data in memory. The densities of the draws cost one more pass, whose arithmetic grows with ``draws``.

    The posterior's group ``elbo`` holds ``elbo`` (step), in nats;
    ``sample_stats`` holds ``lp`` and ``log_weight`` as in `Laplace`. A distribution that maximises the bound is usually
    narrower than the posterior; `diagnosis` judges the Pareto k-hat of the importance ratios, and whether the bound
    still rises.

    References
    ----------
    Kucukelbir, Tran, Ranganath, Gelman & Blei (2017), Automatic differentiation variational inference, Journal of
    Machine Learning Research 18(14); Hoffman, Blei, Wang & Paisley (2013), Stochastic variational inference, Journal of
    Machine Learning Research 14, 1303–1347, for parts of the data; Yao, Vehtari, Simpson & Gelman (2018), Yes, but did
    it work?, arXiv 1802.02538, for the check by k-hat.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> fitted = sb.fit(sb.SDEModel(), train, sb.SVI(draws=50, steps=200), seed=0)
    >>> fitted.data["elbo"]["elbo"].dims
    ('step',)
    """

    draws: Count = 1000
    steps: Count = 3000
    guide: AbstractGuide = field(default_factory=NormalGuide)
    batch: Count | None = None
    particles: Count = 4
    learning_rate: Positive = 0.02

    @staticmethod
    def findings(tree: xr.DataTree, parts: Collection[str]) -> list[Finding]:
        """Judge whether the bound still rises, and how close the guide is to the posterior."""
        return [elbo_finding(tree), importance_finding(tree, "the guide")]

    def run(self, problem: Problem, options: RunOptions) -> Draws:
        """Draw from a posterior; see `AbstractStrategy.run`. A checkpoint keeps the mode, and each hundred steps."""
        check_smooth(problem.model)
        search_key, start_key, run_key, draw_key = jax.random.split(options.key, 4)
        progress = options.progress
        batches = self._batches(problem, run_key)
        begin = problem if batches is None else problem.sample
        chart, _ = approximation_at_mode(problem, options, search_key, begin=begin)
        optimizer = optimizer_of(problem.density, self._settings)
        state = optimizer.begin(start_key)
        with progress_bars(["raising the bound"], self._blocks * BLOCK, progress) as advance:
            blocks = partial(self._run, problem, optimizer, chart, batches, options.precision)
            state, trace = self._optimize(blocks, state, chart, options.checkpoint, advance)
        elbo = np.asarray(trace, dtype=np.float64) + chart.log_determinant
        with progress_bars(["drawing"], self.draws, progress) as advance:
            draws = self._draw(problem, chart, optimizer.transform(state), draw_key, advance)
        steps = np.arange(1, len(elbo) + 1)
        group = xr.Dataset({"elbo": ("step", elbo, {"long_name": "ELBO", "units": "nat"})}, {"step": steps})
        said = {} if problem.streamed is None else problem.attributes
        return replace(draws, groups={"elbo": group}, attributes=said)

    @property
    def reads_parts(self) -> bool:
        """Whether steps look at parts of the data, which may be on the disk."""
        return self.batch is not None

    @property
    def _blocks(self) -> int:
        return -(-self.steps // BLOCK)

    @property
    def _settings(self) -> Settings:
        return Settings(self.guide, self._blocks * BLOCK, self.learning_rate, self.particles)

    def _batches(self, problem: Problem, key: Key) -> Minibatches | None:
        if self.batch is None:
            return None
        count = sum(problem.parts.counts)
        if self.batch > count:
            raise ModelError(
                f"SVI: batch is {self.batch}, but the data have {count} independent parts; use batch=None."
            )
        return Minibatches(problem.parts, self.batch, key)

    def _optimize(
        self,
        blocks: Callable[[Any, int], Generator[tuple[Any, np.ndarray]]],
        state: Any,
        chart: NormalApproximation,
        kept: Checkpoint | None,
        advance: Advance,
    ) -> tuple[Any, Float[np.ndarray, " step"]]:
        """Run all blocks that a checkpoint does not hold."""
        records: list[dict[str, np.ndarray]] = []
        if kept is not None:
            state, records = kept.restore(1, state)
            advance(0, "resumed", len(records) * BLOCK)
        with closing(blocks(state, len(records))) as running:
            for state, trace in running:
                records.append({"elbo": trace})
                advance(0, f"ELBO {float(trace.mean()) + chart.log_determinant:.1f}", BLOCK)
                if kept is not None:
                    kept.keep(1, state, records)
        return state, np.concatenate([record["elbo"] for record in records])

    def _run(
        self,
        problem: Problem,
        optimizer: Optimizer,
        chart: NormalApproximation,
        batches: Minibatches | None,
        precision: Precision,
        state: Any,
        first: int,
    ) -> Generator[tuple[Any, np.ndarray]]:
        """Yield state and trace after each block from the first one on."""
        if batches is None:
            data = jax.tree.map(jnp.asarray, problem.observations)
            for _ in range(first, self._blocks):
                state, trace = optimizer.run(state, chart, data)
                yield state, np.asarray(trace)
            return
        factor, traces = np.asarray(batches.factor), []
        for some in batches.read(first * BLOCK, self._blocks * BLOCK, BLOCK, precision):
            state, trace = optimizer.run_on_parts(state, chart, some, factor)
            traces.append(np.asarray(trace))
            if sum(map(len, traces)) == BLOCK:
                yield state, np.concatenate(traces)
                traces = []

    def _draw(
        self, problem: Problem, chart: NormalApproximation, transform: Any, key: Key, advance: Advance
    ) -> Draws:
        """Draw from the guide."""

        def bend(one: Any) -> tuple[Any, Any]:
            u = transform(one)
            return u, transform.log_abs_det_jacobian(one, u)

        def propose(key: Key, count: int) -> tuple[Array, np.ndarray]:
            white = jax.random.normal(key, (count, problem.target.dimension))
            u, stretch = Compiled(jax.vmap(bend))(white)
            log_density = chart.log_density(np.asarray(white)) - np.asarray(stretch, dtype=np.float64)
            return chart.middle + u @ chart.factor.T, log_density

        return weighted_draws(problem.target, chart.whitenings, propose, key, self.draws, advance)
