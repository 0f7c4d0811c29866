"""Whether the parts of a model fit together."""

from __future__ import annotations

from collections.abc import Sequence

from sdebayes._core.errors import ModelError
from sdebayes.likelihood import AbstractLikelihood, Observations
from sdebayes.model.level import Level
from sdebayes.model.observation import AbstractObservation
from sdebayes.priors import AbstractDiffusionPrior, DataScale


def check_scheme(
    likelihood: AbstractLikelihood, diffusion: AbstractDiffusionPrior, observation: AbstractObservation
) -> None:
    """Check that the likelihood's scheme can do what diffusion and observation ask of it.

    Raises
    ------
    ModelError
        If it cannot; the message says what to use instead.
    """
    scheme = likelihood.scheme
    if scheme.requires_additive_noise and not diffusion.constant:
        raise ModelError(
            f"SDEModel: {scheme.title} needs additive noise, but {type(diffusion).__name__} depends on the state; "
            "use sdebayes.schemes.Moments() or sdebayes.schemes.LinearNoise()."
        )
    if scheme.requires_exact_observation and not likelihood.states_observed:
        raise ModelError(
            f"SDEModel: {scheme.title} is a density of states that are observed exactly, but "
            f"{type(observation).__name__} puts noise on them; use sdebayes.Exact(), or a normal scheme such as "
            "sdebayes.schemes.LocalLinearization() or LinearNoise()."
        )
    if scheme.requires_exact_observation and not observation.normal:
        raise ModelError(
            f"SDEModel: {scheme.title} has a distribution of its own, which has no Student-t form; use Exact() without "
            "innovations, or a normal scheme such as sdebayes.schemes.LocalLinearization()."
        )


def check_levels(levels: Sequence[Level]) -> None:
    """Raise a ModelError if two parts of the level are functions of one covariate."""
    names = [one.covariate for one in levels]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ModelError(f"SDEModel: level has {twice!r} more than once; give one Level for each covariate.")


def check_data(
    observation: AbstractObservation,
    likelihood: AbstractLikelihood,
    scale: DataScale | None,
    observations: Observations,
) -> None:
    """Check that data have the states that a model was scaled to, and miss only what its likelihood integrates out.

    Raises
    ------
    ModelError
        If they do not; the message says what to do.
    """
    found = observation.state_dim(observations.values.shape[-1])
    if scale is not None and found != len(scale.states):
        raise ModelError(
            f"The data have {found} states, the model was scaled to {len(scale.states)} "
            f"({', '.join(scale.states[:4])}, …); transform them with the same StateSpace."
        )
    if not likelihood.integrates_entries and not observations.complete:
        raise ModelError(
            "Some steps are observed in part only, which a nonlinear drift or Student-t innovations with exact "
            "observation cannot integrate out; set those steps to NaN whole, or use a Linear() drift."
        )


def say_scheme(likelihood: AbstractLikelihood, exact: bool) -> str:
    """Say by what law a step is taken, and by what filter, if one approximates."""
    said = f"Scheme: {likelihood.scheme.title}{', exact for this model' * exact}"
    return (
        f"{said}\nFilter: {likelihood.title}, a normal distribution at each step"
        if likelihood.approximate
        else said
    )
