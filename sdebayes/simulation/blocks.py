"""Paths of some draws at a time: into memory, or into a store, each block of draws as a task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from sdebayes._core import precision
from sdebayes._core.stores import fill
from sdebayes._core.tasks import in_order
from sdebayes._core.units import with_units
from sdebayes.simulation.kernels import TimeGrid, exact_transitions, simulate_draws
from sdebayes.simulation.source import Source

_REGION = 1.25


@dataclass(frozen=True)
class Simulation:
    """What is simulated of each draw.

    Parameters
    ----------
    source
        What the draws are of.
    times
        (time,).
    counts
        Sub-steps of each interval.
    starts
        (sample or 1, path or 1, state), sample counting all draws of the source; None for the initial distribution.
    paths
        Paths of each draw.
    seed
        Seed.
    size
        Draws of a block.
    """

    source: Source
    times: Float[np.ndarray, " time"]
    counts: Int[np.ndarray, " interval"]
    starts: Float[np.ndarray, "sample path state"] | None
    paths: int
    seed: int
    size: int

    def blocks(self, draws: Int[np.ndarray, " sample"]) -> Iterator[Int[np.ndarray, " sample"]]:
        """Divide draws into such as are simulated together."""
        for first in range(0, draws.size, self.size):
            yield draws[first : first + self.size]

    def of(self, draws: Int[np.ndarray, " sample"]) -> tuple[np.ndarray, np.ndarray]:
        """Simulate the draws of a block: ``x`` and ``y``, (sample, path, time, …), NaN once a path is not finite."""
        padded = np.pad(draws, (0, self.size - draws.size), mode="edge")
        with precision.scope(self.source.precision):
            grid = TimeGrid.of(self.times, self.counts)
            observed = self.source.take(padded).observed
            linear = observed.sde.linear
            steps = None if linear is None else exact_transitions(linear, grid.intervals)
            key = jax.random.key(self.seed)
            found = simulate_draws(
                observed, steps, self._begin(padded), jnp.asarray(padded), key, grid, self.paths
            )
            x, y = (np.array(one)[: draws.size] for one in found)
        x[~np.isfinite(x)] = np.nan
        y[~np.isfinite(y)] = np.nan
        return x, y

    def of_all(self, draws: Int[np.ndarray, " sample"]) -> tuple[np.ndarray, np.ndarray]:
        """Simulate draws a block at a time, so that memory beyond the result stays bounded."""
        dtype, lead = np.dtype(self.source.precision), (draws.size, self.paths, self.times.size)
        x, y = (np.empty((*lead, width), dtype) for width in self.widths)
        for place, block in enumerate(self.blocks(draws)):
            rows = slice(place * self.size, place * self.size + block.size)
            x[rows], y[rows] = self.of(block)
        return x, y

    @cached_property
    def widths(self) -> tuple[int, int]:
        """How many coordinates ``x`` and ``y`` have."""
        return self.source.n_states, self.source.observed.matrix.shape[-2]

    def _begin(self, draws: np.ndarray) -> jax.Array | None:
        """Start of every path of these draws, (sample, path, state), from starts that may be shared."""
        if self.starts is None:
            return None
        own = self.starts[draws] if self.starts.shape[0] > 1 else self.starts
        return jnp.asarray(np.broadcast_to(own, (draws.size, self.paths, self.starts.shape[-1])))

    def labelled(self, draws: np.ndarray, x: np.ndarray, y: np.ndarray) -> xr.Dataset:
        """Name the dimensions of simulated paths."""
        matrix = np.asarray(self.source.observed.matrix)
        identity = matrix.shape[-1] == matrix.shape[-2] and bool((matrix == np.eye(matrix.shape[-1])).all())
        leading = ("sample", "path", "time")
        dataset = xr.Dataset(
            {"x": ((*leading, "state"), x), "y": ((*leading, "state" if identity else "observed"), y)},
            coords={
                "sample": draws,
                "path": np.arange(x.shape[1]),
                "time": self.times,
                "state": list(self.source.states),
            },
            attrs=self.source.provenance,
        )
        if identity:
            return with_units(dataset, x="state", y="state", time="time")
        return with_units(dataset, x="state", time="time").assign_coords(
            observed=[f"y{i + 1}" for i in range(y.shape[-1])]
        )

    def told(self, x: np.ndarray) -> dict[str, int]:
        """Count the paths that are lost, and those that leave the data's region, where all is the prior's alone."""
        told = {"paths_nonfinite": int((~np.isfinite(x).all(axis=(2, 3))).sum())}
        if self.source.region is not None:
            middle, half_width = self.source.region
            far = np.abs(x - middle) > _REGION * half_width
            told["paths_outside_data"] = int(far.any(axis=(2, 3)).sum())
        return told


def into_store(
    path: Path, simulation: Simulation, draws: Int[np.ndarray, " sample"], attrs: dict[str, str | int | float]
) -> xr.Dataset:
    """Simulate draws into a zarr directory, each block a task of the Dask scheduler that is active, and open it.

    Parameters
    ----------
    path
        The directory; it is there once all paths are.
    simulation
        What is simulated.
    draws
        Of which draws.
    attrs
        What is said of it, beside the provenance and the counts of paths.

    Raises
    ------
    StoreError
        If it cannot be written.
    ClusterError
        If a cluster is lost, or its workers die of a task or have another version of the package.
    """
    counts: list[dict[str, int]] = []
    blocks = list(simulation.blocks(draws))

    def parts() -> Iterator[xr.Dataset]:
        for block, (x, y) in zip(blocks, in_order(_paths_of, simulation, blocks), strict=True):
            counts.append(simulation.told(x))
            yield simulation.labelled(block, x, y)

    return fill(path, parts(), "sample", lambda: {**attrs, **_sums(counts)})


def _paths_of(simulation: Simulation, block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return simulation.of(block)


def _sums(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    return {name: sum(one[name] for one in counts) for name in counts[0]}
