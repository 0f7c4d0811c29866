"""States seen through noise and an offset of each trajectory: what is known and what is drawn of their covariances."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import xarray as xr
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import Numbers, Positive, PositiveNumbers
from sdebayes._core.types import Matrix, Vector
from sdebayes.likelihood import AbstractGaussianFilter, ExtendedKalman
from sdebayes.model.covariances import (
    LowRank,
    PathShape,
    Shape,
    check_known,
    covariance_of_shape,
    is_correlated,
    one_size,
    say_structure,
    variances,
)
from sdebayes.model.observation import AbstractObservation, ObservationDraw
from sdebayes.model.shares import (
    EFFECT_CONCENTRATION,
    MEAN_EFFECT_SHARE,
    NOISE_SHARE,
    effect_share,
    path_share,
    quantile,
)
from sdebayes.model.variance_function import VarianceFunction
from sdebayes.priors.base import DataScale, Dims
from sdebayes.priors.constants import constant, one_for_all, say, say_law
from sdebayes.priors.positive import positive


@checked
@dataclass(frozen=True, eq=False)
class AbstractNoise(AbstractObservation):
    """Y_k = H (X(t_k) + c) + ε_k with noise ε_k of covariance R and a trajectory effect c ~ N(0, C).

    The parameters, and the prior over R, C and the path's variance, are those of `GaussianNoise`.

    Raises
    ------
    ModelError
        If H or R has the wrong shape, R is not positive definite, or a prior constant is not positive.
    """

    _names: ClassVar[tuple[str, str]] = ("noise_variance", "noise_covariance")
    matrix: Numbers | None = None
    covariance: Shape | Numbers | dist.Distribution | None = None
    trajectory_effect: bool = False
    effect_covariance: Shape = "diagonal"
    variance_function: VarianceFunction | tuple[VarianceFunction, ...] = ()
    total_variance: PositiveNumbers | None = None
    spread: Positive = 1.0
    latent_variance: PositiveNumbers | None = None
    path_covariance: PathShape = "diagonal"
    filter: AbstractGaussianFilter = field(default_factory=ExtendedKalman)
    by_group: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if self.matrix is not None:
            matrix = np.asarray(self.matrix, dtype=np.float64)
            if matrix.ndim != 2 or not np.all(np.isfinite(matrix)):
                raise ModelError(
                    f"{self._name}: matrix has shape {matrix.shape}; expected finite numbers (observed, state)."
                )
        if self._shape is None and not isinstance(self.covariance, dist.Distribution):
            check_known(self._name, self.covariance)
        if self.effect_covariance != "diagonal" and not self.trajectory_effect:
            raise ModelError(
                f"{self._name}: effect_covariance is {self.effect_covariance!r}, but there is no trajectory effect; "
                "give trajectory_effect=True."
            )

        beside = {self._shape} | ({self.effect_covariance} if self.trajectory_effect else set())
        if self.path_covariance == "isotropic" and beside != {"isotropic"}:
            raise ModelError(
                f"{self._name}: path_covariance='isotropic' has one variance for all states, as noise and effect must "
                "have; give covariance='isotropic' and effect_covariance='isotropic'."
            )

    @property
    def _name(self) -> str:
        return type(self).__name__

    @property
    @abstractmethod
    def _law(self) -> str:
        """The noise's law, as `describe` says it."""

    @property
    def _shape(self) -> Shape | None:
        """The structure of R where it is learned."""
        given: Any = self.covariance
        learned: Shape = "diagonal" if given is None else given
        return learned if isinstance(learned, str | LowRank) else None

    @property
    def _learned_shares(self) -> bool:
        return self.matrix is None and self._shape not in (None, "isotropic")

    @property
    def independent(self) -> bool:
        """Whether H is the identity and R and C are diagonal."""
        given: Any = self.covariance
        known = not isinstance(given, dist.Distribution) and np.ndim(given) < 2
        noise = known if self._shape is None else not is_correlated(self._shape)
        return self.matrix is None and noise and not is_correlated(self.effect_covariance)

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
        return (1 - MEAN_EFFECT_SHARE * self.trajectory_effect) * latent

    def _latent_variance(self, variance: Float[np.ndarray, " state"]) -> Float[np.ndarray, " state"]:
        """Return the prior median of path and effect together, (state,): what a known R leaves."""
        if self.latent_variance is not None:
            return np.broadcast_to(np.asarray(self.latent_variance, dtype=np.float64), variance.shape)
        if self.matrix is not None or self._shape or isinstance(self.covariance, dist.Distribution):
            return variance
        noise = np.asarray(self.covariance, dtype=np.float64)
        noise = np.diagonal(noise) if noise.ndim == 2 else noise
        return np.maximum(variance - noise, 0.1 * variance)

    def _check_width(self, observed_dim: int) -> None:
        law: Any = self.covariance
        shape = law.shape() if isinstance(law, dist.Distribution) else () if self._shape else np.shape(law)
        if len(shape) and set(shape) != {observed_dim}:
            raise ModelError(
                f"{self._name}: covariance has shape {shape} but the data have {observed_dim} observed coordinates."
            )

    @property
    def _functions(self) -> tuple[VarianceFunction, ...]:
        given = self.variance_function
        return given if isinstance(given, tuple) else (given,)

    @property
    def covariates(self) -> tuple[str, ...]:
        """Names of the variables of the data that R depends on."""
        return tuple(dict.fromkeys(one.covariate for one in self._functions))

    def covariate_scale(self, data: xr.Dataset) -> tuple[tuple[float, float], ...]:
        """Return mean and standard deviation of what each variance function reads."""
        return tuple(one.scale(data) for one in self._functions)

    def noise_terms(
        self, data: xr.Dataset, scale: DataScale
    ) -> Float[np.ndarray, "trajectory time term"] | None:
        """Return the polynomials of all variance functions at each step."""
        pairs = zip(self._functions, scale.covariates, strict=True)
        return np.concatenate([one.design(data, *moments) for one, moments in pairs], axis=-1)

    def coords(self) -> dict[str, list[str]]:
        """Labels of the terms of the variance functions."""
        return {"noise_term": [term for one in self._functions for term in one.terms]}

    def dims(self) -> Dims:
        """Names and dimensions of R, C and the slopes of log R."""
        dims: Dims = {}
        seen = "state" if self.matrix is None else "observed"
        if self._shape is not None:
            dims[self._names[0]] = [seen]
        elif isinstance(self.covariance, dist.Distribution):
            dims[self._names[1]] = ["observed", "observed_bis"][: len(self.covariance.shape())]
        if is_correlated(self._shape):
            dims[self._names[1]] = [seen, f"{seen}_bis"]
        if self.trajectory_effect:
            dims["trajectory_effect_variance"] = ["state"]
        if is_correlated(self.effect_covariance):
            dims["trajectory_effect_covariance"] = ["state", "state_bis"]
        return dims | ({"noise_slope": ["noise_term"]} if self._functions else {})

    def sample(self, state_dim: int) -> ObservationDraw:
        """Draw H, R, C and the slopes of log R inside a NumPyro model."""
        drawn = self._sample_covariances(state_dim)
        if not self._functions:
            return drawn
        spreads = np.concatenate([np.full(one.degree, one.spread) for one in self._functions])
        slopes = numpyro.sample("noise_slope", dist.Normal(0, spreads).to_event(1))
        return drawn._replace(noise_slopes=slopes)

    def _sample_covariances(self, state_dim: int) -> ObservationDraw:
        if self._learned_shares:
            return self._sample_shares(state_dim)
        matrix = jnp.eye(state_dim) if self.matrix is None else jnp.asarray(self.matrix, dtype=float)
        noise = self._sample_noise(matrix.shape[0])
        latent = constant("latent_variance", self.latent_variance, self._name, state_dim)
        shared = self.path_covariance == "isotropic"
        total = positive("latent_variance", one_for_all(latent) if shared else latent, 2 * self.spread)
        total = jnp.broadcast_to(total, (state_dim,))
        effect, variance = self._sample_effect(total)
        return ObservationDraw(matrix, noise, effect, variance)

    def _sample_shares(self, state_dim: int) -> ObservationDraw:
        median = constant("total_variance", self.total_variance, self._name, state_dim)
        total = positive("total_variance", median, self.spread)
        effect, rest = self._sample_effect(total)
        z = quantile("path_quantile", self._shape, state_dim)
        path, noise = rest * path_share(z), rest * path_share(-z)
        numpyro.deterministic(self._names[0], noise)
        return ObservationDraw(jnp.eye(state_dim), self._correlated(noise), effect, path)

    def _sample_effect(self, total: Vector) -> tuple[Matrix, Vector]:
        """Draw C, whose share of each variance is Beta(1, 4), and return it with what it leaves to the path.

        One size for all has no share: it stands beside the variances.
        """
        n = total.shape[0]
        if not self.trajectory_effect:
            return jnp.zeros((n, n)), total
        if self.effect_covariance == "isotropic":
            return self._one_size("trajectory_effect_variance", MEAN_EFFECT_SHARE, n), total
        share = effect_share(quantile("effect_quantile", self.effect_covariance, n))
        numpyro.deterministic("trajectory_effect_variance", total * share)
        effect = covariance_of_shape(self.effect_covariance, "trajectory_effect", total * share)
        return effect, total * (1 - share)

    def _one_size(self, name: str, share: float, count: int) -> Matrix:
        """Draw one variance for all coordinates, around a share of their mean one."""
        total = self.total_variance
        total = constant("total_variance", total, self._name, np.asarray(total).size)
        return one_size(name, share * float(np.mean(total)), 2 * self.spread, count)

    def _correlated(self, variance: Float[Array, " observed"]) -> Float[Array, "observed observed"]:
        """Draw R of these variances."""
        return covariance_of_shape(
            self._shape or "diagonal", self._names[1].removesuffix("_covariance"), variance
        )

    def _sample_noise(self, observed_dim: int) -> Float[Array, "observed observed"]:
        if self._shape == "isotropic":
            return self._one_size(self._names[0], NOISE_SHARE, observed_dim)
        if self._shape is not None:
            median = NOISE_SHARE * constant("total_variance", self.total_variance, self._name, observed_dim)
            return self._correlated(variances(self._shape, self._names[0], median, 2 * self.spread))
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
        total = say(self.total_variance, "data variance")
        if self._learned_shares:
            lines.append(f"  total variance v_j ~ LogNormal(log {total}, {self.spread:g})")
        else:
            latent = say(self.latent_variance, "data variance less known R")
            alike = ", of all j the same," * (self.path_covariance == "isotropic")
            lines += [
                self._say_noise(total),
                f"  latent variance v_j{alike} ~ LogNormal(log {latent}, {2 * self.spread:g})",
            ]
        left = "P_jj + R_jj" if self._learned_shares else "P_jj"
        if self.trajectory_effect and self.effect_covariance == "isotropic":
            share = f"{MEAN_EFFECT_SHARE:g} · mean of {total}"
            lines += [f"  C = c I, c ~ LogNormal(log {share}, {2 * self.spread:g}), {left} = v_j"]
        elif self.trajectory_effect:
            lines += [f"  C_jj / v_j ~ Beta(1, {EFFECT_CONCENTRATION:g}), {left} = v_j − C_jj"]
        if self._learned_shares:
            lines.append("  P_jj / (P_jj + R_jj) ~ Beta(½, ½)")
        structure = say_structure("R", self._shape) + say_structure("C", self.effect_covariance)
        return "\n".join(lines + structure + [one.describe() for one in self._functions])

    def _say_noise(self, total: str) -> str:
        if self._shape == "isotropic":
            return f"  R = r I, r ~ LogNormal(log {NOISE_SHARE:g} · mean of {total}, {2 * self.spread:g})"
        if self._shape is not None:
            return f"  R_jj ~ LogNormal(log {NOISE_SHARE:g} · {total}, {2 * self.spread:g})"
        if isinstance(self.covariance, dist.Distribution):
            return f"  R ~ {say_law(self.covariance)}"
        return f"  R = {np.array2string(np.asarray(self.covariance), precision=4)} (known)"
