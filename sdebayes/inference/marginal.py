"""Marginalised sampling: the weights of a drift integrated out, the rest by the No-U-Turn sampler."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax.flatten_util import ravel_pytree
from jaxtyping import Array
from numpyro.handlers import seed, substitute, trace
from numpyro.infer.util import constrain_fn

from sdebayes._core import precision as precision_scope
from sdebayes._core.errors import ModelError
from sdebayes._core.types import Key
from sdebayes.inference.collapsed import Collapsed, collapsed
from sdebayes.inference.evidence import Statistics
from sdebayes.inference.nuts import NUTS
from sdebayes.inference.reduction import statistics, statistics_of
from sdebayes.inference.strategy import Draws, Problem
from sdebayes.inference.target import Density, make_target
from sdebayes.model.rebuild import per_draw
from sdebayes.model.sdemodel import SDEModel


class Marginal(NUTS):
    r"""The No-U-Turn sampler with the weights of the drift integrated out exactly.

    For a drift that is linear in normal weights, given its other parameters h, constant Σ, Euler–Maruyama and states
    that are observed exactly, p(y | h) is in closed form and depends on the data through sums over transitions. They
    are taken in one pass; from there on the cost does not depend on the number of data. The sampler goes through h, a
    few parameters without the funnel that weights and their scales make, and the weights are then drawn from their
    normal law, once for each draw of h. The posterior is the one of `NUTS`.

    Parameters
    ----------
    draws, warmup, chains, target_acceptance, max_tree_depth, dense_dimension, workers
        As in `NUTS`.

    Raises
    ------
    ModelError
        If a number is out of range.

    Notes
    -----
    The terms of a `sdebayes.priors.Sparse` drift with `sdebayes.priors.SpikeAndSlab` are summed over too, all sets of
    up to 12. The group ``selection`` then holds ``inclusion_probability`` (chain, draw, library_term, state) given the
    other parameters of each draw: their mean is the posterior probability of each term.

    ``sample_stats`` holds ``log_evidence``, log p(y | h), for each draw; ``lp`` is the log density of h.

    Euler–Maruyama has a bias of the order of ‖J‖Δt, about −‖J‖Δt of Σ, that more data do not remove: the finding on the
    step size gives the number.
    """

    def run(
        self,
        problem: Problem,
        key: Key,
        *,
        precision: str,
        progress: bool,
        checkpoint: tuple[str | Path, str] | None = None,
    ) -> Draws:
        """Draw from a posterior; see `AbstractStrategy.run`."""
        if precision != "float64":
            raise ModelError(
                f"Marginal: precision is {precision!r}, but sums over the data need 'float64', which costs little here."
            )
        ready = collapsed(problem.model)
        data = statistics_of(ready, problem.observations)
        target_key, run_key, weights_key = jax.random.split(key, 3)
        target = make_target(ready.program, ready.drawn, data, target_key)
        smaller = Problem(problem.model, problem.observations, target)
        drawn = self._sample(smaller, run_key, precision=precision, progress=progress, checkpoint=checkpoint)
        shape = drawn.position.shape[:2]
        flat = drawn.position.reshape(-1, drawn.position.shape[-1])
        keys = np.asarray(jax.random.key_data(jax.random.split(weights_key, len(flat))))
        position, log_evidence, terms = _completed(ready, target.density)((flat, keys), data)
        groups = {
            "selection": xr.Dataset(
                {
                    name: (
                        ("chain", "draw", "library_term", "state"),
                        value.reshape(*shape, *value.shape[1:]),
                    )
                    for name, value in terms.items()
                },
                problem.model.drift.coords() | {"state": list(problem.model.frozen_scale.states)},
            )
        }
        return Draws(
            position.reshape(*shape, -1),
            drawn.statistics | {"log_evidence": log_evidence.reshape(shape)},
            drawn.groups | (groups if terms else {}),
        )


def log_evidence(model: SDEModel, data: xr.Dataset | Statistics, hyperparameters: Mapping[str, Any]) -> float:
    r"""Return log p(y | h), the weights of the drift integrated out.

    Parameters
    ----------
    model
        A model that `Marginal` can fit; scaled to data already if these are statistics.
    data
        Trajectories, or their `statistics`.
    hyperparameters
        h: the value of each parameter of the model that is no weight, on its own support, under the names that
        ``model.numpyro_model(data)`` gives them.

    Returns
    -------
    float
        In nats, constants included: :math:`\log \int p(y \mid h, w)\, p(w)\, dw`.

    Raises
    ------
    DataError
        If the data are not valid.
    ModelError
        If the weights cannot be integrated out, or a parameter is missing or of another shape.
    """
    with precision_scope.scope("float64"):
        ready = collapsed(model if isinstance(data, Statistics) else model.scaled_to(data))
        sums = data if isinstance(data, Statistics) else statistics(ready.model, data)
        known = {name: jnp.asarray(value, dtype=float) for name, value in hyperparameters.items()}
        _check_names(ready, known)
        return float(_evidence(ready)(known, sums))


@lru_cache(maxsize=8)
def _evidence(ready: Collapsed) -> Callable[[Mapping[str, Array], Statistics], Array]:
    def evidence(known: Mapping[str, Array], sums: Statistics) -> Array:
        given, sites = substitute(seed(ready.given, jax.random.key(0)), data=known)()
        return ready.log_evidence(given, sites, sums)

    return jax.jit(evidence)


def _check_names(ready: Collapsed, known: Mapping[str, Array]) -> None:
    expected: dict[str, tuple[int, ...]] = {}

    def once(key: Key) -> None:
        sites = trace(seed(ready.drawn, key)).get_trace()
        drawn = {name: site["value"] for name, site in sites.items() if site["type"] == "sample"}
        expected.update((name, value.shape) for name, value in drawn.items())

    jax.eval_shape(once, jax.random.key(0))
    found = {name: value.shape for name, value in known.items()}
    if found != expected:
        raise ModelError(f"log_evidence: the hyperparameters have the shapes {found}; expected {expected}.")


@lru_cache(maxsize=8)
def _completed(ready: Collapsed, density: Density) -> Any:
    """From (position of h, key) and data to the position of all parameters, the evidence, and terms' probabilities."""

    def one(draw: tuple[Array, Array], data: Statistics) -> tuple[Array, Array, dict[str, Array]]:
        position, key = draw
        free = density.unravel(position)
        values = constrain_fn(seed(ready.drawn, jax.random.key(0)), (), {}, free)
        given, known = substitute(seed(ready.given, jax.random.key(0)), data=values)()
        sites, terms = ready.complete(jax.random.wrap_key_data(key), given, known, data)
        return ravel_pytree(free | sites)[0], ready.log_evidence(given, known, data), terms

    return per_draw(one)
