"""The contract of a scheme."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from sdebayes._core.arguments import checked
from sdebayes._core.linalg import normal_log_density
from sdebayes._core.stored import Stored
from sdebayes._core.types import Matrix, Scalar, Vector
from sdebayes.dynamics import SDE, LinearSDE
from sdebayes.dynamics.basis import mean_shift


@checked
class AffineTransition(eqx.Module):
    """The distribution X(t + Δt) | x ~ N(Φ x + s, Q) of a linear SDE.

    Parameters
    ----------
    matrix
        Φ, (state, state).
    shift
        s, (state,).
    covariance
        Q, (state, state).

    See Also
    --------
    sdebayes.schemes.AbstractScheme.affine_transition : Makes it.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("ornstein_uhlenbeck_1d", 3, 0.1)
    >>> step = sb.schemes.LocalLinearization().affine_transition(truth.linear, np.log(2.0))
    >>> np.asarray(step.matrix).round(3), np.asarray(step.covariance).round(3)  # e⁻ᵗ and 1 − e⁻²ᵗ
    (array([[0.5]], dtype=float32), array([[0.75]], dtype=float32))
    """

    matrix: Matrix
    shift: Vector
    covariance: Matrix


@checked
class AbstractScheme(Stored, eqx.Module):
    """An approximation of the transition distribution over one step, normal unless a scheme says otherwise.

    Attributes
    ----------
    requires_exact_observation
        Whether its distribution is a density of states that must be observed exactly, and no normal distribution for a
        filter.
    linear_in_drift
        Whether the distribution is N(x + f(x, t) Δt, Σ(x, t) Δt), so that its mean is linear in what the drift is
        linear in.
    derivatives
        Highest derivative of the drift that is read at (x, t), and nothing elsewhere, so that basis functions can be
        tabulated there once; None if the drift is followed to other points.
    diffusion_derivatives
        Highest derivative of the diffusion that is read.
    order
        Local order of the mean and of the covariance in Δt, in words.
    reference
        Where the scheme is described.
    additive_bias, multiplicative_bias
        c and p such that c (‖J‖Δt)ᵖ is the relative error that the scheme leaves in drift and Σ at worst, as measured
        by ``benchmarks/scheme_bias.py`` on systems with additive and with multiplicative noise; None where it is not
        known.
    recommended
        Whether findings may name it to who needs a scheme of less bias: it is made without arguments.

    See Also
    --------
    sdebayes.SDEModel : Takes a scheme.
    sdebayes.schemes.Moments : The default of multiplicative noise.
    sdebayes.schemes.LocalLinearization : The default of additive noise.

    Examples
    --------
    A scheme of your own says how a step goes:

    >>> class Euler(sb.schemes.AbstractScheme):
    ...     def transition(self, sde, x, t, dt):
    ...         return x + sde.drift(x, t) * dt, sde.covariance(x, t) * dt
    >>> data, truth = sb.datasets.benchmark("double_well", 3, 0.1)
    >>> mean, covariance = Euler().transition(truth, jnp.array([2.0, 0.0]), 0.0, 0.1)
    >>> np.asarray(mean).round(3)
    array([1.4, 0. ], dtype=float32)
    """

    requires_exact_observation: ClassVar[bool] = False
    linear_in_drift: ClassVar[bool] = False
    derivatives: ClassVar[int | None] = None
    diffusion_derivatives: ClassVar[int] = 0
    order: ClassVar[str] = "not said"
    reference: ClassVar[str] = "not said"
    additive_bias: ClassVar[tuple[float, int] | None] = None
    multiplicative_bias: ClassVar[tuple[float, int] | None] = None
    recommended: ClassVar[bool] = False

    @property
    def title(self) -> str:
        """What a reader is told of it: the class, and the number of parts where it divides a step."""
        return type(self).__name__

    @property
    def requires_additive_noise(self) -> bool:
        """Whether Σ must not depend on x and t."""
        return False

    @property
    def exact_when_linear(self) -> bool:
        """Whether the distribution is exact for a linear drift with constant Σ, at any Δt."""
        return False

    def bias(self, rate_times_step: float, additive: bool) -> float | None:
        """Return about how far, relative to their size, drift and Σ may be off when estimated under the scheme.

        Parameters
        ----------
        rate_times_step
            Root of the mean square of ‖J‖ over the states, times the step.
        additive
            Whether Σ is constant.

        Returns
        -------
        float or None
            c (‖J‖Δt)ᵖ, 1 being their own size; None where it is not known.
        """
        known = self.additive_bias if additive else self.multiplicative_bias
        if known is None:
            return None
        coefficient, power = known
        return coefficient * rate_times_step**power

    @abstractmethod
    def transition(self, sde: SDE, x: Vector, t: Scalar, dt: Scalar) -> tuple[Vector, Matrix]:
        """Return mean (state,) and covariance (state, state) of X(t + Δt) given X(t) = x."""

    def log_density(self, sde: SDE, x: Vector, following: Vector, t: Scalar, dt: Scalar) -> Scalar:
        """Return the normal log density of X(t + Δt) at ``following`` given X(t) = x, in nats."""
        mean, covariance = self.transition(sde, x, t, dt)
        return normal_log_density(following - mean, covariance)

    def draw(self, sde: SDE, x: Vector, t: Scalar, dt: Scalar, white: Vector) -> Vector:
        """Return the X(t + Δt), (state,), that a standard normal draw ``white``, (state,), makes from X(t) = x."""
        mean, covariance = self.transition(sde, x, t, dt)
        return mean + jnp.linalg.cholesky(covariance) @ white

    def propagate(
        self, sde: SDE, mean: Vector, covariance: Matrix, t: Scalar, dt: Scalar
    ) -> tuple[Vector, Matrix, Matrix]:
        r"""Carry an uncertain state over one step, as a Gaussian filter does.

        Parameters
        ----------
        sde
            Drift and diffusion.
        mean, covariance
            m and P of X(t), (state,) and (state, state).
        t, dt
            Time and step.

        Returns
        -------
        (mean, F, Q)
            Mean of X(t + Δt), (state,): the scheme's mean μ(m) and what P adds to it through the curvature,
            :math:`\tfrac12 \mathrm{tr}(P\, ∂^2 μ)`; μ's derivative F at m, (state, state); the covariance Q of the
            step's own noise, (state, state), so that X(t + Δt) has the covariance F P Fᵀ + Q.
        """

        def law(x: Vector) -> tuple[Vector, tuple[Vector, Matrix]]:
            following, noise = self.transition(sde, x, t, dt)
            return following, (following, noise)

        F, (following, noise) = jax.jacfwd(law, has_aux=True)(mean)
        return following + mean_shift(lambda x: law(x)[0], mean, covariance), F, noise

    def affine_transition(self, sde: LinearSDE, dt: Scalar) -> AffineTransition:
        """Return the transition over Δt of an SDE with linear drift and constant Σ; by default `transition` at 0."""

        def law(x: Vector) -> tuple[Vector, tuple[Vector, Matrix]]:
            mean, covariance = self.transition(sde, x, jnp.zeros((), x.dtype), dt)
            return mean, (mean, covariance)

        matrix, (shift, covariance) = jax.jacfwd(law, has_aux=True)(jnp.zeros_like(sde.offset))
        return AffineTransition(matrix, shift, covariance)
