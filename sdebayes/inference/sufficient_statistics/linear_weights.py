"""A model whose drift is linear in its weights: its known functions, and its likelihood through sums."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpyro
from jaxtyping import Array, Float
from numpyro.handlers import block, seed

from sdebayes._core.errors import ModelError
from sdebayes._core.tracing import one_at_a_time
from sdebayes._core.types import Vector
from sdebayes.inference.sufficient_statistics.euler_maruyama import Given, Statistics, known_log_density
from sdebayes.model.sdemodel import SDEModel
from sdebayes.priors.constants import constant


@dataclass(frozen=True, eq=False)
class LinearWeights:
    """The sum of known functions that a model's drift is.

    Parameters
    ----------
    model
        The model, scaled to data; see `linear_weights`.
    """

    model: SDEModel

    @property
    def reference(self) -> Vector:
        """Where the drift's linear functions are 0, (state,)."""
        prior: Any = self.model.drift
        n = len(self.model.frozen_scale.states)
        return jnp.asarray(constant("location", prior.location, type(prior).__name__, n))

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Numbers of features and states."""
        found = jax.eval_shape(lambda: self.features(self.reference))
        return found.shape[0], len(self.model.frozen_scale.states)

    @one_at_a_time
    def features(self, x: Vector) -> Float[Array, " feature"]:
        """Return the known functions that the drift is linear in, at one point."""
        drift: Any = block(seed(self.model.build, jax.random.key(0)))().sde.drift
        return drift.features(x, self.reference)

    def program(self, statistics: Statistics) -> None:
        """Draw all parameters inside a NumPyro model, and count the likelihood of the data in the log density."""
        observed = self.model.build()
        drift: Any = observed.sde.drift
        reference = self.reference
        offset = drift.coefficients(reference)
        first = observed.initial_mean - reference, observed.initial_covariance
        given = Given(offset, jnp.zeros_like(offset), observed.sde.covariance(reference), *first)
        numpyro.factor("log_likelihood", known_log_density(given, statistics))


def linear_weights(model: SDEModel) -> LinearWeights:
    """Return the functions that a model's drift is a sum of, the same object again for the same model.

    Parameters
    ----------
    model
        The model, scaled to data.

    Raises
    ------
    ModelError
        If there are none, or sums over the data do not hold its likelihood; the message says what to use instead.
    """
    refuse(obstacle(model))
    return functions_of(model)


@lru_cache(maxsize=8)
def functions_of(model: SDEModel) -> LinearWeights:
    """Return the functions that a model's drift is a sum of, without a check."""
    return LinearWeights(model)


def refuse(reason: str) -> None:
    """Raise a ModelError that names what stands in the way, if anything does."""
    if reason:
        raise ModelError(f"The weights cannot be integrated out: {reason}.")


def obstacle(model: SDEModel) -> str:
    """Return why a model's likelihood is not one of sums, and what to use instead; nothing where it is.

    Parameters
    ----------
    model
        The model.
    """
    if found := obstacle_but_scheme(model):
        return found
    if model.discretization.linear_in_drift:
        return ""
    return (
        f"the mean of {type(model.discretization).__name__} is not linear in the drift; use sdebayes.NUTS(), or "
        "scheme=sdebayes.schemes.EulerMaruyama()"
    )


def obstacle_but_scheme(model: SDEModel) -> str:
    """Return what `obstacle` does for a model whose scheme does not matter."""
    drift = type(model.drift).__name__
    checks = (
        (not model.levels, "the level depends on covariates; use sdebayes.NUTS()"),
        (model.regimes is None, "regimes are summed out step by step; use sdebayes.NUTS()"),
        (model.pooling is None, "groups have parameters of their own (by_group); use sdebayes.NUTS()"),
        (
            model.likelihood.states_observed,
            f"{type(model.observation).__name__} hides the states; use sdebayes.NUTS(), or "
            "observation=sdebayes.Exact() if there is no noise",
        ),
        (
            model.observation.normal,
            "Student-t innovations have no closed form; use sdebayes.NUTS(), or sdebayes.Exact() without innovations",
        ),
        (
            model.diffusion.constant,
            f"{type(model.diffusion).__name__} depends on the state; use sdebayes.NUTS(), or "
            "diffusion=sdebayes.priors.Constant()",
        ),
        (
            model.drift.linear_in_weights,
            f"{drift} is not a sum of known functions; use sdebayes.NUTS(), or a drift whose weights can be "
            "integrated out: Linear(), Sparse(), GP() with the basis HSGP (up to three states), GP(lengthscale=...) "
            "with any basis",
        ),
    )
    return next((words for fits, words in checks if not fits), "")
