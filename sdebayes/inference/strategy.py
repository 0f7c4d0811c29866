"""The contract of a strategy: how a posterior is found, and what its own checks say."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import xarray as xr
from jaxtyping import Float

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.precision import Precision
from sdebayes._core.stored import Stored
from sdebayes._core.types import Key
from sdebayes.inference.checkpoint import Checkpoint
from sdebayes.inference.findings import Finding
from sdebayes.inference.problem import Problem
from sdebayes.model.sdemodel import SDEModel


@checked
@dataclass(frozen=True)
class RunOptions:
    """How a strategy is run.

    Parameters
    ----------
    key
        Random key; the same key gives the same draws.
    precision
        The precision in force; threads that a strategy starts enter it too.
    progress
        Whether progress is shown on standard error.
    checkpoint
        Where states and draws are kept, if anywhere.

    See Also
    --------
    sdebayes.inference.AbstractStrategy : Is run with them.

    Examples
    --------
    >>> import jax
    >>> options = sb.inference.RunOptions(jax.random.key(0), precision="float32")
    >>> options.precision, options.checkpoint
    ('float32', None)
    """

    key: Key
    precision: Precision = "float64"
    progress: bool = False
    checkpoint: Checkpoint | None = None


@checked
@dataclass(frozen=True)
class Draws:
    """Draws of a posterior on unconstrained space.

    Parameters
    ----------
    position
        (chain, draw, dimension); independent draws count as one chain.
    statistics
        Statistics of each draw, (chain, draw), under ArviZ's names.
    groups
        Further groups of the posterior's tree, such as the trace of an optimisation.
    attributes
        Numbers found on the way that are no draws, kept with the posterior.

    See Also
    --------
    sdebayes.inference.AbstractStrategy : Returns them.

    Examples
    --------
    >>> draws = sb.inference.Draws(np.zeros((2, 100, 5)), {"lp": np.zeros((2, 100))})
    >>> draws.position.shape, list(draws.groups)
    ((2, 100, 5), [])
    """

    position: Float[np.ndarray, "chain draw dimension"]
    statistics: dict[str, np.ndarray]
    groups: dict[str, xr.Dataset] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)


@checked
class AbstractStrategy(Stored, ABC):
    """A way to find a posterior.

    Attributes
    ----------
    corrects_filter
        Whether the posterior is that of the scheme's own distribution where the likelihood is a Gaussian filter's.
    reads_sums
        Whether data are read through `Problem.target` alone, so that sums over them are enough.
    reads_parts
        Whether data are read through `Problem.parts` and the `Problem.target` of all, so that they may be on the disk.

    See Also
    --------
    sdebayes.inference.Problem : What a strategy is asked to solve.
    sdebayes.inference.Draws : What it returns.

    Examples
    --------
    >>> strategies = sb.NUTS(), sb.HMC(), sb.Laplace(), sb.SVI(), sb.Marginal()
    >>> all(isinstance(strategy, sb.inference.AbstractStrategy) for strategy in strategies)
    True
    >>> sb.Laplace().reads_sums, sb.SVI().reads_sums
    (True, False)
    """

    corrects_filter: ClassVar[bool] = False
    reads_sums: ClassVar[bool] = False

    @abstractmethod
    def run(self, problem: Problem, options: RunOptions) -> Draws:
        """Draw from a posterior.

        Parameters
        ----------
        problem
            The model, the data and the density.
        options
            How it is run.

        Returns
        -------
        Draws
            The draws and their statistics.

        Raises
        ------
        ModelError
            If the strategy is not made for the model; the message says what to use instead.
        InferenceError
            If no point with a finite density is found.
        StoreError
            If the checkpoint cannot be used.
        """

    @property
    def reads_parts(self) -> bool:
        """Whether data are read in parts, so that they may be on the disk."""
        return False

    @property
    def attributes(self) -> Mapping[str, object]:
        """What `findings` needs to know of the strategy, kept with the posterior."""
        return {}

    @staticmethod
    @abstractmethod
    def findings(tree: xr.DataTree, parts: Collection[str]) -> list[Finding]:
        """Judge the draws.

        Parameters
        ----------
        tree
            The posterior; its ``attrs`` hold `attributes`.
        parts
            Parameters of which several values make one function: they are only noted.
        """


def check_smooth(model: SDEModel) -> None:
    """Raise an error if a model's density has jumps, which strategies that follow gradients do not see.

    Parameters
    ----------
    model
        The model.

    Raises
    ------
    ModelError
        If its drift prior is not smooth.
    """
    if not model.drift.smooth:
        raise ModelError(
            f"The terms of {type(model.drift).__name__}() are in or out, which no gradient sees; use "
            "sdebayes.Marginal(), or Sparse(selection=sdebayes.priors.Horseshoe())."
        )
