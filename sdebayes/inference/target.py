"""The posterior density of a NumPyro model as a function of one flat, unconstrained vector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float
from numpyro.distributions import biject_to
from numpyro.handlers import seed, trace
from numpyro.infer.util import potential_energy

from sdebayes._core.errors import InferenceError
from sdebayes._core.types import Key

Flat = Float[Array, " dimension"]
Program = Callable[..., Any]


@dataclass(frozen=True)
class Target:
    """A posterior density on unconstrained space.

    Parameters
    ----------
    potential
        U(z; data) = −log p(z, y), up to a constant, with the log-Jacobian of the transform to unconstrained space;
        +inf where the density is not finite.
    data
        The data, a pytree of arrays. An argument and no constant: targets that differ in data alone are the same
        program to the compiler.
    value_and_gradient
        U at the data and its gradient, compiled.
    start
        A draw from the prior, (dimension,).
    unravel
        From a flat vector to a dictionary of unconstrained sites.
    draw_prior
        From a key to a flat vector drawn from the prior.
    """

    potential: Callable[[Flat, Any], Float[Array, ""]]
    data: Any
    value_and_gradient: Callable[[Flat], tuple[Float[Array, ""], Flat]]
    start: Flat
    unravel: Callable[[Flat], dict[str, Any]]
    draw_prior: Callable[[Key], Flat]

    @property
    def dimension(self) -> int:
        """Number of unconstrained parameters."""
        return int(self.start.shape[0])


def make_target(model: Program, prior: Program, data: Any, key: Key) -> Target:
    """Read a NumPyro model.

    Parameters
    ----------
    model
        The NumPyro model, a function of the data.
    prior
        The same model's latent sites, without arguments.
    data
        The data, a pytree of arrays.
    key
        Random key of the starting point.

    Raises
    ------
    InferenceError
        If the model has no unknown, or no draw of the prior has a finite density.

    Notes
    -----
    Everything is traced under ``jit``: run operation by operation, a filter takes half a minute to compile.
    """
    draw = jax.jit(lambda k: _unconstrained_draw(prior, k))
    first = draw(key)
    if not first:
        raise InferenceError(
            "The model has no unknown parameter: drift, diffusion and observation are all fixed. Give at least one of "
            "them a prior."
        )
    _, unravel = ravel_pytree(first)

    def potential(z: Flat, data: Any) -> Float[Array, ""]:
        value = potential_energy(model, (data,), {}, unravel(z))
        return jnp.where(jnp.isfinite(value), value, jnp.inf)

    def draw_prior(k: Key) -> Flat:
        return ravel_pytree(draw(k))[0]

    compiled = jax.jit(jax.value_and_grad(potential))
    data = jax.tree.map(jnp.asarray, data)

    def value_and_gradient(z: Flat) -> tuple[Float[Array, ""], Flat]:
        return compiled(z, data)

    start = _finite_start(value_and_gradient, draw_prior, key)
    return Target(potential, data, value_and_gradient, start, unravel, draw_prior)


def _unconstrained_draw(prior: Program, key: Key) -> dict[str, Any]:
    sites = trace(seed(prior, key)).get_trace()
    return {
        name: biject_to(site["fn"].support).inv(site["value"])
        for name, site in sites.items()
        if site["type"] == "sample" and not site["is_observed"]
    }


def _finite_start(
    value_and_gradient: Callable[[Flat], tuple[Float[Array, ""], Flat]],
    draw_prior: Callable[[Key], Flat],
    key: Key,
) -> Flat:
    for attempt in jax.random.split(key, 100):
        start = draw_prior(attempt)
        if jnp.isfinite(value_and_gradient(start)[0]):
            return start
    raise InferenceError(
        "None of 100 draws of the prior has a finite density. Check the data's scale against the prior "
        "(model.scaled_to(data).describe()) and the model's step size."
    )
