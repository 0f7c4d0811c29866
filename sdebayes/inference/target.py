"""The posterior density of a NumPyro model as a function of one flat, unconstrained vector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PyTree
from numpyro.distributions import biject_to
from numpyro.handlers import seed, substitute, trace
from numpyro.infer.util import potential_energy

from sdebayes._core.compiled import Compiled
from sdebayes._core.errors import InferenceError
from sdebayes._core.keys import single_keys
from sdebayes._core.tracing import one_at_a_time
from sdebayes._core.types import Key
from sdebayes.inference.whitening import Place, Whitening, no_whitening
from sdebayes.priors.base import WEIGHT_OFFSET, WEIGHT_SCALE

Flat = Float[Array, " dimension"]
Program = Callable[..., Any]
Whitenings = tuple[Whitening, ...]


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
    dimension
        Number of unconstrained parameters.
    unravel
        From a flat vector to a dictionary of unconstrained sites.
    draw_prior
        From a key to a flat vector drawn from the prior, compiled.
    weights
        For each site of weights that multiply a scale, their indices in the flat vector, (output, feature).
    value_and_gradient
        U(v; data, whitening) and its gradient in v, compiled.
    prior_value_and_gradient
        −log p(v; whitening) and its gradient in v, compiled.
    potentials
        U of several v, (draw, dimension), one after another; data, whitening, compiled.
    place
        From v and a whitening to z, compiled.
    differentiated
        U(v; data, whitening) within a program that differentiates it in v, by the code of ``value_and_gradient``.

    Raises
    ------
    InferenceError
        If the model has no unknown.

    Notes
    -----
    Everything is traced under ``jit``: run operation by operation, a filter takes half a minute to compile.
    """

    def __init__(self, model: Program, prior: Program) -> None:
        self._model, self._prior = model, prior
        draw, shapes, self._scaled = _drawing(prior, str(jnp.result_type(float)))
        if not shapes:
            raise InferenceError(
                "The model has no unknown parameter: drift, diffusion and observation are all fixed. Give at least "
                "one of them a prior."
            )
        flat, self.unravel = ravel_pytree(
            jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        )
        self.dimension = int(flat.shape[0])
        index = self.unravel(jnp.arange(self.dimension, dtype=flat.dtype))
        self._places = {name: np.asarray(places).astype(int) for name, places in index.items()}
        self.weights = tuple(self._places[name].T for name in self._scaled)
        self.draw_prior = Compiled(lambda key: ravel_pytree(draw(key))[0])
        self.value_and_gradient = Compiled(jax.value_and_grad(Compiled(self.potential)))
        self.prior_value_and_gradient = Compiled(jax.value_and_grad(Compiled(self.prior_potential)))
        self.potentials = Compiled(
            lambda points, data, whitenings: jax.lax.map(
                lambda v: self.potential(v, data, whitenings), points
            )
        )
        self.differentiated = jax.custom_vjp(lambda *at: self.value_and_gradient(*at)[0])
        self.differentiated.defvjp(self.value_and_gradient, _along)
        self.weight_places = Compiled(self._weight_places)
        self.place = Compiled(lambda v, whitenings: self.placed(v, whitenings)[0])

    def sites(self, positions: Float[np.ndarray, "draw dimension"]) -> dict[str, np.ndarray]:
        """Return the unconstrained sites of flat vectors, each (draw, …)."""
        return {name: positions[:, places] for name, places in self._places.items()}

    @property
    def no_whitening(self) -> Whitenings:
        """The whitening under which v = z."""
        return tuple(no_whitening(*index.shape) for index in self.weights)

    @one_at_a_time
    def potential(self, v: Flat, data: PyTree, whitenings: Whitenings) -> Float[Array, ""]:
        """Return U = −log p(v, y), up to a constant; +inf where the density is not finite.

        Parameters
        ----------
        v
            Unconstrained parameters with whitened weights, (dimension,); the log-Jacobian of their transform is in U.
        data
            The data, a pytree of arrays.
        whitenings
            One for each site of scaled weights.
        """
        z, log_determinant = self.placed(v, whitenings)
        value = potential_energy(self._model, (data,), {}, self.unravel(z)) - log_determinant
        return jnp.where(jnp.isfinite(value), value, jnp.inf)

    @one_at_a_time
    def prior_potential(self, v: Flat, whitenings: Whitenings) -> Float[Array, ""]:
        """Return −log p(v), the prior's part of `potential`."""
        z, log_determinant = self.placed(v, whitenings)
        return potential_energy(self._prior, (), {}, self.unravel(z)) - log_determinant

    def log_likelihood(self, z: Flat, data: PyTree) -> Float[Array, ""]:
        """Return log p(y | z), in nats; −inf where it is not finite."""
        return self.prior_potential(z, self.no_whitening) - self.potential(z, data, self.no_whitening)

    def subsampled(
        self, v: Flat, data: PyTree, whitenings: Whitenings, factor: float | Array
    ) -> Float[Array, ""]:
        """Return U with the likelihood's part, of some of the data, multiplied by a factor."""
        prior = self.prior_potential(v, whitenings)
        return prior + factor * (self.potential(v, data, whitenings) - prior)

    def placed(self, v: Flat, whitenings: Whitenings) -> tuple[Flat, Float[Array, ""]]:
        """Return z, and log of the absolute determinant of ∂z/∂v."""
        total = jnp.zeros((), v.dtype)
        if not self.weights:
            return v, total
        z = v
        # without a barrier XLA computes the scales anew for every entry of the matrices made of them
        places = jax.lax.optimization_barrier(self._weight_places(v))
        for index, place, whitening in zip(self.weights, places, whitenings, strict=True):
            w, log_determinant = whitening(v[index], place)
            z, total = z.at[index].set(w), total + log_determinant
        return z, total

    @one_at_a_time
    def _weight_places(self, z: Flat) -> tuple[Place, ...]:
        """Return the scales and offsets of all weights, which no weight enters."""
        values = self.unravel(z)

        def constrained(site: dict[str, Any]) -> Any:
            known = site["type"] == "sample" and site["name"] in values
            return biject_to(site["fn"].support)(values[site["name"]]) if known else None

        read = substitute(self._prior, substitute_fn=constrained)
        sites = trace(seed(read, jax.random.key(0))).get_trace()
        infer = [sites[name]["infer"] for name in self._scaled]
        return tuple(Place(found[WEIGHT_SCALE].T, found[WEIGHT_OFFSET].T) for found in infer)


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
    starts
        Further points from which a mode is searched.
    """

    density: Density
    data: PyTree
    start: Flat
    starts: tuple[Flat, ...] = ()

    @property
    def dimension(self) -> int:
        """Number of unconstrained parameters."""
        return self.density.dimension

    def value_and_gradient(
        self, v: Flat, whitenings: Whitenings | None = None
    ) -> tuple[Float[Array, ""], Flat]:
        """Return U(v) = −log p(v, y) and its gradient; without a whitening v is z."""
        return self.density.value_and_gradient(v, self.data, whitenings or self.density.no_whitening)

    def values(
        self, points: Float[np.ndarray, "draw dimension"], whitenings: Whitenings
    ) -> Float[np.ndarray, " draw"]:
        """Return U at several points."""
        return np.array([float(self.value_and_gradient(jnp.asarray(v), whitenings)[0]) for v in points])

    @property
    def at_once(self) -> int:
        """How many points are best evaluated together."""
        return 50

    def draw_prior(self, key: Key) -> Flat:
        """Draw from the prior, (dimension,)."""
        return self.density.draw_prior(key)

    def unravel(self, z: Flat) -> dict[str, Array]:
        """Return the unconstrained sites of a flat vector."""
        return self.density.unravel(z)


def density_of(model: Program, prior: Program) -> Density:
    """Read a NumPyro model, the same one again while it is among the latest: fits to several data sets compile once.

    Parameters
    ----------
    model
        The NumPyro model, a function of the data.
    prior
        The same model's latent sites, without arguments.

    Raises
    ------
    InferenceError
        If the model has no unknown.
    """
    return _density(model, prior, str(jnp.result_type(float)))


def make_target(model: Program, prior: Program, data: PyTree, key: Key) -> Target:
    """Read a NumPyro model and data, and find a first point.

    Parameters
    ----------
    model, prior
        As in `density_of`.
    data
        The data, a pytree of arrays.
    key
        Random key of the point.

    Raises
    ------
    InferenceError
        If the model has no unknown, or no draw of the prior has a finite density.
    """
    density = density_of(model, prior)
    data = jax.tree.map(jnp.asarray, data)
    for attempt in single_keys(key, 100):
        start = density.draw_prior(attempt)
        target = Target(density, data, start)
        if jnp.isfinite(target.value_and_gradient(start)[0]):
            return target
    raise InferenceError(
        "None of 100 draws of the prior has a finite density. Check the data's scale against the prior "
        "(model.scaled_to(data).describe()) and the model's step size."
    )


def _along(gradient: Flat, change: Array) -> tuple[Flat, None, None]:
    return change * gradient, None, None


@lru_cache(maxsize=8)
def _density(model: Program, prior: Program, precision: str) -> Density:
    return Density(model, prior)


@one_at_a_time
def unconstrained_draw(prior: Program, key: Key) -> dict[str, Array]:
    """Draw the free sites of a program from its prior, by name."""
    return _unconstrained(trace(seed(prior, key)).get_trace())


def _unconstrained(sites: dict[str, Any]) -> dict[str, Array]:
    return {
        name: biject_to(site["fn"].support).inv(site["value"])
        for name, site in sites.items()
        if site["type"] == "sample" and not site["is_observed"]
    }


@lru_cache(maxsize=8)
def _drawing(prior: Program, precision: str) -> tuple[Program, dict[str, jax.ShapeDtypeStruct], list[str]]:
    """Return, of one run, what draws the free sites, their shapes, and the names of those that multiply a scale."""
    names: list[str] = []

    @one_at_a_time
    def once(key: Key) -> dict[str, Array]:
        sites = trace(seed(prior, key)).get_trace()
        names.extend(name for name, site in sites.items() if WEIGHT_SCALE in site.get("infer", {}))
        return _unconstrained(sites)

    code, shapes = jax.make_jaxpr(once, return_shape=True)(jax.random.key(0))
    structure = jax.tree.structure(shapes)

    def draw(key: Key) -> dict[str, Array]:
        return jax.tree.unflatten(structure, jax.core.eval_jaxpr(code.jaxpr, code.consts, key))

    return draw, shapes, names
