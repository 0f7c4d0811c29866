"""Count effective draws of the drift per second: our strategies beside the model that a NumPyro user would write.

A double well in two states, Δt = 0.05, Euler–Maruyama, exactly observed. All sides have the same prior and likelihood:
a stable linear drift with a Gaussian process of 10 × 10 functions for each state, and Σ constant and full, or diagonal
and varying by another Gaussian process of 10 × 10 functions, G_jj = g_j softplus(u_j + log(e − 1)). Basis functions at
the data are computed once on every side.

- ``numpyro``: written by hand, standard normal weights, NumPyro's NUTS at its defaults, two chains on two host devices,
  500 draws after 500;
- ``mclmc``: blackjax's microcanonical Langevin sampler on the density of that model, two chains side by side, tuned by
  its own routine with a diagonal metric, 20,000 steps of which 1,000 are kept;
- ``NUTS``, ``Marginal``, ``Laplace``, ``SVI``: ours, as they are called. Laplace and SVI draw independently from an
  approximation: their ESS is the number of draws and says nothing of its quality, which NMSE and coverage do.
  ``Marginal`` needs constant Σ.

The wall time is counted from the data to draws in a process of its own, compilation included, and once more for
another data set of the same shape. Peers run in an environment that uv makes under the user's cache.

Run: OPENBLAS_NUM_THREADS=1 python3 -m uv run python benchmarks/ess_per_second.py --table ess.csv
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np

PACKAGES = ("blackjax==1.7.1",)
SHARED = ("jax", "jaxlib", "numpyro", "numpy", "scipy", "equinox", "jaxtyping")
DT, FUNCTIONS, PROBES = 0.05, 10, 20
HAND_DRAWS, HAND_WARMUP = 500, 500
MCLMC_STEPS, MCLMC_KEPT = 20_000, 1_000
OURS: dict[str, dict[str, int]] = {
    "NUTS": {"draws": 500, "warmup": 200},
    "Marginal": {"draws": 500, "warmup": 200},
    "Laplace": {"draws": 1000},
    "SVI": {"draws": 1000},
}
PEERS = ("numpyro", "mclmc")
Arrays = dict[str, np.ndarray]


@cache
def frozen_model(steps: int, varying: bool) -> Any:
    """Return our model with its prior frozen at one data set, so that later fits do not compile again."""
    import sdebayes as sb

    diffusion = sb.priors.Diagonal(sb.priors.GP()) if varying else sb.priors.Constant()
    model = sb.SDEModel(sb.priors.GP(), diffusion, sb.schemes.EulerMaruyama(), sb.Exact())
    return model.scaled_to(sb.datasets.benchmark("double_well", steps, DT, seed=100)[0])


def prepare(seed: int, steps: int, varying: bool) -> tuple[Any, Any, Any, Arrays]:
    """Return data, truth, our model, and what the model by hand needs."""
    import sdebayes as sb

    data, truth = sb.datasets.benchmark("double_well", steps, DT, seed=seed)
    frozen = frozen_model(steps, varying)
    drift: Any = frozen.drift
    values = data["y"].values[0]
    arrays = {
        "x": values[:-1],
        "increments": np.diff(values, axis=0),
        "probes": values[np.linspace(0, steps - 1, PROBES).astype(int)],
        "location": np.asarray(drift.location),
        "sd": np.asarray(drift.state_scale),
        "drift_scale": np.asarray(drift.data_drift_scale),
        "half_length": np.asarray(drift.basis.half_length),
        "lengthscale": np.asarray(drift.lengthscale_median),
        "rate": np.asarray((frozen.diffusion.mean if varying else frozen.diffusion).rate),
        "spread": np.array(drift.lengthscale_spread),
    }
    return data, truth, frozen, arrays


def ours(name: str, seed: int, steps: int, varying: bool) -> dict[str, Any]:
    """Fit by one of our strategies; return drift at the probes and seconds."""
    import sdebayes as sb

    kind = getattr(sb, name, None)
    if kind is None:
        return {"failed": f"sdebayes has no {name}"}
    data, _, model, arrays = prepare(seed, steps, varying)
    start = time.perf_counter()
    posterior = sb.fit(model, data, kind(**OURS[name]), seed=seed, progress=False)
    seconds = time.perf_counter() - start
    drift = posterior.drift(arrays["probes"]).values
    sizes = posterior.data["unconstrained"].sizes
    statistics = posterior.data["sample_stats"].to_dataset()
    return {
        "seconds": seconds,
        "drift": drift.reshape(sizes["chain"], sizes["draw"], *drift.shape[1:]),
        "leapfrogs": float(statistics["n_steps"].mean()) if "n_steps" in statistics else np.nan,
        "divergences": int(statistics["diverging"].sum()) if "diverging" in statistics else 0,
    }


def model_by_hand(given: Arrays, varying: bool) -> Callable[..., Any]:
    """Return the NumPyro model: of features at the data, states, increments, and features and places of the probes."""
    import jax
    import jax.numpy as jnp
    import numpyro
    from numpyro import distributions as dist
    from numpyro.contrib.hsgp.laplacian import sqrt_eigenvalues
    from numpyro.contrib.hsgp.spectral_densities import spectral_density_squared_exponential

    location, sd, rate = given["location"], given["sd"], given["rate"]
    frequencies = sqrt_eigenvalues(list(given["half_length"]), [FUNCTIONS] * 2, 2).T

    def weights(name: str) -> Any:
        law = dist.LogNormal(np.log(given["lengthscale"]), float(given["spread"]))
        lengthscale = numpyro.sample(f"{name}_lengthscale", law.expand([2]).to_event(1))
        amplitude = numpyro.sample(f"{name}_amplitude", dist.HalfNormal(1.0).expand([2]).to_event(1))
        z = numpyro.sample(f"{name}_z", dist.Normal(0.0, 1.0).expand([FUNCTIONS**2, 2]).to_event(2))
        density = jax.vmap(lambda w: spectral_density_squared_exponential(2, w, 1.0, sd * lengthscale))
        return jnp.sqrt(density(frequencies))[:, None] * amplitude * z

    def model(phi: Any, x: Any, increments: Any, phi_probes: Any, probes: Any) -> None:
        b = numpyro.sample("b", dist.Normal(location, sd).to_event(1))
        variance = numpyro.sample("variance", dist.LogNormal(np.log(sd**2), 1.0).to_event(1))
        sigma = numpyro.sample("sigma", dist.LogNormal(np.log(rate), 1.0).to_event(1))
        root = jnp.sqrt(variance)[:, None] * numpyro.sample("correlation", dist.LKJCholesky(2, 2.0))
        noise = jnp.diag(jnp.sqrt(sigma))
        if not varying:
            noise = noise @ numpyro.sample("noise_correlation", dist.LKJCholesky(2, 2.0))
        a = 0.5 * sigma / variance
        k = jnp.sqrt(a[0] * a[1]) * numpyro.sample("rotation", dist.Normal(0.0, 1.0))
        K = root @ jnp.array([[0.0, -1.0], [1.0, 0.0]]) @ root.T * k
        A = jnp.linalg.solve(root @ root.T, (0.5 * noise @ noise.T + K).T).T
        w = given["drift_scale"] * weights("drift")
        mean = DT * ((b - x) @ A.T + phi @ w)
        numpyro.deterministic("drift", (b - probes) @ A.T + phi_probes @ w)
        if varying:
            u = phi @ weights("noise") + np.log(np.e - 1)
            scale = np.sqrt(DT) * jnp.sqrt(sigma) * jax.nn.softplus(u)
            numpyro.sample("increments", dist.Normal(mean, scale).to_event(1), obs=increments)
        else:
            law = dist.MultivariateNormal(mean, scale_tril=np.sqrt(DT) * noise)
            numpyro.sample("increments", law, obs=increments)

    return model


def features(given: Arrays) -> tuple[Any, ...]:
    from numpyro.contrib.hsgp.laplacian import eigenfunctions

    def at(x: np.ndarray) -> Any:
        return eigenfunctions(x - given["location"], ell=list(given["half_length"]), m=[FUNCTIONS] * 2)

    return at(given["x"]), given["x"], given["increments"], at(given["probes"]), given["probes"]


def runner_by_numpyro(given: Arrays, varying: bool) -> Callable[[Arrays, int], dict[str, Any]]:
    import jax
    import numpyro

    mcmc = numpyro.infer.MCMC(
        numpyro.infer.NUTS(model_by_hand(given, varying)),
        num_warmup=HAND_WARMUP,
        num_samples=HAND_DRAWS,
        num_chains=2,
        chain_method="parallel",
        progress_bar=False,
        jit_model_args=True,
    )

    def run(arrays: Arrays, seed: int) -> dict[str, Any]:
        mcmc.run(jax.random.key(seed), *features(arrays), extra_fields=("num_steps", "diverging"))
        extra = mcmc.get_extra_fields()
        return {
            "drift": np.asarray(mcmc.get_samples(group_by_chain=True)["drift"]),
            "leapfrogs": float(np.mean(extra["num_steps"])),
            "divergences": int(np.sum(extra["diverging"])),
        }

    return run


def runner_by_mclmc(given: Arrays, varying: bool) -> Callable[[Arrays, int], dict[str, Any]]:
    import blackjax
    import jax
    import numpyro
    from jax.flatten_util import ravel_pytree

    model = model_by_hand(given, varying)
    example = features(given)
    start = numpyro.infer.util.initialize_model(jax.random.key(0), model, model_args=example)
    first, unravel = ravel_pytree(start.param_info.z)
    kernel = blackjax.mcmc.mclmc.build_kernel()

    def chain(key: Any, inputs: tuple[Any, ...]) -> Any:
        def log_density(v: Any) -> Any:
            return -numpyro.infer.util.potential_energy(model, inputs, {}, unravel(v))

        init_key, tune_key, run_key = jax.random.split(key, 3)
        state = blackjax.mcmc.mclmc.init(first, log_density, init_key)
        state, tuned, _ = blackjax.mclmc_find_L_and_step_size(
            kernel, MCLMC_STEPS, state, tune_key, logdensity_fn=log_density
        )

        def step(state: Any, key: Any) -> tuple[Any, None]:
            matrix = tuned.inverse_mass_matrix
            return kernel(key, state, log_density, matrix, tuned.L, tuned.step_size)[0], None

        def kept(state: Any, key: Any) -> tuple[Any, Any]:
            keys = jax.random.split(key, MCLMC_STEPS // MCLMC_KEPT)
            state, _ = jax.lax.scan(step, state, keys)
            sites = numpyro.infer.util.constrain_fn(
                model, inputs, {}, unravel(state.position), return_deterministic=True
            )
            return state, sites["drift"]

        return jax.lax.scan(kept, state, jax.random.split(run_key, MCLMC_KEPT))[1]

    compiled = jax.jit(jax.vmap(chain, in_axes=(0, None)))

    def run(arrays: Arrays, seed: int) -> dict[str, Any]:
        keys = jax.random.split(jax.random.key(seed), 2)
        return {"drift": np.asarray(compiled(keys, features(arrays))), "leapfrogs": np.nan, "divergences": 0}

    return run


def answer(name: str, seed: int, steps: int, varying: bool, files: list[str]) -> None:
    """Fit two data sets and print a line for each."""
    if name in OURS:
        for own in (seed, seed + 1000):
            report(name, own, ours(name, own, steps, varying), files[0])
        return
    import numpyro
    import numpyro.contrib.hsgp.laplacian

    if name == "mclmc":
        import blackjax  # noqa: F401
    else:
        numpyro.set_host_device_count(2)
    numpyro.enable_x64()
    start = time.perf_counter()
    sets = [dict(np.load(file)) for file in files]
    run = {"numpyro": runner_by_numpyro, "mclmc": runner_by_mclmc}[name](sets[0], varying)
    for own, arrays in zip((seed, seed + 1000), sets, strict=True):
        found = run(arrays, own)
        found["seconds"] = time.perf_counter() - start
        report(name, own, found, files[0])
        start = time.perf_counter()


def report(name: str, seed: int, found: dict[str, Any], place: str) -> None:
    """Keep the draws in a file and print the rest."""
    if "drift" in found:
        file = Path(place).with_name(f"{name}-{seed}.npy")
        np.save(file, found.pop("drift"))
        found["draws"] = str(file)
    print(json.dumps(found), flush=True)


def judge(found: dict[str, Any], probes: np.ndarray, truth: Any) -> dict[str, Any]:
    import arviz_stats as az
    import xarray as xr

    drift = np.load(found["draws"])
    true = np.array([truth.drift(point) for point in probes])
    low, high = np.quantile(drift, [0.025, 0.975], axis=(0, 1))
    array = xr.Dataset({"drift": (("chain", "draw", "probe", "state"), drift)})
    ess = float(az.ess(array)["drift"].min())
    return {
        "ESS": ess,
        "seconds": found["seconds"],
        "ESS/s": ess / found["seconds"],
        "R-hat": float(az.rhat(array)["drift"].max()) if len(drift) > 1 else "",
        "leapfrogs": found["leapfrogs"],
        "divergences": found["divergences"],
        "NMSE": float(np.sum((drift.mean((0, 1)) - true) ** 2) / np.sum(true**2)),
        "covered": float(np.mean((low <= true) & (true <= high))),
    }


def measure(name: str, seed: int, steps: int, varying: bool, limit: float) -> dict[str, Any]:
    """Run one side in a process of its own, stopped after ``limit`` seconds for each of its two fits."""
    from peers import peer_python

    python: Any = peer_python("ess_per_second", PACKAGES, SHARED) if name in PEERS else sys.executable
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for own in (seed, seed + 1000):
            _, truth, _, arrays = prepare(own, steps, varying)
            files.append(f"{folder}/{own}.npz")
            np.savez(files[-1], **arrays)
        asked = json.dumps([name, seed, steps, varying, files])
        process = subprocess.Popen(
            [python, __file__, "--worker", asked], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            output, errors = process.communicate(timeout=2 * limit)
        except subprocess.TimeoutExpired:
            process.kill()
            output, errors = process.communicate()
            errors = f"stopped after {2 * limit:g} s"
        found = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        judged = [
            judge(one, np.load(file)["probes"], truth)
            for one, file in zip(found, files, strict=False)
            if "draws" in one
        ]
    if not judged:
        reason = found[0]["failed"] if found else (errors.strip().splitlines() or ["no answer"])[-1]
        return {"failed": reason[:160]}
    if len(judged) > 1:
        judged[0] |= {"seconds again": judged[1]["seconds"], "ESS/s again": judged[1]["ESS/s"]}
    return judged[0]


COLUMNS = (
    "ESS",
    "seconds",
    "ESS/s",
    "seconds again",
    "ESS/s again",
    "R-hat",
    "leapfrogs",
    "divergences",
    "NMSE",
)


def main(
    table: Annotated[Path, "CSV file of the rows; those that are in it are skipped."] = Path("ess.csv"),
    rows: Annotated[str, "Names, with commas."] = ",".join([*OURS, *PEERS]),
    steps: Annotated[str, "Lengths of the data, with commas."] = "2000,20000",
    diffusions: Annotated[str, "constant, varying, or both with a comma."] = "constant,varying",
    seeds: Annotated[str, "Seeds, with commas."] = "100",
    limit: Annotated[float, "Seconds after which a fit is stopped."] = 1500.0,
) -> None:
    """Measure what is not in the table yet, and show it."""
    from peers import Rows
    from rich.console import Console
    from rich.table import Table

    kept = Rows(table, ("N", "diffusion", "row", "seed"), (*COLUMNS, "covered", "failed"))
    for n in map(int, steps.split(",")):
        for diffusion in diffusions.split(","):
            for seed in map(int, seeds.split(",")):
                for name in rows.split(","):
                    key = (n, diffusion, name, seed)
                    if kept.done(*key):
                        continue
                    found = measure(name, seed, n, diffusion == "varying", limit)
                    kept.add(dict(zip(kept.keys, key, strict=True)) | found)
                    print(*key, found, flush=True)
    shown = Table(
        title=f"smallest ESS of the drift over {PROBES} probes; 'again': another data set, compiled before"
    )
    for column in kept.columns:
        shown.add_column(column)
    for row in kept.rows:
        shown.add_row(*(row[column] for column in kept.columns))
    Console(width=200).print(shown)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        answer(*json.loads(sys.argv[2]))
    else:
        import typer

        typer.run(main)
