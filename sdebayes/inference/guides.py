"""Guides: the families of laws that variational inference chooses from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array
from numpyro.infer.autoguide import (
    AutoContinuous,
    AutoDiagonalNormal,
    AutoIAFNormal,
    AutoLowRankMultivariateNormal,
)
from numpyro.infer.initialization import init_to_value

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import Count
from sdebayes._core.stored import Stored
from sdebayes._core.types import Key

SITE = "u"
"""Name of the one site of the program that a guide is made for."""

_NARROW = 0.5
_CORRELATION = 0.01


@checked
class AbstractGuide(Stored, ABC):
    """A family of distributions of u, in coordinates in which the normal distribution at the mode is N(0, I).

    See Also
    --------
    sdebayes.SVI : Takes a guide.

    Examples
    --------
    >>> issubclass(sb.inference.FlowGuide, sb.inference.AbstractGuide)
    True
    """

    @abstractmethod
    def build(self, program: Callable[..., None], dimension: int) -> AutoContinuous:
        """Return NumPyro's guide.

        Parameters
        ----------
        program
            A NumPyro program with the one site ``u``, (dimension,).
        dimension
            Number of parameters.
        """

    def start(self, dimension: int, key: Key) -> dict[str, Array] | None:
        """Return parameters to begin with, by name; None for the guide's own."""
        return None


def _middle(dimension: int) -> Any:
    return init_to_value(values={SITE: jnp.zeros(dimension)})


@checked
@dataclass(frozen=True)
class NormalGuide(AbstractGuide):
    """Independent normal distributions along the principal axes of the curvature at the mode.

    Its mean and its widths are learned, and its axes are not: those of Laplace's approximation.

    See Also
    --------
    sdebayes.SVI : Takes a guide.
    sdebayes.inference.LowRankGuide : Axes that are learned.

    Examples
    --------
    >>> sb.SVI(guide=sb.inference.NormalGuide()) == sb.SVI()
    True
    """

    def build(self, program: Callable[..., None], dimension: int) -> AutoContinuous:
        """Return NumPyro's guide."""
        return AutoDiagonalNormal(program, init_loc_fn=_middle(dimension), init_scale=_NARROW)


@checked
@dataclass(frozen=True)
class LowRankGuide(AbstractGuide):
    """A normal distribution whose covariance is diagonal plus a matrix of low rank.

    Parameters
    ----------
    rank
        The rank.

    Raises
    ------
    ModelError
        If the rank is not a whole number of at least 1.

    See Also
    --------
    sdebayes.SVI : Takes a guide.
    sdebayes.inference.FlowGuide : Distributions that are not normal.

    Examples
    --------
    >>> sb.SVI(guide=sb.inference.LowRankGuide(rank=5)).guide
    LowRankGuide(rank=5)
    """

    rank: Count = 10

    def build(self, program: Callable[..., None], dimension: int) -> AutoContinuous:
        """Return NumPyro's guide."""
        return AutoLowRankMultivariateNormal(
            program, init_loc_fn=_middle(dimension), init_scale=_NARROW, rank=min(self.rank, dimension)
        )

    def start(self, dimension: int, key: Key) -> dict[str, Array]:
        """Return a factor off zero, where its gradient is zero on average."""
        shape = (dimension, min(self.rank, dimension))
        return {"auto_cov_factor": _CORRELATION * jax.random.normal(key, shape)}


@checked
@dataclass(frozen=True)
class FlowGuide(AbstractGuide):
    """A normal distribution bent by inverse autoregressive flows.

    Parameters
    ----------
    flows
        Number of flows.
    width
        Width of each flow's two hidden layers, in parameters of the model.

    Raises
    ------
    ModelError
        If a number is not whole and at least 1, or the model has one parameter only.

    See Also
    --------
    sdebayes.SVI : Takes a guide.
    sdebayes.inference.LowRankGuide : Less costly.

    References
    ----------
    Kingma et al. (2016), Improved variational inference with inverse autoregressive flow, arXiv 1606.04934.

    Examples
    --------
    >>> sb.SVI(steps=1000, guide=sb.inference.FlowGuide(flows=1)).guide
    FlowGuide(flows=1, width=1)
    """

    flows: Count = 2
    width: Count = 1

    def build(self, program: Callable[..., None], dimension: int) -> AutoContinuous:
        """Return NumPyro's guide."""
        if dimension < 2:
            raise ModelError(
                "FlowGuide needs two parameters or more, and the model has 1; use NormalGuide()."
            )
        hidden = [self.width * dimension] * 2
        return AutoIAFNormal(
            program, init_loc_fn=_middle(dimension), num_flows=self.flows, hidden_dims=hidden
        )
