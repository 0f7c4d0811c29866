"""Known functions of a covariate, each with mean 0 over the steps of the data that they were made for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from jaxtyping import Array, Float, Float64

from sdebayes._core.stored import Stored

_LEAST_NEW = 1e-6


class AbstractCovariateBasis(Stored, ABC):
    """Functions w_1, … of a covariate whose sum, each times a slope, is what depends on it.

    Attributes
    ----------
    contrasts
        From independent standard normal weights to slopes, (term, weight): the sum then has a prior variance of about
        1, averaged over the steps that the basis was made for, however many terms there are.
    """

    @property
    @abstractmethod
    def contrasts(self) -> Float64[np.ndarray, "term weight"]:
        """From standard normal weights to slopes."""

    @property
    def weights(self) -> int:
        """Number of weights."""
        return self.contrasts.shape[1]

    def drawn_contrasts(self, name: str) -> Float[Array | np.ndarray, "term weight"]:
        """Return `contrasts` inside a NumPyro model, where what they depend on is drawn under names with this one."""
        return self.contrasts

    @abstractmethod
    def names(self, covariate: str) -> list[str]:
        """Return a name for each function."""

    @abstractmethod
    def places(self, points: int) -> np.ndarray:
        """Return values of the covariate that show what depends on it: so many along a number, or all categories."""

    @abstractmethod
    def __call__(self, values: np.ndarray) -> Float64[np.ndarray, "*place term"]:
        """Evaluate the functions; zero where there is no value."""


@dataclass(frozen=True, eq=False)
class NumberBasis(AbstractCovariateBasis):
    r"""Powers of a standardised covariate, or a natural cubic spline, as uncorrelated functions of variance 1.

    The first is the standardised covariate itself; each further one is what a power, or a piece of the spline, adds to
    those before it. A natural spline goes on as a straight line beyond its outermost knots.

    Parameters
    ----------
    centre, width
        Mean and standard deviation of the covariate.
    lower, upper
        Its least and largest value.
    knots
        Of the spline, standardised, the outermost included; none for powers.
    means
        Means of powers or pieces, (term,).
    matrix
        What makes uncorrelated functions of them, (term, term).

    References
    ----------
    Hastie, Tibshirani & Friedman (2009), The Elements of Statistical Learning, sec. 5.2.1,
    doi:10.1007/978-0-387-84858-7.
    """

    centre: float
    width: float
    lower: float
    upper: float
    knots: tuple[float, ...]
    means: Float64[np.ndarray, " term"]
    matrix: Float64[np.ndarray, "term term"]

    @classmethod
    def of(cls, values: Float64[np.ndarray, " step"], degree: int, knots: int) -> NumberBasis | None:
        """Make a basis for the values of a covariate, of a degree or with so many inner knots.

        Returns None where the values are too few different ones.
        """
        different = np.unique(values)
        terms = knots + 1 if knots else degree
        if different.size <= terms:
            return None
        centre, width = float(values.mean()), float(values.std())
        places = np.quantile((different - centre) / width, np.linspace(0, 1, knots + 2)) if knots else ()
        chosen = tuple(float(place) for place in places)
        pieces = _pieces((values - centre) / width, chosen, terms)
        means = pieces.mean(0)
        triangle = np.linalg.qr(pieces - means, mode="r")
        new = np.diagonal(triangle)
        if np.any(np.abs(new) <= _LEAST_NEW * np.linalg.norm(pieces - means, axis=0)):
            return None
        matrix = np.sqrt(len(values)) * np.linalg.inv(triangle) * np.sign(new)
        return cls(
            centre, width, float(different[0]), float(different[-1]), chosen, means, np.asarray(matrix)
        )

    @property
    def contrasts(self) -> Float64[np.ndarray, "term weight"]:
        """The same for all functions."""
        return np.eye(len(self.means)) / np.sqrt(len(self.means))

    def names(self, covariate: str) -> list[str]:
        """Return the covariate's name, and that with a degree or number."""
        more = "spline" if self.knots else "degree"
        return [covariate] + [f"{covariate}, {more} {k + 1}" for k in range(1, len(self.means))]

    def places(self, points: int) -> np.ndarray:
        """Return values from the least to the largest."""
        return np.linspace(self.lower, self.upper, points)

    def __call__(self, values: np.ndarray) -> Float64[np.ndarray, "*place term"]:
        """Evaluate the functions; zero where there is no value."""
        known = np.isfinite(values)
        standardised = (np.where(known, values, self.centre) - self.centre) / self.width
        terms = (_pieces(standardised, self.knots, len(self.means)) - self.means) @ self.matrix
        return np.where(known[..., None], terms, 0.0)


@dataclass(frozen=True, eq=False)
class CategoryBasis(AbstractCovariateBasis):
    r"""Categories: w_j is 1 at a step of category j and 0 at others, less the share p_j of such steps.

    The slopes b_j have :math:`\sum_j p_j b_j = 0`, so that b_j is the level of category j. They are independent normal
    ones of variance 1 less their mean over the steps.

    Parameters
    ----------
    categories
        Their names.
    shares
        p, the share of each in the steps, (term,).
    """

    categories: tuple[str, ...]
    shares: Float64[np.ndarray, " term"]

    @classmethod
    def of(cls, values: np.ndarray) -> CategoryBasis:
        """Make a basis for the values of a covariate."""
        names, counts = np.unique(values, return_counts=True)
        return cls(tuple(str(name) for name in names), counts / counts.sum())

    @property
    def contrasts(self) -> Float64[np.ndarray, "term weight"]:
        """From one weight less than there are categories to slopes whose mean over the steps is 0."""
        apart = np.eye(len(self.shares)) - self.shares
        left, size, _ = np.linalg.svd(apart)
        return (left * size)[:, :-1]

    def names(self, covariate: str) -> list[str]:
        """Return the covariate's name with each category."""
        return [f"{covariate}: {category}" for category in self.categories]

    def places(self, points: int) -> np.ndarray:
        """Return the categories."""
        return np.array(self.categories)

    def __call__(self, values: np.ndarray) -> Float64[np.ndarray, "*place term"]:
        """Evaluate the functions; zero at what is none of the categories."""
        own = np.asarray(values)[..., None] == np.array(self.categories)
        return np.where(own.any(-1, keepdims=True), own - self.shares, 0.0)


def _pieces(
    u: Float64[np.ndarray, "*place"], knots: tuple[float, ...], terms: int
) -> Float64[np.ndarray, "*place term"]:
    """Evaluate u, u², … or, where there are knots, u and the pieces of a natural cubic spline."""
    if not knots:
        return np.stack([u**power for power in range(1, terms + 1)], axis=-1)
    last = knots[-1]
    cubes = [np.maximum(u - knot, 0.0) ** 3 for knot in knots]
    chords = [(cubes[k] - cubes[-1]) / (last - knots[k]) for k in range(len(knots) - 1)]
    return np.stack([u, *(chord - chords[-1] for chord in chords[:-1])], axis=-1)
