"""A scheme taken several times within one step."""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import Count
from sdebayes._core.linalg import symmetrize
from sdebayes._core.types import Matrix, Scalar, Vector
from sdebayes.dynamics import SDE, LinearSDE
from sdebayes.schemes.base import AbstractScheme, AffineTransition

_CLOSURE_BIAS = 0.1
"""What the closure at two moments leaves out, in units of (‖J‖Δt)²: measured by ``benchmarks/scheme_bias.py``."""


@checked
class Substeps(AbstractScheme):
    r"""A scheme over each of n equal parts of Δt, with a normal distribution carried from part to part.

    With m and P the mean and the covariance at the start of a part, and μ, F and Q what the scheme makes of them,

    .. math:: m' = μ(m, P), \qquad P' = F P F^\top + Q, \qquad P_0 = 0.

    The distribution between the parts is not normal, and only its first two moments are kept. What this closure leaves
    out does not fall with n: terms in Δt³ with third and fourth derivatives of f in the mean, with third ones in the
    covariance; and where Σ varies with x the scheme has to average it over P, which `Moments` does and `EulerMaruyama`
    and `LinearNoise` do not, whose covariance stays off by a term in Δt². Costs n times as much as the scheme.

    Parameters
    ----------
    scheme
        The scheme of a part.
    n
        Number of parts of Δt.

    Raises
    ------
    ModelError
        If ``scheme`` is no scheme or one whose distribution is not normal, or ``n`` is not a positive whole number.

    See Also
    --------
    sdebayes.schemes.Moments : A scheme that it divides well.

    References
    ----------
    Särkkä & Solin (2019), Applied Stochastic Differential Equations, sec. 9.1 and 9.4, doi:10.1017/9781108186735.

    Examples
    --------
    >>> scheme = sb.schemes.Substeps(sb.schemes.EulerMaruyama(), 4)
    >>> scheme.title
    'EulerMaruyama in 4 parts of each step'
    >>> data, truth = sb.datasets.benchmark("double_well", 3, 0.1)
    >>> mean, covariance = scheme.transition(truth, jnp.array([2.0, 0.0]), 0.0, 0.1)
    >>> np.asarray(mean).round(2)
    array([1.57, 0.  ], dtype=float32)
    """

    order: ClassVar[str] = (
        "mean: error O(Δt³); covariance: error O(Δt³), by the closure at two moments; besides, the scheme's at Δt/n"
    )
    reference: ClassVar[str] = "Särkkä & Solin (2019), sec. 9.1, doi:10.1017/9781108186735"
    scheme: AbstractScheme
    n: Count = eqx.field(static=True)

    def __check_init__(self) -> None:
        if self.scheme.requires_exact_observation:
            raise ModelError(
                f"Substeps: {self.scheme.title} is a density between two known states, and has no normal distribution "
                "to carry from part to part; take sdebayes.schemes.LocalLinearization() or Moments()."
            )

    @property
    def title(self) -> str:
        """The scheme of a part and the number of parts."""
        return f"{self.scheme.title} in {self.n} parts of each step"

    @property
    def requires_additive_noise(self) -> bool:
        """Whether the scheme of a part needs additive noise."""
        return self.scheme.requires_additive_noise

    @property
    def exact_when_linear(self) -> bool:
        """Whether the scheme of a part is exact for a linear drift with constant Σ."""
        return self.scheme.exact_when_linear

    def bias(self, rate_times_step: float, additive: bool) -> float | None:
        """Return the scheme's at Δt/n, and what the closure leaves out besides."""
        own = self.scheme.bias(rate_times_step / self.n, additive)
        return None if own is None else own + _CLOSURE_BIAS * rate_times_step**2

    def transition(self, sde: SDE, x: Vector, t: Scalar, dt: Scalar) -> tuple[Vector, Matrix]:
        """Return the mean and covariance of the next state."""
        mean, _, noise = self.propagate(sde, x, jnp.zeros((x.shape[0], x.shape[0]), x.dtype), t, dt)
        return mean, noise

    def propagate(
        self, sde: SDE, mean: Vector, covariance: Matrix, t: Scalar, dt: Scalar
    ) -> tuple[Vector, Matrix, Matrix]:
        """Return the next mean, the product F of the parts' derivatives and the noise covariance."""
        h = jnp.asarray(dt, mean.dtype) / self.n

        def part(law: tuple[Vector, Matrix, Matrix], k: Scalar) -> tuple[tuple[Vector, Matrix, Matrix], None]:
            m, flow, noise = law
            spread = symmetrize(flow @ covariance @ flow.T + noise)
            m, F, added = self.scheme.propagate(sde, m, spread, t + k * h, h)
            return (m, F @ flow, symmetrize(F @ noise @ F.T + added)), None

        same = jnp.eye(mean.shape[0], dtype=mean.dtype)
        law, _ = jax.lax.scan(part, (mean, same, jnp.zeros_like(same)), jnp.arange(self.n, dtype=mean.dtype))
        return law

    def affine_transition(self, sde: LinearSDE, dt: Scalar) -> AffineTransition:
        """Return the distribution of the next state of a linear SDE."""
        one = self.scheme.affine_transition(sde, dt / self.n)

        def part(law: AffineTransition, _: None) -> tuple[AffineTransition, None]:
            noise = symmetrize(one.matrix @ law.covariance @ one.matrix.T + one.covariance)
            return AffineTransition(one.matrix @ law.matrix, one.matrix @ law.shift + one.shift, noise), None

        return jax.lax.scan(part, one, None, self.n - 1)[0]
