"""The model: drift and diffusion priors, a scheme and an observation, as a NumPyro program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
import numpyro
import xarray as xr
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.interning import interned, structure_of
from sdebayes._core.kinds import Positive
from sdebayes._core.stored import Stored
from sdebayes._core.tracing import one_at_a_time
from sdebayes.data.validation import refuse_short
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood import AbstractLikelihood, Observations, TrajectoryLaw
from sdebayes.likelihood.arrays import read
from sdebayes.model.compatibility import check_data, check_levels, check_scheme, say_scheme
from sdebayes.model.drawing import draw_sde
from sdebayes.model.gaussian_noise import GaussianNoise
from sdebayes.model.group_labels import group_names, groups_of
from sdebayes.model.groups import Pooling, pooling_of
from sdebayes.model.initial import check_start, dims_of_start, say_law_of_start
from sdebayes.model.law import likelihood_of
from sdebayes.model.level import Level, dims_of_level, level_term_names, level_terms, say_levels
from sdebayes.model.observation import AbstractObservation
from sdebayes.model.precomputed_features import tabulated
from sdebayes.model.regimes import check_regimes, diffusion_of, say_process
from sdebayes.model.rehearsal import Rehearsal, rehearse
from sdebayes.model.scale import data_scale
from sdebayes.priors import Constant, Linear, Regimes
from sdebayes.priors.base import AbstractDiffusionPrior, AbstractDriftPrior, DataScale, Dims
from sdebayes.schemes import AbstractScheme, LocalLinearization, Moments


@checked
@dataclass(frozen=True, eq=False)
class SDEModel(Stored):
    r"""A Bayesian model of trajectories.

    .. math::
        dX = f(X, t)\,dt + G(X, t)\,dW, \qquad Y_k = H (X(t_k) + c_i + B w_k) + ε_k.

    The first state has the distribution that ``initial`` gives; by default the stationary one where the drift is a
    stable linear map and Σ is constant, else a free one. Trajectories that start away from equilibrium, as experiments
    and simulations do, need ``initial="free"``: the stationary one bends drift and Σ until their starts are usual.

    Parameters
    ----------
    drift
        Prior over f, of `sdebayes.priors`; with `sdebayes.priors.Regimes` over several that a Markov chain switches.
    diffusion
        Prior over G, an object of `sdebayes.priors`.
    scheme
        Discretisation, an object of `sdebayes.schemes`. None: local linearisation for additive noise (exact for a
        linear drift), the expansion of both moments for multiplicative noise.
    observation
        `Exact` or `GaussianNoise`.
    initial
        Distribution of the first state: m₀ and P₀, (state,) and (state, state), where it is known; ``"free"``: N(m₀,
        P₀) with m₀ and the diagonal of P₀ drawn around the data's mean and variance; None: as said above.
    level
        What covariates say of the level about which a trajectory moves: a `Level`, or several, which are added.
    scale
        The data's scale, set by `scaled_to`.
    group_scale
        How far groups differ in what has ``by_group``: prior median of the standard deviation between groups, in prior
        standard deviations of the shared value.
    pooling
        The groups and what varies between them, set by `scaled_to`.

    Raises
    ------
    ModelError
        If the parts do not fit together; the message says what to use instead.

    See Also
    --------
    sdebayes.fit : Finds its posterior.
    sdebayes.priors : Drift and diffusion.
    sdebayes.schemes : Discretisations.

    Examples
    --------
    >>> model = sb.SDEModel(drift=sb.priors.GP(), observation=sb.Exact())
    >>> type(model.discretization).__name__, type(model.likelihood).__name__
    ('LocalLinearization', 'Transitions')
    >>> print(sb.SDEModel(observation=sb.Exact()).describe())
    dX = f(X, t) dt + G(X, t) dW,  Σ = G Gᵀ
    Drift: linear, f(x) = A (b − x), stable, coupled states, A = (½Σ + K) P⁻¹
      b_j ~ Normal(data mean, data standard deviation)
      log P_jj ~ Normal(log data variance, 1)
      correlation of P ~ LKJ(2)
      K = L K̃ Lᵀ, L Lᵀ = P, K̃_ij ~ StudentT(3, 0, 1·√(a_i a_j)), a_i = ½Σ_ii/P_ii
    Diffusion: constant, full
      log Σ_jj ~ Normal(log mean squared increment per unit of time, 1)
      correlation of Σ ~ LKJ(2)
    Scheme: LocalLinearization, exact for this model
    Observation: exact, Y_k = X(t_k)
    First state: stationary distribution
    """

    drift: AbstractDriftPrior = field(default_factory=Linear)
    diffusion: AbstractDiffusionPrior = field(default_factory=Constant)
    scheme: AbstractScheme | None = None
    observation: AbstractObservation = field(default_factory=lambda: GaussianNoise(trajectory_effect=True))
    initial: tuple[Any, Any] | Literal["free"] | None = None
    level: Level | tuple[Level, ...] = ()
    scale: DataScale | None = None
    group_scale: Positive = 0.5
    pooling: Pooling | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "diffusion", diffusion_of(self.drift, self.diffusion))
        check_regimes(self.regimes, self.parts_by_group)
        check_scheme(self.likelihood, self.diffusion, self.observation)
        check_start(self.initial)
        check_levels(self.levels)

    @property
    def discretization(self) -> AbstractScheme:
        """The scheme in force."""
        if self.scheme is not None:
            return self.scheme
        return LocalLinearization() if self.diffusion.constant else Moments()

    @property
    def frozen_scale(self) -> DataScale:
        """The data's scale; a ModelError where `scaled_to` has not been called."""
        if self.scale is None:
            raise ModelError("The model's prior is not yet scaled to data; call model.scaled_to(data) first.")
        return self.scale

    @property
    def levels(self) -> tuple[Level, ...]:
        """The parts of the level."""
        return self.level if isinstance(self.level, tuple) else (self.level,)

    @property
    def covariates(self) -> tuple[str, ...]:
        """Names of the variables of the data that noise and level depend on."""
        return tuple(dict.fromkeys((*self.observation.covariates, *(one.covariate for one in self.levels))))

    @property
    def regimes(self) -> Regimes | None:
        """The drift if it is one of several regimes, else None."""
        return self.drift if isinstance(self.drift, Regimes) else None

    @property
    def affine(self) -> bool:
        """Whether the drift is linear and Σ constant, so that the likelihood is exact up to the scheme."""
        return self.drift.affine and self.diffusion.constant

    @property
    def likelihood(self) -> AbstractLikelihood:
        """How the distribution of trajectories is computed, by observation, drift, diffusion and scheme."""
        return likelihood_of(self)

    @property
    def exact_transitions(self) -> bool:
        """Whether the scheme's distribution is the true one, at any step."""
        return self.regimes is None and self.affine and self.discretization.exact_when_linear

    @property
    def stationary(self) -> bool:
        """Whether the first state has the stationary distribution."""
        return self.initial is None and self.affine and self.drift.stable

    def scaled_to(self, data: xr.Dataset) -> SDEModel:
        """Return the model with every data-scaled prior constant frozen as a number; itself if that is done.

        Parameters
        ----------
        data
            Trajectories; only their means, variances, increments and steps are read.

        Returns
        -------
        SDEModel
            The scaled model.

        Raises
        ------
        DataError
            If the data set is not valid.
        ModelError
            If the data do not have the observed coordinates that the model expects.
        """
        refuse_short(data)
        if self.scale is not None:
            return self
        groups = group_names(data) if self.parts_by_group else ()
        return self.with_scale(replace(data_scale(data, self.observation, self.levels), groups=groups))

    def with_scale(self, scale: DataScale) -> SDEModel:
        """Return the model with its data-scaled prior constants frozen at a known scale.

        Parameters
        ----------
        scale
            The scale.

        Returns
        -------
        SDEModel
            The scaled model.

        Raises
        ------
        ModelError
            If the parts do not fit together in so many states.
        """
        drift = self.drift.scaled_to(scale)
        own = None if self.regimes is None else drift.diffusion
        scaled = replace(
            self,
            drift=drift,
            diffusion=self.diffusion.scaled_to(scale) if own is None else own,
            observation=self.observation.scaled_to(scale),
            scale=scale,
        )
        if scaled.parts_by_group and scale.groups:
            pooling = pooling_of(scaled._of_one_group, scale.groups, self.group_scale, scaled.parts_by_group)
            scaled = replace(scaled, pooling=pooling)
        rehearse(Rehearsal(structure_of(scaled), scaled.build))
        return interned(scaled)

    def build(self) -> ObservedSDE:
        """Draw every unknown inside a NumPyro model and return the SDE as it is observed, or those of all groups."""
        return self._of_one_group() if self.pooling is None else self.pooling.sample(self._of_one_group)

    @property
    def parts_by_group(self) -> list[str]:
        """Names of the parts that have ``by_group``."""
        return [name for name in ("observation", "diffusion", "drift") if getattr(self, name).by_group]

    @cached_property
    def of_one_group(self) -> SDEModel:
        """The model that each group follows, with values of its own; the model itself where there are no groups."""
        if self.pooling is None:
            return self
        return replace(self, pooling=None, scale=replace(self.frozen_scale, groups=()))

    @one_at_a_time
    def _of_one_group(self) -> ObservedSDE:
        return draw_sde(self)

    def dims(self) -> Dims:
        """Names and dimensions of the interpretable parameters."""
        start = dims_of_start(self.initial, self.stationary)
        level = dims_of_level(self.levels)
        own = self.diffusion.dims() if self.regimes is None or self.regimes.diffusion is None else {}
        return self.drift.dims() | own | self.observation.dims() | start | level

    def coords(self) -> dict[str, list[str]]:
        """Labels of the dimensions that `dims` names, but those of states."""
        terms = level_term_names(self.levels, self.frozen_scale)
        return self.drift.coords() | self.observation.coords() | {"level_term": terms}

    def read(self, data: xr.Dataset, every_step: bool = False) -> Observations:
        """Read a data set as this model's likelihood needs it.

        Parameters
        ----------
        data
            Trajectories.
        every_step
            Whether steps without a value are kept where the likelihood would leave them out.

        Returns
        -------
        Observations
            Its arrays.

        Raises
        ------
        DataError
            If the data set is not valid, or lacks a covariate or groups.
        ModelError
            If its coordinates are not those of the model, or entries are missing that the likelihood cannot
            integrate out.
        """
        terms = level_terms(self.levels, data, self.frozen_scale) if self.levels else None
        observations = read(data, self.likelihood.states_observed and not every_step, terms)
        check_data(self.observation, self.likelihood, self.scale, observations)
        if self.observation.covariates:
            terms = self.observation.noise_terms(data, self.frozen_scale)
            observations = replace(observations, noise_terms=terms, shared=False)
        if self.pooling is not None:
            observations = replace(observations, **groups_of(data, self.pooling.groups))
        return self._tabulated(observations)

    def with_values(
        self, observations: Observations, values: Float[Array | np.ndarray, "trajectory time observed"]
    ) -> Observations:
        """Return observations with other values at the same times, missing where they were: what one compiled fits."""
        kept = np.where(np.asarray(observations.seen), np.asarray(values), 0.0)
        return self._tabulated(replace(observations, values=kept, table=None))

    def _tabulated(self, observations: Observations) -> Observations:
        """Compute basis functions at the data once, where the scheme reads drift and diffusion nowhere else."""
        here = self.scale is not None and self.likelihood.reads_tables
        return tabulated(self.of_one_group.build, self.discretization, observations) if here else observations

    def numpyro_model(self, data: xr.Dataset) -> Callable[[], None]:
        """Return an ordinary NumPyro model of these data, with the observed site ``y``.

        Parameters
        ----------
        data
            Trajectories.

        Returns
        -------
        model
            A function without arguments; its latent sites are the priors' own.
        """
        scaled = self.scaled_to(data)
        observations = scaled.read(data)
        return lambda: scaled.program(observations)

    def program(self, observations: Observations) -> None:
        """Draw every unknown and observe ``y``: the NumPyro model of data that `read` has read."""
        law = TrajectoryLaw(self.build(), self.likelihood, observations)
        numpyro.sample("y", law, obs=jnp.asarray(observations.values))

    def describe(self) -> str:
        """Say the model in words and formulas: prior constants as numbers once scaled to data, as rules before."""
        lines = [
            *say_process(self.drift, self.diffusion, self.observation.draws_variance),
            say_scheme(self.likelihood, self.exact_transitions),
            self.observation.describe(),
            *say_levels(self.levels),
            f"First state: {say_law_of_start(self.initial, self.stationary)}",
        ]
        return "\n".join(lines if self.pooling is None else [*lines, *self.pooling.describe()])
