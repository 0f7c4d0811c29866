"""Whether a process drift on eight states settles whatever speeches are chosen.

Of the demo's 44 speeches (130 sentences each) another quarter is held out for each seed; the others are eight slow
coordinates of 32 principal components. The drift is a Gaussian process around independent linear states, 50 random
Fourier features of a length-scale that is held; Σ is full, R diagonal; 477 parameters, `HMC(1000, 150)`, two chains.
Reading the data, the search for the middle, compilation (the cache was empty for the first seed) and the scores of
the draws are in the seconds. "drift, Σ" is the largest R-hat of these at the probe points, by which `diagnosis()`
judges, "all" that of every parameter in the posterior. "gain" is nats per held-out sentence over the linear drift
with full A, neither with a document effect, with its 95 % interval over eleven speeches; "document effect" is what
one is worth to that linear drift.

Run: .uv/bin/uv run python benchmarks/speeches.py (or with seeds).
"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import gettempdir
from typing import Annotated, Any

import arviz_stats as az
import typer
import xarray as xr
from record import keep

import sdebayes as sb

SEEDS = range(10)
STATES, COMPONENTS = 8, 32
SIGMA = sb.priors.Constant("full")
PROCESS = sb.SDEModel(
    sb.priors.GP(
        sb.priors.Linear(diagonal=True),
        basis=sb.priors.RandomFourier(50),
        lengthscale=STATES**0.5,
        shared_amplitude=True,
    ),
    SIGMA,
    sb.schemes.EulerMaruyama(),
    sb.GaussianNoise(spread=0.3),
)
"""Beside a field, a prior that leaves the variances open leaves a ridge: the data say what they add up to."""
LINEAR = sb.SDEModel(diffusion=SIGMA, observation=sb.GaussianNoise())
WITH_EFFECT = sb.SDEModel(diffusion=SIGMA, observation=sb.GaussianNoise(trajectory_effect=True))
STRATEGY = sb.HMC(draws=1000, warmup=150, target_acceptance=0.7)
PROBES = "drift_probe", "covariance_probe"


def speeches(seed: int) -> tuple[Any, Any]:
    """Return training and held-out speeches in slow coordinates."""
    corpus = sb.datasets.load_sotu(sentences=130, speeches=44)
    data = sb.embed(corpus, sb.SentenceEncoder(), cache=Path(gettempdir()) / "sdebayes-speeches")
    train, test = sb.split(data, test=0.25, seed=seed)
    space = sb.TICA(STATES, components=COMPONENTS).fit(train)
    return space.transform(train), space.transform(test)


def row(seed: int) -> dict[str, Any]:
    """Fit and judge one choice of speeches."""
    train, test = speeches(seed)
    start = time.perf_counter()
    posterior = sb.fit(PROCESS, train, STRATEGY, seed=seed, progress=False)
    seconds = time.perf_counter() - start
    draws, statistics = (posterior.data[name].to_dataset() for name in ("posterior", "sample_stats"))
    rhat, ess = az.rhat(draws), az.ess(draws)
    linear, with_effect = (
        sb.fit(model, train, sb.Laplace(draws=400), seed=0, progress=False) for model in (LINEAR, WITH_EFFECT)
    )
    models = {"process": posterior, "with effect": with_effect, "linear": linear}
    table = sb.compare(models, test, baseline="linear", nulls=False)
    return {
        "seed": seed,
        "seconds": f"{seconds:.0f}",
        "drift, Σ": f"{max(float(rhat[name].max()) for name in PROBES):.3f}",
        "all": f"{max(float(part.max()) for part in rhat.data_vars.values()):.3f}",
        "least ESS": f"{min(float(part.min()) for part in ess.data_vars.values()):.0f}",
        "divergences": int(statistics["diverging"].sum()),
        "leapfrog steps": f"{float(statistics['n_steps'].mean()):.1f}",
        "gain": over_linear(table.sel(candidate="process")),
        "document effect": over_linear(table.sel(candidate="with effect")),
    }


def over_linear(row: xr.Dataset) -> str:
    return f"{float(row.difference):+.3f} [{float(row.lower):.3f}, {float(row.upper):.3f}]"


def main(seeds: Annotated[list[int] | None, typer.Argument(help="Choices of speeches.")] = None) -> None:
    for seed in seeds or SEEDS:
        found = row(seed)
        print(found, flush=True)
        keep("speeches", [found], ["seed"])


if __name__ == "__main__":
    typer.run(main)
