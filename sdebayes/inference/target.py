"""The posterior density of a NumPyro model as a function of one flat, unconstrained vector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
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


class Density:
    """A posterior density on unconstrained space as a function of its data.

    Parameters
    ----------
    model
        The NumPyro model, a function of the data.
    prior
        The same model's latent sites, without arguments.

    Attributes
    ----------
    unravel
        From a flat vector to a dictionary of unconstrained sites.
    value_and_gradient
        U(z; data) and its gradient in z, compiled.
    draw_prior
        From a key to a flat vector drawn from the prior.

    Raises
    ------
    InferenceError
        If the model has no unknown.

    Notes
    -----
    Everything is traced under ``jit``: run operation by operation, a filter takes half a minute to compile.
    """

    def __init__(self, model: Program, prior: Program) -> None:
        self._model = model
        shapes = jax.eval_shape(lambda key: _unconstrained_draw(prior, key), jax.random.key(0))
        if not shapes:
            raise InferenceError(
                "The model has no unknown parameter: drift, diffusion and observation are all fixed. Give at least "
                "one of them a prior."
            )
        flat, self.unravel = ravel_pytree(
            jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        )
        self.dimension = int(flat.shape[0])
        self.draw_prior = jax.jit(lambda key: ravel_pytree(_unconstrained_draw(prior, key))[0])
        self.value_and_gradient = jax.jit(jax.value_and_grad(self.potential))

    def potential(self, z: Flat, data: Any) -> Float[Array, ""]:
        """Return U(z; data) = −log p(z, y), up to a constant; +inf where the density is not finite.

        Parameters
        ----------
        z
            Unconstrained parameters, (dimension,); the log-Jacobian of their transform is in U.
        data
            The data, a pytree of arrays.
        """
        value = potential_energy(self._model, (data,), {}, self.unravel(z))
        return jnp.where(jnp.isfinite(value), value, jnp.inf)


@dataclass(frozen=True)
class Target:
    """A posterior density on unconstrained space, of given data.

    Parameters
    ----------
    density
        The density as a function of data; its compiled code serves all data of one shape.
    data
        The data, a pytree of arrays.
    start
        A draw from the prior with a finite density, (dimension,).
    """

    density: Density
    data: Any
    start: Flat

    @property
    def dimension(self) -> int:
        """Number of unconstrained parameters."""
        return self.density.dimension

    def value_and_gradient(self, z: Flat) -> tuple[Float[Array, ""], Flat]:
        """Return U(z) = −log p(z, y) and its gradient."""
        return self.density.value_and_gradient(z, self.data)

    def draw_prior(self, key: Key) -> Flat:
        """Draw from the prior, (dimension,)."""
        return self.density.draw_prior(key)

    def unravel(self, z: Flat) -> dict[str, Any]:
        """Return the unconstrained sites of a flat vector."""
        return self.density.unravel(z)


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
    """
    density = _density(model, prior, str(jnp.result_type(float)))
    data = jax.tree.map(jnp.asarray, data)
    for attempt in jax.random.split(key, 100):
        start = density.draw_prior(attempt)
        if jnp.isfinite(density.value_and_gradient(start, data)[0]):
            return Target(density, data, start)
    raise InferenceError(
        "None of 100 draws of the prior has a finite density. Check the data's scale against the prior "
        "(model.scaled_to(data).describe()) and the model's step size."
    )


@lru_cache(maxsize=8)
def _density(model: Program, prior: Program, precision: str) -> Density:
    """Keep the densities of the latest models, so that fits of one model to several data sets compile once."""
    return Density(model, prior)


def _unconstrained_draw(prior: Program, key: Key) -> dict[str, Any]:
    sites = trace(seed(prior, key)).get_trace()
    return {
        name: biject_to(site["fn"].support).inv(site["value"])
        for name, site in sites.items()
        if site["type"] == "sample" and not site["is_observed"]
    }
