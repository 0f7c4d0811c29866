"""How a published target is fitted, and how its chains are judged."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import arviz_stats as az
import numpy as np
import xarray as xr

import sdebayes as sb

Row = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """Draws and warm-up of each chain, seed, and whether each fit is done twice."""

    draws: int
    warmup: int
    seed: int
    again: bool

    def fit(
        self, model: sb.SDEModel, data: xr.Dataset, particles: int | None = None, **settings: Any
    ) -> tuple[sb.Posterior, Row]:
        """Return the posterior, corrected by so many particles if any, and seconds with and without compilation."""
        strategy: Any = sb.NUTS(draws=self.draws, warmup=self.warmup, **settings)
        if particles is not None:
            strategy = sb.ParticleCorrection(strategy, particles, paths=self.draws)
        model, seconds, cpu = model.scaled_to(data), [], []
        for _ in range(1 + self.again):
            start, used = time.perf_counter(), time.process_time()
            posterior = sb.fit(model, data, strategy, seed=self.seed, progress=False)
            seconds.append(time.perf_counter() - start)
            cpu.append(time.process_time() - used)
        statistics = posterior.data["sample_stats"].to_dataset()
        return posterior, {
            "seconds": seconds[0],
            "CPU seconds": cpu[0],
            "seconds_again": seconds[1] if self.again else np.nan,
            "divergences": int(statistics["diverging"].sum()),
            "leapfrogs": float(statistics["n_steps"].mean()),
        }


def sampled(posterior: sb.Posterior, draws: xr.DataArray) -> xr.DataArray:
    """Split the dimension ``sample`` into chains and draws."""
    sizes = posterior.data["unconstrained"].sizes
    kept = [dim for dim in draws.dims if dim != "sample"]
    shape = (sizes["chain"], sizes["draw"], *(draws.sizes[dim] for dim in kept))
    return xr.DataArray(draws.transpose("sample", ...).values.reshape(shape), dims=("chain", "draw", *kept))


def worst_rhat(data: xr.Dataset) -> float:
    return max(float(found.max()) for found in az.rhat(data).values())


def least_ess(data: xr.Dataset) -> float:
    return min(float(found.min()) for found in az.ess(data).values())
