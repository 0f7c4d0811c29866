"""Hamiltonian Monte Carlo, started from the posterior mode and preconditioned by the curvature there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Float

from sdebayes._core.arguments import checked
from sdebayes._core.errors import InferenceError
from sdebayes._core.kinds import Count, Probability, WholeNumber
from sdebayes._core.threads import meanwhile
from sdebayes._core.types import Key
from sdebayes.inference.chains import Sampler, Settings, finished_chains, run_chains, sampler_of
from sdebayes.inference.chart import Affine, Chart, affine_place
from sdebayes.inference.curvature import curvature_units, unit_lengths
from sdebayes.inference.findings import Finding
from sdebayes.inference.mode import find_typical_point
from sdebayes.inference.problem import Problem
from sdebayes.inference.progress import stage
from sdebayes.inference.sampling import sampling_findings
from sdebayes.inference.strategy import AbstractStrategy, Draws, RunOptions, check_smooth
from sdebayes.inference.target import Target


@checked
@dataclass(frozen=True)
class AbstractHamiltonian(AbstractStrategy):
    """Chains of Hamiltonian Monte Carlo on unconstrained space.

    Parameters
    ----------
    draws, warmup, chains, target_acceptance, max_tree_depth, dense_dimension, workers
        As in `NUTS`.
    """

    draws: Count = 1000
    warmup: Count = 300
    chains: Count = 2
    target_acceptance: Probability = 0.8
    max_tree_depth: Count = 10
    dense_dimension: WholeNumber = 500
    workers: Count = 2

    @property
    def attributes(self) -> Mapping[str, object]:
        """The limit of the trees' depth."""
        return {"max_tree_depth": self.max_tree_depth}

    @staticmethod
    def findings(tree: xr.DataTree, parts: Collection[str]) -> list[Finding]:
        """Judge convergence, divergences, depth of the trees and energy."""
        return sampling_findings(tree, int(tree.attrs["max_tree_depth"]), parts)

    def sample_all(self, problem: Problem, options: RunOptions, path_length: float | None = None) -> Draws:
        """Draw all parameters of a problem.

        Parameters
        ----------
        problem
            The model, the data and the density.
        options
            How it is run.
        path_length
            Mean length of paths, in standard deviations; None for those of the No-U-Turn criterion.

        Raises
        ------
        ModelError
            If the model's density has jumps.
        """
        check_smooth(problem.model)
        draws = self._finished(options)
        if draws is None:
            target = problem.compiled(options.progress)
            draws = self.sample(target, sampler_of(target.density, self.settings(path_length)), options)
        return replace(draws, attributes=draws.attributes | problem.attributes)

    def settings(self, path_length: float | None = None) -> Settings:
        """Return what the kernel is compiled with."""
        return Settings(self.warmup, self.target_acceptance, self.max_tree_depth, path_length)

    def sample(self, target: Target, sampler: Sampler, options: RunOptions) -> Draws:
        """Run the chains of a kernel.

        Parameters
        ----------
        target
            The density at its data.
        sampler
            The kernel.
        options
            How it is run.
        """
        finished = self._finished(options)
        if finished is not None:
            return finished
        search_key, start_key, *chain_keys = jax.random.split(options.key, self.chains + 2)
        with (
            meanwhile(lambda: sampler.prepare(target, self.any_chart(target))),
            stage("searching the middle of the posterior", options.progress),
        ):
            middle = find_typical_point(target, search_key)
            units = curvature_units(target, middle, self.dense_dimension)
        chart = Chart(Affine(middle.position, units), middle.whitenings)
        return run_chains(
            target,
            sampler,
            self._starts(target, chart, start_key),
            chart,
            chain_keys,
            self.draws,
            precision=options.precision,
            progress=options.progress,
            workers=min(self.workers, self.chains),
            checkpoint=options.checkpoint,
        )

    def any_chart(self, target: Target) -> Chart:
        """Return a chart of the shapes of that which the chains will have: enough to compile by."""
        units = unit_lengths(target, self.dense_dimension)
        return Chart(Affine(jnp.zeros_like(target.start), units), target.density.no_whitening)

    def _finished(self, options: RunOptions) -> Draws | None:
        """Return the draws of a checkpoint that holds all of them; there is nothing to be compiled for these."""
        kept = options.checkpoint
        return None if kept is None else finished_chains(kept, self.chains, self.warmup, self.draws)

    def _starts(self, target: Target, chart: Chart, key: Key) -> Float[np.ndarray, "chain dimension"]:
        """Draw starts around the mode; a draw without a finite density is pulled halfway towards it."""
        shape, kind = (self.chains, target.dimension), chart.affine.middle.dtype

        def potential(u: np.ndarray) -> float:
            return float(target.value_and_gradient(affine_place(chart.affine, u), chart.whitenings)[0])

        starts = []
        for u in np.asarray(jax.random.normal(key, shape, dtype=kind)):
            shrink = 1.0
            while not np.isfinite(potential(shrink * u)):
                shrink /= 2
                if shrink < 1e-6:
                    raise InferenceError("No starting point with a finite density was found around the mode.")
            starts.append(shrink * u)
        return np.stack(starts)
