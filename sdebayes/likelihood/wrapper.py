"""Likelihoods that ask another one."""

from __future__ import annotations

from dataclasses import dataclass

from sdebayes.likelihood.arrays import Observations
from sdebayes.likelihood.base import AbstractLikelihood


@dataclass(frozen=True)
class AbstractWrapper(AbstractLikelihood):
    """A likelihood that changes what another is asked, or what that one answers.

    Parameters
    ----------
    scheme
        The distribution of a step.
    inner
        The other likelihood.
    """

    inner: AbstractLikelihood

    @property
    def title(self) -> str:
        """What a reader is told of the inner one."""
        return self.inner.title

    @property
    def states_observed(self) -> bool:
        """Whether the states themselves are observed, but for what the wrapper adds."""
        return self.inner.states_observed

    @property
    def approximate(self) -> bool:
        """Whether more than the scheme is approximated."""
        return self.inner.approximate

    @property
    def integrates_entries(self) -> bool:
        """Whether single missing entries of a step are integrated out."""
        return self.inner.integrates_entries

    def by_transition(self, data: Observations) -> bool:
        """Whether the terms of `log_density` are those of single transitions."""
        return self.inner.by_transition(data)
