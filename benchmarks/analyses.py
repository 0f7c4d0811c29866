"""Time the full set of analyses on the demo's posterior.

Does it stay under two minutes? Run, after ``sdebayes demo --output DIRECTORY``:
.uv/bin/uv run python benchmarks/analyses.py DIRECTORY

Every analysis runs once, its compilation included, on the posterior of eight states with noise and a document effect;
those of two states at most on the drift of two principal components that the demo fits to twelve speeches.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from record import keep
from rich.console import Console
from rich.table import Table

import sdebayes as sb
from sdebayes import analysis
from sdebayes.analysis import fields, forecasts, moments, phase_space, process
from sdebayes.analysis.phase_space import Ball

DRAWS = 100
Runs = dict[str, Callable[[], Any]]


def of_eight_states(posterior: sb.Posterior, train: xr.Dataset, test: xr.Dataset) -> Runs:
    """Simulate, forecast and read a grid, and return the analyses that start from these."""
    times = train["t"].values[0]
    paths = train.sizes["trajectory"]
    simulated = sb.simulate(posterior, times, paths=paths, samples=DRAWS)
    noise = analysis.variance.noise(posterior)
    ahead = sb.forecast(posterior, test, horizon=10, samples=25)
    references = forecasts.reference_forecasts(ahead, test, train)
    grid = fields.grid(posterior, points=15, samples=DRAWS)
    middle = np.zeros(len(posterior.states))
    return {
        "simulate": lambda: sb.simulate(posterior, times, paths=paths, samples=DRAWS, seed=1),
        "fields: grid, divergence, rotation": lambda: (
            fields.grid(posterior, points=15, samples=DRAWS),
            fields.divergence(posterior, fields.points(grid), samples=DRAWS),
            fields.rotation(posterior, fields.points(grid), samples=DRAWS),
        ),
        "fields: Stratonovich form": lambda: fields.stratonovich(posterior, middle, samples=DRAWS),
        "fields: Jacobian spectrum": lambda: fields.jacobian_spectrum(posterior),
        "moments over time, autocorrelation": lambda: (
            moments.moments(train, simulated),
            moments.autocorrelation(train, 20, simulated),
        ),
        "increments, Allan deviation": lambda: (
            moments.increments(train, 20, simulated),
            moments.allan_deviation(train, 20, simulated),
        ),
        "Kramers–Moyal coefficients": lambda: moments.kramers_moyal(train, simulated=simulated, noise=noise),
        "moment equations": lambda: moments.moment_equations(posterior, times[:40], samples=DRAWS),
        "properties of the process": lambda: process.properties(posterior, test),
        "fixed points, matched": lambda: phase_space.matched(
            phase_space.fixed_points(posterior, samples=DRAWS)
        ),
        "stationary density": lambda: phase_space.stationary_density(posterior, samples=DRAWS),
        "exit times, simulated": lambda: phase_space.simulated_exit_time(
            posterior, Ball(middle, 2.0), middle, samples=20
        ),
        "Lyapunov exponents": lambda: phase_space.lyapunov_exponents(posterior, 200.0, samples=20),
        "forecasts: ten horizons": lambda: sb.forecast(posterior, test, horizon=10, samples=25),
        "forecasts: scores by horizon": lambda: forecasts.by_horizon({"model": ahead, **references}, test),
        "forecasts: error and complexity": lambda: forecasts.dependence(
            -forecasts.scores(ahead, test)["log_score"].isel(horizon=0),
            forecasts.complexity(test["text"])[["words", "clauses", "reading_ease"]],
        ),
    }


def of_two_states(posterior: sb.Posterior) -> Runs:
    """Return the analyses of a plane."""
    left, right = Ball(np.array([-0.8, 0.0]), 0.3), Ball(np.array([0.8, 0.0]), 0.3)
    few = {"points": 41, "samples": 40}
    return {
        "portrait": lambda: phase_space.portrait(posterior, samples=DRAWS),
        "nullclines": lambda: phase_space.nullclines(posterior, samples=DRAWS),
        "fixed points, matched": lambda: phase_space.matched(
            phase_space.fixed_points(posterior, samples=DRAWS)
        ),
        "limit cycles": lambda: phase_space.limit_cycles(posterior, samples=20),
        "basins": lambda: phase_space.basins(posterior, samples=20),
        "stationary density and current": lambda: phase_space.stationary_density(posterior, **few),
        "exit time": lambda: phase_space.exit_time(posterior, left, left.centre, **few),
        "committor": lambda: phase_space.committor(posterior, left, right, **few),
        "transition rates": lambda: phase_space.transition_rates(posterior, left, right, **few),
        "time scales": lambda: phase_space.time_scales(posterior, points=41, samples=20),
        "entropy production": lambda: process.entropy_production(posterior, samples=20),
    }


def main() -> None:
    folder = Path(sys.argv[1])
    posterior = sb.load(folder / "posterior.nc")
    embedded, left_out = sb.split(sb.data.load(folder / "speeches.nc"), test=0.25, seed=0)
    space = sb.PCA(len(posterior.states)).fit(embedded)
    train, test = space.transform(embedded), space.transform(left_out)
    curved = sb.load(folder / "plane.nc")
    table = Table("analysis", "s", "CPU-s", title="Analyses of the demo's posterior")
    sums, rows = np.zeros(2), []

    def timed(name: str, run: Callable[[], Any]) -> Any:
        before = np.array([time.perf_counter(), time.process_time()])
        result = run()
        spent = np.array([time.perf_counter(), time.process_time()]) - before
        rows.append([name, *(f"{value:.1f}" for value in spent)])
        nonlocal sums
        sums += spent
        return result

    wide = timed("8 states: what others start from", lambda: of_eight_states(posterior, train, test))
    for states, runs in {"8 states": wide, "2 states": of_two_states(curved)}.items():
        for name, run in runs.items():
            timed(f"{states}: {name}", run)
    for row in [*rows, ["all", *(f"{value:.1f}" for value in sums)]]:
        table.add_row(*row)
        keep("analyses", [dict(zip(("analysis", "s", "CPU-s"), row, strict=True))], ("analysis",))
    Console().print(table)


if __name__ == "__main__":
    main()
