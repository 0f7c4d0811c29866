"""Observation noise that is larger at some steps than at others, as covariates of the step say."""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial, sqrt

import numpy as np
import xarray as xr
from jaxtyping import Float
from numpy.polynomial.hermite_e import hermevander

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, Name, Positive
from sdebayes._core.stored import Stored
from sdebayes.model.covariates import read_covariate, refuse


@checked
@dataclass(frozen=True)
class VarianceFunction(Stored):
    r"""R times a function of a covariate w of the step, such as the number of words of a sentence.

    .. math::
        \log R_k = \log R + \sum_{p=1}^{d} β_p h_p(w_k), \qquad β_p \sim N(0, s^2),

    where w is standardised by mean and standard deviation over the steps of the data that the prior is scaled to, and
    :math:`h_p = \mathrm{He}_p / \sqrt{p!}` are Hermite's polynomials, of variance 1 for a normal w: w,
    (w² − 1)/√2, … So R is the noise at an average step. One slope holds for all coordinates.

    Parameters
    ----------
    covariate
        Name of a variable of the data, over (trajectory, time) or over trajectories.
    log
        Whether its logarithm is taken first.
    degree
        d, of the polynomial.
    spread
        s, prior standard deviation of the slopes.

    See Also
    --------
    sdebayes.Level : How the level depends on a covariate.

    References
    ----------
    Davidian & Carroll (1987), Variance function estimation, doi:10.1080/01621459.1987.10478543.

    Examples
    --------
    >>> words = sb.VarianceFunction("words", log=True)
    >>> words.describe()
    '  log R_k = log R + β_1 h_1(w_k), w: log words, standardised; β ~ Normal(0, 0.5)'
    >>> sb.SDEModel(observation=sb.GaussianNoise(variance_function=words)).covariates
    ('words',)
    """

    covariate: Name
    log: bool = False
    degree: Count = 1
    spread: Positive = 0.5

    @property
    def terms(self) -> list[str]:
        """Names of the terms of its polynomial."""
        name = f"log {self.covariate}" if self.log else self.covariate
        return [name if power == 1 else f"{name}, degree {power}" for power in range(1, self.degree + 1)]

    def values(self, data: xr.Dataset) -> Float[np.ndarray, "trajectory time"]:
        """Read the covariate, or its logarithm, at each step with a value of y.

        Parameters
        ----------
        data
            Trajectories.

        Returns
        -------
        values
            (trajectory, time); NaN where y has no value.

        Raises
        ------
        DataError
            If the data do not have it, it is no number, or it is missing, or without logarithm, at a step that counts.
        """
        given, seen = read_covariate(data, self.covariate, "The noise")
        if given.dtype.kind not in "iufb":
            raise DataError(
                f"The covariate {self.covariate!r} of the noise holds {given.dtype}; expected real numbers."
            )
        values = np.where(seen, given.astype(np.float64), np.nan)
        usable = np.isfinite(values) & (values > 0) if self.log else np.isfinite(values)
        kind = "a positive number, for its logarithm," if self.log else "a finite number"
        refuse(self.covariate, values, seen & ~usable, data, f"{kind} wherever y has a value.")
        return np.log(values) if self.log else values

    def scale(self, data: xr.Dataset) -> tuple[float, float]:
        """Find what the covariate is standardised by.

        Parameters
        ----------
        data
            Trajectories.

        Returns
        -------
        (mean, sd)
            Over all steps with a value of y.

        Raises
        ------
        DataError
            If the covariate cannot be read, or is the same at all steps.
        """
        values = self.values(data)
        mean, sd = float(np.nanmean(values)), float(np.nanstd(values))
        if not sd > 1e-9 * abs(mean):
            raise DataError(
                f"The covariate {self.covariate!r} is the same at all steps, so that nothing can be learned of how the "
                "noise depends on it; leave its VarianceFunction out."
            )
        return mean, sd

    def design(self, data: xr.Dataset, mean: float, sd: float) -> Float[np.ndarray, "trajectory time term"]:
        """Evaluate the polynomials.

        Parameters
        ----------
        data
            Trajectories.
        mean, sd
            What the covariate is standardised by.

        Returns
        -------
        terms
            h_1(w), …, h_d(w) at each step, (trajectory, time, term); at an average step's covariate where y has no
            value.
        """
        standardised = (np.nan_to_num(self.values(data), nan=mean) - mean) / sd
        return hermevander(standardised, self.degree)[..., 1:] / [
            sqrt(factorial(power)) for power in range(1, self.degree + 1)
        ]

    def describe(self) -> str:
        """Say it in a formula."""
        w = f"log {self.covariate}" if self.log else self.covariate
        powers = " + ".join(f"β_{power} h_{power}(w_k)" for power in range(1, self.degree + 1))
        return f"  log R_k = log R + {powers}, w: {w}, standardised; β ~ Normal(0, {self.spread:g})"
