"""The peers of `ess_per_second.py`: the model by hand under NumPyro, blackjax and dynestyx, run as a worker."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

DT, FUNCTIONS = 0.05, 10
HAND_WARMUP, TUNED_WARMUP, TUNED_ACCEPTANCE = 500, 1_000, 0.95
MCLMC_STEPS, MCLMC_KEPT = 20_000, 1_000
Arrays = dict[str, np.ndarray]


class Parts(NamedTuple):
    """What the prior draws: f(x) = A (b − x) + φ(x) w, and noise G, constant or g softplus(φ(x) u + c)."""

    A: Any
    b: Any
    w: Any
    noise: Any
    g: Any
    u: Any


def prior_by_hand(given: Arrays, varying: bool) -> Callable[[], Parts]:
    """Return the prior as a NumPyro program."""
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

    def prior() -> Parts:
        b = numpyro.sample("b", dist.Normal(location, sd).to_event(1))
        variance = numpyro.sample(
            "variance", dist.LogNormal(np.log(sd**2), float(given["variance_spread"])).to_event(1)
        )
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
        return Parts(A, b, w, noise, jnp.sqrt(sigma), weights("noise") if varying else None)

    return prior


def varying_noise(parts: Parts, phi: Any) -> Any:
    """Return the diagonal of G at features, (..., state)."""
    import jax

    return parts.g * jax.nn.softplus(phi @ parts.u + np.log(np.e - 1))


def model_by_hand(given: Arrays, varying: bool) -> Callable[..., Any]:
    """Return the NumPyro model: of features at the data, states, increments, and features and places of the probes."""
    import numpyro
    from numpyro import distributions as dist

    prior = prior_by_hand(given, varying)

    def model(phi: Any, x: Any, increments: Any, phi_probes: Any, probes: Any) -> None:
        parts = prior()
        mean = DT * ((parts.b - x) @ parts.A.T + phi @ parts.w)
        numpyro.deterministic("drift", (parts.b - probes) @ parts.A.T + phi_probes @ parts.w)
        if varying:
            law = dist.Normal(mean, np.sqrt(DT) * varying_noise(parts, phi)).to_event(1)
        else:
            law = dist.MultivariateNormal(mean, scale_tril=np.sqrt(DT) * parts.noise)
        numpyro.sample("increments", law, obs=increments)

    return model


def features_at(given: Arrays, x: Any) -> Any:
    """Return the basis functions at places, (place, feature)."""
    from numpyro.contrib.hsgp.laplacian import eigenfunctions

    return eigenfunctions(x - given["location"], ell=list(given["half_length"]), m=[FUNCTIONS] * 2)


def features(given: Arrays) -> tuple[Any, ...]:
    at_data, at_probes = (features_at(given, given[name]) for name in ("x", "probes"))
    return at_data, given["x"], given["increments"], at_probes, given["probes"]


def two_chains(kernel: Any, warmup: int, draws: int) -> Any:
    """Return NumPyro's sampler with a chain on each of two host devices."""
    import numpyro

    return numpyro.infer.MCMC(
        kernel,
        num_warmup=warmup,
        num_samples=draws,
        num_chains=2,
        chain_method="parallel",
        progress_bar=False,
        jit_model_args=True,
    )


def runner_by_numpyro(
    given: Arrays, varying: bool, draws: int, tuned: bool = False
) -> Callable[[Arrays, int], dict[str, Any]]:
    import jax
    import numpyro

    settings: dict[str, Any] = (
        {"target_accept_prob": TUNED_ACCEPTANCE, "init_strategy": numpyro.infer.init_to_median}
        if tuned
        else {}
    )
    warmup = TUNED_WARMUP if tuned else HAND_WARMUP
    mcmc = two_chains(numpyro.infer.NUTS(model_by_hand(given, varying), **settings), warmup, draws)

    def run(arrays: Arrays, seed: int) -> dict[str, Any]:
        mcmc.run(jax.random.key(seed), *features(arrays), extra_fields=("num_steps", "diverging"))
        return found_by_numpyro(mcmc)

    return run


def runner_by_dynestyx(given: Arrays, varying: bool, draws: int) -> Callable[[Arrays, int], dict[str, Any]]:
    import dynestyx as dsx
    import jax
    import jax.numpy as jnp
    import numpyro
    from dynestyx import Discretizer, LatentPathBuilder
    from numpyro import distributions as dist

    prior = prior_by_hand(given, varying)

    def model(times: Any, states: Any, probes: Any) -> None:
        parts = prior()

        def drift(x: Any, u: Any, t: Any) -> Any:
            return parts.A @ (parts.b - x) + features_at(given, x[None])[0] @ parts.w

        def noise(x: Any, u: Any, t: Any) -> Any:
            return jnp.diag(varying_noise(parts, features_at(given, x[None])[0]))

        numpyro.deterministic("drift", jax.vmap(lambda x: drift(x, None, 0.0))(probes))
        dynamics = dsx.DynamicalModel(
            initial_condition=dist.MultivariateNormal(jnp.zeros(2), 100 * jnp.eye(2)),
            state_evolution=dsx.ContinuousTimeStateEvolution(
                drift=drift, diffusion=dsx.FullDiffusion(noise if varying else parts.noise, bm_dim=2)
            ),
            observation_model=dsx.DiracIdentityObservation(),
        )
        dsx.sample("f", dynamics, obs_times=times, obs_values=states)

    mcmc = two_chains(numpyro.infer.NUTS(model), HAND_WARMUP, draws)

    def run(arrays: Arrays, seed: int) -> dict[str, Any]:
        states = np.concatenate([arrays["x"], arrays["x"][-1:] + arrays["increments"][-1:]])
        with LatentPathBuilder(), Discretizer():
            mcmc.run(
                jax.random.key(seed),
                DT * jnp.arange(len(states)),
                jnp.asarray(states),
                arrays["probes"],
                extra_fields=("num_steps", "diverging"),
            )
        return found_by_numpyro(mcmc)

    return run


def found_by_numpyro(mcmc: Any) -> dict[str, Any]:
    """Return drift at the probes, leapfrogs and divergences."""
    extra = mcmc.get_extra_fields()
    return {
        "drift": np.asarray(mcmc.get_samples(group_by_chain=True)["drift"]),
        "leapfrogs": float(np.mean(extra["num_steps"])),
        "divergences": int(np.sum(extra["diverging"])),
    }


def runner_by_mclmc(given: Arrays, varying: bool, _: int) -> Callable[[Arrays, int], dict[str, Any]]:
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


PEERS = {
    "numpyro": runner_by_numpyro,
    "numpyro_tuned": partial(runner_by_numpyro, tuned=True),
    "mclmc": runner_by_mclmc,
    "dynestyx": runner_by_dynestyx,
}


def answer(name: str, seed: int, _: int, varying: bool, draws: int, files: list[str]) -> None:
    """Fit two data sets and print a line for each."""
    os.environ["EQX_ON_ERROR"] = "nan"  # dynestyx aborts at a covariance that is not finite, by default
    import numpyro
    import numpyro.contrib.hsgp.laplacian

    if name == "mclmc":
        import blackjax  # noqa: F401
    else:
        numpyro.set_host_device_count(2)
    numpyro.enable_x64()
    start = time.perf_counter()
    sets = [dict(np.load(file)) for file in files]
    run = PEERS[name](sets[0], varying, draws)
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


if __name__ == "__main__":
    answer(*json.loads(sys.argv[2]))
