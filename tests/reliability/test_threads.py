"""Fits in several threads of one process give the very draws that they give one after another."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
import xarray as xr
from threadpoolctl import threadpool_info

import sdebayes as sb
from sdebayes._core import precision
from sdebayes._core.tracing import one_at_a_time
from sdebayes.inference import Problem
from sdebayes.inference.target import unconstrained_draw

PAIRS = 10


class Fit(NamedTuple):
    """What one thread is asked for; the model is made anew for each run, so that each run traces it."""

    drift: Any
    observation: Any
    strategy: Any
    seed: int
    precision: str

    def run(self, data: xr.Dataset) -> dict[str, np.ndarray]:
        """All draws of all parameters."""
        model = sb.SDEModel(self.drift, observation=self.observation)
        options = {"seed": self.seed, "precision": self.precision, "progress": False}
        fitted = sb.fit(model, data, self.strategy, **options)
        return {name: values.values for name, values in fitted.data["posterior"].to_dataset().items()}


def walk(steps: int = 25) -> xr.Dataset:
    generator = np.random.default_rng(0)
    x = np.zeros((3, steps, 1))
    for k in range(1, steps):
        x[:, k] = 0.8 * x[:, k - 1] + 0.6 * generator.standard_normal((3, 1))
    return sb.trajectories(list(x))


def side_by_side(data: xr.Dataset, fits: list[Fit]) -> list[dict[str, np.ndarray]]:
    """Run fits at the same time, begun together."""
    together = threading.Barrier(len(fits), timeout=300)

    def run(fit: Fit) -> dict[str, np.ndarray]:
        together.wait()
        return fit.run(data)

    with ThreadPoolExecutor(len(fits)) as pool:
        return list(pool.map(run, fits))


def identical(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> bool:
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


def test_densities_are_traced_in_two_threads_at_the_same_time():
    """What a fit traces first, of two models in two precisions."""
    data = walk()
    together = threading.Barrier(2, timeout=60)

    def value_and_gradient(case: tuple[Any, str, bool]) -> tuple[np.ndarray, np.ndarray]:
        drift, name, waits = case
        with precision.scope(name):
            model = sb.SDEModel(drift, observation=sb.Exact()).scaled_to(data)
            if waits:
                together.wait()
            problem = Problem(model, model.read(data), jax.random.key(0))
            found = problem.target.value_and_gradient(problem.target.start)
        return np.asarray(found[0]), np.asarray(found[1])

    cases = [(sb.priors.Linear(), "float64"), (sb.priors.Linear(stable=False), "float32")]
    with ThreadPoolExecutor(2) as pool:
        at_the_same_time = list(pool.map(value_and_gradient, [(*case, True) for case in cases]))
    for case, found in zip(cases, at_the_same_time, strict=True):
        for one, other in zip(value_and_gradient((*case, False)), found, strict=True):
            assert one.dtype == case[1]
            np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_pairs_of_fits_in_two_threads():
    drifts = [sb.priors.Linear(), sb.priors.GP(), sb.priors.BNN(hidden=(4,))]
    observations = [sb.Exact(), sb.GaussianNoise(), sb.GaussianNoise(trajectory_effect=True)]
    strategies = [sb.NUTS(draws=25, warmup=25), sb.Laplace(draws=30), sb.SVI(draws=30, steps=100)]
    data, held = walk(), 0
    for pair in range(PAIRS):
        chosen = np.random.default_rng(pair).integers(3, size=(2, 3))
        fits = [
            Fit(drifts[d], observations[o], strategies[s], pair, ("float64", "float32")[(pair + k) % 2])
            for k, (d, o, s) in enumerate(chosen)
        ]
        one_after_another = [fit.run(data) for fit in fits]
        held += all(map(identical, one_after_another, side_by_side(data, fits)))
        print(f"{held} of {pair + 1}", flush=True)
        jax.clear_caches()  # a process may map only so much compiled code
        gc.collect()
    print(f"{held} of {PAIRS} pairs held")
    assert held == PAIRS


def test_a_program_waits_until_no_other_is_running():
    """The first program stands still in its midst; the second would put its handlers on the same stack."""
    inside, go_on, drawn = threading.Event(), threading.Event(), {}

    def program(waits: bool) -> Any:
        first = numpyro.sample("first", dist.Normal())
        if waits:
            inside.set()
            go_on.wait(60)
        return first + numpyro.sample("second", dist.Normal())

    @one_at_a_time
    def draw(number: int, waits: bool) -> None:
        drawn[number] = float(numpyro.handlers.seed(program, jax.random.key(number))(waits))

    for number in range(2):
        draw(number, waits=False)
    expected = dict(drawn)
    drawn.clear()
    threads = [threading.Thread(target=draw, args=(number, number == 0)) for number in range(2)]
    threads[0].start()
    inside.wait(60)
    threads[1].start()
    threads[1].join(0.2)
    assert drawn == {}
    go_on.set()
    for thread in threads:
        thread.join()
    assert drawn == expected


def test_the_suite_sees_a_program_that_is_run_without_waiting():
    model = sb.SDEModel(observation=sb.Exact()).scaled_to(walk())
    with pytest.raises(RuntimeError, match="without one_at_a_time"):
        unconstrained_draw.__wrapped__(model.build, jax.random.key(0))


def test_blas_threads_are_limited_until_the_last_fit_has_ended():
    def limits() -> list[int]:
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    before = limits()
    first, second = precision.single_blas_thread(), precision.single_blas_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert set(limits()) == {1}
    second.__exit__(None, None, None)
    assert limits() == before
