"""The model that a competent NumPyro user would write, beside ours: effective draws of the drift per second.

Both have the same priors and the Euler–Maruyama likelihood: a double well in two states, Δt = 0.05, a stable linear
drift with a Gaussian process of 10 × 10 functions for each state, constant Σ. By hand: basis functions computed once,
standard normal weights, NumPyro's NUTS at its defaults, two chains on two host devices. Each side runs in a process of
its own and counts its wall time from data to draws, compilation included.

Run: python3 -m uv run python benchmarks/handwritten_numpyro.py --steps 2000
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from typing import Any

import arviz_stats as az
import numpy as np
import xarray as xr
from rich.console import Console
from rich.table import Table

import sdebayes as sb

DT, DRAWS, WARMUP, FUNCTIONS = 0.05, 500, 500, 10
PROBES = 20


def data_of(seed: int, steps: int) -> tuple[xr.Dataset, Any, np.ndarray]:
    data, truth = sb.datasets.benchmark("double_well", steps, DT, seed=seed)
    probes = data["y"].values[0, np.linspace(0, steps - 1, PROBES).astype(int)]
    return data, truth, probes


def ours(seed: int, steps: int) -> tuple[np.ndarray, float, float]:
    """Return draws of the drift at the probes, (chain, draw, probe, state), leapfrog steps and seconds."""
    data, _, probes = data_of(seed, steps)
    model = sb.SDEModel(sb.priors.GP(), sb.priors.Constant(), sb.schemes.EulerMaruyama(), sb.Exact())
    start = time.perf_counter()
    posterior = sb.fit(model, data, sb.NUTS(draws=DRAWS, warmup=200), seed=seed, progress=False)
    seconds = time.perf_counter() - start
    drift = posterior.drift(probes).values.reshape(2, DRAWS, *probes.shape)
    return drift, float(posterior.data["sample_stats"]["n_steps"].mean()), seconds


def by_hand(seed: int, steps: int) -> tuple[np.ndarray, float, float]:
    """Return the same of the model written below."""
    import jax
    import jax.numpy as jnp
    import numpyro
    import numpyro.distributions as dist
    from numpyro.contrib.hsgp.laplacian import eigenfunctions, sqrt_eigenvalues
    from numpyro.contrib.hsgp.spectral_densities import spectral_density_squared_exponential

    numpyro.set_host_device_count(2)
    numpyro.enable_x64()
    data, _, probes = data_of(seed, steps)
    ready = sb.SDEModel(sb.priors.GP(), sb.priors.Constant(), observation=sb.Exact()).scaled_to(data).drift
    start = time.perf_counter()
    values = data["y"].values[0]
    x, increments = values[:-1], np.diff(values, axis=0)
    location, sd, half = (
        np.asarray(part) for part in (ready.location, ready.state_scale, ready.basis.half_length)
    )
    phi = eigenfunctions(x - location, ell=list(half), m=[FUNCTIONS] * 2)
    phi_probes = eigenfunctions(probes - location, ell=list(half), m=[FUNCTIONS] * 2)
    frequencies = sqrt_eigenvalues(list(half), [FUNCTIONS] * 2, 2).T
    rate = np.mean(increments**2, 0) / DT

    def drift_of(points: Any, features: Any, A: Any, b: Any, weights: Any) -> Any:
        return (b - points) @ A.T + features @ weights

    def model() -> None:
        b = numpyro.sample("b", dist.Normal(location, sd).to_event(1))
        variance = numpyro.sample("variance", dist.LogNormal(np.log(sd**2), 1.0).to_event(1))
        sigma = numpyro.sample("sigma", dist.LogNormal(np.log(rate), 1.0).to_event(1))
        roots = [
            jnp.sqrt(scale)[:, None] * numpyro.sample(name, dist.LKJCholesky(2, 2.0))
            for name, scale in (("correlation", variance), ("noise_correlation", sigma))
        ]
        P, Sigma = (root @ root.T for root in roots)
        a = 0.5 * sigma / variance
        k = jnp.sqrt(a[0] * a[1]) * numpyro.sample("rotation", dist.Normal(0.0, 1.0))
        K = roots[0] @ jnp.array([[0.0, -1.0], [1.0, 0.0]]) @ roots[0].T * k
        A = jnp.linalg.solve(P, (0.5 * Sigma + K).T).T
        median = np.log(np.asarray(ready.lengthscale_median))
        lengthscale = numpyro.sample("lengthscale", dist.LogNormal(median, 0.4).to_event(1))
        amplitude = numpyro.sample("amplitude", dist.HalfNormal(1.0).expand([2]).to_event(1))
        z = numpyro.sample("z", dist.Normal(0.0, 1.0).expand([FUNCTIONS**2, 2]).to_event(2))
        spectral = jax.vmap(lambda w: spectral_density_squared_exponential(2, w, 1.0, sd * lengthscale))(
            frequencies
        )
        weights = jnp.sqrt(spectral)[:, None] * amplitude * np.asarray(ready.drift_scale) * z
        mean = DT * drift_of(x, phi, A, b, weights)
        numpyro.deterministic("drift", drift_of(probes, phi_probes, A, b, weights))
        law = dist.MultivariateNormal(mean, scale_tril=np.sqrt(DT) * roots[1])
        numpyro.sample("increments", law, obs=increments)

    kernel = numpyro.infer.NUTS(model)
    mcmc = numpyro.infer.MCMC(
        kernel,
        num_warmup=WARMUP,
        num_samples=DRAWS,
        num_chains=2,
        chain_method="parallel",
        progress_bar=False,
    )
    mcmc.run(jax.random.key(seed), extra_fields=("num_steps",))
    draws = np.asarray(mcmc.get_samples(group_by_chain=True)["drift"])
    return draws, float(np.mean(mcmc.get_extra_fields()["num_steps"])), time.perf_counter() - start


def judge(seed: int, steps: int, drift: np.ndarray, leapfrogs: float, seconds: float) -> dict[str, float]:
    _, truth, probes = data_of(seed, steps)
    true = np.array([truth.drift(point) for point in probes])
    array = xr.DataArray(drift, dims=("chain", "draw", "probe", "state"))
    low, high = np.quantile(drift, [0.025, 0.975], axis=(0, 1))
    ess = float(az.ess(xr.Dataset({"drift": array}))["drift"].min())
    return {
        "ESS": ess,
        "seconds": seconds,
        "ESS/s": ess / seconds,
        "leapfrogs": leapfrogs,
        "R-hat": float(az.rhat(xr.Dataset({"drift": array}))["drift"].max()),
        "NMSE": float(np.sum((drift.mean((0, 1)) - true) ** 2) / np.sum(true**2)),
        "covered": float(np.mean((low <= true) & (true <= high))),
    }


def main() -> None:
    arguments = read_arguments()
    if arguments.side:
        side = {"ours": ours, "by_hand": by_hand}[arguments.side]
        seed = arguments.seeds[0]
        print(json.dumps(judge(seed, arguments.steps, *side(seed, arguments.steps))))
        return
    table = Table(
        title=f"N = {arguments.steps:,}; two chains × {DRAWS} draws; smallest ESS of the drift over {PROBES} probes"
    )
    table.add_column("seed")
    table.add_column("model")
    for seed in arguments.seeds:
        for name in ("by_hand", "ours"):
            found = measured(name, seed, arguments.steps)
            if len(table.columns) == 2:
                for key in found:
                    table.add_column(key)
            print(seed, name, found, flush=True)
            table.add_row(str(seed), name.replace("_", " "), *(f"{value:.3g}" for value in found.values()))
    Console(width=120).print(table)


def measured(name: str, seed: int, steps: int) -> dict[str, float]:
    """Run one side in a process of its own."""
    command = [sys.executable, __file__, "--side", name, "--seeds", str(seed), "--steps", str(steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[100, 101, 102])
    parser.add_argument("--side", choices=("ours", "by_hand"), help="run one side and print its numbers")
    return parser.parse_args()


if __name__ == "__main__":
    main()
