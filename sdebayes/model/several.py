"""What a model has several SDEs of: groups of trajectories, or regimes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sdebayes.model.sdemodel import SDEModel


class Several(NamedTuple):
    """A dimension behind that of the draws.

    Attributes
    ----------
    dim
        ``"group"`` or ``"regime"``.
    labels
        Names along it.
    """

    dim: str
    labels: list[str] | list[int]


def several(model: SDEModel) -> Several | None:
    """Return the dimension along which the arrays of a model's SDE are stacked; None where it has one SDE."""
    if model.pooling is not None:
        return Several("group", list(model.pooling.groups))
    return None if model.regimes is None else Several("regime", model.regimes.labels)
