"""dynestyx on Lorenz-63 with x alone observed, in its own environment: the data of its deep dive, and fits to them."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np

DATA_SEED, FILTER_SEED, CHAIN_SEED = 2026, 31415, 2718
MEMBERS, DRAWS = 32, 100


def model(
    obs_times: Any = None,
    obs_values: Any = None,
    ctrl_times: Any = None,
    ctrl_values: Any = None,
    predict_times: Any = None,
    rho: Any = None,
) -> Any:
    import dynestyx as dsx
    import jax.numpy as jnp
    import numpyro
    from numpyro import distributions as dist

    value = numpyro.sample("rho", dist.Uniform(10.0, 40.0), obs=rho)

    def drift(x: Any, u: Any, t: Any) -> Any:
        return jnp.array(
            [10.0 * (x[1] - x[0]), x[0] * (value - x[2]) - x[1], x[0] * x[1] - (8.0 / 3.0) * x[2]]
        )

    dynamics = dsx.DynamicalModel(
        initial_condition=dist.MultivariateNormal(jnp.ones(3), covariance_matrix=0.01 * jnp.eye(3)),
        state_evolution=dsx.ContinuousTimeStateEvolution(
            drift=drift, diffusion=dsx.FullDiffusion(jnp.eye(3))
        ),
        observation_model=dsx.LinearGaussianObservation(H=jnp.array([[1.0, 0.0, 0.0]]), R=jnp.array([[1.0]])),
    )
    return dsx.sample(
        "f",
        dynamics,
        obs_times=obs_times,
        obs_values=obs_values,
        ctrl_times=ctrl_times,
        ctrl_values=ctrl_values,
        predict_times=predict_times,
    )


def data() -> tuple[np.ndarray, np.ndarray]:
    """Return times and the observed x, (time,) and (time, 1), of the deep dive's seed."""
    import diffrax
    import jax
    import jax.numpy as jnp
    from dynestyx import SDESimulator, SDESimulatorConfig
    from numpyro.infer import Predictive

    times = jnp.linspace(0.0, 4.0, 100)
    solver = SDESimulatorConfig(source="diffrax", solver=diffrax.Heun(), dt0=1e-3, max_steps=10_000)
    with SDESimulator(solver, n_simulations=1):
        draw = Predictive(model, num_samples=1, exclude_deterministic=False)
        found = draw(jax.random.PRNGKey(DATA_SEED), rho=28.0, predict_times=times)
    return np.asarray(times), np.asarray(found["f_observations"][0, 0])


def fit(scheme: str, times: np.ndarray, values: np.ndarray) -> dict[str, float]:
    """Return error of the median and seconds, compilation included, of NUTS on the deep dive's ensemble filter."""
    import jax
    import jax.numpy as jnp
    from dynestyx.discretizers import Discretizer, LocalLinearizationConfig
    from dynestyx.inference.configs.filter import EnKFConfig
    from dynestyx.inference.configs.mcmc import NUTSConfig
    from dynestyx.inference.filters import Filter
    from dynestyx.inference.mcmc import MCMCInference

    config = {"Euler–Maruyama": None, "local linearisation": LocalLinearizationConfig()}[scheme]
    filter_config = EnKFConfig(
        n_particles=MEMBERS,
        crn_seed=jax.random.PRNGKey(FILTER_SEED),
        perturb_measurements=True,
        warn=False,
    )
    sampler = NUTSConfig(num_samples=DRAWS, num_warmup=DRAWS, num_chains=1, mcmc_source="numpyro")
    start = time.perf_counter()
    with Filter(filter_config=filter_config), Discretizer(config):
        inference = MCMCInference(mcmc_config=sampler, model=model)
        drawn = inference.run(jax.random.PRNGKey(CHAIN_SEED), jnp.asarray(times), jnp.asarray(values))
    rho = np.asarray(drawn["rho"])
    return {
        "seconds": time.perf_counter() - start,
        "|error| of the median": abs(float(np.median(rho)) - 28),
        "sd": float(rho.std()),
    }


def work() -> None:
    """Answer a question for the data by a file of them, one for a scheme by a fit."""
    import jax

    jax.config.update("jax_enable_x64", True)
    times, values = data()
    for line in sys.stdin:
        question = json.loads(line)
        if "file" in question:
            np.savez(question["file"], times=times, values=values)
            found: dict[str, Any] = {}
        else:
            found = fit(question["scheme"], times, values)
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    work()
