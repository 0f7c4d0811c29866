"""Priors over additive diffusion."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Positive, PositiveNumbers
from sdebayes._core.types import Vector
from sdebayes.dynamics import ConstantDiffusion
from sdebayes.priors.base import AbstractDiffusionPrior, DataScale, Dims
from sdebayes.priors.constants import constant, one_for_all, say
from sdebayes.priors.correlation import covariance_cholesky
from sdebayes.priors.pooled import POOLED, pooled, positive_pooled
from sdebayes.priors.positive import positive

Shape = Literal["isotropic", "pooled", "diagonal", "full"]


@checked
@dataclass(frozen=True, eq=False)
class Constant(AbstractDiffusionPrior):
    r"""Additive noise with an unknown covariance rate Σ.

    Where the states are observed exactly, :math:`\log Σ_{jj} \sim N(\log q_j, s^2)` with the data's mean squared
    increment per unit of time :math:`q_j`. Where the observation has drawn the stationary variance :math:`v_j` (noise
    learned from data), increments say little about Σ and the time constant is drawn instead: :math:`\log τ_j \sim
    N(\log τ_0, s_τ^2)` and :math:`Σ_{jj} = 2 v_j / τ_j`. By default two thirds of that distribution lie between a step
    and the length of a trajectory.

    Parameters
    ----------
    shape
        ``"full"``: correlations of Σ from LKJ(``concentration``); ``"diagonal"``, which holds in one coordinate
        system only: with coupled states it is a strong assumption; ``"pooled"``, diagonal too, in which Σ_jj over q_j,
        or τ_j where the stationary variance is drawn, are drawn towards a line in log j; or ``"isotropic"``, in which
        all states share one Σ_jj, or one τ.
    rate
        Prior median of Σ_jj where the states are observed exactly, (state,) or a number, in state² per unit of time;
        default: the data's.
    spread
        Prior standard deviation of log Σ_jj.
    time_constant
        Prior median τ₀ of τ_j under observation noise, in time; default: the geometric mean of a step and the median
        duration of a trajectory.
    time_constant_spread
        Prior standard deviation s_τ of log τ_j; default: half the log of duration over step, at least 1.
    concentration
        LKJ concentration of the correlations of Σ.
    by_group
        Whether each group of trajectories has a Σ of its own, near one that all share.

    Raises
    ------
    ModelError
        If ``shape`` is not known, or a constant is not positive.

    See Also
    --------
    sdebayes.priors.Diagonal : Noise that varies from place to place.
    sdebayes.priors.Full : The same with correlations.

    Examples
    --------
    >>> sb.priors.Constant("isotropic").diagonal, sb.priors.Constant("full").diagonal
    (True, False)
    >>> print(sb.priors.Constant("diagonal").describe())
    Diffusion: constant, diagonal
      log Σ_jj ~ Normal(log mean squared increment per unit of time, 1)
    """

    title: ClassVar[str] = "the same noise everywhere"
    constant: ClassVar[bool] = True
    shape: Shape = "full"
    rate: PositiveNumbers | None = None
    spread: Positive = 1.0
    time_constant: Positive | None = None
    time_constant_spread: Positive | None = None
    concentration: Positive = 2.0
    by_group: bool = field(default=False, kw_only=True)

    @property
    def diagonal(self) -> bool:
        """Whether Σ is diagonal."""
        return self.shape != "full"

    def scaled_to(self, scale: DataScale) -> Constant:
        """Return a copy with numbers in the place of the data-scaled constants."""
        middle, spread = self.time_constant, self.time_constant_spread
        return replace(
            self,
            rate=scale.rate if self.rate is None else self.rate,
            time_constant=float(np.sqrt(scale.step * scale.duration)) if middle is None else middle,
            time_constant_spread=_half_range(scale) if spread is None else spread,
        )

    def dims(self) -> Dims:
        """Names and dimensions of Σ's parameters."""
        if self.diagonal:
            return {"diffusion_variance": ["state"]}
        return {"diffusion_covariance": ["state", "state_bis"]}

    def sample(self, state_dim: int, *, variance: Vector | None = None) -> ConstantDiffusion:
        """Draw G inside a NumPyro model."""
        squared = self._variance(state_dim, variance)
        if self.diagonal:
            numpyro.deterministic("diffusion_variance", squared)
            return ConstantDiffusion(jnp.diag(jnp.sqrt(squared)))
        return ConstantDiffusion(covariance_cholesky("diffusion", squared, self.concentration))

    def _variance(self, state_dim: int, variance: Vector | None) -> Vector:
        shared = self.shape == "isotropic"
        if variance is None:
            median = constant("rate", self.rate, "Constant", state_dim)
            if self.shape == "pooled":
                return positive_pooled("diffusion_scale", median, self.spread)
            drawn = positive("diffusion_scale", one_for_all(median) if shared else median, self.spread)
            return jnp.broadcast_to(drawn, (state_dim,))
        number = 1 if shared else state_dim
        median = constant("time_constant", self.time_constant, "Constant", number)
        spread = constant("time_constant_spread", self.time_constant_spread, "Constant", number)
        if self.shape == "pooled":
            quantile = pooled("time_constant_quantile", state_dim)
            return 2 * variance * jnp.exp(-np.log(median) - spread * quantile)
        log_tau = numpyro.sample("log_time_constant", dist.Normal(np.log(median), spread).to_event(1))
        return 2 * variance * jnp.exp(-log_tau)

    def describe(self, variance_drawn: bool = False) -> str:
        """Say the prior in words and formulas."""
        rate = say(self.rate, "mean squared increment per unit of time")
        lines = [
            f"Diffusion: constant, {self.shape}",
            f"  Σ_jj = 2 P_jj / τ_j, log τ_j ~ Normal(log {say(self.time_constant, '√(step · duration)')}, "
            f"{say(self.time_constant_spread, '½ log(duration / step)')})"
            if variance_drawn
            else f"  log Σ_jj ~ Normal(log {rate}, {self.spread:g})",
        ]
        if self.shape == "pooled":
            lines.append(f"  {'τ' if variance_drawn else 'Σ'}_jj {POOLED}")
        if self.shape == "full":
            lines.append(f"  correlation of Σ ~ LKJ({self.concentration:g})")
        return "\n".join(lines)


def _half_range(scale: DataScale) -> float:
    """Return half the log of a trajectory's duration in steps, at least 1."""
    return float(max(0.5 * np.log(scale.duration / scale.step), 1.0))
