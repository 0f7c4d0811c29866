"""Kramers–Moyal coefficients of every draw, and of data with bootstrap replicates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from sdebayes._core.errors import DataError
from sdebayes.analysis.moments.bins import Bins, Sums
from sdebayes.analysis.moments.coefficients import Blur, Coefficients, blur_of, coefficients
from sdebayes.analysis.moments.predictive_checks import blocks

REPLICATES = 200
_ENOUGH_TRAJECTORIES, _SEGMENTS, _FEWEST = 20, 40, 4
_LENGTH = 5
"""A segment of a few trajectories has at least so many of the longest lags."""


@dataclass(frozen=True)
class NoiseVariance:
    """Noise variances of the chosen states, perhaps of every draw.

    Parameters
    ----------
    values
        (sample or 1, state).
    samples
        Labels of the draws, (sample,), or None.
    """

    values: np.ndarray
    samples: np.ndarray | None

    @property
    def mean(self) -> np.ndarray:
        """Mean over draws, (state,)."""
        return self.values.mean(axis=0)

    @staticmethod
    def read(noise: float | xr.DataArray, labels: Sequence[object]) -> NoiseVariance:
        """Read a number, or a DataArray over state and perhaps sample or (chain, draw)."""
        if not isinstance(noise, xr.DataArray):
            noise = xr.DataArray(np.full(len(labels), noise, float), {"state": labels}, ("state",))
        if {"chain", "draw"} <= set(noise.dims):
            noise = noise.stack(sample=("chain", "draw")).reset_index("sample", drop=True)
            noise = noise.assign_coords(sample=np.arange(noise.sizes["sample"]))
        known = [str(label) for label in noise["state"].values] if "state" in noise.coords else []
        if not set(noise.dims) <= {"sample", "state"} or any(str(label) not in known for label in labels):
            raise DataError(
                f"noise has the dimensions {noise.dims} and the states {', '.join(known) or 'none'}; expected a "
                f"number, or variances over state ({', '.join(map(str, labels))}) and perhaps sample."
            )
        samples = noise["sample"].values if "sample" in noise.coords else None
        values = np.atleast_2d(noise.sel(state=labels).transpose(..., "state").values.astype(float))
        if not (np.isfinite(values).all() and (values > 0).all()):
            raise DataError("noise must be positive variances; pass None for data without noise.")
        return NoiseVariance(values, samples)

    def of(self, sample: object) -> np.ndarray:
        """Return the variances of one draw."""
        if self.samples is None:
            return self.mean
        found = np.flatnonzero(self.samples == sample)
        if not found.size:
            raise DataError(
                f"noise has no draw {sample!r}, which the simulation has; pass both of one posterior."
            )
        return self.values[found[0]]


@dataclass(frozen=True)
class Fit:
    """How coefficients are computed from values.

    Parameters
    ----------
    cells
        The cells.
    lags
        Lags in steps, (lag,).
    times
        Lags in time, (lag,).
    degree
        Degree of the polynomial over lags.
    """

    cells: Bins
    lags: np.ndarray
    times: np.ndarray
    degree: int

    def of_draws(
        self, simulated: xr.Dataset, chosen: list[int], noise: NoiseVariance | None
    ) -> Iterator[Coefficients]:
        """Return the coefficients of every draw."""
        blur = None if noise is None or noise.samples is not None else blur_of(self.cells, noise.mean)
        for block in blocks(simulated["y"]):
            y = values_of(block.to_dataset(name="y"), "path")[..., chosen]
            groups = np.broadcast_to(np.arange(len(y))[:, None, None], y.shape[:3])
            sums = Sums.of(y, self.cells, groups, self.lags)
            for k, sample in enumerate(block["sample"].values):
                own = blur_of(self.cells, noise.of(sample)) if noise is not None and blur is None else blur
                yield self._solve(sums.weighted(np.eye(len(y))[k]), own)

    def of_data(
        self, y: np.ndarray, noise: NoiseVariance | None, seed: int
    ) -> tuple[Coefficients, list[Coefficients]]:
        """Return the coefficients of data (1, trajectory, time, state), and of bootstrap replicates."""
        groups = bootstrap_groups(y, int(self.lags.max()))
        sums = Sums.of(y, self.cells, groups, self.lags)
        n = sums.count.shape[1]
        blur = None if noise is None else blur_of(self.cells, noise.mean)
        generator = np.random.default_rng(seed)
        replicates = []
        for weights in bootstrap_weights(n, generator):
            own = blur
            if noise is not None and noise.samples is not None:
                own = blur_of(self.cells, noise.values[generator.integers(len(noise.values))])
            replicates.append(self._solve(sums.weighted(weights), own))
        return self._solve(sums.weighted(np.ones(n)), blur), replicates

    def _solve(self, sums: Sums, blur: Blur | None) -> Coefficients:
        return coefficients(sums, self.times, self.degree, blur)


def bootstrap_groups(
    y: Float[np.ndarray, "sample trajectory time state"], longest: int
) -> Int[np.ndarray, "sample trajectory time"]:
    """Return the number of the trajectory, or of the segment of a few, at each step, (1, trajectory, time).

    Neighbouring segments depend on each other through the increments across their border, which makes errors too small
    where segments are not long beside the longest lag: they have five of it if four segments in all remain.
    """
    _, n, steps, _ = y.shape
    wanted = 1 if n >= _ENOUGH_TRAJECTORIES else -(-_SEGMENTS // n)
    fewest = -(-_FEWEST // n)
    pieces = min(wanted, max(fewest, steps // (_LENGTH * longest)))
    segment = np.minimum(np.arange(steps) * pieces // steps, pieces - 1)
    return (np.arange(n)[:, None] * pieces + segment)[None]


def bootstrap_weights(count: int, generator: np.random.Generator) -> Int[np.ndarray, "replicate group"]:
    """Return how often each of the groups is drawn in each replicate.

    One fewer is drawn than there are, so that the spread of a mean over replicates is that of a sample's mean without
    the factor (n − 1)/n, which is far from 1 where groups are few: Rao & Wu (1988), doi:10.1080/01621459.1988.10478591.
    """
    return generator.multinomial(max(count - 1, 1), np.full(count, 1 / count), REPLICATES)


def values_of(part: xr.Dataset, path: str) -> np.ndarray:
    """Return y, (…, path, time, state)."""
    return part["y"].transpose(..., path, "time", "state").values.astype(float)
