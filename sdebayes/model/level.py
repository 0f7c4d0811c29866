"""The level about which trajectories move, as covariates of the trajectory and of the step say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import xarray as xr
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError, ModelError
from sdebayes._core.kinds import Count, Name, Positive, WholeNumber
from sdebayes._core.stored import Stored
from sdebayes.model.covariates import read_covariate, refuse
from sdebayes.priors.base import DataScale, Dims
from sdebayes.priors.covariate_basis import AbstractCovariateBasis, CategoryBasis, NumberBasis
from sdebayes.priors.covariate_process import SPREAD, ProcessBasis
from sdebayes.priors.kernels import AbstractKernel


@checked
@dataclass(frozen=True)
class Level(Stored):
    r"""A part of the level that is a function of one covariate.

    .. math::
        Y_k = H (X(t_k) + c_i + B w_k) + ε_k, \qquad B_{jp} = s\, σ_j\, β_{jp}, \qquad β_{jp} \sim N(0, 1/d),

    with functions :math:`w_1, …, w_d` of the covariate that have mean 0, variance 1 and no correlation over the
    steps of the data that the prior is scaled to, and σ the standard deviations of the states there. So X moves in
    coordinates that are centred on the level, and the drift's equilibrium is that of an average step.

    Numbers enter as a straight line, as a polynomial, as a natural cubic spline, which beyond the data goes on as a
    straight line, or as a Gaussian process, whose functions are correlated and which goes back to the mean there. Names
    are categories: each has a level of its own, :math:`s σ_j` times a standard normal variable, less the mean over the
    steps.

    Parameters
    ----------
    covariate
        Name of a variable of the data, over trajectories or over (trajectory, time); ``"t"`` is the place in the text.
    degree
        Of the polynomial; 1 for a straight line.
    knots
        Number of inner knots of a spline, at quantiles of the different values; 0 for none.
    spread
        s, prior standard deviation of this part of the level, in standard deviations of the state.
    kernel
        Covariance of a Gaussian process of a number, such as ``sdebayes.priors.Matern52()``, in the place of a
        polynomial or spline; its length-scale is learned. None for none.

    Raises
    ------
    ModelError
        If more than one of degree, knots and kernel is given.

    See Also
    --------
    sdebayes.analysis.level.along : Reads the level of a fit.
    sdebayes.VarianceFunction : How the noise depends on a covariate.

    References
    ----------
    Fahrmeir, Kneib, Lang & Marx (2013), Regression, ch. 3 and 8, doi:10.1007/978-3-642-34333-9.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> dated = train.assign_coords(year=("trajectory", range(1990, 1998)))
    >>> level = sb.Level("year", degree=2)
    >>> level.design(dated, level.basis(dated)).shape
    (8, 100, 2)
    >>> sb.SDEModel(level=(level, sb.Level("t"))).covariates
    ('year', 't')
    """

    covariate: Name
    degree: Count = 1
    knots: WholeNumber = 0
    spread: Positive = 0.5
    kernel: AbstractKernel | None = None

    def __post_init__(self) -> None:
        if (self.degree > 1) + (self.knots > 0) + (self.kernel is not None) > 1:
            raise ModelError(
                f"Level: degree={self.degree} is of a polynomial, knots={self.knots} of a spline and "
                f"kernel={self.kernel} of a Gaussian process; give one of them."
            )

    def basis(self, data: xr.Dataset) -> AbstractCovariateBasis:
        """Make the functions of the covariate that have mean 0 and variance 1 over the steps of these data.

        Parameters
        ----------
        data
            Trajectories.

        Returns
        -------
        AbstractCovariateBasis
            The functions.

        Raises
        ------
        DataError
            If the covariate is missing, the same at all steps, has too few different values, or names that are as many
            as the trajectories.
        """
        values, seen = self._read(data)
        known = values[seen]
        if len(set(known.tolist())) < 2:
            raise DataError(
                f"The covariate {self.covariate!r} is the same at all steps, so that nothing can be learned of how the "
                "level depends on it; leave its Level out."
            )
        if values.dtype.kind == "U":
            self._check_categories(values, seen)
            return CategoryBasis.of(known)
        if self.kernel is not None:
            return ProcessBasis.of(known, self.kernel)
        made = NumberBasis.of(known, self.degree, self.knots)
        if made is None:
            terms = self.knots + 1 if self.knots else self.degree
            raise DataError(
                f"The covariate {self.covariate!r} has {len(set(known.tolist()))} different values, too few for the "
                f"{terms} terms of its Level; give a lower degree or fewer knots."
            )
        return made

    def design(
        self, data: xr.Dataset, basis: AbstractCovariateBasis
    ) -> Float[np.ndarray, "trajectory time term"]:
        """Evaluate the functions at each step.

        Parameters
        ----------
        data
            Trajectories.
        basis
            What `basis` made of the data that the model is scaled to.

        Returns
        -------
        terms
            w_1, …, w_d, (trajectory, time, term); zero where there is neither a value of y nor a covariate.

        Raises
        ------
        DataError
            If the covariate is missing, or a name that the basis does not know.
        """
        values, seen = self._read(data)
        categories = basis.categories if isinstance(basis, CategoryBasis) else None
        if (categories is None) != (values.dtype.kind != "U"):
            what = "numbers" if categories is None else "names"
            raise DataError(
                f"The covariate {self.covariate!r} holds {values.dtype}; the level was fitted to {what}."
            )
        if categories is not None:
            known = " or ".join(map(repr, categories))
            expected = f"{known}, as in the data that the model is scaled to; leave such trajectories out."
            refuse(self.covariate, values, seen & ~np.isin(values, categories), data, expected)
        return basis(values)

    def _read(self, data: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
        """Return the covariate, float64 or text, and where y has a value; a DataError where it is then missing."""
        values, seen = read_covariate(data, self.covariate, "The level")
        if values.dtype.kind in "iufb":
            numbers = values.astype(np.float64)
            refuse(
                self.covariate,
                numbers,
                seen & ~np.isfinite(numbers),
                data,
                "a finite number wherever y has a value.",
            )
            return numbers, seen
        if values.dtype.kind not in "UO" or not all(isinstance(one, str) for one in values[seen]):
            raise DataError(
                f"The covariate {self.covariate!r} of the level holds {values.dtype}; expected real numbers or names."
            )
        names = np.where(seen, values, "").astype(str)
        refuse(self.covariate, names, seen & (names == ""), data, "a name wherever y has a value.")
        return names, seen

    def _check_categories(self, values: np.ndarray, seen: np.ndarray) -> None:
        if self.degree > 1 or self.knots or self.kernel is not None:
            raise DataError(
                f"The covariate {self.covariate!r} holds names, which have no degree, knots or kernel; give "
                f"Level({self.covariate!r})."
            )
        own = [set(row[here]) for row, here in zip(values, seen, strict=True)]
        count = len(set().union(*own))
        if all(len(names) == 1 for names in own) and count == len(own):
            raise DataError(
                f"The covariate {self.covariate!r} has another name in each of {count} trajectories: a level of each "
                "is what a trajectory effect is. Leave its Level out, and give trajectory_effect=True."
            )
        if 2 * count > seen.sum():
            raise DataError(
                f"The covariate {self.covariate!r} has {count} different names at {seen.sum()} steps; expected "
                "categories, most of which come more than once."
            )

    def describe(self) -> str:
        """Say it in words: what it is of numbers, as names are known by the data alone."""
        shape = f"natural cubic spline, {self.knots} inner knots" if self.knots else f"degree {self.degree}"
        if self.kernel is not None:
            shape = f"Gaussian process, {self.kernel.title}, log ℓ ~ Normal(log of 1 covariate sd or more, {SPREAD:g})"
        return f"{self.covariate}: {shape}; of names: a level each; prior sd {self.spread:g} data sd"


def level_bases(levels: Sequence[Level], data: xr.Dataset) -> tuple[AbstractCovariateBasis, ...]:
    """Make the functions of all covariates of the level.

    Raises
    ------
    DataError
        If a covariate cannot be used, or those of whole trajectories have as many terms as there are trajectories.
    """
    bases = tuple(level.basis(data) for level in levels)
    whole = [
        (level.covariate, basis.weights)
        for level, basis in zip(levels, bases, strict=True)
        if _is_of_trajectories(data, level.covariate)
    ]
    terms, count = sum(number for _, number in whole), data.sizes["trajectory"]
    if terms >= count:
        raise DataError(
            f"The level has {terms} terms of covariates that are the same along a trajectory "
            f"({', '.join(repr(name) for name, _ in whole)}), for {count} trajectories; expected fewer terms than "
            "trajectories: give a lower degree, fewer knots or categories, or more trajectories."
        )
    return bases


def level_terms(
    levels: Sequence[Level], data: xr.Dataset, scale: DataScale
) -> Float[np.ndarray, "trajectory time level_term"] | None:
    """Return what the slopes of the level multiply at each step; None where there is no level."""
    pairs = zip(levels, scale.levels, strict=True)
    found = [level.design(data, basis) for level, basis in pairs]
    return np.concatenate(found, axis=-1) if found else None


def level_term_names(levels: Sequence[Level], scale: DataScale) -> list[str]:
    """Return the labels of these terms."""
    pairs = zip(levels, scale.levels if levels else (), strict=True)
    return [name for level, basis in pairs for name in basis.names(level.covariate)]


def sample_level(levels: Sequence[Level], scale: DataScale) -> Float[Array, "level_term state"] | None:
    """Draw the slopes B of the level inside a NumPyro model; None where there is no level."""
    if not levels:
        return None
    if len(levels) != len(scale.levels):
        raise ModelError(
            "The model's scale was made without its level; scale the model with it: SDEModel(level=…).scaled_to(data)."
        )
    count = sum(basis.weights for basis in scale.levels)
    standard = dist.Normal(0, 1).expand([count, len(scale.states)]).to_event(2)
    weights = numpyro.sample("level_weight", standard)
    slopes, start = [], 0
    for level, basis in zip(levels, scale.levels, strict=True):
        contrasts = level.spread * basis.drawn_contrasts(f"level_{level.covariate}")
        slopes.append(contrasts @ weights[start : start + basis.weights])
        start += basis.weights
    return numpyro.deterministic("level_slope", jnp.concatenate(slopes) * jnp.sqrt(scale.variance))


def dims_of_level(levels: Sequence[Level]) -> Dims:
    """Return names and dimensions of the slopes, and of the length-scales of Gaussian processes."""
    drawn: Dims = {f"level_{one.covariate}_lengthscale": [] for one in levels if one.kernel is not None}
    return drawn | ({"level_slope": ["level_term", "state"]} if levels else {})


def say_levels(levels: Sequence[Level]) -> list[str]:
    """Say the level in a line for each part, if there is one."""
    head = ["Level: B w_k, added to X(t_k), with functions w of"] if levels else []
    return head + [f"  {level.describe()}" for level in levels]


def _is_of_trajectories(data: xr.Dataset, name: str) -> bool:
    """Whether a covariate is the same at all steps of each trajectory that have a value."""
    values, seen = read_covariate(data, name, "The level")
    return all(len(set(row[here].tolist())) <= 1 for row, here in zip(values, seen, strict=True))
