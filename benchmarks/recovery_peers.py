"""Recover drift and covariance by the peers of `recovery.py`, in their own environment: what it runs as a worker."""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

PACKAGES = (
    "dynestyx==0.7.1",
    "StochasticForceInference==2.0.4",
    "pysindy==2.1.0",
    "pydaddy==1.0.0",
    "setuptools<80",
)
DEGREE = 3
Arrays = dict[str, np.ndarray]


def exponents(states: int) -> list[tuple[int, ...]]:
    """Return the exponents of all monomials up to the degree."""
    return [e for e in itertools.product(range(DEGREE + 1), repeat=states) if sum(e) <= DEGREE]


def run_sfi(x: np.ndarray, dt: float, points: np.ndarray, select: bool) -> Arrays:
    from SFI import OverdampedLangevinInference, TrajectoryCollection
    from SFI.bases import monomials_up_to

    inference = OverdampedLangevinInference(TrajectoryCollection.from_arrays(X=x, dt=dt))
    inference.compute_diffusion_constant()
    inference.infer_force_linear(monomials_up_to(order=DEGREE, dim=x.shape[1], rank="vector"))
    if select:
        inference.sparsify_force(criterion="PASTIS")
    covariance = 2 * np.asarray(inference.diffusion_average)
    return {
        "drift": np.asarray(inference.force_inferred(points)),
        "covariance": np.broadcast_to(covariance, (len(points), *covariance.shape)),
    }


def run_pysindy(x: np.ndarray, dt: float, points: np.ndarray) -> Arrays:
    import pysindy

    model = pysindy.SINDy(feature_library=pysindy.PolynomialLibrary(degree=DEGREE))
    model.fit(x, t=dt)
    left = np.diff(x, axis=0) - dt * np.asarray(model.predict(x[:-1]))
    covariance = left.T @ left / (dt * len(left))
    return {
        "drift": np.asarray(model.predict(points)),
        "covariance": np.broadcast_to(covariance, (len(points), *covariance.shape)),
    }


def run_pydaddy(x: np.ndarray, dt: float, points: np.ndarray) -> Arrays:
    import pydaddy

    found = pydaddy.Characterize([x[:, 0]], dt, show_summary=False)
    drift = found.fit("F", order=DEGREE, tune=True)
    squared = found.fit("G", order=DEGREE, tune=True)
    return {
        "drift": np.asarray(drift(points[:, 0])).reshape(-1, 1),
        "covariance": np.asarray(squared(points[:, 0])).reshape(-1, 1, 1),
    }


@cache
def dynestyx_sampler(states: int) -> tuple[Any, Any]:
    """Return NumPyro's sampler of dynestyx's model of cubic polynomials, and the polynomials."""
    import dynestyx as dsx
    import jax.numpy as jnp
    import numpyro
    from numpyro import distributions as dist

    powers = np.array(exponents(states))

    def library(x: Any) -> Any:
        return jnp.stack([jnp.prod(jnp.stack([x[i] ** int(e) for i, e in enumerate(row)])) for row in powers])

    def model(times: Any, values: Any, scale: Any) -> None:
        weights = numpyro.sample("weights", dist.Normal(0.0, 3.0).expand([len(powers), states]).to_event(2))
        sd = numpyro.sample("sd", dist.LogNormal(jnp.log(scale), 1.0).to_event(1))
        factor = jnp.diag(sd)
        if states > 1:
            factor = factor @ numpyro.sample("correlation", dist.LKJCholesky(states, 2.0))
        numpyro.deterministic("factor", factor)
        dynamics = dsx.DynamicalModel(
            initial_condition=dist.MultivariateNormal(jnp.zeros(states), 100 * jnp.eye(states)),
            state_evolution=dsx.ContinuousTimeStateEvolution(
                drift=lambda x, u, t: library(x) @ weights, diffusion=dsx.FullDiffusion(factor)
            ),
            observation_model=dsx.DiracIdentityObservation(),
        )
        dsx.sample("f", dynamics, obs_times=times, obs_values=values)

    kernel = numpyro.infer.NUTS(model)
    mcmc = numpyro.infer.MCMC(kernel, num_warmup=250, num_samples=250, num_chains=1, progress_bar=False)
    return mcmc, library


def run_dynestyx(x: np.ndarray, dt: float, points: np.ndarray) -> Arrays:
    import jax
    import jax.numpy as jnp
    from dynestyx import Discretizer, LatentPathBuilder

    mcmc, library = dynestyx_sampler(x.shape[1])
    scale = np.sqrt(np.mean(np.diff(x, axis=0) ** 2, 0) / dt)
    with LatentPathBuilder(), Discretizer():
        mcmc.run(jax.random.key(0), dt * jnp.arange(len(x)), jnp.asarray(x), jnp.asarray(scale))
    draws = mcmc.get_samples()
    drift = jnp.einsum("pf,sfj->spj", jax.vmap(library)(jnp.asarray(points)), draws["weights"])
    covariance = np.asarray(draws["factor"] @ jnp.swapaxes(draws["factor"], 1, 2))
    return {
        "drift": np.asarray(drift),
        "covariance": np.broadcast_to(
            covariance[:, None], (len(covariance), len(points), *covariance.shape[1:])
        ),
    }


PEERS: dict[str, Callable[..., Arrays]] = {
    "SFI": lambda x, dt, points: run_sfi(x, dt, points, select=False),
    "SFI, PASTIS": lambda x, dt, points: run_sfi(x, dt, points, select=True),
    "dynestyx": run_dynestyx,
    "pysindy": run_pysindy,
    "PyDaddy": run_pydaddy,
}
ONE_STATE = ("PyDaddy",)


def work(name: str) -> None:
    """Answer each question, a file with states, step and points, by a file with drift and covariance."""
    os.environ["EQX_ON_ERROR"] = "nan"  # dynestyx aborts at a covariance that is not finite, by default
    import jax

    jax.config.update("jax_enable_x64", True)
    for line in sys.stdin:
        question = json.loads(line)
        given = np.load(question["file"])
        start = time.perf_counter()
        try:
            found = PEERS[name](given["x"], float(given["dt"]), given["points"])
        except Exception as error:
            print(json.dumps({"failed": f"{type(error).__name__}: {str(error)[:160]}"}), flush=True)
            continue
        seconds = time.perf_counter() - start
        np.savez(question["answer"], **found)
        print(json.dumps({"seconds": seconds}), flush=True)


if __name__ == "__main__":
    work(sys.argv[2])
