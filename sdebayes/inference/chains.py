"""Run Markov chains in blocks: progress, interrupts and checkpoints between blocks, chains side by side in threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpyro.infer.hmc import hmc
from numpyro.infer.util import ParamInfo

from sdebayes._core import precision as precision_scope
from sdebayes._core.types import Key
from sdebayes.inference.checkpoint import Checkpoint
from sdebayes.inference.progress import progress_bars
from sdebayes.inference.target import Target

BLOCK = 25


@dataclass(frozen=True)
class ChainDraws:
    """Draws of several chains on unconstrained space.

    Parameters
    ----------
    position
        (chain, draw, dimension).
    statistics
        Sampler statistics, each (chain, draw), under ArviZ's names.
    """

    position: Float[np.ndarray, "chain draw dimension"]
    statistics: dict[str, np.ndarray]


class Sampler:
    """NumPyro's No-U-Turn kernel over a flat vector, its compiled code shared by targets that differ in data alone.

    Parameters
    ----------
    target
        The density.
    inverse_mass
        Inverse mass matrix, (dimension, dimension), or its diagonal, (dimension,).
    dense
        Whether it is a matrix, which stays as it is; a diagonal is adapted.
    warmup
        Iterations that adapt.
    target_acceptance
        Mean acceptance probability that the step size aims at.
    max_tree_depth
        Trajectories have at most 2**max_tree_depth leapfrog steps.
    """

    def __init__(
        self,
        target: Target,
        *,
        inverse_mass: Array,
        dense: bool,
        warmup: int,
        target_acceptance: float,
        max_tree_depth: int,
    ) -> None:
        self.target = target
        self._initialize, self._sample = hmc(
            potential_fn_gen=lambda data: lambda z: target.potential(z, data), algo="NUTS"
        )
        self._settings = {
            "num_warmup": warmup,
            "inverse_mass_matrix": inverse_mass,
            "dense_mass": dense,
            "adapt_mass_matrix": not dense,
            "target_accept_prob": target_acceptance,
            "max_tree_depth": max_tree_depth,
        }
        self._block = jax.jit(self._run_block)

    def begin(self, key: Key, position: Float[Array, " dimension"]) -> Any:
        """Return the state of a chain before its first iteration."""
        point = ParamInfo(position, *self.target.value_and_gradient(position))
        return self._initialize(point, rng_key=key, model_args=(self.target.data,), **self._settings)

    def prepare(self, state: Any) -> None:
        """Compile, before threads would do it twice."""
        self._block = self._block.lower(state, self.target.data).compile()

    def block(self, state: Any) -> tuple[Any, dict[str, Array]]:
        """Run a block of iterations."""
        return self._block(state, self.target.data)

    def _run_block(self, state: Any, data: Any) -> tuple[Any, dict[str, Array]]:
        def step(state: Any, _: None) -> tuple[Any, dict[str, Array]]:
            state = self._sample(state, (data,), {})
            return state, _record(state)

        return jax.lax.scan(step, state, None, length=BLOCK)


def run_chains(
    sampler: Sampler,
    starts: Float[Array, "chain dimension"],
    keys: list[Any],
    warmup: int,
    draws: int,
    *,
    precision: str,
    progress: bool,
    workers: int,
    checkpoint: Checkpoint | None,
) -> ChainDraws:
    """Run one chain from each start.

    Parameters
    ----------
    sampler
        The kernel and its target.
    starts
        (chain, dimension).
    keys
        One key for each chain.
    warmup, draws
        Iterations that adapt, and iterations that are kept.
    precision
        The precision in force; worker threads enter it too.
    progress
        Whether bars are shown.
    workers
        Chains that run at the same time.
    checkpoint
        Where finished blocks are kept, if anywhere.
    """
    initial = [sampler.begin(key, start) for key, start in zip(keys, starts, strict=True)]
    sampler.prepare(initial[0])
    stop = threading.Event()
    titles = [f"chain {index + 1}" for index in range(len(keys))]
    with progress_bars(titles, warmup + draws, progress) as advance, ThreadPoolExecutor(workers) as pool:

        def run(index: int) -> dict[str, np.ndarray]:
            with precision_scope.scope(precision):
                return _run_chain(sampler.block, initial[index], index, warmup + draws, stop, advance, checkpoint)

        jobs = [pool.submit(run, index) for index in range(len(keys))]
        try:
            for job in as_completed(jobs):
                job.result()
        except BaseException:
            stop.set()
            raise
    return _kept([job.result() for job in jobs], warmup, draws)


def finished_chains(checkpoint: Checkpoint, chains: int, warmup: int, draws: int) -> ChainDraws | None:
    """Return the draws of a checkpoint whose chains have all come to their end, else None."""
    records = [checkpoint.records(index) for index in range(chains)]
    if any(len(blocks) * BLOCK < warmup + draws for blocks in records):
        return None
    return _kept([_joined(blocks) for blocks in records], warmup, draws)


def _kept(chains: list[dict[str, np.ndarray]], warmup: int, draws: int) -> ChainDraws:
    stacked = {name: np.stack([c[name][warmup : warmup + draws] for c in chains]) for name in chains[0]}
    return ChainDraws(stacked.pop("position"), stacked)


def _joined(records: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([record[name] for record in records]) for name in records[0]}


def _run_chain(
    block: Callable[[Any], tuple[Any, dict[str, Array]]],
    state: Any,
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


def _record(state: Any) -> dict[str, Array]:
    return {
        "position": state.z,
        "diverging": state.diverging,
        "acceptance_rate": state.accept_prob,
        "n_steps": state.num_steps,
        "tree_depth": jnp.ceil(jnp.log2(state.num_steps + 1.0)).astype(int),
        "lp": -state.potential_energy,
        "energy": state.energy,
        "step_size": state.adapt_state.step_size,
    }
