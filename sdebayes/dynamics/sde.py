"""The stochastic differential equation dX = f(X, t) dt + G(X, t) dW (Itô)."""

from __future__ import annotations

from typing import Any

import equinox as eqx

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Numbers
from sdebayes._core.types import Matrix, Scalar, Vector
from sdebayes.dynamics.diffusion import AbstractDiffusion
from sdebayes.dynamics.drift import AbstractDrift
from sdebayes.dynamics.known import as_diffusion, as_drift


@checked
class SDE(eqx.Module):
    """A drift and a diffusion: pure functions, a JAX pytree, no probability inside.

    Parameters
    ----------
    drift
        f(x, t), a drift or a function of JAX operations: ``sde.drift(x, t)`` returns (state,), in state per unit time.
    diffusion
        G(x, t), a diffusion or such a function: ``sde.diffusion(x, t)`` returns (state, state), in state per square
        root of time.

    Raises
    ------
    ModelError
        If a part cannot be called.

    Notes
    -----
    A stacked SDE carries a leading sample axis on every array; read it with
    ``jax.vmap(lambda s: s.drift(x))(sde)``.
    """

    drift: AbstractDrift = eqx.field(converter=as_drift)
    diffusion: AbstractDiffusion = eqx.field(converter=as_diffusion)

    def covariance(self, x: Numbers, t: Scalar = 0.0) -> Matrix:
        """Return the covariance rate Σ(x, t) = G Gᵀ, shape (state, state), in state² per unit time."""
        return self.diffusion.covariance(x, t)

    def tabulate(self, x: Vector, order: int, diffusion_order: int = 0) -> Any:
        """Return what can be computed at x before any parameter is known, derivatives up to the two orders."""
        return self.drift.tabulate(x, order), self.diffusion.tabulate(x, diffusion_order)

    def at(self, table: Any) -> SDE:
        """Return the SDE as it is at the point of a table."""
        return SDE(self.drift.at(table[0]), self.diffusion.at(table[1]))

    @property
    def affine(self) -> bool:
        """Whether the SDE is linear with additive noise, so that its transition law is Gaussian and exact."""
        return self.drift.affine and self.diffusion.constant
