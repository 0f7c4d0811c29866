"""Coordinates of the unconstrained space in which a posterior is about standard normal."""

from __future__ import annotations

from typing import NamedTuple

from sdebayes._core.compiled import Compiled
from sdebayes.inference.curvature import Units
from sdebayes.inference.target import Flat, Whitenings


class Affine(NamedTuple):
    """The map v = m + F u, after which the posterior of u is about standard normal.

    Attributes
    ----------
    middle
        m, (dimension,).
    units
        F's block among some parameters; the others have unit size.
    """

    middle: Flat
    units: Units

    def __call__(self, u: Flat) -> Flat:
        """Return v."""
        factor, index = self.units
        part = factor @ u[index] if factor.ndim == 2 else factor * u[index]
        return self.middle + u.at[index].set(part)

    def pull_back(self, gradient: Flat) -> Flat:
        """Return a gradient in u from one in v."""
        factor, index = self.units
        part = gradient[index]
        return gradient.at[index].set(part @ factor if factor.ndim == 2 else part * factor)


affine_place = Compiled(Affine.__call__)
"""From a map and u to v, as one program."""


class Chart(NamedTuple):
    """Coordinates u of the posterior: v = m + F u, and z from v with its weights whitened.

    Attributes
    ----------
    affine
        From u to v.
    whitenings
        From v to z.
    """

    affine: Affine
    whitenings: Whitenings
