"""The stochastic differential equation dX = f(X, t) dt + G(X, t) dW (Itô)."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Numbers
from sdebayes._core.types import Matrix, Scalar, Vector
from sdebayes.dynamics.diffusion import AbstractDiffusion, ConstantDiffusion
from sdebayes.dynamics.drift import AbstractAffineDrift, AbstractDrift
from sdebayes.dynamics.parametric import as_diffusion, as_drift


@checked
class SDE(eqx.Module):
    """A drift and a diffusion: pure functions, a JAX pytree, no probability inside.

    Parameters
    ----------
    drift
        f(x, t), a drift or a function of JAX operations: ``sde.drift(x, t)`` returns (state,), in state per unit of
        time.
    diffusion
        G(x, t), a diffusion or such a function: ``sde.diffusion(x, t)`` returns (state, state), in state per square
        root of time.

    Raises
    ------
    ModelError
        If a part cannot be called.

    See Also
    --------
    sdebayes.simulate : Simulates it.
    sdebayes.datasets.benchmark : Some with data.
    sdebayes.Posterior.sde : One for each draw.

    Notes
    -----
    A stacked SDE carries a leading sample axis on every array; read it with
    ``jax.vmap(lambda s: s.drift(x))(sde)``.

    Examples
    --------
    >>> sde = sb.SDE(lambda x, t=0.0: x - x**3, lambda x, t=0.0: 0.5 * jnp.eye(1))
    >>> sde.drift(jnp.array([2.0])).tolist()
    [-6.0]
    >>> sde.covariance(jnp.array([2.0])).tolist()
    [[0.25]]
    >>> dict(sb.simulate(sde, times=[0, 1, 2], x0=[1.0], paths=8)["x"].sizes)
    {'sample': 1, 'path': 8, 'time': 3, 'state': 1}
    """

    drift: AbstractDrift = eqx.field(converter=as_drift)
    diffusion: AbstractDiffusion = eqx.field(converter=as_diffusion)

    def covariance(self, x: Numbers, t: Scalar = 0.0) -> Matrix:
        """Return the covariance rate Σ(x, t) = G Gᵀ, shape (state, state), in state² per unit of time."""
        return self.diffusion.covariance(x, t)

    def tabulate(self, x: Vector, order: int, diffusion_order: int = 0) -> PyTree:
        """Return what can be computed at x before any parameter is known, derivatives up to the two orders."""
        return self.drift.tabulate(x, order), self.diffusion.tabulate(x, diffusion_order)

    def at(self, table: PyTree) -> SDE:
        """Return the SDE as it is at the point of a table."""
        return SDE(self.drift.at(table[0]), self.diffusion.at(table[1]))

    @property
    def linear(self) -> LinearSDE | None:
        """The SDE if its drift is linear and its noise additive, whose transition distribution is known; else None."""
        drift, diffusion = self.drift.as_affine(), self.diffusion.as_constant()
        return None if drift is None or diffusion is None else LinearSDE(drift, diffusion)


@checked
class LinearSDE(SDE):
    """dX = (v − A X) dt + G dW, one or stacked, with what can be read of it.

    Parameters
    ----------
    drift
        v − A x.
    diffusion
        G.

    See Also
    --------
    sdebayes.SDE : Any drift and diffusion.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("ornstein_uhlenbeck", 3, 0.1)
    >>> truth.linear.matrix.tolist(), truth.linear.covariance_rate.tolist()
    ([[1.0, 2.0], [-2.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]])
    """

    drift: AbstractAffineDrift
    diffusion: ConstantDiffusion

    @property
    def matrix(self) -> Float[Array, "*sample state state"]:
        """Rate matrix A, (state, state), in 1/time."""
        return jnp.asarray(self.drift.matrix)

    @property
    def offset(self) -> Float[Array, "*sample state"]:
        """The drift at the origin, v, (state,), in state per unit of time."""
        return jnp.asarray(self.drift.offset)

    @property
    def covariance_rate(self) -> Float[Array, "*sample state state"]:
        """Σ = G Gᵀ, (state, state), in state² per unit of time."""
        factor = jnp.asarray(self.diffusion.factor)
        return factor @ jnp.swapaxes(factor, -1, -2)
