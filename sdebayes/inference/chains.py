"""Run Markov chains in blocks: progress, interrupts and checkpoints between blocks, chains side by side in threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree
from numpyro.infer.hmc import hmc
from numpyro.infer.util import ParamInfo

from sdebayes._core import precision as precision_scope
from sdebayes._core.compiled import Compiled
from sdebayes._core.processes import are_several
from sdebayes._core.types import Key
from sdebayes.inference.chart import Chart, affine_place
from sdebayes.inference.checkpoint import Checkpoint
from sdebayes.inference.progress import progress_bars, stage
from sdebayes.inference.strategy import Draws
from sdebayes.inference.target import Density, Flat, Target

BLOCK = 25
JITTER = 0.3
FIRST_FREE = 3
"""Numbers from here on fold into a kernel's key without meeting the keys that NumPyro splits it into."""


@dataclass(frozen=True)
class Settings:
    """What Hamiltonian Monte Carlo is compiled with.

    Parameters
    ----------
    warmup
        Iterations that adapt.
    target_acceptance
        Mean acceptance probability that the step size aims at.
    max_tree_depth
        Trajectories have at most 2**max_tree_depth leapfrog steps.
    path_length
        Mean length of trajectories, in standard deviations; None for those of the No-U-Turn criterion.
    """

    warmup: int
    target_acceptance: float
    max_tree_depth: int
    path_length: float | None = None


class Sampler:
    """NumPyro's Hamiltonian kernel over a chart's u, with a diagonal mass matrix that is adapted.

    Parameters
    ----------
    density
        The density as a function of the data.
    settings
        The rest that it is compiled with.

    Attributes
    ----------
    run
        From a chain's state, data and chart to its state a block of iterations later, and what is kept of them.
    """

    def __init__(self, density: Density, settings: Settings) -> None:
        self.settings, self._density = settings, density
        self._initialize, self._sample = hmc(
            potential_fn_gen=lambda data, chart: lambda u: self.potential(u, data, chart),
            algo="NUTS" if settings.path_length is None else "HMC",
        )
        self.run = Compiled(self._block)
        self._first = Compiled(self._first_state)
        self._preparing = threading.Lock()

    def begin(self, target: Target, key: Key, position: Flat, chart: Chart) -> PyTree:
        """Return the state of a chain before its first iteration.

        Parameters
        ----------
        target
            The density at its data.
        key
            The chain's key.
        position
            u, (dimension,).
        chart
            From u to z.
        """
        place = target.value_and_gradient(affine_place(chart.affine, position), chart.whitenings)
        return self.first(target, key, position, place, chart)

    def first(
        self, target: Target, key: Key, position: Flat, place: tuple[Array, Flat], chart: Chart
    ) -> PyTree:
        """Return that state, given U and its gradient in v there; arguments as in `begin`."""
        return self._first(key, position, *place, target.data, chart)

    def prepare(self, target: Target, chart: Chart) -> None:
        """Compile for data and a chart of these shapes, whatever they hold; a second caller waits for the first."""
        u = chart.affine.middle
        with self._preparing:
            nowhere = (jnp.zeros((), u.dtype), jnp.zeros_like(u))
            self.run.prepare(self.first(target, jax.random.key(0), u, nowhere, chart), target.data, chart)

    def _first_state(
        self, key: Key, position: Flat, potential: Array, gradient: Flat, data: PyTree, chart: Chart
    ) -> PyTree:
        state = self._initialize(
            ParamInfo(position, potential, chart.affine.pull_back(gradient)),
            num_warmup=self.settings.warmup,
            inverse_mass_matrix=jnp.ones_like(position),
            target_accept_prob=self.settings.target_acceptance,
            max_tree_depth=self.settings.max_tree_depth,
            trajectory_length=self.settings.path_length,
            rng_key=key,
            model_args=(data, chart),
        )
        return jax.tree.map(jnp.asarray, state)

    def _block(self, state: PyTree, data: PyTree, chart: Chart) -> tuple[PyTree, dict[str, Array]]:
        return jax.lax.scan(lambda state, _: self.step(state, data, chart), state, None, length=BLOCK)

    def step(self, state: PyTree, data: PyTree, chart: Chart) -> tuple[PyTree, dict[str, Array]]:
        """Return the state after one more iteration, and what is kept of it: statistics, and z as ``position``."""
        state = self.move(state, data, chart)
        return state, statistics_of(state) | {"position": self.place(state, chart)}

    def move(self, state: PyTree, data: PyTree, chart: Chart) -> PyTree:
        """Return the kernel's state after one more iteration."""
        if self.settings.path_length is not None:
            key = jax.random.fold_in(state.rng_key, FIRST_FREE)
            jittered = jax.random.uniform(key, minval=1 - JITTER, maxval=1 + JITTER)
            longest = 2**self.settings.max_tree_depth * state.adapt_state.step_size
            length = jnp.minimum(self.settings.path_length * jittered, longest)
            state = state._replace(trajectory_length=length)
        return self._sample(state, (data, chart), {})

    def potential(self, u: Flat, data: PyTree, chart: Chart) -> Array:
        """Return minus the log density at u, up to a constant."""
        return self._density.differentiated(chart.affine(u), data, chart.whitenings)

    def place(self, state: PyTree, chart: Chart) -> Flat:
        """Return the z of a kernel's state, (dimension,)."""
        return self._density.place(chart.affine(state.z), chart.whitenings)


@lru_cache(maxsize=8)
def sampler_of(density: Density, settings: Settings) -> Sampler:
    """Return the sampler of a density, the same one again while it is among the latest: it is compiled once."""
    return Sampler(density, settings)


def run_chains(
    target: Target,
    sampler: Sampler,
    starts: Float[np.ndarray, "chain dimension"],
    chart: Chart,
    keys: list[Key],
    draws: int,
    *,
    precision: str,
    progress: bool,
    workers: int,
    checkpoint: Checkpoint | None,
) -> Draws:
    """Run one chain from each start.

    Parameters
    ----------
    target
        The density.
    sampler
        The kernel.
    starts
        u, (chain, dimension).
    chart
        From u to unconstrained parameters.
    keys
        One key for each chain.
    draws
        Iterations that are kept.
    precision
        The precision in force; worker threads enter it too.
    progress
        Whether bars are shown.
    workers
        Chains that run at the same time; one where several processes compute together.
    checkpoint
        Where finished blocks are kept, if anywhere.
    """
    with stage("compiling the sampler", progress):
        sampler.prepare(target, chart)
        initial = [
            sampler.begin(target, key, jnp.asarray(start), chart)
            for key, start in zip(keys, starts, strict=True)
        ]
    warmup = sampler.settings.warmup
    total = warmup + draws

    def block(state: PyTree) -> tuple[PyTree, dict[str, Array]]:
        return sampler.run(state, target.data, chart)

    stop, workers = threading.Event(), 1 if are_several() else workers
    titles = [f"sampling, chain {index + 1}" for index in range(len(keys))]
    with progress_bars(titles, total, progress) as advance, ThreadPoolExecutor(workers) as pool:

        def run(index: int) -> dict[str, np.ndarray]:
            with precision_scope.scope(precision):
                return _run_chain(block, initial[index], index, total, stop, advance, checkpoint)

        jobs = [pool.submit(run, index) for index in range(len(keys))]
        try:
            for job in as_completed(jobs):
                job.result()
        except BaseException:
            stop.set()
            raise
    return _kept([job.result() for job in jobs], warmup, draws)


def finished_chains(checkpoint: Checkpoint, chains: int, warmup: int, draws: int) -> Draws | None:
    """Return the draws of a checkpoint whose chains have all come to their end, else None."""
    records = [checkpoint.records(index) for index in range(chains)]
    if any(len(blocks) * BLOCK < warmup + draws for blocks in records):
        return None
    return _kept([_joined(blocks) for blocks in records], warmup, draws)


def _kept(chains: list[dict[str, np.ndarray]], warmup: int, draws: int) -> Draws:
    stacked = {name: np.stack([c[name][warmup : warmup + draws] for c in chains]) for name in chains[0]}
    return Draws(stacked.pop("position"), stacked)


def _joined(records: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([record[name] for record in records]) for name in records[0]}


def _run_chain(
    block: Callable[[PyTree], tuple[PyTree, dict[str, Array]]],
    state: PyTree,
    index: int,
    total: int,
    stop: threading.Event,
    advance: Callable[[int, str, int], None],
    checkpoint: Checkpoint | None,
) -> dict[str, np.ndarray]:
    records: list[dict[str, np.ndarray]] = []
    if checkpoint is not None:
        state, records = checkpoint.restore(index, state)
        advance(index, "resumed", min(len(records) * BLOCK, total))
    while len(records) * BLOCK < total and not stop.is_set():
        state, record = block(state)
        records.append({name: np.asarray(value) for name, value in record.items()})
        done = min(BLOCK, total - (len(records) - 1) * BLOCK)
        note = f"{record['n_steps'].mean():.0f} steps, {int(record['diverging'].sum())} divergent"
        advance(index, note, done)
        if checkpoint is not None:
            checkpoint.keep(index, state, records)
    return _joined(records)


def statistics_of(state: PyTree) -> dict[str, Array]:
    """Return what is kept of a kernel's state but its place, under ArviZ's names."""
    return {
        "diverging": state.diverging,
        "acceptance_rate": state.accept_prob,
        "n_steps": state.num_steps,
        "tree_depth": jnp.ceil(jnp.log2(state.num_steps + 1.0)).astype(int),
        "lp": -state.potential_energy,
        "energy": state.energy,
        "step_size": state.adapt_state.step_size,
    }
