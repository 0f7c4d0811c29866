"""Linear algebra of linear-Gaussian transitions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.scipy.linalg import expm, solve_triangular
from jaxtyping import Array, Bool, Float

from sdebayes._core.types import Matrix, Scalar, Vector

_DOUBLINGS = 32


def symmetrize(matrix: Float[Array, "*batch n n"]) -> Float[Array, "*batch n n"]:
    """Return the symmetric part (M + Mᵀ)/2."""
    return 0.5 * (matrix + jnp.swapaxes(matrix, -1, -2))


def linear_transition(A: Matrix, covariance: Matrix, dt: Scalar) -> tuple[Matrix, Matrix]:
    r"""Exact transition of dX = −A X dt + G dW over a step of any length.

    Parameters
    ----------
    A
        Rate matrix, (state, state), in 1/time.
    covariance
        Covariance rate Σ = G Gᵀ, (state, state).
    dt
        Step, in time.

    Returns
    -------
    (transition, noise)
        :math:`\Phi = e^{-A\Delta t}` and
        :math:`Q = \int_0^{\Delta t} e^{-As} \Sigma e^{-A^\top s} ds`.

    Notes
    -----
    The block exponential of Van Loan (1978, doi:10.1109/TAC.1978.1101743, eq. 1.2) at h = Δt/2ᵏ with ‖A‖h ≤ ½ and Σ
    in units of its largest entry, then k doublings Q(2h) = Q(h) + Φ(h) Q(h) Φ(h)ᵀ: no cancellation at short steps, no
    overflow at long ones, the same accuracy in every unit of state and time.
    """
    n = A.shape[-1]
    norm = jax.lax.stop_gradient(jnp.max(jnp.sum(jnp.abs(A), -1)))
    count = jnp.clip(jnp.ceil(jnp.log2(2 * norm * dt)), 0, _DOUBLINGS)
    h = dt / 2**count
    unit = _largest(covariance)
    exponential = expm(jnp.block([[A * h, covariance / unit], [jnp.zeros_like(A), -A.T * h]]))
    transition = exponential[n:, n:].T
    noise = symmetrize(transition @ exponential[:n, n:]) * (unit * h)

    transition, noise = _doubled(transition, noise, jnp.arange(_DOUBLINGS) < count)
    return transition, symmetrize(noise)


def _largest(array: Float[Array, "..."]) -> Float[Array, ""]:
    """Return the largest magnitude, 1 where all entries are zero: a unit, in which nothing is differentiated."""
    size = jax.lax.stop_gradient(jnp.max(jnp.abs(array)))
    return jnp.where(size > 0, size, 1.0)


def _doubled(transition: Matrix, noise: Matrix, active: Bool[Array, " doubling"]) -> tuple[Matrix, Matrix]:
    def double(carry: tuple[Matrix, Matrix], on: Array) -> tuple[tuple[Matrix, Matrix], None]:
        phi, q = carry
        return jax.lax.cond(on, lambda: (phi @ phi, q + phi @ q @ phi.T), lambda: carry), None

    return jax.lax.scan(double, (transition, noise), active)[0]


def stationary_covariance(A: Matrix, covariance: Matrix) -> Matrix:
    """Solve A P + P Aᵀ = Σ for the stationary covariance P of dX = −A X dt + G dW with stable A.

    P is the noise covariance of an endless step, reached by doubling; it is not finite where A is not stable.
    """
    start = linear_transition(A, covariance, 1 / jnp.linalg.norm(A))
    return symmetrize(_doubled(*start, jnp.ones(60, dtype=bool))[1])


@jax.custom_jvp
def inverse_and_log_determinant(matrix: Matrix) -> tuple[Matrix, Float[Array, ""]]:
    """Return M⁻¹ and log |M| of a positive definite matrix; NaN where it is not.

    The derivatives −M⁻¹ dM M⁻¹ and tr(M⁻¹ dM) are given, which costs a fraction of differentiating the factorisation.
    """
    factor = jnp.linalg.cholesky(matrix)
    half = solve_triangular(factor, jnp.eye(matrix.shape[-1], dtype=matrix.dtype), lower=True)
    return half.T @ half, 2 * jnp.sum(jnp.log(jnp.diagonal(factor)))


@inverse_and_log_determinant.defjvp
def _inverse_jvp(
    primals: tuple[Matrix], tangents: tuple[Matrix]
) -> tuple[tuple[Matrix, Array], tuple[Matrix, Array]]:
    inverse, log_determinant = inverse_and_log_determinant(primals[0])
    product = inverse @ tangents[0]
    return (inverse, log_determinant), (-product @ inverse, jnp.trace(product))


def normal_log_density(residual: Float[Array, " n"], factor: Float[Array, "n n"]) -> Float[Array, ""]:
    """Log density of N(0, L Lᵀ) at a residual, (n,), with the lower Cholesky factor L, (n, n)."""
    white = solve_triangular(factor, residual, lower=True)
    log_determinant = jnp.sum(jnp.log(jnp.diagonal(factor)))
    return -0.5 * (white @ white) - log_determinant - 0.5 * residual.shape[-1] * jnp.log(2 * jnp.pi)


def affine_flow(J: Matrix, velocity: Vector, acceleration: Vector, dt: Scalar) -> Vector:
    r"""Displacement of dz = (J z + v + a s) ds from z = 0 over a step.

    Parameters
    ----------
    J
        (state, state), in 1/time.
    velocity, acceleration
        v and a, (state,).
    dt
        Step.

    Returns
    -------
    displacement
        :math:`\int_0^{\Delta t} e^{J(\Delta t - s)} (v + a s) ds`, (state,).

    Notes
    -----
    The last column of the exponential of [[J, a, v], [0, 0, 1], [0, 0, 0]], in units in which Δt and the largest of v
    and a are 1; valid for singular J: Al-Mohy & Higham (2011), theorem 2.1, doi:10.1137/100788860.
    """
    n = J.shape[-1]
    columns = jnp.stack([acceleration * dt**2, velocity * dt], axis=-1)
    unit = _largest(columns)
    block = jnp.zeros((n + 2, n + 2), dtype=jnp.result_type(J, columns))
    block = block.at[:n, :n].set(J * dt).at[:n, n:].set(columns / unit).at[n, n + 1].set(1.0)
    return unit * expm(block, max_squarings=_DOUBLINGS)[:n, n + 1]
