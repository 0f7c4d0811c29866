"""Posteriors of stochastic differential equations in inference-gym, and one of them by quadrature."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import arviz_stats as az
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from numpyro import distributions as dist
from numpyro import handlers
from peers import peer_python
from published_lorenz63 import lorenz
from published_runs import Row, Run, sampled

import sdebayes as sb
from sdebayes._core.precision import scope
from sdebayes.dynamics import ConstantDiffusion
from sdebayes.likelihood.particle_filter import draw_paths
from sdebayes.model.rebuild import per_draw

GYM = "inference-gym==0.0.5"
FILTERS: tuple[tuple[Any, int | None], ...] = (
    (sb.ExtendedKalman(), None),
    (sb.UnscentedKalman(), None),
    (sb.ExtendedKalman(), 2_000),
    (sb.UnscentedKalman(), 2_000),
)
GRID_PARTICLES = 5_000
GYM_TARGETS = ("brownian", "brownian_unknown", "lorenz_bridge", "lorenz_bridge_unknown")


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


def bridge_by_particles(model: sb.SDEModel, data: xr.Dataset, seed: int) -> dict[str, tuple[float, float]]:
    """Return mean and sd of both scales of the bridge on a grid of their logarithms, the likelihood by particles."""
    frozen = model.scaled_to(data)
    axes = np.linspace(-4.5, 3.0, 46), np.linspace(-1.1, 0.5, 25)
    logs = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)

    def likelihood(pair: tuple[Any, Any], observations: Any) -> Any:
        (innovation, noise), key = pair
        sites = {"innovation": jnp.exp(innovation), "noise_covariance": jnp.exp(2 * noise)}
        sde = handlers.substitute(handlers.seed(frozen.build, jax.random.key(0)), data=sites)()
        key = jax.random.wrap_key_data(key)
        return draw_paths(sde, frozen.discretization, observations, GRID_PARTICLES, key).log_likelihood.sum()

    with scope("float64"):
        keys = np.asarray(jax.random.key_data(jax.random.split(jax.random.key(seed), len(logs))))
        found = per_draw(likelihood, block=20)((logs, keys), frozen.read(data))
    weight = np.exp(found - found.max() - 0.5 * np.sum((logs + 1) ** 2, -1))
    mean = weight @ np.exp(logs) / weight.sum()
    sd = np.sqrt(weight @ np.exp(2 * logs) / weight.sum() - mean**2)
    return {
        name: (float(m), float(s)) for name, m, s in zip(("innovation", "observation"), mean, sd, strict=True)
    }


def path_of(posterior: sb.Posterior, data: xr.Dataset, drawn: bool) -> xr.DataArray:
    """Return the path's last 30 steps of each draw, (chain, draw, time, state): drawn, or the smoother's mean."""
    if drawn:
        return posterior.data["latent_path"]["x"].isel(trajectory=0, time=slice(-30, None))
    sizes = posterior.data["unconstrained"].sizes
    smoothed = posterior.smooth(data, samples=sizes["chain"] * sizes["draw"])["x"]
    return sampled(posterior, smoothed.isel(trajectory=0, time=slice(-30, None)))


def gym(target: str, run: Run) -> list[Row]:
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
    on_grid = {}
    if unknown and lorenz_bridge:
        on_grid = bridge_by_particles(*gym_model(True, True, data, sb.ExtendedKalman()), run.seed)
    elif unknown:
        on_grid = brownian_by_quadrature(data["OBSERVED_LOC"])
    rows = []
    for kind, particles in FILTERS if lorenz_bridge else FILTERS[:1]:
        model, ours = gym_model(lorenz_bridge, unknown, data, kind)
        posterior, row = run.fit(model, ours, particles)
        name = type(kind).__name__ + (f", {particles} particles" if particles else "")
        path = path_of(posterior, ours, particles is not None)
        mean = path.mean(("chain", "draw")).values.reshape(theirs[f"{states}_MEAN"].shape)
        own = np.nan_to_num(az.mcse(path.to_dataset(name="x"))["x"].values.reshape(mean.shape))
        error = np.hypot(theirs[f"{states}_MEAN_STANDARD_ERROR"], own)
        z = np.abs(mean - theirs[f"{states}_MEAN"]) / error
        away = np.abs(mean - theirs[f"{states}_MEAN"]) / theirs[f"{states}_STANDARD_DEVIATION"]
        row |= {
            "target": f"inference-gym {target}" + f", {name}" * lorenz_bridge,
            "seed": run.seed,
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
                exact, width = on_grid[name]
                row |= {
                    f"{name}: on a grid": exact,
                    f"{name}: sd on a grid": width,
                    f"{name}: z of ours against the grid": (mean - exact) / standard,
                }
        rows.append(row)
    return rows
