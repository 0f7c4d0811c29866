"""Priors over state-dependent diffusion: a constant, and a field that changes it from place to place."""

from __future__ import annotations

import dataclasses
import math
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

import jax.numpy as jnp
import numpy as np

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.types import Vector
from sdebayes.dynamics import DiagonalDiffusion, FullDiffusion
from sdebayes.priors.base import AbstractDiffusionPrior, DataScale, Dims
from sdebayes.priors.constants import constant
from sdebayes.priors.diffusion import Constant, Shape
from sdebayes.priors.field import AbstractFieldPrior, refuse_groups
from sdebayes.priors.gp import GP

_SHIFT = math.log(math.e - 1)


@checked
@dataclass(frozen=True, eq=False)
class AbstractFieldDiffusion(AbstractDiffusionPrior):
    """A prior over diffusion that is a constant one where a field u is zero.

    Parameters
    ----------
    field
        Prior of u, without unit: its amplitude counts; its linear part, its scale as a drift and ``shared_amplitude``
        do not.
    mean
        Prior of Σ where u = 0.

    Raises
    ------
    ModelError
        If the field is no prior over fields, or the mean is no `Constant` of the right shape.
    """

    identified: ClassVar[bool] = False
    shape: ClassVar[Shape]
    field: AbstractFieldPrior = dataclasses.field(default_factory=GP)
    mean: Constant = dataclasses.field(default_factory=Constant)

    def __post_init__(self) -> None:
        name = type(self).__name__
        refuse_groups(name, field=self.field, mean=self.mean)
        if self.mean.shape != self.shape:
            raise ModelError(
                f"{name}: mean is {self.mean!r}; expected sdebayes.priors.Constant(shape={self.shape!r})."
            )

    def scaled_to(self, scale: DataScale) -> AbstractFieldDiffusion:
        """Return a copy with numbers in the place of the data-scaled constants."""
        return replace(self, field=self.field.scaled_to(scale), mean=self.mean.scaled_to(scale))

    @property
    def overparameterized(self) -> bool:
        """Whether very different weights make one field."""
        return self.field.overparameterized

    def level(self, size: Vector) -> Vector:
        """Return −u for the constant u with which a factor of this size gives the prior's median noise, (state,).

        It tells the sampler along which curve u makes up for the constant factor.
        """
        ratio = jnp.sqrt(jnp.asarray(constant("rate", self.mean.rate, "Constant", size.shape[0]))) / size
        return _SHIFT - ratio - jnp.log(-jnp.expm1(-ratio))

    @abstractmethod
    def describe_form(self) -> tuple[str, str, str]:
        """Say how G is made of u, what Σ is where u = 0, and u: its amplitude and v, of standard deviation 1."""

    def describe(self, variance_drawn: bool = False) -> str:
        """Say the prior in words and formulas."""
        form, middle, size = self.describe_form()
        _, *law = self.mean.describe(variance_drawn).split("\n")
        return "\n".join(
            [
                f"Diffusion: {self.shape}, varies with x, {form}",
                f"  {middle}, where u = 0:",
                *("  " + line for line in law),
                f"  {size} ~ HalfNormal({self.field.amplitude:g})",
                *("  " + line for line in self.field.describe_field("v")),
            ]
        )


@checked
@dataclass(frozen=True, eq=False)
class Diagonal(AbstractFieldDiffusion):
    r"""Independent noise whose size varies from place to place.

    .. math::
        G(x) = \mathrm{diag}\big(g_j\, \mathrm{softplus}(u_j(x) + \log(e - 1))\big), \qquad
        u_j = α_j v_j, \quad α_j \sim \mathrm{HalfNormal}(a),

    so that Σ_jj = g_j² where u_j = 0, with the distribution that `Constant` gives it, and v has prior standard
    deviation 1.

    Parameters
    ----------
    field
        Prior of v with its amplitude a; linear part, scale as a drift and ``shared_amplitude`` are not used.
    mean
        Prior of diag(g²), a diagonal `Constant`: the parameter ``diffusion_variance``.
    by_group
        Whether each group of trajectories has a Σ of its own, near one that all share.

    Raises
    ------
    ModelError
        If the field is no prior over fields, or the mean is no diagonal `Constant`.

    See Also
    --------
    sdebayes.priors.Full : Correlated noise.
    sdebayes.priors.Constant : Noise that is the same everywhere.
    sdebayes.analysis.process.constant_noise : Whether the data ask for it.

    Examples
    --------
    >>> model = sb.SDEModel(diffusion=sb.priors.Diagonal(sb.priors.GP()), observation=sb.Exact())
    >>> type(model.discretization).__name__
    'Moments'
    >>> model.diffusion.constant
    False
    """

    title: ClassVar[str] = "independent noise whose size varies with the state"
    shape: ClassVar[Shape] = "diagonal"
    mean: Constant = dataclasses.field(default_factory=lambda: Constant("diagonal"))
    by_group: bool = dataclasses.field(default=False, kw_only=True)

    def dims(self) -> Dims:
        """Names and dimensions of Σ where u = 0, and of the field's parameters."""
        return self.mean.dims() | self.field.field_dims("diffusion", "state")

    def sample(self, state_dim: int, *, variance: Vector | None = None) -> DiagonalDiffusion:
        """Draw G inside a NumPyro model."""
        size = jnp.diagonal(self.mean.sample(state_dim, variance=variance).factor)
        beside = jnp.zeros((1 + state_dim, state_dim)).at[0].set(self.level(size))
        field = self.field.sample_field("diffusion", state_dim, jnp.ones(state_dim), beside=beside)
        return DiagonalDiffusion(scale=size, field=field)

    def describe_form(self) -> tuple[str, str, str]:
        """Say how G is made of u, what Σ is where u = 0, and u."""
        return "G_jj(x) = g_j softplus(u_j(x) + log(e − 1))", "Σ_jj = g_j²", "u_j(x) = α_j v_j(x), α_j"


@checked
@dataclass(frozen=True, eq=False)
class Full(AbstractFieldDiffusion):
    r"""Correlated noise whose size and correlations vary from place to place.

    .. math::
        G(x) = L M(x), \qquad M_{ii} = \mathrm{softplus}(u_{ii}(x) + \log(e - 1)), \quad
        M_{ij} = u_{ij}(x) \;\; (i > j), \quad M_{ij} = 0 \;\; (i < j), \qquad
        u = α v, \quad α \sim \mathrm{HalfNormal}(a),

    so that Σ = L Lᵀ where u = 0, with the distribution that `Constant` gives it, and v has prior standard deviation 1.
    As in every Cholesky form, the distribution depends a little on the order of the states.

    Parameters
    ----------
    field
        Prior of v with its amplitude a; linear part, scale as a drift and ``shared_amplitude`` are not used.
    mean
        Prior of L Lᵀ, a full `Constant`: the parameter ``diffusion_covariance``.
    by_group
        Whether each group of trajectories has a Σ of its own, near one that all share.

    Raises
    ------
    ModelError
        If the field is no prior over fields, or the mean is no full `Constant`.

    See Also
    --------
    sdebayes.priors.Diagonal : Noise that is independent between states.
    sdebayes.priors.Constant : Noise that is the same everywhere.

    References
    ----------
    Pinheiro & Bates (1996), sec. 2.2, doi:10.1007/BF00140873, for the log-Cholesky form, here with softplus in the
    place of the exponential: Σ then grows with the square of u at the most.

    Examples
    --------
    >>> diffusion = sb.priors.Full(sb.priors.BNN(hidden=(16,)))
    >>> diffusion.constant, diffusion.diagonal
    (False, False)
    """

    title: ClassVar[str] = "noise whose size and correlations vary with the state"
    shape: ClassVar[Shape] = "full"
    by_group: bool = dataclasses.field(default=False, kw_only=True)

    def dims(self) -> Dims:
        """Names and dimensions of Σ where u = 0, and of the field's parameters."""
        return self.mean.dims() | self.field.field_dims("diffusion", None)

    def sample(self, state_dim: int, *, variance: Vector | None = None) -> FullDiffusion:
        """Draw G inside a NumPyro model."""
        factor = self.mean.sample(state_dim, variance=variance).factor
        rows, columns = np.tril_indices(state_dim)
        diagonal = np.flatnonzero(rows == columns)
        beside = jnp.zeros((1 + state_dim, len(rows)))
        beside = beside.at[0, diagonal].set(self.level(jnp.diagonal(factor)))
        field = self.field.sample_field(
            "diffusion", state_dim, jnp.ones(len(rows)), shared_amplitude=True, beside=beside
        )
        return FullDiffusion(factor=factor, field=field)

    def describe_form(self) -> tuple[str, str, str]:
        """Say how G is made of u, what Σ is where u = 0, and u."""
        return (
            "G(x) = L M(x), M lower triangular, M_ii = softplus(u_ii(x) + log(e − 1)), M_ij = u_ij(x)",
            "Σ = L Lᵀ",
            "u_ij(x) = α v_ij(x), α",
        )
