"""Recover drift and covariance of known systems: error, coverage and seconds, ours beside others'.

Systems: the bench on which others were measured (double well, rotating Ornstein–Uhlenbeck and limit cycle in two
states, N = 2,000, Δt = 0.05), PyDaddy's four systems in one state with its steps (N = 10,000 here, 10⁵ and 10⁶ there),
Lorenz-63 (N = 2,000, Δt = 0.005) and FitzHugh–Nagumo (N = 2,000, Δt = 0.1), states seen without noise, seeds 100
onwards.

Who has what:

- ours: ``GP`` and ``BNN`` know no formula, ``Sparse`` has the library of cubic polynomials; `Marginal` and the default
  scheme where a row does not say otherwise; Σ constant (of ``Sparse`` diagonal), or a Gaussian process where it varies.
  The prior of a row is frozen at the first seed's data, so that its fits share a compilation.
- StochasticForceInference 2.0.4, without (``SFI``) and with (``SFI, PASTIS``) its selection: cubic polynomials,
  constant diffusion, no posterior: no coverage.
- dynestyx 0.7.1: cubic polynomials with N(0, 3) on each coefficient, log-normal scales of a full constant Σ,
  Euler–Maruyama and NUTS, 250 draws after 250; posterior. Its errors at covariances that are not finite are turned off
  (EQX_ON_ERROR=nan), which would stop the sampler.
- pysindy 2.1.0: cubic polynomials on finite differences, STLSQ at its defaults; Σ from the residuals; no posterior.
- PyDaddy 1.0.0: cubic polynomials of drift and squared diffusion, its threshold tuned by cross-validation; one state.

NMSE of drift and of Σ is Σ_k |found − true|² / Σ_k |true|² over 200 states along the path, of posterior means. With
``--regions`` the states are others: of some thousand that fill the box of the data, made 1.5 times as wide, 200 to
which a datum is nearer than a quarter of the data's standard deviation (``inside``), and 200 to which none is
(``outside``). What lies between the loops of a path is outside.
Peers run in an environment that uv makes under the user's cache, each in a process of its own that takes every data
set in turn, so that its compilations are shared as well. A row for each fit is appended to a CSV file; a run skips what
is there.

Run: OPENBLAS_NUM_THREADS=1 .uv/bin/uv run python benchmarks/recovery.py --table recovery.csv --seeds 20
     OPENBLAS_NUM_THREADS=1 .uv/bin/uv run python benchmarks/recovery.py --table regions.csv --methods GP \
         --regions inside,outside
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import recovery_peers
import typer
from recovery_peers import ONE_STATE, PACKAGES, PEERS
from scipy.spatial import KDTree
from scipy.stats import qmc

POINTS = 200
WIDER, NEAR, FILLING = 1.5, 0.25, 2**12


@dataclass(frozen=True)
class System:
    """Name of a benchmark, length and step of its data, and whether its noise varies with the state."""

    steps: int
    dt: float
    states: int = 2
    varying: bool = False


SYSTEMS = {
    "double_well": System(2_000, 0.05),
    "ornstein_uhlenbeck": System(2_000, 0.05),
    "limit_cycle": System(2_000, 0.05),
    "ornstein_uhlenbeck_1d": System(10_000, 0.01, 1),
    "multiplicative_double_well": System(10_000, 0.001, 1, True),
    "double_well_1d": System(10_000, 0.01, 1),
    "bounded_noise": System(10_000, 0.01, 1, True),
    "lorenz63": System(2_000, 0.005, 3),
    "fitzhugh_nagumo": System(2_000, 0.1),
}


@dataclass(frozen=True)
class Fit:
    """A row of ours: drift, scheme and strategy, made when they are needed; Σ is constant, or varies if it may."""

    make: Callable[[Any], tuple[Any, Any, Any]]
    constant_only: bool = False
    shape: str = "full"


def nuts(sb: Any) -> Any:
    return sb.NUTS(draws=200, warmup=150, target_acceptance=0.7)


def marginal(sb: Any) -> Any:
    return sb.Marginal(draws=300, warmup=100)


OURS = {
    "Sparse": Fit(lambda sb: (sb.priors.Sparse(), None, marginal(sb)), True, "diagonal"),
    "Sparse, Euler–Maruyama": Fit(
        lambda sb: (sb.priors.Sparse(), sb.schemes.EulerMaruyama(), marginal(sb)), True, "diagonal"
    ),
    "GP": Fit(lambda sb: (sb.priors.GP(), None, nuts(sb))),
    "GP, Euler–Maruyama": Fit(lambda sb: (sb.priors.GP(), sb.schemes.EulerMaruyama(), marginal(sb)), True),
    "GP with trend, Euler–Maruyama": Fit(
        lambda sb: (
            sb.priors.GP(basis=sb.priors.HSGP(trend=0.2)),
            sb.schemes.EulerMaruyama(),
            marginal(sb),
        ),
        True,
    ),
    "GP, Moments, NUTS": Fit(lambda sb: (sb.priors.GP(), sb.schemes.Moments(), nuts(sb))),
    "GP, Laplace": Fit(lambda sb: (sb.priors.GP(), None, sb.Laplace(draws=400))),
    "BNN, NUTS": Fit(lambda sb: (sb.priors.BNN(), None, nuts(sb))),
}
DEFAULT_OURS = ("Sparse", "GP", "GP, Euler–Maruyama", "GP, NUTS")


def path(x: np.ndarray) -> np.ndarray:
    """Return states along the path."""
    return x[np.linspace(0, len(x) - 1, POINTS).astype(int)]


def spread(x: np.ndarray, near: bool) -> np.ndarray:
    """Return states of a box wider than the data's that are near data, or far from all."""
    low, high = x.min(axis=0), x.max(axis=0)
    unit = 2 * qmc.Sobol(x.shape[1], scramble=False).random(FILLING) - 1
    filling = (low + high) / 2 + WIDER * unit * (high - low) / 2
    distance = KDTree(x / x.std(axis=0)).query(filling / x.std(axis=0))[0]
    return filling[(distance < NEAR) == near][:POINTS]


REGIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "path": path,
    "inside": partial(spread, near=True),
    "outside": partial(spread, near=False),
}


@cache
def frozen(name: str, system: str) -> tuple[Any, Any]:
    """Return model, frozen at the data of seed 100, and strategy."""
    import sdebayes as sb

    settings = SYSTEMS[system]
    drift, scheme, strategy = OURS[name].make(sb)
    varying = sb.priors.Diagonal(sb.priors.GP())
    diffusion = varying if settings.varying else sb.priors.Constant(OURS[name].shape)
    model = sb.SDEModel(drift, diffusion, scheme, sb.Exact())
    return model.scaled_to(data_of(system, 100)[0]), strategy


def data_of(system: str, seed: int) -> tuple[Any, Any]:
    import sdebayes as sb

    settings = SYSTEMS[system]
    return sb.datasets.benchmark(system, settings.steps, settings.dt, seed=seed)


def fit_ours(name: str, system: str, seed: int, points: np.ndarray) -> dict[str, Any]:
    """Return draws of drift and covariance at the points, and diagnostics."""
    import arviz_stats as az

    import sdebayes as sb

    if OURS[name].constant_only and SYSTEMS[system].varying:
        return {"failed": "needs constant Σ"}
    data, _ = data_of(system, seed)
    start = time.perf_counter()
    try:
        model, strategy = frozen(name, system)
        posterior = sb.fit(model, data, strategy, seed=seed, progress=False)
    except (AttributeError, sb.errors.SdebayesError) as error:
        return {"failed": str(error).splitlines()[0][:160]}
    seconds = time.perf_counter() - start
    statistics = posterior.data["sample_stats"].to_dataset()
    judged = posterior.data["posterior"].to_dataset()
    judged = judged[[name for name in ("drift_probe", "covariance_probe") if name in judged]]
    several = judged.sizes.get("chain", 1) > 1 and len(judged.data_vars) > 0
    return {
        "seconds": seconds,
        "drift": posterior.drift(points).values,
        "covariance": posterior.covariance(points).values,
        "R-hat": max(float(found.max()) for found in az.rhat(judged).values()) if several else "",
        "divergences": int(statistics["diverging"].sum()) if "diverging" in statistics else 0,
    }


def fit_peer(worker: Any, system: str, x: np.ndarray, points: np.ndarray) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        question, answer = f"{folder}/question.npz", f"{folder}/answer.npz"
        np.savez(question, x=x, dt=SYSTEMS[system].dt, points=points)
        said = worker.ask(file=question, answer=answer)
        return said if "failed" in said else said | dict(np.load(answer))


def judge(found: dict[str, Any], points: np.ndarray, truth: Any) -> dict[str, Any]:
    """Compare with the truth; draws, which have an axis more, give coverage."""
    row: dict[str, Any] = {key: found[key] for key in ("seconds", "R-hat", "divergences") if key in found}
    true = {
        "drift": np.array([truth.drift(point) for point in points]),
        "covariance": np.array([truth.covariance(point) for point in points]),
    }
    lower = np.tril_indices(points.shape[1])
    for name, exact in true.items():
        value = found[name]
        drawn = value.ndim > exact.ndim
        mean = value.mean(0) if drawn else value
        row[f"{name} NMSE"] = float(np.sum((mean - exact) ** 2) / np.sum(exact**2))
        if drawn:
            low, high = np.quantile(value, [0.025, 0.975], axis=0)
            inside = (low <= exact) & (exact <= high)
            row[f"{name} covered"] = float(np.mean(inside if name == "drift" else inside[:, *lower]))
    diagonal = np.diagonal(found["covariance"], axis1=-2, axis2=-1).reshape(-1, *points.shape).mean(0)
    row["covariance bias"] = float(
        np.mean(diagonal) / np.mean(np.diagonal(true["covariance"], axis1=1, axis2=2)) - 1
    )
    return row


MEASURES = (
    "drift NMSE",
    "drift covered",
    "covariance NMSE",
    "covariance covered",
    "covariance bias",
    "seconds",
)


def error_of(value: np.ndarray, form: str) -> str:
    return f" ± {value.std(ddof=1) / len(value) ** 0.5:{form}}" if len(value) > 1 else ""


def show(rows: list[dict[str, str]]) -> None:
    """Print medians, means and worst values over seeds."""
    from record import keep
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title="over seeds: median / mean / worst; coverage of 95 % bands ± standard error over seeds"
    )
    heads = ("system", "method", "region", "fits", "failed", *MEASURES, "worst R-hat", "divergences")
    for name in heads:
        table.add_column(name)
    for key in sorted({tuple(row[name] for name in heads[:3]) for row in rows}):
        mine = [row for row in rows if tuple(row[name] for name in heads[:3]) == key]
        whole = [row for row in mine if not row["failed"]]
        cells = []
        for name in MEASURES:
            value = np.array([float(row[name]) for row in whole if row[name]])
            if not len(value):
                cells.append("")
            elif name.endswith("covered"):
                cells.append(f"{value.mean():.3f}{error_of(value, '.3f')}")
            elif name == "covariance bias":
                cells.append(f"{value.mean():+.1%}")
            else:
                mean = f"{value.mean():.3g}{error_of(value, '.2g')}"
                cells.append(f"{np.median(value):.3g} / {mean} / {value.max():.3g}")
        rhat = [float(row["R-hat"]) for row in whole if row["R-hat"]]
        cells.append(f"{max(rhat):.3f}" if rhat else "")
        cells.append(f"{sum(int(row['divergences'] or 0) for row in whole)}")
        line = (*key, str(len(whole)), str(len(mine) - len(whole)), *cells)
        table.add_row(*line)
        keep("recovery", [dict(zip(heads, line, strict=True))], heads[:3])
    Console(width=200).print(table)


def main(
    table: Path = Path("recovery.csv"),
    seeds: int = 20,
    systems: str = ",".join(SYSTEMS),
    methods: str = "; ".join((*DEFAULT_OURS, *PEERS)),
    regions: str = "path",
) -> None:
    """Fit what is not in the table yet, and show it; names of methods with semicolons, all others with commas."""
    from peers import Rows, Worker, peer_python

    names, places = [name.strip() for name in methods.split(";")], regions.split(",")
    columns = (*MEASURES, "R-hat", "divergences", "failed")
    rows = Rows(table, ("system", "method", "region", "seed"), columns)
    asked = [name for name in names if name in PEERS]
    python = peer_python("recovery", PACKAGES, ("numpy", "jax", "numpyro")) if asked else Path(sys.executable)
    workers = {name: Worker(python, recovery_peers.__file__, name) for name in asked}
    for system, seed in itertools.product(systems.split(","), range(100, 100 + seeds)):
        data, truth = data_of(system, seed)
        x = data["y"].values[0]
        points = {place: REGIONS[place](x) for place in places}
        for name in names:
            if name in ONE_STATE and SYSTEMS[system].states > 1:
                continue
            if all(rows.done(system, name, place, seed) for place in places):
                continue
            asked_at = np.concatenate(list(points.values()))
            found = (
                fit_peer(workers[name], system, x, asked_at)
                if name in PEERS
                else fit_ours(name, system, seed, asked_at)
            )
            for place, (row, at) in zip(places, each_region(found, list(points.values())), strict=True):
                judged = row if "failed" in row else judge(row, at, truth)
                rows.add({"system": system, "method": name, "region": place, "seed": seed} | judged)
                print(system, name, place, seed, judged, flush=True)
    for worker in workers.values():
        worker.close()
    show(rows.rows)


def each_region(found: dict[str, Any], points: list[np.ndarray]) -> list[tuple[dict[str, Any], np.ndarray]]:
    """Divide what was found at the states of all regions, one behind the other."""
    if "failed" in found:
        return [(found, at) for at in points]
    cuts = np.cumsum([len(at) for at in points])[:-1]
    drift = np.split(found["drift"], cuts, axis=-2)
    covariance = np.split(found["covariance"], cuts, axis=-3)
    return [
        (found | {"drift": f, "covariance": s}, at)
        for f, s, at in zip(drift, covariance, points, strict=True)
    ]


if __name__ == "__main__":
    typer.run(main)
