"""The parts of a model, and strategies, by the names that the command line has for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from sdebayes._core.errors import ModelError
from sdebayes.inference import HMC, NUTS, SVI, AbstractStrategy, Laplace, Marginal, ParticleCorrection
from sdebayes.model import AbstractObservation, Exact, GaussianNoise, StudentT, StudentTNoise
from sdebayes.priors import (
    BNN,
    GP,
    AbstractDiffusionPrior,
    AbstractDriftPrior,
    Constant,
    Diagonal,
    Full,
    Horseshoe,
    Linear,
    Sparse,
)
from sdebayes.schemes import (
    AbstractScheme,
    EulerMaruyama,
    LinearNoise,
    LocalLinearization,
    Moments,
    Strang,
)


def _with_linear_part(prior: GP | BNN, diagonal: bool) -> AbstractDriftPrior:
    return replace(prior, mean=replace(prior.mean, diagonal=diagonal))


DRIFTS: dict[str, Callable[[bool], AbstractDriftPrior]] = {
    "linear": lambda diagonal: Linear(diagonal=diagonal),
    "gp": lambda diagonal: _with_linear_part(GP(), diagonal),
    "bnn": lambda diagonal: _with_linear_part(BNN(), diagonal),
    "sparse": lambda diagonal: Sparse(),
    "horseshoe": lambda diagonal: Sparse(selection=Horseshoe()),
}
"""From whether states are independent to the prior; terms of a library couple them by themselves or not at all."""

DIFFUSIONS: dict[str, Callable[[bool], AbstractDiffusionPrior]] = {
    "constant": lambda diagonal: Constant("diagonal" if diagonal else "full"),
    "varying": lambda diagonal: Diagonal() if diagonal else Full(),
}

SCHEMES: dict[str, type[AbstractScheme]] = {
    "euler-maruyama": EulerMaruyama,
    "local-linearization": LocalLinearization,
    "linear-noise": LinearNoise,
    "moments": Moments,
    "strang": Strang,
}

STRATEGIES: dict[str, tuple[type[AbstractStrategy], Callable[[Any], AbstractStrategy]]] = {
    "nuts": (NUTS, lambda sampler: sampler),
    "hmc": (HMC, lambda sampler: sampler),
    "marginal": (Marginal, lambda sampler: sampler),
    "laplace": (Laplace, lambda sampler: sampler),
    "svi": (SVI, lambda sampler: sampler),
    "particles": (NUTS, ParticleCorrection),
}
"""What takes the settings, and what is made of it."""


def strategy(name: str, settings: Mapping[str, Any]) -> AbstractStrategy:
    """Make a strategy.

    Parameters
    ----------
    name
        A key of `STRATEGIES`.
    settings
        Arguments of its class; those that are None are left at its defaults.

    Returns
    -------
    AbstractStrategy
        The strategy.

    Raises
    ------
    ModelError
        If there is none of this name, it does not have one of the settings, or a setting is out of range.
    """
    kind, finish = _chosen("strategy", name, STRATEGIES)
    given = {key: value for key, value in settings.items() if value is not None}
    own = [field.name for field in fields(kind) if field.name in settings]  # type: ignore[arg-type]
    foreign = [_option(key) for key in given if key not in own]
    if foreign:
        raise ModelError(
            f"--strategy {name} does not take {', '.join(foreign)}; it takes {', '.join(map(_option, own))}."
        )
    return finish(kind(**given))


def drift(name: str, diagonal: bool) -> AbstractDriftPrior:
    """Return the prior over drifts of this name; a ModelError if there is none."""
    return _chosen("drift", name, DRIFTS)(diagonal)


def diffusion(name: str, diagonal: bool) -> AbstractDiffusionPrior:
    """Return the prior over diffusions of this name; a ModelError if there is none."""
    return _chosen("diffusion", name, DIFFUSIONS)(diagonal)


def scheme(name: str | None) -> AbstractScheme | None:
    """Return the scheme of this name, None for the default; a ModelError if there is none."""
    return None if name is None else _chosen("scheme", name, SCHEMES)()


def observation(exact: bool, heavy_tails: bool, effect: bool) -> AbstractObservation:
    """Return how states are observed; heavy tails are those of innovations, or of the noise where there is noise."""
    if exact:
        return Exact(innovations=StudentT() if heavy_tails else None)
    return (StudentTNoise if heavy_tails else GaussianNoise)(trajectory_effect=effect)


def _chosen[Choice](option: str, name: str, table: Mapping[str, Choice]) -> Choice:
    if name not in table:
        raise ModelError(f"--{option} {name} is not known; use one of {', '.join(table)}.")
    return table[name]


def _option(setting: str) -> str:
    return "--" + setting.replace("_", "-")
