"""What each departure of data from a model means, and what to do next."""

from __future__ import annotations

from collections.abc import Callable

from sdebayes.model.sdemodel import SDEModel


def _first_state(model: SDEModel) -> str:
    if model.stationary:
        return (
            'Give the first state a distribution of its own, SDEModel(initial="free"): under the stationary one the '
            "starts pull drift and Σ towards them."
        )
    return (
        "Look at the starts of the trajectories; give SDEModel(initial=...) the distribution that they have."
    )


def _outliers(model: SDEModel) -> str:
    heavy = _heavy_tails(model)
    return f"Look at these values and set wrong ones to NaN; if they are right: {heavy[0].lower()}{heavy[1:]}"


def _constant_noise(model: SDEModel) -> str:
    if model.diffusion.constant:
        return "Let the noise vary with the state: SDEModel(diffusion=priors.Diagonal()) or priors.Full()."
    return "The shape of Σ(x) is another one: a field with less of a prior, or a transform of the states."


def _memory(model: SDEModel) -> str:
    options = []
    if model.likelihood.states_observed:
        options.append("observation noise (GaussianNoise())")
    if getattr(model.drift, "diagonal", False):
        options.append("coupled states (Linear(diagonal=False))")
    if model.affine:
        options.append("a nonlinear drift (priors.GP())")
    options.append("more states")
    return f"Try {', '.join(options)}; time constants are those of the memory that the model can have."


def _level(model: SDEModel) -> str:
    if not model.observation.trajectory_effect:
        return "Give each trajectory a level of its own: GaussianNoise(trajectory_effect=True)."
    return (
        "Groups of trajectories, or a motion slower than a trajectory: look at the levels, and give covariates that "
        "tell them apart: SDEModel(level=Level(...))."
    )


def _trend(model: SDEModel) -> str:
    mixed = "time constants and equilibria mix it with the dynamics."
    if not any(level.covariate == "t" for level in model.levels):
        return f'Let the level go with time, SDEModel(level=Level("t")), or fit shorter stretches: {mixed}'
    return f"Give the level's Level more knots, or fit shorter stretches: {mixed}"


def _changing_variance(model: SDEModel) -> str:
    if model.regimes is not None:
        return "Fit quiet and loud stretches apart, or with one regime more."
    return (
        "Fit quiet and loud stretches apart, or let the process switch between them, SDEModel(priors.Regimes(2, "
        "diffusion=priors.Constant())); Σ and the noise are averages over both."
    )


def _heavy_tails(model: SDEModel) -> str:
    if not model.observation.normal:
        return (
            "The tails differ from Student's t as well: look for jumps, or let the noise vary with the state."
        )
    if model.likelihood.states_observed:
        return "Fit with sdebayes.Exact(innovations=sdebayes.StudentT()), whose tails are heavy, and compare."
    return (
        "Fit with sdebayes.StudentTNoise(), whose noise has heavy tails, and compare; where steps of the path itself "
        "are the large ones and noise is small, with sdebayes.Exact(innovations=sdebayes.StudentT())."
    )


MEANINGS = {
    "First state": "trajectories do not start as the distribution of the first state says",
    "Outliers": "single values lie far outside of what the model can bring about",
    "Constant noise": "the size of the innovations goes with the state, in a way that Σ does not",
    "Memory": "innovations go with earlier ones, so that the past tells more than the model knows",
    "Level of trajectories": "levels of whole trajectories are farther apart than the model says",
    "Trend": "level, spread or innovations go with time in all trajectories",
    "Changing variance": "large and small innovations come in stretches",
    "Gaussian innovations": "innovations have another shape than the model's",
}

ADVICE: dict[str, Callable[[SDEModel], str]] = {
    "First state": _first_state,
    "Outliers": _outliers,
    "Constant noise": _constant_noise,
    "Memory": _memory,
    "Level of trajectories": _level,
    "Trend": _trend,
    "Changing variance": _changing_variance,
    "Gaussian innovations": _heavy_tails,
}
