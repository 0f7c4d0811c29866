"""What simulation and analysis read of posteriors, which are made on a higher floor."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np

from sdebayes.dynamics import ObservedSDE


@runtime_checkable
class PosteriorLike(Protocol):
    """What simulation and analysis read of a posterior."""

    data: Any

    @property
    def precision(self) -> str:
        """``"float64"`` or ``"float32"``."""

    @property
    def states(self) -> list[str]:
        """Labels of the states."""

    @property
    def region(self) -> np.ndarray | None:
        """Middle and half-width of the box that the training data fill, (2, state), or None."""

    @property
    def training_points(self) -> np.ndarray | None:
        """States of the training data, evenly over all steps, (point, state), or None."""

    def observed_sde(self) -> ObservedSDE:
        """Return the stacked SDE with its initial law and observation."""


@runtime_checkable
class WithGroups(PosteriorLike, Protocol):
    """A posterior that may be one of several groups."""

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups; none where there is one SDE."""

    def observed_sde_by_group(self) -> ObservedSDE:
        """Return the SDEs of all groups: every array has a leading sample axis and a group axis behind it."""

    def training_data(self) -> Any:
        """Return the trajectories that it was fitted to, with their groups."""

    def draw_prior(self, draws: int, seed: int, group: str | None) -> ObservedSDE:
        """Draw from the prior of a group; draws of one seed are of all groups together."""


@runtime_checkable
class WithRegimes(PosteriorLike, Protocol):
    """A posterior that may be one of several regimes."""

    @property
    def regimes(self) -> tuple[int, ...]:
        """Labels of the regimes; none where there is one SDE."""

    def regime(self, label: int) -> Any:
        """Return the SDE that there would be if one regime stayed in force."""

    def observed_sde_by_regime(self) -> ObservedSDE:
        """Return the SDEs of all regimes: drift, diffusion and first state have a sample axis and a regime axis."""

    def regime_probability(self, data: Any, samples: int | None = None) -> Any:
        """Say of which regime each step is."""
