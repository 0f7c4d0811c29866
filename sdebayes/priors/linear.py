"""Priors over linear drifts, the Ornstein–Uhlenbeck family."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import CountFromTwo, Numbers, Positive, PositiveNumbers
from sdebayes._core.types import Matrix, Vector
from sdebayes.dynamics import AbstractDiffusion, AffineDrift, LinearDrift
from sdebayes.priors.base import AbstractDriftPrior, DataScale, Dims
from sdebayes.priors.constants import constant, say
from sdebayes.priors.correlation import correlation_cholesky, strictly_lower
from sdebayes.priors.positive import positive

_TAILS = 3
"""Degrees of freedom of rotation: with normal tails a pendulum's damping comes out more than three times too large."""


@checked
@dataclass(frozen=True, eq=False)
class Linear(AbstractDriftPrior):
    r"""f(x) = A (b − x).

    With ``stable=True``, :math:`A = (\tfrac12 Σ + K) P^{-1}` with a stationary covariance :math:`P \succ 0` and an
    antisymmetric :math:`K`: exactly the stable maps, reversible if and only if :math:`K = 0`. Here
    :math:`P = D C D` with :math:`D^2` the stationary variances and :math:`C` a correlation matrix, and
    :math:`K = L \tilde K L^\top` with :math:`L L^\top = P` and
    :math:`\tilde K_{ij} = r \sqrt{a_i a_j}\, τ_{ij}`, :math:`τ_{ij} \sim t_3`, :math:`a_i = Σ_{ii} / 2 P_{ii}` for
    i > j: about as fast as the states relax, and with tails that let a pendulum turn a hundred times faster.

    With ``stable=False``, :math:`f(x) = v - A (x - m)` with independent normal v and A around zero: any linear map.

    Parameters
    ----------
    stable
        Whether every draw is stable.
    diagonal
        Whether A is diagonal; the states are independent if Σ is diagonal too (P diagonal, K = 0).
    location
        Prior mean of b, (state,) or a number (``stable=False``: the reference m); default: the data's mean.
    location_spread
        Prior standard deviation of each b_j; default: the data's standard deviation.
    variance
        Prior median of P_jj, (state,) or a number, where the observation does not draw it; default: the data's
        variance.
    variance_spread
        Prior standard deviation of log P_jj.
    concentration
        LKJ concentration of C.
    rotation
        Scale r of the antisymmetric part, relative to the relaxation rates; three degrees of freedom of its tails.
    rate
        ``stable=False``: prior standard deviation of the entries of A in standardised states, in 1/time; default:
        1/(4 steps).
    by_group
        Whether each group of trajectories has a drift of its own, near one that all share.
    coupled
        How many of the first states touch each other, where the others stand alone: A, P and K have a block for these
        and are diagonal in the others. With a diagonal Σ, and R and C likewise, the filter costs hardly more than that
        of independent states. Default: all touch each other.

    Raises
    ------
    ModelError
        If a scale is not positive, or the location not finite; if ``coupled`` is given of a diagonal or unstable map.

    See Also
    --------
    sdebayes.priors.GP : A field beside a linear drift.
    sdebayes.analysis.fields.jacobian_spectrum : Its time constants.

    References
    ----------
    The decomposition is the Helmholtz form of linear diffusions: Pavliotis (2014), Stochastic Processes and
    Applications, Prop. 4.5 and sec. 4.9, doi:10.1007/978-1-4939-1323-7.

    Examples
    --------
    >>> list(sb.priors.Linear().dims())
    ['equilibrium', 'drift_matrix', 'stationary_variance']
    >>> sb.priors.Linear().stable, sb.priors.Linear(stable=False).stable
    (True, False)
    >>> print(sb.priors.Linear(diagonal=True).describe())
    Drift: linear, f(x) = A (b − x), stable, diagonal A, A_jj = ½Σ_jj / P_jj
      b_j ~ Normal(data mean, data standard deviation)
      log P_jj ~ Normal(log data variance, 1)
    """

    title: ClassVar[str] = "linear map"
    far: ClassVar[str] = "the same linear map"
    affine: ClassVar[bool] = True
    linear_in_weights: ClassVar[bool] = True
    stable: bool = True
    diagonal: bool = False
    location: Numbers | None = None
    location_spread: PositiveNumbers | None = None
    variance: PositiveNumbers | None = None
    variance_spread: Positive = 1.0
    concentration: Positive = 2.0
    rotation: Positive = 1.0
    rate: Positive | None = None
    by_group: bool = field(default=False, kw_only=True)
    coupled: CountFromTwo | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Check that some states may touch each other.

        Raises
        ------
        ModelError
            If ``coupled`` is given of a diagonal or unstable map.
        """
        if self.coupled is not None and (self.diagonal or not self.stable):
            raise ModelError(
                f"Linear: coupled={self.coupled} is of stable maps whose A is not diagonal; leave out diagonal=True "
                "and stable=False, or coupled."
            )

    def scaled_to(self, scale: DataScale) -> Linear:
        """Return a copy with numbers in the place of the data-scaled constants."""
        return replace(
            self,
            location=scale.location if self.location is None else self.location,
            location_spread=np.sqrt(scale.variance) if self.location_spread is None else self.location_spread,
            variance=scale.variance if self.variance is None else self.variance,
            rate=1 / (4 * scale.step) if self.rate is None else self.rate,
        )

    def dims(self) -> Dims:
        """Names and dimensions of b, A and P."""
        matrix: Dims = (
            {"drift_rate": ["state"]} if self.diagonal else {"drift_matrix": ["state", "state_bis"]}
        )
        if not self.stable:
            return {"drift_offset": ["state"]} | matrix
        stationary: Dims = {"stationary_variance": ["state"]}
        return {"equilibrium": ["state"]} | matrix | stationary

    def sample(
        self, state_dim: int, diffusion: AbstractDiffusion, *, variance: Vector | None = None
    ) -> LinearDrift | AffineDrift:
        """Draw A and b inside a NumPyro model."""
        if not self.stable:
            return self._sample_any(state_dim)
        location = numpyro.sample(
            "equilibrium",
            dist.Normal(
                constant("location", self.location, "Linear", state_dim),
                constant("location_spread", self.location_spread, "Linear", state_dim),
            ).to_event(1),
        )
        if variance is None:
            median = constant("variance", self.variance, "Linear", state_dim)
            variance = positive("stationary_scale", median, self.variance_spread)
        numpyro.deterministic("stationary_variance", variance)
        sigma = diffusion.reference(location)
        if self.diagonal:
            rate = 0.5 * jnp.diagonal(sigma) / variance
            numpyro.deterministic("drift_rate", rate)
            return LinearDrift(jnp.diag(rate), location)
        matrix = self._stable(sigma, variance) if self.coupled is None else self._in_part(sigma, variance)
        numpyro.deterministic("drift_matrix", matrix)
        return LinearDrift(matrix, location)

    def _in_part(self, sigma: Matrix, variance: Vector) -> Matrix:
        n, k = len(variance), self.coupled or 0
        if k >= n:
            raise ModelError(
                f"Linear: coupled={k} of {n} states; give fewer than there are, or leave it out, and all are."
            )
        alone = jnp.diag(0.5 * jnp.diagonal(sigma) / variance)
        return alone.at[:k, :k].set(self._stable(sigma[:k, :k], variance[:k]))

    def _stable(self, sigma: Matrix, variance: Vector) -> Matrix:
        n = variance.shape[0]
        correlation = correlation_cholesky("stationary_correlation", n, self.concentration)
        factor = jnp.sqrt(variance)[:, None] * correlation
        rate = 0.5 * jnp.diagonal(sigma) / variance
        rotation = jnp.zeros((n, n))
        if n > 1:
            entries = numpyro.sample(
                "rotation", dist.StudentT(_TAILS, 0, self.rotation).expand([n * (n - 1) // 2]).to_event(1)
            )
            lower = strictly_lower(entries, n) * jnp.sqrt(rate[:, None] * rate)
            rotation = lower - lower.T
        inverse = solve_triangular(factor, jnp.eye(n), lower=True)
        return (0.5 * sigma @ inverse.T + factor @ rotation) @ inverse

    def _sample_any(self, state_dim: int) -> AffineDrift:
        centre = constant("location", self.location, "Linear", state_dim)
        sd = constant("location_spread", self.location_spread, "Linear", state_dim)
        if self.rate is None:
            constant("rate", None, "Linear", state_dim)
        rate = self.rate
        velocity = numpyro.sample("drift_velocity", dist.Normal(0.0, rate * sd).to_event(1))
        if self.diagonal:
            rates = numpyro.sample("drift_rate", dist.Normal(0.0, rate).expand([state_dim]).to_event(1))
            matrix = jnp.diag(rates)
        else:
            standard = numpyro.sample(
                "drift_weights", dist.Normal(0.0, rate).expand([state_dim, state_dim]).to_event(2)
            )
            matrix = standard * sd[:, None] / sd[None, :]
            numpyro.deterministic("drift_matrix", matrix)
        offset = velocity + matrix @ centre
        numpyro.deterministic("drift_offset", offset)
        return AffineDrift(matrix, offset)

    @property
    def shares_scale(self) -> bool:
        """Whether rates are not tied to the diagonal of A."""
        return self.stable or not self.diagonal

    def weight_sites(self, weights: Float[Array, "feature state"]) -> dict[str, Array]:
        """Return velocity and rates of any linear map, whose prior is normal; a stable one has no weights."""
        if self.stable:
            return {}
        sd = constant("location_spread", self.location_spread, "Linear", weights.shape[1])
        rate = constant("rate", self.rate, "Linear", weights.shape[1])
        velocity = {"drift_velocity": rate * sd * weights[0]}
        if self.diagonal:
            return velocity | {"drift_rate": -rate * jnp.diagonal(weights[1:])}
        return velocity | {"drift_weights": -rate * weights[1:].T}

    def describe(self, variance_drawn: bool = False) -> str:
        """Say the prior in words and formulas."""
        mean, sd = say(self.location, "data mean"), say(self.location_spread, "data standard deviation")
        first = "" if self.coupled is None else f" 1 to {self.coupled}, the others alone"
        kind = "diagonal A" if self.diagonal else f"coupled states{first}"
        if not self.stable:
            return "\n".join(
                [
                    f"Drift: linear, f(x) = v − A (x − m), any A, {kind}",
                    f"  m = {mean}; v_j ~ Normal(0, r·s_j), A_ij ~ Normal(0, r)·s_i/s_j, s = {sd}, "
                    f"r = {say(self.rate, '1/(4 steps)')} per unit of time",
                ]
            )
        lines = [
            f"Drift: linear, f(x) = A (b − x), stable, {kind}, "
            + ("A_jj = ½Σ_jj / P_jj" if self.diagonal else "A = (½Σ + K) P⁻¹"),
            f"  b_j ~ Normal({mean}, {sd})",
            "  P_jj: the path's share of the total variance, see the observation"
            if variance_drawn
            else f"  log P_jj ~ Normal(log {say(self.variance, 'data variance')}, {self.variance_spread:g})",
        ]
        if not self.diagonal:
            lines.append(f"  correlation of P ~ LKJ({self.concentration:g})")
            lines.append(
                f"  K = L K̃ Lᵀ, L Lᵀ = P, K̃_ij ~ StudentT({_TAILS}, 0, {self.rotation:g}·√(a_i a_j)), a_i = ½Σ_ii/P_ii"
            )
        return "\n".join(lines)
