"""Whether the parts of a model fit together."""

from __future__ import annotations

from sdebayes._core.errors import ModelError
from sdebayes.likelihood import AbstractLikelihood
from sdebayes.model.observation import AbstractObservation
from sdebayes.priors import AbstractDiffusionPrior


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
            f"SDEModel: {scheme.title} has a law of its own, which has no Student-t form; use Exact() without "
            "innovations, or a normal scheme such as sdebayes.schemes.LocalLinearization()."
        )
