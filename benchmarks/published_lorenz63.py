"""Lorenz-63 with x alone observed, as dynestyx's deep dive ``sde_discretization_comparison`` fits it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import published_lorenz63_peer
import xarray as xr
from numpyro import distributions as dist
from numpyro.infer.util import log_density
from peers import Worker, peer_python
from published_runs import Row, Run, least_ess, worst_rhat
from recovery_peers import PACKAGES

import sdebayes as sb
from sdebayes.dynamics import SDE, ConstantDiffusion, ParametricDrift

SUBSTEPS = 200
PEER_SCHEMES = ("Euler–Maruyama", "local linearisation")


def lorenz(x: Any, t: Any, p: dict[str, Any]) -> Any:
    return jnp.stack(
        [10 * (x[1] - x[0]), x[0] * (p.get("rho", 28.0) - x[2]) - x[1], x[0] * x[1] - 8 / 3 * x[2]]
    )


LORENZ_SCHEMES = {
    "Euler–Maruyama": sb.schemes.EulerMaruyama(),
    "local linearisation": sb.schemes.LocalLinearization(),
    "linear noise, 4 parts": sb.schemes.LinearNoise(4),
    "local linearisation, 4 parts": sb.schemes.Substeps(sb.schemes.LocalLinearization(), 4),
}


def lorenz_data(seed: int) -> xr.Dataset:
    """Return x with noise at 100 times."""
    generator = np.random.default_rng(seed)
    times = np.linspace(0, 4, 100)
    start = 1 + 0.1 * generator.standard_normal(3)
    truth = SDE(ParametricDrift(lorenz, {}), ConstantDiffusion(jnp.eye(3)))
    path = sb.simulate(truth, times, x0=start, paths=1, seed=seed, substeps=SUBSTEPS)["x"].values[0, 0]
    return sb.trajectories((path[:, :1] + generator.standard_normal((100, 1)))[None], t=times)


def lorenz_model(scheme: Any, kind: Any) -> sb.SDEModel:
    return sb.SDEModel(
        sb.priors.Parametric(lorenz, {"rho": dist.Uniform(10.0, 40.0)}),
        sb.priors.Fixed(ConstantDiffusion(jnp.eye(3))),
        scheme,
        sb.GaussianNoise(matrix=[[1.0, 0.0, 0.0]], covariance=1.0, filter=kind),
        initial=(np.ones(3), 0.01 * np.eye(3)),
    )


def lorenz63(run: Run) -> list[Row]:
    """Fit data of the run's seed."""
    return fits(run, lorenz_data(run.seed), "Lorenz-63")


def lorenz63_published(run: Run) -> list[Row]:
    """Fit the very data of the deep dive, which dynestyx simulates anew, and have it fit them too."""
    python = peer_python("recovery", PACKAGES, ("numpy", "jax", "numpyro"))
    worker = Worker(python, published_lorenz63_peer.__file__, "dynestyx")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "data.npz"
        worker.ask(file=str(file))
        given = np.load(file)
        data = sb.trajectories(given["values"][None], t=given["times"])
    rows = [
        {"target": f"Lorenz-63, published data, {scheme}, dynestyx", "seed": run.seed}
        | worker.ask(scheme=scheme)
        for scheme in PEER_SCHEMES
    ]
    worker.close()
    return [
        *rows,
        *fits(run, data, "Lorenz-63, published data"),
        particles(data, run.seed, "Lorenz-63, published data"),
    ]


def fits(run: Run, data: xr.Dataset, title: str) -> list[Row]:
    """Fit data under each scheme and filter."""
    rows = []
    for name, scheme in LORENZ_SCHEMES.items():
        for kind in (sb.ExtendedKalman(), sb.UnscentedKalman()):
            posterior, row = run.fit(lorenz_model(scheme, kind), data)
            rho = posterior.data["posterior"].to_dataset()[["rho"]]
            value = rho["rho"].values
            row |= {
                "target": f"{title}, {name}, {type(kind).__name__}",
                "seed": run.seed,
                "|error| of the median": abs(float(np.median(value)) - 28),
                "sd": float(value.std()),
                "R-hat": worst_rhat(rho),
                "least ESS": least_ess(rho),
            }
            rows.append(row)
            print(row, flush=True)
    return rows


def median_and_sd(grid: np.ndarray, log_density: np.ndarray) -> tuple[float, float]:
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    mean = float(weight @ grid)
    return float(grid[np.searchsorted(weight.cumsum(), 0.5)]), float(np.sqrt(weight @ (grid - mean) ** 2))


def particle_log_likelihood(seen: np.ndarray, dt: float, rho: float, generator: np.random.Generator) -> float:
    """Return log p(y | ρ) by a bootstrap filter of 4,000 particles with eight stochastic Heun steps between times."""
    h = dt / 8
    x, total = 1 + 0.1 * generator.standard_normal((3, 4000)), 0.0
    for k, y in enumerate(seen):
        for _ in range(8 if k else 0):
            noise = np.sqrt(h) * generator.standard_normal(x.shape)
            slope = lorenz_slope(x, rho)
            x = x + h / 2 * (slope + lorenz_slope(x + h * slope + noise, rho)) + noise
        log_weight = -0.5 * (y - x[0]) ** 2 - 0.5 * np.log(2 * np.pi)
        weight = np.exp(log_weight - log_weight.max())
        total += log_weight.max() + np.log(weight.mean())
        places = (generator.random() + np.arange(weight.size)) / weight.size * weight.sum()
        x = x[:, np.searchsorted(weight.cumsum(), places).clip(max=weight.size - 1)]
    return float(total)


def lorenz_slope(x: np.ndarray, rho: float) -> np.ndarray:
    return np.stack([10 * (x[1] - x[0]), x[0] * (rho - x[2]) - x[1], x[0] * x[1] - 8 / 3 * x[2]])


def lorenz63_grid(run: Run) -> list[Row]:
    """Return median and sd of ρ on a grid, without chains: under each filter, and by particles."""
    seed = run.seed
    data = lorenz_data(seed)
    grid, rows = np.linspace(10.05, 39.95, 600), []
    for name, scheme in LORENZ_SCHEMES.items():
        for kind in (sb.ExtendedKalman(), sb.UnscentedKalman()):
            model = lorenz_model(scheme, kind).scaled_to(data)
            observations = model.read(data)

            def fit(rho: Any, model: Any = model, observations: Any = observations) -> Any:
                return log_density(model.program, (observations,), {}, {"rho": rho})[0]

            with jax.enable_x64(True):
                found = np.array(jax.jit(jax.vmap(fit))(jnp.asarray(grid)))
            median, sd = median_and_sd(grid, np.where(np.isfinite(found), found, -np.inf))
            target = f"Lorenz-63 on a grid, {name}, {type(kind).__name__}"
            rows.append({"target": target, "seed": seed, "median": median, "sd": sd})
    return [*rows, particles(data, seed, "Lorenz-63")]


def particles(data: xr.Dataset, seed: int, title: str) -> Row:
    """Return median and sd of ρ by particles at values around the truth, and a cubic through their likelihoods."""
    seen, times = data["y"].values[0, :, 0], data["t"].values[0]
    coarse, fine = np.linspace(25.6, 30.6, 26), np.linspace(25.6, 30.6, 2000)
    values = [
        np.logaddexp(
            *(particle_log_likelihood(seen, times[1], rho, np.random.default_rng([k, i])) for i in range(2))
        )
        for k, rho in enumerate(coarse)
    ]
    median, sd = median_and_sd(fine, np.polyval(np.polyfit(coarse - 28, values, 3), fine - 28))
    return {"target": f"{title} on a grid, particles", "seed": seed, "median": median, "sd": sd}
