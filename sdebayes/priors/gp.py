"""Gaussian-process priors over nonlinear fields."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import exp
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import Positive, PositiveNumbers
from sdebayes.dynamics import BasisField
from sdebayes.priors.base import WEIGHT_OFFSET, WEIGHT_SCALE, DataScale, Dims
from sdebayes.priors.constants import constant, say
from sdebayes.priors.expansion import AbstractExpansion
from sdebayes.priors.field import AbstractFieldPrior
from sdebayes.priors.hsgp import HSGP, MOST_STATES
from sdebayes.priors.kernels import AbstractKernel, SquaredExponential
from sdebayes.priors.positive import positive
from sdebayes.priors.random_fourier import RandomFourier

_LOWER_TAIL = 0.84  # standard normal quantile of 80 %

_NODES = 400
_SHRINKAGE = 1e-4


@checked
@dataclass(frozen=True, eq=False)
class GP(AbstractFieldPrior):
    r"""Independent Gaussian processes, one for each output, with the same kernel and length-scales.

    .. math::
        u_j \sim \mathrm{GP}(0, k), \qquad k(x, x') = k\Bigl(\sqrt{\textstyle\sum_i (x_i - x'_i)^2 / (s_i ℓ_i)^2}\Bigr),
        \qquad \log ℓ_i \sim N(\log \tilde ℓ_i, σ_ℓ^2),

    in units of the path's standard deviations s, as a sum of basis functions with standard normal weights; the rest
    is said at `AbstractFieldPrior`. As a drift it stands beside a stable linear map and is bounded, so that every draw
    is dissipative.

    Parameters
    ----------
    mean, amplitude, shared_amplitude, drift_scale, location, state_scale, data_drift_scale
        As in `AbstractFieldPrior`.
    kernel
        The covariance: `SquaredExponential`, `Matern52` or `Matern32`.
    basis
        `HSGP`, `RandomFourier` or `Inducing`; default: HSGP for up to three states, random Fourier features above.
    lengthscale
        ℓ, (state,) or a number, in units of s; default: learned. Where it is given, the basis functions are computed
        once for all data.
    lengthscale_median
        Prior median of a learned ℓ, (state,) or a number; default: the root of the number of states, at which two
        typical points are correlated alike in any number of states, or, if that is more, the median that leaves 20 %
        below the shortest length-scale that the basis represents.
    lengthscale_spread
        Prior standard deviation of log ℓ.
    by_group
        Whether each group of trajectories has a drift of its own, near one that all share.

    Raises
    ------
    ModelError
        If a part is of the wrong kind, a number is out of its range, or the basis does not fit the number of states.

    See Also
    --------
    sdebayes.priors.BNN : A network in the place of the process.
    sdebayes.priors.HSGP : Its basis for up to three states.
    sdebayes.priors.RandomFourier : Its basis for more.

    References
    ----------
    Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, ch. 4 and sec. 5.1. The growth of the
    length-scale with the number of states: Hvarfner, Hellsten & Nardi (2024), arXiv:2402.02229.

    Examples
    --------
    >>> drift = sb.priors.GP(kernel=sb.priors.Matern52(), lengthscale=1.5)
    >>> drift.linear_in_weights, sb.priors.GP().linear_in_weights
    (True, False)
    >>> sb.SDEModel(drift, observation=sb.Exact()).affine
    False
    """

    title: ClassVar[str] = "Gaussian process"
    kernel: AbstractKernel = field(default_factory=SquaredExponential)
    basis: AbstractExpansion | None = None
    lengthscale: PositiveNumbers | None = None
    lengthscale_median: PositiveNumbers | None = None
    lengthscale_spread: Positive = 0.6
    by_group: bool = field(default=False, kw_only=True)

    def scaled_to(self, scale: DataScale) -> GP:
        """Return a copy with numbers in the place of the data-scaled constants."""
        scaled: Any = super().scaled_to(scale)
        n = len(scale.states)
        location = constant("location", scaled.location, "GP", n)
        unit = constant("state_scale", scaled.state_scale, "GP", n)
        basis = self.basis or (HSGP() if n <= MOST_STATES else RandomFourier())
        basis = basis.scaled_to(scale.of_path(), location, unit, self.kernel)
        median = self.lengthscale_median
        if median is None:
            shortest = basis.shortest_lengthscale(self.kernel, n) / unit
            median = np.maximum(np.sqrt(n), exp(_LOWER_TAIL * self.lengthscale_spread) * shortest)
        return replace(scaled, basis=basis, lengthscale_median=median)

    @property
    def linear_in_weights(self) -> bool:
        """Whether the basis functions depend on no parameter: the length-scale is given, or they do not read it."""
        return self.lengthscale is not None or (self.basis is not None and self.basis.tabulated)

    def weight_sites(self, weights: Float[Array, "feature state"]) -> dict[str, Array]:
        """Return the weights of the basis functions, which come after the linear part's features."""
        return {"drift_weights": weights[1 + weights.shape[1] :]}

    def field_dims(self, name: str, output: str | None) -> Dims:
        """Names and dimensions of amplitude and length-scale."""
        dims: Dims = {f"{name}_amplitude": [] if output is None else [output]}
        return dims | ({f"{name}_lengthscale": ["state"]} if self.lengthscale is None else {})

    def sample_field(
        self,
        name: str,
        state_dim: int,
        scale: Float[Array, " output"],
        shared_amplitude: bool = False,
        beside: Float[Array, "linear output"] | None = None,
    ) -> BasisField:
        """Draw α_j d_j u_j(x) inside a NumPyro model."""
        if self.basis is None:
            raise ModelError(
                "GP: the basis is chosen for data that the prior has not seen; call model.scaled_to(data)."
            )
        location = jnp.asarray(constant("location", self.location, "GP", state_dim))
        unit = jnp.asarray(constant("state_scale", self.state_scale, "GP", state_dim))
        if self.lengthscale is None:
            median = constant("lengthscale_median", self.lengthscale_median, "GP", state_dim)
            lengthscale = positive(f"{name}_lengthscale", median, self.lengthscale_spread)
        else:
            lengthscale = jnp.asarray(constant("lengthscale", self.lengthscale, "GP", state_dim))
        amplitude = self.sample_amplitude(name, scale.shape[0], shared_amplitude)
        spread = self.basis.weight_scale(self.kernel, unit * lengthscale)[:, None] * amplitude * scale
        offset = (
            jnp.zeros_like(spread)
            if beside is None
            else _linear_functions(self, state_dim, spread.dtype.name) @ beside
        )
        normals = numpyro.sample(
            f"{name}_weights",
            dist.Normal(0.0, 1.0).expand(spread.shape).to_event(2),
            infer={WEIGHT_SCALE: spread, WEIGHT_OFFSET: offset},
        )
        fixed = self.lengthscale is not None
        return self.basis.field(self.kernel, location, unit * lengthscale, fixed, normals * spread)

    def describe_field(self, symbol: str) -> list[str]:
        """Say the distribution of u in words and formulas, a line each."""
        unit = say(self.state_scale, "standard deviation of the path")
        median = say(self.lengthscale_median, "√states, or more where the basis needs it")
        law = (
            f"log ℓ_i ~ Normal(log {median}, {self.lengthscale_spread:g})"
            if self.lengthscale is None
            else f"ℓ = {say(self.lengthscale, '')}"
        )
        basis = (
            self.basis.describe(self.kernel)
            if self.basis
            else ["basis: HSGP for up to three states, random Fourier features above"]
        )
        return [
            f"{symbol}_j ~ GP(0, k), {self.kernel.title} k(r), r² = Σ_i (x_i − x'_i)² / (s_i ℓ_i)², s = {unit}",
            law,
            *basis,
        ]


@lru_cache(maxsize=8)
def _linear_functions(prior: GP, state_dim: int, dtype: str) -> np.ndarray:
    """Return weights of about the functions 1 and x_i − m_i, (feature, 1 + state), at the median length-scale.

    Nearest on average over normal states with the prior's location and scale, with a little shrinkage; computed in
    the precision that is in force, and kept for it.
    """
    location, unit = (
        constant(name, getattr(prior, name), "GP", state_dim) for name in ("location", "state_scale")
    )
    median = prior.lengthscale_median if prior.lengthscale is None else prior.lengthscale
    lengthscale = unit * constant("lengthscale", median, "GP", state_dim)
    standard = np.random.default_rng(0).normal(size=(_NODES, state_dim))
    basis: Any = prior.basis

    def functions(
        x: Float[Array, "point state"],
    ) -> tuple[Float[Array, " feature"], Float[Array, "point feature"]]:
        s = basis.weight_scale(prior.kernel, jnp.asarray(lengthscale))
        field = basis.field(prior.kernel, jnp.asarray(location), jnp.asarray(lengthscale), True, jnp.diag(s))
        return s, jax.vmap(field)(x)

    with jax.ensure_compile_time_eval():
        s, values = jax.jit(functions)(jnp.asarray(location + unit * standard))
    design = np.asarray(values, dtype=np.float64)
    linear = np.column_stack([np.ones(_NODES), unit * standard])
    gram = design.T @ design + _SHRINKAGE * _NODES * np.eye(design.shape[1])
    return np.asarray(s)[:, None] * np.linalg.solve(gram, design.T @ linear)
