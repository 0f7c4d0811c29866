"""What a row of held-out scores is: its drift, how it sees its states, and what it knows that no null does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sdebayes.inference import nulls
from sdebayes.model.covariances import LowRank
from sdebayes.model.sdemodel import SDEModel
from sdebayes.priors.base import AbstractDiffusionPrior

NULL, LINEAR, DIAGONAL, NONLINEAR, SHUFFLED = "null", "linear", "diagonal linear", "nonlinear", "shuffled"
UNCORRELATED = {"isotropic", "pooled", "diagonal"}
"""Structures of a covariance in which coordinates stand alone."""


def columns(rows: Iterable[tuple[SDEModel, bool]], count: int) -> dict[str, Any]:
    """Return the coordinates over ``candidate`` of models and, behind them, some nulls.

    Parameters
    ----------
    rows
        Each model, and whether it was fitted to steps out of their order.
    count
        The number of nulls.
    """
    rows = list(rows)
    found = {
        "kind": [SHUFFLED if shuffled else kind_of(model) for model, shuffled in rows],
        "observation": [observation_of(model) for model, _ in rows],
        "beyond_nulls": [", ".join(beyond_nulls(model)) for model, _ in rows],
    }
    behind = {"kind": NULL, "observation": "", "beyond_nulls": ""}
    return {name: ("candidate", values + [behind[name]] * count) for name, values in found.items()}


def kind_of(model: SDEModel) -> str:
    """Say what the drift of a model is."""
    if not model.drift.affine or model.regimes is not None:
        return NONLINEAR
    return DIAGONAL if getattr(model.drift, "diagonal", False) else LINEAR


def observation_of(model: SDEModel) -> str:
    """Say how a model sees its states, and how these are disturbed: all of it but the drift."""
    seen, shape = model.observation, _noise_shape(model)
    said = ["exact" if model.likelihood.states_observed else "noise"]
    if shape != "diagonal":
        said = [f"{shape} noise"]
    if not seen.normal:
        said.append("heavy tails")
    if seen.trajectory_effect:
        effect = _effect_shape(model)
        said.append("trajectory effect" if effect == "diagonal" else f"{effect} trajectory effect")
    if not _diffusion(model).constant:
        said.append("Σ(x)")
    if not model.stationary:
        said.append("free first state" if model.initial in (None, "free") else "given first state")
    said += [f"{part} by group" for part in model.parts_by_group]
    said += [f"covariate {name}" for name in model.covariates]
    return " + ".join(said)


def beyond_nulls(model: SDEModel) -> list[str]:
    """Name what a model knows of steps without their order and no null does."""
    found = {
        "heavy tails": not model.observation.normal,
        "groups": bool(model.parts_by_group),
        "covariates": bool(model.covariates),
        "regimes": model.regimes is not None,
    }
    return [name for name, is_known in found.items() if is_known]


def nulls_beside(models: Iterable[SDEModel]) -> tuple[nulls.AbstractNull, ...]:
    """Return nulls whose noise and trajectory effect are correlated where those of a model are."""
    models = list(models)
    noise = {_noise_shape(model) for model in models} - UNCORRELATED
    effect = {_effect_shape(model) for model in models if model.observation.trajectory_effect} - UNCORRELATED
    return (
        nulls.IID(),
        nulls.IIDDocumentEffect("full" if effect else "diagonal"),
        nulls.RandomWalkNoise("full" if noise else "diagonal"),
    )


def _diffusion(model: SDEModel) -> AbstractDiffusionPrior:
    regimes = model.regimes
    return model.diffusion if regimes is None or regimes.diffusion is None else regimes.diffusion


def _noise_shape(model: SDEModel) -> str:
    return _shape(getattr(model.observation, "covariance", None))


def _effect_shape(model: SDEModel) -> str:
    return _shape(getattr(model.observation, "effect_covariance", None))


def _shape(given: object) -> str:
    if given is None:
        return "diagonal"
    return (
        given if isinstance(given, str) else type(given).__name__ if isinstance(given, LowRank) else "given"
    )
