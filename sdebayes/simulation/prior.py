"""The prior of a posterior, in the form that every analysis takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, runtime_checkable

from sdebayes.dynamics import ObservedSDE
from sdebayes.simulation.posterior_like import PosteriorLike
from sdebayes.simulation.source import Source, SourceLike, as_source

DRAWS = 200


@runtime_checkable
class WithPrior(PosteriorLike, Protocol):
    """A posterior that can say what was believed before the data."""

    def draw_prior(self, draws: int, seed: int) -> ObservedSDE:
        """Draw from the prior: stacked SDEs with their initial law and observation."""


def prior_of(source: SourceLike, draws: int = DRAWS, seed: int = 0) -> Source | None:
    """Return draws of the prior with the labels and the region of the posterior; None for what has no prior.

    Parameters
    ----------
    source
        A posterior or an SDE.
    draws
        Number of draws.
    seed
        Their seed.
    """
    if not isinstance(source, WithPrior):
        return None
    own = as_source(source)
    return replace(
        own, observed=source.draw_prior(draws, seed), provenance=own.provenance | {"source": "prior"}
    )
