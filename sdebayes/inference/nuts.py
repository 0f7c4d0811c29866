"""The No-U-Turn sampler, started from the posterior mode and preconditioned by the curvature there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import xarray as xr
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.errors import InferenceError
from sdebayes._core.kinds import Count, Probability, WholeNumber
from sdebayes._core.precision import Precision
from sdebayes._core.types import Key
from sdebayes.inference.chains import (
    Affine,
    Chart,
    Sampler,
    Settings,
    finished_chains,
    run_chains,
    sampler_of,
)
from sdebayes.inference.checkpoint import Checkpoint
from sdebayes.inference.curvature import curvature_units
from sdebayes.inference.findings import Finding
from sdebayes.inference.mode import find_middle
from sdebayes.inference.progress import stage
from sdebayes.inference.sampling import sampling_findings
from sdebayes.inference.strategy import AbstractStrategy, Draws, Problem, check_smooth
from sdebayes.inference.target import Target


@checked
@dataclass(frozen=True)
class NUTS(AbstractStrategy):
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

    References
    ----------
    Hoffman & Gelman (2014), Journal of Machine Learning Research 15, 1593–1623, in NumPyro's iterative form.
    """

    draws: Count = 1000
    warmup: Count = 300
    chains: Count = 2
    target_acceptance: Probability = 0.8
    max_tree_depth: Count = 10
    dense_dimension: WholeNumber = 500
    workers: Count = 2

    @property
    def attributes(self) -> dict[str, Any]:
        """The limit of the trees' depth."""
        return {"max_tree_depth": self.max_tree_depth}

    @staticmethod
    def findings(tree: xr.DataTree, parts: Collection[str]) -> list[Finding]:
        """Judge convergence, divergences, depth of the trees and energy."""
        return sampling_findings(tree, int(tree.attrs["max_tree_depth"]), parts)

    def run(
        self,
        problem: Problem,
        key: Key,
        *,
        precision: Precision,
        progress: bool,
        checkpoint: tuple[str | Path, str] | None = None,
    ) -> Draws:
        """Draw from a posterior; see `AbstractStrategy.run`."""
        check_smooth(problem.model)
        with stage("compiling the density", progress):
            target = problem.target
        sampler = sampler_of(target.density, self._settings)
        return self._sample(
            target, sampler, key, precision=precision, progress=progress, checkpoint=checkpoint
        )

    @property
    def _settings(self) -> Settings:
        return Settings(self.warmup, self.target_acceptance, self.max_tree_depth)

    def _sample(
        self,
        target: Target,
        sampler: Sampler,
        key: Key,
        *,
        precision: str,
        progress: bool,
        checkpoint: tuple[str | Path, str] | None,
    ) -> Draws:
        kept = Checkpoint(*checkpoint) if checkpoint is not None else None
        if kept is not None:
            finished = finished_chains(kept, self.chains, self.warmup, self.draws)
            if finished is not None:
                return finished
        search_key, start_key, *chain_keys = jax.random.split(key, self.chains + 2)
        with stage("searching the middle of the posterior", progress):
            middle = find_middle(target, search_key)
            units = curvature_units(target, middle, self.dense_dimension)
        chart = Chart(Affine(middle.position, units), middle.whitenings)
        return run_chains(
            target,
            sampler,
            self._starts(target, chart, start_key),
            chart,
            chain_keys,
            self.draws,
            precision=precision,
            progress=progress,
            workers=min(self.workers, self.chains),
            checkpoint=kept,
        )

    def _starts(self, target: Target, chart: Chart, key: Key) -> Float[Array, "chain dimension"]:
        """Draw starts around the mode; a draw without a finite density is pulled halfway towards it."""
        white = jax.random.normal(key, (self.chains, target.dimension), dtype=chart.affine.middle.dtype)
        starts = []
        for u in white:
            shrink = 1.0
            while not jnp.isfinite(target.value_and_gradient(chart.affine(shrink * u), chart.whitenings)[0]):
                shrink /= 2
                if shrink < 1e-6:
                    raise InferenceError("No starting point with a finite density was found around the mode.")
            starts.append(shrink * u)
        return jnp.stack(starts)
