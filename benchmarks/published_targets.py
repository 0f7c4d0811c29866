"""Reach the numbers that others have published: how far off, how well mixed and how long.

Targets, each fitted in the setting of its publication:

- ``fitzhugh_nagumo``: the Gaussian-process drift of dynestyx's deep dive ``gp_drift`` (NUTS, 250 iterations:
  4 h 53 min, r̂ up to 3.0, RMSE .639 on [−2, 2]²). Known σ = .01 and observation variance .01, Δt .1 on [0, 50),
  x₀ ~ N(0, I), Matérn 3/2 with ℓ = 1, 10 × 10 functions on ±4. Theirs has the amplitudes (2, .2); ours draws them,
  HalfNormal(1) times (2, .2), and beside the field there is a linear map of the size Σ, 10⁻⁴, that is nearly nothing.
  Theirs is an ensemble filter of 25 particles, ours an extended Kalman filter.
- ``lorenz63``: dynestyx's deep dive ``sde_discretization_comparison``: x alone observed, 100 points on [0, 4],
  observation variance 1, Σ = I, ρ ~ U(10, 40), x₀ ~ N((1, 1, 1), .1² I), the truth ρ = 28. Error of the median of ρ
  there: 8.40 (Euler–Maruyama, 6 s), .12 (local linearisation, 70 s), .18 (mean trajectory, 41 s), .01 (fine steps,
  402 s). Paths and noise are of our own seeds. ``lorenz63_grid``: the same posterior on a grid of ρ, and by particles.
- ``brownian``, ``brownian_unknown``, ``lorenz_bridge``, ``lorenz_bridge_unknown``: the posteriors of stochastic
  differential equations in inference-gym 0.0.5, same priors and Euler–Maruyama steps; its means by Stan of states and
  scales with their standard errors. Ours integrates the states out by a Gaussian filter: exact in Brownian motion,
  whose unknown scales are also found by quadrature, as its published means of them are off.

The rows of inference-gym are read from its package, in an environment that uv makes under the user's cache.

Run: OPENBLAS_NUM_THREADS=1 python3 -m uv run python benchmarks/published_targets.py --table published.csv
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import arviz_stats as az
import jax
import jax.numpy as jnp
import numpy as np
import typer
import xarray as xr
from numpyro import distributions as dist
from numpyro.infer.util import log_density
from peers import Rows, peer_python
from rich.console import Console
from rich.table import Table

import sdebayes as sb
from sdebayes.dynamics import SDE, ConstantDiffusion, ParametricDrift

GYM = "inference-gym==0.0.5"
NEAR = 0.2  # from the path, in states: where a drift can be known
SUBSTEPS = 200

Row = dict[str, Any]


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


def timed(model: sb.SDEModel, data: xr.Dataset, strategy: Any, seed: int) -> tuple[sb.Posterior, Row]:
    """Fit twice, and return the first posterior with the seconds of both: with compilation, and without."""
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        posterior = sb.fit(model, data, strategy, seed=seed, progress=False)
        seconds.append(time.perf_counter() - start)
        if not AGAIN:
            break
    statistics = posterior.data["sample_stats"].to_dataset()
    row = {"seconds": seconds[0], "seconds_again": seconds[-1] if AGAIN else np.nan}
    if "diverging" in statistics:
        row["divergences"] = int(statistics["diverging"].sum())
        row["leapfrogs"] = float(statistics["n_steps"].mean())
    return posterior, row


AGAIN = False


def fitzhugh_nagumo_problem(seed: int) -> tuple[SDE, np.ndarray, xr.Dataset, sb.SDEModel]:
    """Return the truth, its path, the data and the model."""
    truth = SDE(
        ParametricDrift(
            lambda x, t, p: jnp.stack([x[0] - x[0] ** 3 / 3 - x[1] + 0.5, 0.08 * (x[0] + 0.7 - 0.8 * x[1])]),
            {},
        ),
        ConstantDiffusion(0.01 * jnp.eye(2)),
    )
    generator = np.random.default_rng(seed)
    times = 0.1 * np.arange(500)
    start = generator.standard_normal(2)
    path = sb.simulate(truth, times, x0=start, paths=1, seed=seed, substeps=20)["x"].values[0, 0]
    data = sb.trajectories((path + 0.1 * generator.standard_normal(path.shape))[None], t=times)
    drift = sb.priors.GP(
        sb.priors.Linear(diagonal=True),
        drift_scale=(2.0, 0.2),
        location=0.0,
        state_scale=1.0,
        kernel=sb.priors.Matern32(),
        basis=sb.priors.HSGP(functions=10, half_length=4.0),
        lengthscale=1.0,
    )
    model = sb.SDEModel(
        drift,
        sb.priors.Fixed(ConstantDiffusion(0.01 * jnp.eye(2))),
        sb.schemes.LocalLinearization(),
        sb.GaussianNoise(covariance=0.01),
        initial=(np.zeros(2), np.eye(2)),
    )
    return truth, path, data, model


def fitzhugh_nagumo(draws: int, warmup: int, seed: int) -> list[Row]:
    truth, path, data, model = fitzhugh_nagumo_problem(seed)
    strategy = sb.NUTS(draws=draws, warmup=warmup, target_acceptance=0.7)
    posterior, row = timed(model, data, strategy, seed)
    grid = np.stack(np.meshgrid(*2 * [np.linspace(-2, 2, 50)]), -1).reshape(-1, 2)
    found = posterior.drift(grid)
    unknowns = posterior.data["unconstrained"].to_dataset()
    weights = unknowns[["drift_weights"]]
    row |= {
        "target": "FitzHugh–Nagumo, GP drift",
        "seed": seed,
        "R-hat weights": worst_rhat(weights),
        "R-hat others": worst_rhat(unknowns.drop_vars("drift_weights")),
        "R-hat drift": worst_rhat(xr.Dataset({"drift": sampled(posterior, found)})),
        "least ESS": least_ess(xr.Dataset({"drift": sampled(posterior, found)})),
    }
    true = np.asarray(jax.vmap(truth.drift)(jnp.asarray(grid)))
    distance = np.min(np.linalg.norm(grid[:, None] - path[None], axis=-1), axis=1)
    low, high = np.quantile(found.values, [0.025, 0.975], axis=0)
    square = np.sum((found.values.mean(0) - true) ** 2, -1) / 2
    inside = (low <= true) & (true <= high)
    for name, part in (("near", distance < NEAR), ("far", distance >= NEAR), ("all", distance >= 0)):
        row[f"RMSE {name}"] = float(np.sqrt(square[part].mean()))
        row[f"covered {name}"] = float(inside[part].mean())
    return [row]


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


def lorenz63(draws: int, warmup: int, seed: int) -> list[Row]:
    data = lorenz_data(seed)
    rows = []
    for name, scheme in LORENZ_SCHEMES.items():
        for kind in (sb.ExtendedKalman(), sb.UnscentedKalman()):
            model = lorenz_model(scheme, kind)
            posterior, row = timed(model, data, sb.NUTS(draws=draws, warmup=warmup), seed)
            rho = posterior.data["posterior"].to_dataset()[["rho"]]
            value = rho["rho"].values
            row |= {
                "target": f"Lorenz-63, {name}, {type(kind).__name__}",
                "seed": seed,
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


def lorenz63_grid(draws: int, warmup: int, seed: int) -> list[Row]:
    """Return median and sd of ρ on a grid, without chains: under each filter, and by particles."""
    data = lorenz_data(seed)
    seen, times = data["y"].values[0, :, 0], data["t"].values[0]
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
    coarse, fine = np.linspace(25.6, 30.6, 26), np.linspace(25.6, 30.6, 2000)
    values = [
        np.logaddexp(
            *(particle_log_likelihood(seen, times[1], rho, np.random.default_rng([k, i])) for i in range(2))
        )
        for k, rho in enumerate(coarse)
    ]
    median, sd = median_and_sd(fine, np.polyval(np.polyfit(coarse - 28, values, 3), fine - 28))
    return [*rows, {"target": "Lorenz-63 on a grid, particles", "seed": seed, "median": median, "sd": sd}]


def gym_constants(names: list[str]) -> dict[str, dict[str, np.ndarray]]:
    """Read constants of modules of inference-gym from their files, without importing TensorFlow."""
    python = peer_python("inference-gym", ["numpy"], alone=[GYM])
    code = (
        "import importlib.util as u, json, sys, pathlib, numpy as np\n"
        "root = pathlib.Path(u.find_spec('inference_gym').submodule_search_locations[0])\n"
        "found = {}\n"
        "for name in sys.argv[1:]:\n"
        "    spec = u.spec_from_file_location('m', root / (name + '.py')); m = u.module_from_spec(spec)\n"
        "    spec.loader.exec_module(m)\n"
        "    found[name] = {k: np.asarray(v, float).tolist() for k, v in vars(m).items() if k.isupper()}\n"
        "print(json.dumps(found))\n"
    )
    done = subprocess.run([python, "-c", code, *names], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    return {name: {key: np.array(value) for key, value in found[name].items()} for name in names}


def nothing(x: Any, t: Any) -> Any:
    return jnp.zeros_like(x)


def scaled_noise(x: Any, t: Any, p: dict[str, Any]) -> Any:
    return p["innovation"] * jnp.eye(x.shape[0])


def gym_model(
    lorenz_bridge: bool, unknown: bool, data: dict[str, np.ndarray], filter_: Any
) -> tuple[Any, Any]:
    """Return model and data; Brownian motion begins at 0, one step before its first state."""
    if lorenz_bridge:
        times, values = 0.02 * np.arange(30), data["OBSERVED_VALUES"]
        log_scale, spread, matrix = -1.0, 1.0, [[1.0, 0.0, 0.0]]
        initial = (np.zeros(3), np.eye(3))
        drift: Any = sb.priors.Parametric(lorenz, {})
        known = float(data["INNOVATION_SCALE"]), float(data["OBSERVATION_SCALE"])
    else:
        times, values = np.arange(-1.0, 30.0), np.concatenate([[np.nan], data["OBSERVED_LOC"]])
        log_scale, spread, matrix = 0.0, 2.0, [[1.0]]
        initial = (np.zeros(1), 1e-12 * np.eye(1))
        drift = sb.priors.Fixed(nothing)
        known = float(data["INNOVATION_NOISE"]), float(data["OBSERVATION_NOISE"])
    n = len(initial[0])
    if unknown:
        diffusion: Any = sb.priors.Parametric(scaled_noise, {"innovation": dist.LogNormal(log_scale, spread)})
        variance: Any = dist.LogNormal(2 * log_scale, 2 * spread)  # of a scale's square
    else:
        diffusion = sb.priors.Fixed(ConstantDiffusion(known[0] * jnp.eye(n)))
        variance = known[1] ** 2
    observation = sb.GaussianNoise(matrix=matrix, covariance=variance, filter=filter_)
    model = sb.SDEModel(drift, diffusion, sb.schemes.EulerMaruyama(), observation, initial)
    return model, sb.trajectories(values[None, :, None], t=times)


def brownian_by_quadrature(observed: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return mean and sd of both scales of Brownian motion: the exact posterior on a grid of their logarithms."""
    steps = 1.0 + np.flatnonzero(np.isfinite(observed))
    seen, logs = observed[np.isfinite(observed)], np.linspace(np.log(1e-6), np.log(5.0), 240)
    values, vectors = np.linalg.eigh(np.minimum.outer(steps, steps))
    spread = np.exp(2 * logs)[:, None, None] * values + np.exp(2 * logs)[None, :, None]
    fit = np.sum((vectors.T @ seen) ** 2 / spread + np.log(spread), -1)
    log_density = -0.5 * fit - (logs[:, None] ** 2 + logs[None] ** 2) / (2 * 2.0**2)
    weight = np.exp(log_density - log_density.max())
    found = {}
    for name, axis in (("innovation", 1), ("observation", 0)):
        share = weight.sum(axis) / weight.sum()
        mean = float(share @ np.exp(logs))
        found[name] = mean, float(np.sqrt(share @ np.exp(2 * logs) - mean**2))
    return found


def gym(target: str, draws: int, warmup: int, seed: int) -> list[Row]:
    lorenz_bridge, unknown = target.startswith("lorenz"), target.endswith("unknown")
    system = "convection_lorenz_bridge" if lorenz_bridge else "brownian_motion_missing_middle_observations"
    module = system
    if unknown:
        module = (
            "convection_lorenz_bridge_unknown_scales"
            if lorenz_bridge
            else "brownian_motion_unknown_scales_missing_middle_observations"
        )
    names = [f"internal/datasets/{system}", f"targets/ground_truth/{module}"]
    data, theirs = (gym_constants(names)[name] for name in names)
    scale = "SCALE" if lorenz_bridge else "NOISE_SCALE"
    states = "IDENTITY" + (("_LATENTS" if lorenz_bridge else "_LOCS") if unknown else "")
    rows = []
    for kind in (sb.ExtendedKalman(), sb.UnscentedKalman())[: 2 if lorenz_bridge else 1]:
        model, ours = gym_model(lorenz_bridge, unknown, data, kind)
        posterior, row = timed(model, ours, sb.NUTS(draws=draws, warmup=warmup), seed)
        path = posterior.smooth(ours)["x"].values[:, 0, -30:].reshape(-1, *theirs[f"{states}_MEAN"].shape)
        error = np.hypot(theirs[f"{states}_MEAN_STANDARD_ERROR"], path.std(0) / np.sqrt(len(path)))
        z = np.abs(path.mean(0) - theirs[f"{states}_MEAN"]) / error
        away = np.abs(path.mean(0) - theirs[f"{states}_MEAN"]) / theirs[f"{states}_STANDARD_DEVIATION"]
        row |= {
            "target": f"inference-gym {target}" + f", {type(kind).__name__}" * lorenz_bridge,
            "seed": seed,
            "states: largest |z|": float(z.max()),
            "states: |z| ≤ 2": float(np.mean(z <= 2)),
            "states: largest difference in their sd": float(away.max()),
        }
        if unknown:
            group = posterior.data["posterior"].to_dataset()
            for name, value in (
                ("innovation", group["innovation"]),
                ("observation", np.sqrt(group["noise_covariance"])),
            ):
                key = f"IDENTITY_{name.upper()}_{scale}"
                mean, theirs_mean = float(value.mean()), float(theirs[f"{key}_MEAN"])
                standard = float(az.mcse(xr.Dataset({"v": value}))["v"])
                together = float(np.hypot(standard, theirs[f"{key}_MEAN_STANDARD_ERROR"]))
                row |= {
                    f"{name}: ours": mean,
                    f"{name}: theirs": theirs_mean,
                    f"{name}: z": (mean - theirs_mean) / together,
                    f"{name}: our sd": float(value.std()),
                    f"{name}: their sd": float(theirs[f"{key}_STANDARD_DEVIATION"]),
                }
                if not lorenz_bridge:
                    exact, width = brownian_by_quadrature(data["OBSERVED_LOC"])[name]
                    row |= {
                        f"{name}: by quadrature": exact,
                        f"{name}: sd by quadrature": width,
                        f"{name}: z of ours against quadrature": (mean - exact) / standard,
                    }
        rows.append(row)
    return rows


GYM_TARGETS = ("brownian", "brownian_unknown", "lorenz_bridge", "lorenz_bridge_unknown")
TARGETS: dict[str, Callable[[int, int, int], list[Row]]] = {
    "fitzhugh_nagumo": fitzhugh_nagumo,
    "lorenz63": lorenz63,
    "lorenz63_grid": lorenz63_grid,
    **{name: partial(gym, name) for name in GYM_TARGETS},
}


def show(rows: list[dict[str, str]]) -> None:
    """Print one table for each target and seed."""
    for target, seed in dict.fromkeys((row["fit"], row["seed"]) for row in rows):
        mine = [row for row in rows if (row["fit"], row["seed"]) == (target, seed)]
        table = Table(title=f"{target}, seed {seed}")
        for column in ("quantity", "value"):
            table.add_column(column)
        for row in mine:
            table.add_row(row["quantity"], row["value"])
        Console(width=100).print(table)


def main(
    table: Annotated[Path, typer.Option(help="CSV file of the numbers; targets that are in it are skipped.")],
    targets: Annotated[str, typer.Option(help="Names, with commas.")] = ",".join(TARGETS),
    seeds: Annotated[str, typer.Option(help="Seeds, with commas.")] = "0",
    draws: int = 500,
    warmup: int = 300,
    again: Annotated[bool, typer.Option(help="Fit twice, for seconds without compilation.")] = False,
) -> None:
    """Fit each target and say how near ours comes to what is published."""
    global AGAIN
    AGAIN = again
    rows = Rows(table, ("target", "seed"), ("fit", "quantity", "value"))
    for target in targets.split(","):
        for seed in map(int, seeds.split(",")):
            if rows.done(target, seed):
                continue
            for found in TARGETS[target](draws, warmup, seed):
                fit, _ = found.pop("target"), found.pop("seed")
                for quantity, value in found.items():
                    rows.add(
                        {"target": target, "seed": seed, "fit": fit, "quantity": quantity, "value": value}
                    )
                print(fit, found, flush=True)
    show(rows.rows)


if __name__ == "__main__":
    typer.run(main)
