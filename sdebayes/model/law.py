"""How the law of a model's trajectories is computed: what its parts make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdebayes.likelihood import AbstractLikelihood, AroundLevel, ByGroup, switching

if TYPE_CHECKING:
    from sdebayes.model.sdemodel import SDEModel


def likelihood_of(model: SDEModel) -> AbstractLikelihood:
    """Return the likelihood that the observation chooses, of all regimes, about the level, for each group."""
    law = _of_independent_states(model) or model.observation.likelihood(model.affine, model.discretization)
    law = law if model.regimes is None else switching(law)
    law = AroundLevel(law.scheme, law) if model.levels else law
    return law if model.pooling is None else ByGroup(law.scheme, law)


def _of_independent_states(model: SDEModel) -> AbstractLikelihood | None:
    """Return the observation's likelihood of states that, but for the first, do not touch each other; or None."""
    known_start = model.initial is not None and not isinstance(model.initial, str)
    alone = model.diffusion.diagonal and (model.drift.diagonal or model.drift.coupled)
    if not model.affine or known_start or not alone:
        return None
    return model.observation.independent_likelihood(model.discretization, model.drift.coupled)
