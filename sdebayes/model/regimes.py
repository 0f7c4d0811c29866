"""What is particular to models whose drift is one of several regimes."""

from __future__ import annotations

from collections.abc import Sequence

from sdebayes._core.errors import ModelError
from sdebayes.priors import AbstractDiffusionPrior, AbstractDriftPrior, Constant, Regimes


def diffusion_of(drift: AbstractDriftPrior, given: AbstractDiffusionPrior) -> AbstractDiffusionPrior:
    """Return the diffusion prior in force: that of regimes, where they have one of their own, else the model's.

    Raises
    ------
    ModelError
        If both are given and say different things.
    """
    if not isinstance(drift, Regimes) or drift.diffusion is None:
        return given
    if given.describe() not in (drift.diffusion.describe(), Constant().describe()):
        raise ModelError(
            f"SDEModel: the diffusion is {type(given).__name__}, but Regimes have one of their own; give it to one of "
            "the two: Regimes(..., diffusion=...) for one in each regime, SDEModel(diffusion=...) for one in all."
        )
    return drift.diffusion


def check_regimes(regimes: Regimes | None, parts_by_group: Sequence[str]) -> None:
    """Raise a ModelError if a part of a model with regimes differs between groups."""
    if regimes is not None and parts_by_group:
        raise ModelError(
            f"SDEModel: the {parts_by_group[0]} has by_group=True, which does not go with Regimes; fit each group by "
            "itself, or leave by_group out."
        )


def say_process(
    drift: AbstractDriftPrior, diffusion: AbstractDiffusionPrior, variance_drawn: bool
) -> list[str]:
    """Say drift and diffusion in words and formulas; a diffusion of regimes' own is in what they say."""
    if not isinstance(drift, Regimes):
        formula = "dX = f(X, t) dt + G(X, t) dW,  Σ = G Gᵀ"
        return [formula, drift.describe(variance_drawn), diffusion.describe(variance_drawn)]
    said = ["dX = f_Z(X, t) dt + G_Z(X, t) dW,  Σ = G Gᵀ", drift.describe(variance_drawn)]
    return (
        said
        if drift.diffusion is not None
        else [*said, "In all regimes:", diffusion.describe(variance_drawn)]
    )
