"""States seen through noise and an offset of each trajectory: what is known and what is drawn of their covariances."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax.scipy.special import log_ndtr, ndtr
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import Numbers, Positive, PositiveNumbers
from sdebayes._core.types import Vector
from sdebayes.likelihood import AbstractGaussianFilter, ExtendedKalman
from sdebayes.model.observation import AbstractObservation, ObservationDraw
from sdebayes.priors.base import DataScale, Dims, constant, positive, say, say_law

_EFFECT_CONCENTRATION = 4.0
_MEAN_EFFECT_SHARE = 1 / (1 + _EFFECT_CONCENTRATION)


@checked
@dataclass(frozen=True, eq=False)
class AbstractNoise(AbstractObservation):
    r"""Y_k = H (X(t_k) + c) + ε_k with noise ε_k of covariance R and a trajectory effect c ~ N(0, C).

    With R learned and H = I, noise and diffusion are told apart through variances. Per state the total variance
    :math:`v \sim \mathrm{LogNormal}(\log s^2, 1)`, s² the data's, is shared out:
    :math:`C/v \sim \mathrm{Beta}(1, 4)` to the trajectory effect, if there is one, and of the rest
    :math:`P/(P + R) \sim \mathrm{Beta}(½, ½)` to the path, the arcsine law, under which noise (or path) may be next to
    nothing. Both shares are quantiles of a standard normal z, :math:`1 - (1 - Φ(z))^{1/4}` and
    :math:`\sin^2(½π Φ(z))`, whose posterior keeps light tails near zero.

    Parameters
    ----------
    matrix
        H, (observed, state); the identity by default.
    covariance
        R: None (learned, diagonal), a variance, an array (observed, observed) or (observed,) of variances, or a
        NumPyro distribution over one of these.
    trajectory_effect
        Whether each trajectory has a constant offset c, a document effect.
    total_variance
        Prior median of each observed coordinate's variance, (observed,) or a number; default: the data's.
    spread
        Prior standard deviation of the log of a variance.
    latent_variance
        Prior median of the variance of each state (path and effect), (state,) or a number, where R is given or H is not
        the identity; default: what the data leave after R.
    filter
        How a nonlinear SDE's law is carried from step to step: `ExtendedKalman` or `UnscentedKalman`. A linear drift
        with constant Σ has the exact Kalman filter, whatever this is.

    Raises
    ------
    ModelError
        If H or R has the wrong shape, R is not positive definite, or a prior constant is not positive.
    """

    _names: ClassVar[tuple[str, str]] = ("noise_variance", "noise_covariance")
    matrix: Numbers | None = None
    covariance: Numbers | dist.Distribution | None = None
    trajectory_effect: bool = False
    total_variance: PositiveNumbers | None = None
    spread: Positive = 1.0
    latent_variance: PositiveNumbers | None = None
    filter: AbstractGaussianFilter = field(default_factory=ExtendedKalman)

    def __post_init__(self) -> None:
        if self.matrix is not None:
            matrix = np.asarray(self.matrix, dtype=np.float64)
            if matrix.ndim != 2 or not np.all(np.isfinite(matrix)):
                raise ModelError(
                    f"{self._name}: matrix has shape {matrix.shape}; expected finite numbers (observed, state)."
                )
        if self.covariance is not None and not isinstance(self.covariance, dist.Distribution):
            try:
                covariance = np.asarray(self.covariance, dtype=np.float64)
            except (TypeError, ValueError, OverflowError):
                raise ModelError(
                    f"{self._name}: covariance is {self.covariance!r}; expected None (learned), a number, an array "
                    "or a NumPyro distribution."
                ) from None
            self._check_covariance(covariance)

    def _check_covariance(self, covariance: np.ndarray) -> None:
        square = covariance.ndim == 2 and covariance.shape[0] == covariance.shape[1]
        if covariance.ndim > 1 and not square:
            raise ModelError(
                f"{self._name}: covariance has shape {covariance.shape}; expected a number, (observed,) or "
                "(observed, observed)."
            )
        if not np.all(np.isfinite(covariance)) or (square and not np.allclose(covariance, covariance.T)):
            raise ModelError(f"{self._name}: the noise covariance is not finite and symmetric.")
        smallest = np.linalg.eigvalsh(covariance).min() if square else covariance.min()
        if not smallest > 0:
            raise ModelError(
                f"{self._name}: the noise covariance has the eigenvalue {smallest:g}; expected positive ones. "
                "For states observed without noise use Exact()."
            )

    @property
    def _name(self) -> str:
        return type(self).__name__

    @property
    @abstractmethod
    def _law(self) -> str:
        """The noise's law, as `describe` says it."""

    @property
    def _learned_shares(self) -> bool:
        return self.matrix is None and self.covariance is None

    @property
    def draws_variance(self) -> bool:
        """Whether the stationary variance of the path is drawn here."""
        return True

    @property
    def observation_matrix(self) -> Float[np.ndarray, "observed state"] | None:
        """H, (observed, state), where it is not the identity; else None."""
        return None if self.matrix is None else np.asarray(self.matrix, dtype=np.float64)

    def state_dim(self, observed_dim: int) -> int:
        """Return the number of states behind so many observed coordinates; a ModelError if H or R do not fit them."""
        self._check_width(observed_dim)
        if self.matrix is None:
            return observed_dim
        rows, columns = np.shape(self.matrix)
        if rows != observed_dim:
            raise ModelError(
                f"{self._name}: matrix has shape ({rows}, {columns}) but the data have {observed_dim} observed "
                "coordinates; expected one row for each."
            )
        return columns

    def scaled_to(self, scale: DataScale) -> AbstractNoise:
        """Return a copy with numbers in the place of the data-scaled constants."""
        total = scale.observed_variance if self.total_variance is None else self.total_variance
        return replace(self, total_variance=total, latent_variance=self._latent_variance(scale.variance))

    def path_variance(self, variance: Float[np.ndarray, " state"]) -> Float[np.ndarray, " state"]:
        """Return what the prior expects of the states' variance, (state,), to be the path's."""
        latent = 0.5 * variance if self._learned_shares else self._latent_variance(variance)
        return (1 - _MEAN_EFFECT_SHARE * self.trajectory_effect) * latent

    def _latent_variance(self, variance: Float[np.ndarray, " state"]) -> Float[np.ndarray, " state"]:
        """Return the prior median of path and effect together, (state,): what a known R leaves."""
        if self.latent_variance is not None:
            return np.broadcast_to(np.asarray(self.latent_variance, dtype=np.float64), variance.shape)
        if self.matrix is not None or isinstance(self.covariance, dist.Distribution | None):
            return variance
        noise = np.asarray(self.covariance, dtype=np.float64)
        noise = np.diagonal(noise) if noise.ndim == 2 else noise
        return np.maximum(variance - noise, 0.1 * variance)

    def _check_width(self, observed_dim: int) -> None:
        law: Any = self.covariance
        shape = law.shape() if isinstance(law, dist.Distribution) else np.shape(law)
        if law is not None and len(shape) and set(shape) != {observed_dim}:
            raise ModelError(
                f"{self._name}: covariance has shape {shape} but the data have {observed_dim} observed coordinates."
            )

    def dims(self) -> Dims:
        """Names and dimensions of R and C."""
        dims: Dims = {}
        if self.covariance is None:
            dims[self._names[0]] = ["state"] if self.matrix is None else ["observed"]
        elif isinstance(self.covariance, dist.Distribution):
            dims[self._names[1]] = ["observed", "observed_bis"][: len(self.covariance.shape())]
        if self.trajectory_effect:
            dims["trajectory_effect_variance"] = ["state"]
        return dims

    def sample(self, state_dim: int) -> ObservationDraw:
        """Draw H, R and C inside a NumPyro model."""
        if self._learned_shares:
            return self._sample_shares(state_dim)
        matrix = jnp.eye(state_dim) if self.matrix is None else jnp.asarray(self.matrix, dtype=float)
        noise = self._sample_noise(matrix.shape[0])
        latent = constant("latent_variance", self.latent_variance, self._name, state_dim)
        variance = total = positive("latent_variance", latent, 2 * self.spread)
        effect = jnp.zeros((state_dim, state_dim))
        if self.trajectory_effect:
            share = self._sample_effect_share(state_dim)
            effect, variance = jnp.diag(total * share), total * (1 - share)
            numpyro.deterministic("trajectory_effect_variance", total * share)
        return ObservationDraw(matrix, noise, effect, variance)

    def _sample_shares(self, state_dim: int) -> ObservationDraw:
        median = constant("total_variance", self.total_variance, self._name, state_dim)
        total = positive("total_variance", median, self.spread)
        effect = jnp.zeros((state_dim, state_dim))
        rest = total
        if self.trajectory_effect:
            share = self._sample_effect_share(state_dim)
            effect, rest = jnp.diag(total * share), total * (1 - share)
            numpyro.deterministic("trajectory_effect_variance", total * share)
        z = numpyro.sample("path_quantile", dist.Normal(0, 1).expand([state_dim]).to_event(1))
        path, noise = rest * _arcsine_quantile(z), rest * _arcsine_quantile(-z)
        numpyro.deterministic(self._names[0], noise)
        return ObservationDraw(jnp.eye(state_dim), jnp.diag(noise), effect, path)

    @staticmethod
    def _sample_effect_share(state_dim: int) -> Vector:
        """Draw the share of the trajectory effect, Beta(1, 4)."""
        z = numpyro.sample("effect_quantile", dist.Normal(0, 1).expand([state_dim]).to_event(1))
        return -jnp.expm1(log_ndtr(-z) / _EFFECT_CONCENTRATION)

    def _sample_noise(self, observed_dim: int) -> Float[Array, "observed observed"]:
        if self.covariance is None:
            median = 0.25 * constant("total_variance", self.total_variance, self._name, observed_dim)
            return jnp.diag(positive(self._names[0], median, 2 * self.spread))
        value = self.covariance
        if isinstance(value, dist.Distribution):
            value = numpyro.sample(self._names[1], value)
        value = jnp.asarray(value, dtype=float)
        if value.ndim == 2:
            return value
        return jnp.diag(jnp.broadcast_to(value, (observed_dim,)))

    def describe(self) -> str:
        """Say the observation in words and formulas."""
        seen = "(X(t_k) + c_i)" if self.trajectory_effect else "X(t_k)"
        H = "" if self.matrix is None else "H "
        lines = [f"Observation: Y_k = {H}{seen} + ε_k, ε_k ~ {self._law}"]
        if self._learned_shares:
            lines.append(
                f"  total variance v_j ~ LogNormal(log {say(self.total_variance, 'data variance')}, {self.spread:g})"
            )
            if self.trajectory_effect:
                lines.append(f"  C_jj / v_j ~ Beta(1, {_EFFECT_CONCENTRATION:g}), P_jj + R_jj = v_j − C_jj")
            lines.append("  P_jj / (P_jj + R_jj) ~ Beta(½, ½)")
            return "\n".join(lines)
        if self.covariance is None:
            total = say(self.total_variance, "data variance")
            lines.append(f"  R_jj ~ LogNormal(log {total} / 4, {2 * self.spread:g})")
        elif isinstance(self.covariance, dist.Distribution):
            lines.append(f"  R ~ {say_law(self.covariance)}")
        else:
            lines.append(f"  R = {np.array2string(np.asarray(self.covariance), precision=4)} (known)")
        latent = say(self.latent_variance, "data variance less known R")
        lines.append(f"  latent variance v_j ~ LogNormal(log {latent}, {2 * self.spread:g})")
        if self.trajectory_effect:
            lines.append(f"  C_jj / v_j ~ Beta(1, {_EFFECT_CONCENTRATION:g}), P_jj = v_j − C_jj")
        return "\n".join(lines)


def _arcsine_quantile(z: Vector) -> Vector:
    """Return the quantile of Beta(½, ½) at Φ(z)."""
    return jnp.sin(0.5 * jnp.pi * ndtr(z)) ** 2
