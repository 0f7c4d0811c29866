"""Fit regimes by the peer of `regimes.py`, in its own environment: what it runs as a worker."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np

PACKAGES = ("dynamax==1.0.3",)
STARTS, ITERATIONS = 5, 200


def run_dynamax(y: np.ndarray, new: np.ndarray, regimes: int, seed: int) -> dict[str, Any]:
    """Fit by EM from k-means and other starts, and keep the best.

    Parameters
    ----------
    y, new
        Trajectories, (trajectory, time, state), to fit to and to score; their first steps are given.
    regimes, seed
        How many, and of the starts.
    """
    import jax
    import jax.numpy as jnp
    from dynamax.hidden_markov_model import LinearAutoregressiveHMM

    model = LinearAutoregressiveHMM(regimes, y.shape[-1], num_lags=1)
    before, after = jnp.asarray(y[:, :-1]), jnp.asarray(y[:, 1:])
    found = []
    for start, key in enumerate(jax.random.split(jax.random.key(seed), STARTS)):
        method = "kmeans" if start == 0 else "prior"
        flat = after.reshape(-1, y.shape[-1])
        parameters, kinds = model.initialize(key, method=method, emissions=flat)
        fitted, densities = model.fit_em(
            parameters, kinds, after, inputs=before, num_iters=ITERATIONS, verbose=False
        )
        found.append((float(densities[-1]), start, fitted))
    fitted = max(found)[-1]
    smoothed = jax.vmap(lambda one, inputs: model.smoother(fitted, one, inputs).smoothed_probs)(after, before)
    held_out = jax.vmap(lambda one, inputs: model.marginal_log_prob(fitted, one, inputs))(
        jnp.asarray(new[:, 1:]), jnp.asarray(new[:, :-1])
    )
    return {
        "weights": np.asarray(fitted.emissions.weights),
        "offsets": np.asarray(fitted.emissions.biases),
        "transitions": np.asarray(fitted.transitions.transition_matrix),
        "probability": np.asarray(smoothed),
        "score": np.asarray(held_out),
    }


def work() -> None:
    """Answer each question, a file with trajectories, by a file with what was found."""
    import jax

    jax.config.update("jax_enable_x64", True)
    for line in sys.stdin:
        question = json.loads(line)
        given = np.load(question["file"])
        start = time.perf_counter()
        found = run_dynamax(given["y"], given["new"], question["regimes"], question["seed"])
        seconds = time.perf_counter() - start
        np.savez(question["answer"], **found)
        print(json.dumps({"seconds": seconds}), flush=True)


if __name__ == "__main__":
    work()
