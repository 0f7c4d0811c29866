"""The NumPyro model whose weights are integrated out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpyro
from jaxtyping import Array, Float
from numpyro.handlers import block, seed, substitute, trace

from sdebayes._core.errors import ModelError
from sdebayes._core.types import Vector
from sdebayes.inference.evidence import Given, Statistics, log_evidence_of
from sdebayes.model.sdemodel import SDEModel
from sdebayes.priors.base import constant


@dataclass(frozen=True, eq=False)
class Collapsed:
    """A model given all but its drift's weights, and the evidence of that.

    Parameters
    ----------
    model
        The model, scaled to data; see `collapsed`.
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

    def features(self, x: Vector) -> Float[Array, " feature"]:
        """Return the known functions that the drift is linear in, at one point."""
        drift: Any = seed(self.model.build, jax.random.key(0))().sde.drift
        return drift.features(x, self.reference)

    def given(self) -> Given:
        """Draw all but the weights inside a NumPyro model.

        The model's own program is run twice, with all weights 0 and with all weights 1: what changes is their scale.
        """
        zero, one = (self.model.drift.weight_sites(jnp.full(self.shape, value)) for value in (0.0, 1.0))
        with trace() as sites:
            observed = block(substitute(self.model.build, data=zero), hide=list(zero))()
        known = {name: site["value"] for name, site in sites.items() if site["type"] == "sample"}
        with block():
            unit = substitute(self.model.build, data=known | one)()
        reference = self.reference
        offset, most = (each.sde.drift.coefficients(reference) for each in (observed, unit))
        return Given(
            offset,
            most - offset,
            observed.sde.covariance(reference),
            observed.initial_mean - reference,
            observed.initial_covariance,
        )

    def program(self, statistics: Statistics) -> None:
        """Draw all but the weights, and count the evidence of the data in the log density."""
        numpyro.factor(
            "log_evidence", log_evidence_of(self.given(), statistics, self.model.drift.shares_scale)
        )


def collapsed(model: SDEModel) -> Collapsed:
    """Return a model without its weights, the same one again for the same model.

    Parameters
    ----------
    model
        The model, scaled to data.

    Raises
    ------
    ModelError
        If the weights cannot be integrated out in closed form; the message says what to use instead.
    """
    refuse(model)
    return _collapsed(model)


@lru_cache(maxsize=8)
def _collapsed(model: SDEModel) -> Collapsed:
    return Collapsed(model)


def refuse(model: SDEModel) -> None:
    """Raise an error if a model's weights cannot be integrated out in closed form.

    Parameters
    ----------
    model
        The model, scaled to data.

    Raises
    ------
    ModelError
        If observation, diffusion, scheme or drift do not allow it; the message says what to use instead.
    """
    drift, scheme = type(model.drift).__name__, type(model.discretization).__name__
    checks = (
        (
            model.observation.exact,
            f"{type(model.observation).__name__} hides the states; use sdebayes.NUTS(), or "
            "observation=sdebayes.Exact() if there is no noise",
        ),
        (
            model.diffusion.constant,
            f"{type(model.diffusion).__name__} depends on the state; use sdebayes.NUTS(), or "
            "diffusion=sdebayes.priors.Constant()",
        ),
        (
            model.discretization.linear_in_drift,
            f"the mean of {scheme} is not linear in the drift; use sdebayes.NUTS(), or "
            "scheme=sdebayes.schemes.EulerMaruyama() if steps are short",
        ),
        (
            model.drift.linear_in_weights,
            f"{drift} is not a sum of known functions; use sdebayes.NUTS(), or a drift whose weights can be integrated "
            "out: Linear(), GP() with the basis HSGP (up to three states), or GP(lengthscale=...) with any basis",
        ),
    )
    for fits, words in checks:
        if not fits:
            raise ModelError(f"The weights cannot be integrated out: {words}.")
