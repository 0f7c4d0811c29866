"""Ask what a user waits for before the first posterior, and before the next ones.

Each row is a process of its own, its import left out, on one core and an empty compilation cache: CPU-seconds, and
programs compiled and CPU-seconds of compiling them (XLA's alone), of a fit, of the same fit with another seed, of a fit
to other data of the same shape, and of one to data of four steps fewer. A second process finds what the first has
compiled in JAX's cache on disk, as the command line does. Beside it the same linear model written by hand in NumPyro,
which draws and does no more: no predictions, scores or checks.

Run: python benchmarks/first_posterior.py
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

DT, WARMUP, DRAWS, FEWER = 0.1, 500, 500, 4
WORKERS = {
    "linear, 500 points": "linear",
    "the same by hand in NumPyro": "by hand",
    "latent, one trajectory of 125 steps": "text",
    "latent, 33 trajectories of 130 steps": "texts",
}
STAGES = "first fit", "another seed", "other data", "another length"
SIZES = {"linear": (1, 500), "by hand": (1, 500), "text": (1, 125), "texts": (33, 130)}


def process(seed: int, count: int, steps: int, dt: float) -> np.ndarray:
    """Draw two states that turn, (trajectory, time, state), by small Euler steps."""
    rng = np.random.default_rng(seed)
    A, fine = np.array([[1.0, 0.8], [-0.8, 1.5]]), 20
    x, kept = rng.normal(size=(count, 2)) / 2, []
    for _ in range(steps):
        kept.append(x)
        for _ in range(fine):
            x = x - x @ A.T * dt / fine + rng.normal(size=x.shape) * np.sqrt(dt / fine)
    return np.stack(kept, 1)


def ours(count: int, latent: bool) -> Callable[[int, int, int], None]:
    """Return a fit of data, of so many steps, and a sampler's seed."""
    import sdebayes as sb

    observation = sb.GaussianNoise(trajectory_effect=count > 1) if latent else sb.Exact()
    model = sb.SDEModel(observation=observation)
    strategy = sb.NUTS(warmup=WARMUP, draws=DRAWS, chains=2)

    def fit(data_seed: int, seed: int, steps: int) -> None:
        dt = 1.0 if latent else DT
        values = process(data_seed, count, steps, dt)
        if latent:
            values = values + 0.5 * np.random.default_rng(data_seed).normal(size=values.shape)
        sb.fit(model, sb.trajectories(list(values), t=dt), strategy, seed=seed, progress=False)

    return fit


def by_hand() -> Callable[[int, int, int], None]:
    """Return the same for dX = A (b − X) dt + G dW by exact transitions, A stable, Σ full, as one would write it."""
    import jax
    import jax.numpy as jnp
    import numpyro
    from numpyro import distributions as dist

    jax.config.update("jax_enable_x64", True)

    def model(x: Any) -> None:
        location, variance = x.mean(0), x.var(0)
        rate = (jnp.diff(x, axis=0) ** 2).mean(0) / DT
        b = numpyro.sample("b", dist.Normal(location, jnp.sqrt(variance)).to_event(1))
        P = numpyro.sample("P", dist.LogNormal(jnp.log(variance), 1.0).to_event(1))
        sigma = numpyro.sample("sigma", dist.LogNormal(jnp.log(rate), 1.0).to_event(1))
        L = jnp.sqrt(P)[:, None] * numpyro.sample("P_correlation", dist.LKJCholesky(2, 2.0))
        G = jnp.sqrt(sigma)[:, None] * numpyro.sample("sigma_correlation", dist.LKJCholesky(2, 2.0))
        a = 0.5 * sigma / P
        turn = numpyro.sample("turn", dist.Normal(0.0, 1.0)) * jnp.sqrt(a[0] * a[1])
        K = L @ jnp.array([[0.0, -1.0], [1.0, 0.0]]) @ L.T * turn
        A = jnp.linalg.solve(L @ L.T, (0.5 * G @ G.T + K).T).T
        flow = jax.scipy.linalg.expm(-A * DT)
        Q = L @ L.T - flow @ L @ L.T @ flow.T
        numpyro.sample("x0", dist.MultivariateNormal(b, scale_tril=L), obs=x[0])
        numpyro.sample("x", dist.MultivariateNormal(b + (x[:-1] - b) @ flow.T, Q), obs=x[1:])

    kernel = numpyro.infer.NUTS(model)
    mcmc = numpyro.infer.MCMC(
        kernel,
        num_warmup=WARMUP,
        num_samples=DRAWS,
        num_chains=2,
        chain_method="sequential",
        progress_bar=False,
        jit_model_args=True,
    )

    def fit(data_seed: int, seed: int, steps: int) -> None:
        mcmc.run(jax.random.key(seed), jnp.asarray(process(data_seed, 1, steps, DT)[0]))
        mcmc.get_samples()

    return fit


def work(kind: str) -> list[dict[str, float]]:
    """Fit four times in this process, and say what each cost."""
    from jax import monitoring

    compiled: list[float] = []

    def listen(event: str, seconds: float, **_: Any) -> None:
        if event.endswith("/backend_compile_duration"):
            compiled.append(seconds)

    count, steps = SIZES[kind]
    fit = by_hand() if kind == "by hand" else ours(count, kind != "linear")
    monitoring.register_event_duration_secs_listener(listen)
    found = []
    for data_seed, seed, fewer in ((0, 0, 0), (0, 1, 0), (1, 0, 0), (2, 0, FEWER)):
        compiled.clear()
        start = time.process_time()
        fit(data_seed, seed, steps - fewer)
        spent = time.process_time() - start
        found.append({"seconds": spent, "programs": len(compiled), "compiling": sum(compiled)})
    return found


def measured(kind: str, cache: str) -> list[dict[str, float]]:
    """Run a worker on one core."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    flags = re.sub(r"--xla_cpu_multi_thread_eigen=\w+", "", os.environ.get("XLA_FLAGS", ""))
    kept |= {"XLA_FLAGS": f"{flags} --xla_cpu_multi_thread_eigen=false".strip(), "OPENBLAS_NUM_THREADS": "1"}
    kept |= {"JAX_COMPILATION_CACHE_DIR": cache, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    command = [sys.executable, __file__, "--worker", kind]
    answer = subprocess.run(command, env=kept, capture_output=True, text=True, check=True).stdout
    return json.loads(answer.splitlines()[-1])


def main() -> None:
    """Measure all rows."""
    from record import keep

    rows = []
    for title, kind in WORKERS.items():
        with tempfile.TemporaryDirectory() as cache:
            for number, name in ((1, "first process"), (2, "second process")):
                for stage, found in zip(STAGES, measured(kind, cache), strict=True):
                    rows.append({"model": title, "process": name, "fit": stage} | found)
                    print(*rows[-1].values(), number, flush=True)
    keep("first_posterior", rows, ["model", "process"])


if __name__ == "__main__":
    if "--worker" in sys.argv:
        print(json.dumps(work(sys.argv[-1])))
    else:
        main()
