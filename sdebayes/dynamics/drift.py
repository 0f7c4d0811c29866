"""Drift functions f(x, t): (state,) → (state,), in units of state per unit of time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from sdebayes._core.arguments import checked
from sdebayes._core.types import Matrix, Scalar, Vector
from sdebayes.dynamics.basis import mean_shift
from sdebayes.dynamics.field import AbstractField
from sdebayes.dynamics.numbers import AbstractPointFunction


class Expansion(NamedTuple):
    """A drift's local expansion at (x, t).

    Attributes
    ----------
    value
        f, (state,).
    jacobian
        ∂f/∂x, (state, state).
    curvature
        ∂²f/∂x∂x, (state, state, state).
    time_derivative
        ∂f/∂t, (state,).

    See Also
    --------
    sdebayes.dynamics.AbstractDrift.expansion : Makes it.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well_1d", 3, 0.1)
    >>> found = truth.drift.expansion(jnp.array([1.0]))  # of 2 x - 3 x³
    >>> found.value.tolist(), found.jacobian.tolist(), found.curvature.tolist()
    ([-1.0], [[-7.0]], [[[-18.0]]])
    """

    value: Vector
    jacobian: Matrix
    curvature: Float[Array, "state state state"]
    time_derivative: Vector


@checked
class AbstractDrift(AbstractPointFunction):
    """A drift f(x, t), written for one point.

    Drifts that are linear in coefficients, f(x) = Θᵀ ψ(x), have two methods more: ``features(x, reference)``, ψ(x),
    (feature,), and ``coefficients(reference)``, Θ, (feature, state), with a linear part written around a reference.

    See Also
    --------
    sdebayes.dynamics.ParametricDrift : A drift without a class.
    sdebayes.SDE : Takes it.

    Examples
    --------
    >>> class Cubic(sb.dynamics.AbstractDrift):
    ...     def __call__(self, x, t=0.0):
    ...         return x - x**3
    >>> Cubic()(jnp.array([2.0])).tolist()
    [-6.0]
    >>> Cubic().jacobian(jnp.array([2.0])).tolist()
    [[-11.0]]
    """

    @abstractmethod
    def __call__(self, x: Vector, t: Scalar = 0.0) -> Vector:
        """Return f(x, t), shape (state,)."""

    def as_affine(self) -> AbstractAffineDrift | None:
        """Return the drift if it is v − A x with constant A and v, which can then be read from it; else None."""
        return None

    def jacobian(self, x: Vector, t: Scalar = 0.0) -> Matrix:
        """Return ∂f/∂x at (x, t), shape (state, state), in 1/time."""
        return jax.jacfwd(lambda point: self(point, t))(x)

    def expansion(self, x: Vector, t: Scalar = 0.0) -> Expansion:
        """Return f with its first and second derivatives in x and its derivative in t."""
        t = jnp.asarray(t, dtype=x.dtype)
        return Expansion(
            self(x, t),
            self.jacobian(x, t),
            jax.jacfwd(lambda point: self.jacobian(point, t))(x),
            jax.jacfwd(lambda time: self(x, time))(t),
        )

    def mean_shift(self, x: Vector, t: Scalar, covariance: Matrix) -> Vector:
        """Return ½ tr(P ∂²f), (state,): what a spread P of x adds to the mean of f, to second order."""
        return mean_shift(lambda point: self(point, t), x, covariance)

    def linear_part(self, x: Vector, t: Scalar = 0.0) -> AbstractAffineDrift:
        """Return the linear drift that a splitting takes out of f; unless f names one, f linearised at (x, t)."""
        J = self.jacobian(x, t)
        return AffineDrift(-J, self(x, t) - J @ x)

    def tabulate(self, x: Vector, order: int) -> PyTree:
        """Return what can be computed at x, derivatives up to ``order``, before any parameter is known; else None."""
        return None

    def at(self, table: PyTree) -> AbstractDrift:
        """Return the drift as it is at the point of a table: only its expansion there may be read."""
        return self


@checked
class AbstractAffineDrift(AbstractDrift):
    """f(x) = v − A x, of one drift or of stacked ones.

    Attributes
    ----------
    matrix
        Rate matrix A, (state, state), in 1/time.

    See Also
    --------
    sdebayes.dynamics.LinearDrift : Around an equilibrium.
    sdebayes.dynamics.AffineDrift : With or without one.

    Examples
    --------
    >>> drift = sb.dynamics.LinearDrift(jnp.diag(jnp.array([1.0, 2.0])), jnp.array([3.0, 0.0]))
    >>> isinstance(drift, sb.dynamics.AbstractAffineDrift), drift.offset.tolist()
    (True, [3.0, 0.0])
    """

    matrix: eqx.AbstractVar[Matrix]

    @property
    @abstractmethod
    def offset(self) -> Float[Array | np.ndarray, "*sample state"]:
        """The drift at the origin, v, (state,), in state per unit of time."""

    def as_affine(self) -> AbstractAffineDrift:
        """Return the drift itself."""
        return self

    def jacobian(self, x: Vector, t: Scalar = 0.0) -> Matrix:
        """Return −A."""
        return -self.matrix

    def features(self, x: Vector, reference: Vector) -> Float[Array, " feature"]:
        """Return (1, x − reference)."""
        return jnp.concatenate([jnp.ones(1, x.dtype), x - reference])

    def coefficients(self, reference: Vector) -> Float[Array, "feature state"]:
        """Return what multiplies the features: the value at the reference, and the slopes."""
        return jnp.concatenate([self(reference)[None], self.jacobian(reference).T])

    def linear_part(self, x: Vector, t: Scalar = 0.0) -> AbstractAffineDrift:
        """Return the drift itself."""
        return self


@checked
class LinearDrift(AbstractAffineDrift):
    """f(x) = A (b − x), the drift of the Ornstein–Uhlenbeck process.

    Parameters
    ----------
    matrix
        Rate matrix A, (state, state), in 1/time.
    location
        Equilibrium b, (state,).

    See Also
    --------
    sdebayes.priors.Linear : Its prior.
    sdebayes.dynamics.LinearSDE : With a constant diffusion.

    Examples
    --------
    >>> drift = sb.dynamics.LinearDrift(jnp.array([[1.0, 2.0], [-2.0, 1.0]]), jnp.zeros(2))
    >>> drift(jnp.array([1.0, 0.0])).tolist()
    [-1.0, 2.0]
    """

    matrix: Matrix
    location: Vector

    @property
    def offset(self) -> Float[Array | np.ndarray, "*sample state"]:
        """The drift at the origin, A b, shape (state,)."""
        return jnp.einsum("...ij,...j->...i", self.matrix, self.location)

    def __call__(self, x: Vector, t: Scalar = 0.0) -> Vector:
        """Return A (b − x), shape (state,)."""
        return self.matrix @ (self.location - x)


@checked
class AffineDrift(AbstractAffineDrift):
    """f(x) = v − A x: any linear drift, stable or not, with or without an equilibrium.

    Parameters
    ----------
    matrix
        Rate matrix A, (state, state), in 1/time.
    constant_term
        v, (state,), in state per unit of time.

    See Also
    --------
    sdebayes.dynamics.LinearDrift : Around an equilibrium.

    Examples
    --------
    >>> drift = sb.dynamics.AffineDrift(jnp.zeros((1, 1)), jnp.array([0.5]))  # no equilibrium
    >>> drift(jnp.array([7.0])).tolist()
    [0.5]
    """

    matrix: Matrix
    constant_term: Vector

    @property
    def offset(self) -> Float[Array | np.ndarray, "*sample state"]:
        """The drift at the origin, v, shape (state,)."""
        return self.constant_term

    def __call__(self, x: Vector, t: Scalar = 0.0) -> Vector:
        """Return v − A x, shape (state,)."""
        return self.constant_term - self.matrix @ x


@checked
class FieldDrift(AbstractDrift):
    """f(x) = A (b − x) + u(x): a linear drift and a bounded nonlinear field.

    Parameters
    ----------
    linear
        The linear part; stable, it rules far away, so that paths cannot explode.
    field
        u, (state,) → (state,), in state per unit of time.

    See Also
    --------
    sdebayes.priors.GP : A prior of such drifts.
    sdebayes.priors.BNN : Another.

    Examples
    --------
    >>> linear = sb.dynamics.LinearDrift(jnp.eye(1), jnp.zeros(1))
    >>> basis = sb.dynamics.FourierBasis(jnp.zeros(1), jnp.array([[1.0]]))
    >>> drift = sb.dynamics.FieldDrift(linear, sb.dynamics.BasisField(basis, jnp.array([[0.5], [0.0]])))
    >>> drift(jnp.array([0.0])).tolist()  # -x + cos(x) / 2
    [0.5]
    """

    linear: LinearDrift
    field: AbstractField

    def __call__(self, x: Vector, t: Scalar = 0.0) -> Vector:
        """Return A (b − x) + u(x), shape (state,)."""
        return self.linear(x) + self.field(x)

    def jacobian(self, x: Vector, t: Scalar = 0.0) -> Matrix:
        """Return ∂f/∂x."""
        u: Any = self.field.jet(x, 1)
        return self.linear.jacobian(x) + u.gradient

    def expansion(self, x: Vector, t: Scalar = 0.0) -> Expansion:
        """Return f with its first and second derivatives."""
        u: Any = self.field.jet(x, 2)
        return Expansion(
            self.linear(x) + u.value, self.linear.jacobian(x) + u.gradient, u.hessian, jnp.zeros_like(x)
        )

    def mean_shift(self, x: Vector, t: Scalar, covariance: Matrix) -> Vector:
        """Return what the field's curvature adds."""
        return self.field.mean_shift(x, covariance)

    def linear_part(self, x: Vector, t: Scalar = 0.0) -> AbstractAffineDrift:
        """Return A (b − x)."""
        return self.linear

    def tabulate(self, x: Vector, order: int) -> PyTree:
        """Return the field's table."""
        return self.field.tabulate(x, order)

    def at(self, table: PyTree) -> AbstractDrift:
        """Return the drift with its field read from a table."""
        return FieldDrift(self.linear, self.field.at(table))

    def features(self, x: Vector, reference: Vector) -> Float[Array, " feature"]:
        """Return (1, x − reference, φ(x)); the field is a `BasisField`."""
        field: Any = self.field
        return jnp.concatenate([self.linear.features(x, reference), field.basis(x)])

    def coefficients(self, reference: Vector) -> Float[Array, "feature state"]:
        """Return what multiplies the features."""
        field: Any = self.field
        return jnp.concatenate([self.linear.coefficients(reference), field.weights])


@checked
class ParametricDrift(AbstractDrift):
    """The user's own drift f(x, t, θ).

    Parameters
    ----------
    function
        ``function(x, t, parameters) -> (state,)``, made of JAX operations.
    parameters
        Named parameters θ.

    See Also
    --------
    sdebayes.priors.Parametric : Its prior.

    Examples
    --------
    >>> drift = sb.dynamics.ParametricDrift(lambda x, t, p: p["rate"] * (x - x**3), {"rate": jnp.array(2.0)})
    >>> drift(jnp.array([2.0])).tolist()
    [-12.0]
    """

    function: Callable[[Any, Any, dict[str, Any]], Any] = eqx.field(static=True)
    parameters: dict[str, Any]

    def __call__(self, x: Vector, t: Scalar = 0.0) -> Vector:
        """Return f(x, t, θ), shape (state,)."""
        return self.function(x, t, self.parameters)
