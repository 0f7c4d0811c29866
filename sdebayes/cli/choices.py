"""The parts of a model, and strategies, by the names that the command line has for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from sdebayes._core.errors import ModelError
from sdebayes.cli.own import is_own, own
from sdebayes.data import PCA, TICA, Encoder, HiddenStates, SentenceEncoder
from sdebayes.inference import HMC, NUTS, SVI, AbstractStrategy, Laplace, Marginal, ParticleCorrection
from sdebayes.model import (
    AbstractObservation,
    Exact,
    GaussianNoise,
    StudentT,
    StudentTNoise,
    VarianceFunction,
)
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
    Regimes,
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

PROJECTIONS: dict[str, Callable[[int], PCA | TICA]] = {"pca": PCA, "tica": TICA}

HIDDEN_STATES = "hidden-states"

STRATEGIES: dict[str, tuple[type[AbstractStrategy], Callable[[Any], AbstractStrategy]]] = {
    "nuts": (NUTS, lambda sampler: sampler),
    "hmc": (HMC, lambda sampler: sampler),
    "marginal": (Marginal, lambda sampler: sampler),
    "laplace": (Laplace, lambda sampler: sampler),
    "svi": (SVI, lambda sampler: sampler),
    "particles": (NUTS, ParticleCorrection),
}
"""What takes the settings, and what is made of it."""


def strategy(name: str, settings: Mapping[str, object]) -> AbstractStrategy:
    """Make a strategy.

    Parameters
    ----------
    name
        A key of `STRATEGIES`, or ``module:Name`` of the user's own.
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
    given = {key: value for key, value in settings.items() if value is not None}
    kind, finish = (None, None) if is_own(name) else _chosen("strategy", name, STRATEGIES)
    made: Any = own("--strategy", name, AbstractStrategy) if kind is None else kind()
    taken = [field.name for field in fields(made) if field.name in settings] if is_dataclass(made) else []
    foreign = [_option(key) for key in given if key not in taken]
    if foreign:
        takes = ", ".join(map(_option, taken)) or "none of them"
        raise ModelError(f"--strategy {name} does not take {', '.join(foreign)}; it takes {takes}.")
    made = replace(made, **given) if given else made
    return made if finish is None else finish(made)


def encoder(name: str | None, **settings: object) -> Encoder:
    """Make an encoder.

    Parameters
    ----------
    name
        ``hidden-states``, ``module:Name`` of the user's own, or a model of sentence-transformers, on disk or of the
        hub; None for the packaged one.
    **settings
        Arguments of `HiddenStates`; those that are None are left at its defaults.

    Returns
    -------
    Encoder
        The encoder.

    Raises
    ------
    ModelError
        If settings are given for another one, or a module has no such encoder.
    """
    given: dict[str, Any] = {key: value for key, value in settings.items() if value is not None}
    if name == HIDDEN_STATES:
        return HiddenStates(**given)
    if given:
        options = ", ".join(map(_option, given))
        raise ModelError(
            f"{options}: these go with --encoder {HIDDEN_STATES} only; give that, or leave them out."
        )
    return own("--encoder", str(name), Encoder) if is_own(name) else SentenceEncoder(name)


def projection(name: str, states: int) -> PCA | TICA:
    """Return the projection of this name on so many states; a ModelError if there is none."""
    if name not in PROJECTIONS:
        raise ModelError(f"--projection {name} is not known; use one of {', '.join(PROJECTIONS)}.")
    return PROJECTIONS[name](states)


def drift(name: str, diagonal: bool) -> AbstractDriftPrior:
    """Return the prior over drifts of this name; a ModelError if there is none."""
    if is_own(name):
        return own("--drift", name, AbstractDriftPrior)
    return _chosen("drift", name, DRIFTS)(diagonal)


def diffusion(name: str, diagonal: bool) -> AbstractDiffusionPrior:
    """Return the prior over diffusions of this name; a ModelError if there is none."""
    if is_own(name):
        return own("--diffusion", name, AbstractDiffusionPrior)
    return _chosen("diffusion", name, DIFFUSIONS)(diagonal)


def scheme(name: str | None) -> AbstractScheme | None:
    """Return the scheme of this name, None for the default; a ModelError if there is none."""
    if is_own(name):
        return own("--scheme", str(name), AbstractScheme)
    return None if name is None else _chosen("scheme", name, SCHEMES)()


def observation(
    name: str | None,
    exact: bool,
    heavy_tails: bool,
    effect: bool,
    correlated: bool = False,
    covariate: str | None = None,
) -> AbstractObservation:
    """Return how states are observed, by an observation of the user's own where one is named.

    Heavy tails are those of innovations, or of the noise where there is noise.

    Raises
    ------
    ModelError
        If more is said of the noise beside an observation of the user's own, or where there is none.
    """
    said = {"--exact": exact, "--heavy-tails": heavy_tails}
    of_noise = {"--correlated-noise": correlated, "--noise-covariate": covariate is not None}
    if name is not None:
        _leave_out(f"--observation {name} says how states are observed", said | of_noise)
        return own("--observation", name, AbstractObservation)
    if exact:
        _leave_out("--exact says that there is no noise", of_noise)
        return Exact(innovations=StudentT() if heavy_tails else None)
    return (StudentTNoise if heavy_tails else GaussianNoise)(
        covariance="full" if correlated else None,
        trajectory_effect=effect,
        effect_covariance="full" if correlated and effect else "diagonal",
        variance_function=() if covariate is None else VarianceFunction(covariate, log=True, degree=2),
    )


type Part = AbstractDriftPrior | AbstractDiffusionPrior | AbstractObservation

PARTS = {"drift": "drift", "diffusion": "diffusion", "noise": "observation"}
"""From what may differ between groups to the part of the model that it is."""


def by_group(
    names: Sequence[str],
    parts: Mapping[str, Part],
) -> dict[str, Any]:
    """Give parts of a model ``by_group``.

    Parameters
    ----------
    names
        Keys of `PARTS`, several of them with commas between.
    parts
        The drift, the diffusion and the observation by the names that a model has for them.

    Returns
    -------
    dict
        All parts.

    Raises
    ------
    ModelError
        If there is no part of a name, or nothing of it may differ.
    """
    found: dict[str, Any] = dict(parts)
    for name in [name.strip() for one in names for name in one.split(",")]:
        if name not in PARTS:
            raise ModelError(
                f"--by-group {name} is no part of the model; use {', '.join(PARTS)}, or several with commas."
            )
        one = found[PARTS[name]]
        taken = [field.name for field in fields(one)] if is_dataclass(one) else []
        if "by_group" in taken:
            found[PARTS[name]] = replace(one, by_group=True)
        elif not one.by_group:
            raise ModelError(
                f"--by-group {name}: {type(one).__name__} has nothing that may differ between groups; leave it "
                "out. A class of yours says by_group = True."
            )
    return found


def regimes(count: int | None, diffusion: bool, parts: Mapping[str, Any]) -> dict[str, Any]:
    """Make the drift of a model one of several regimes.

    Parameters
    ----------
    count
        Number of regimes; None for the parts as they are.
    diffusion
        Whether each regime has a diffusion of its own as well.
    parts
        The parts of a model by the names that it has for them.

    Returns
    -------
    dict
        All parts.

    Raises
    ------
    ModelError
        If regimes are to have a diffusion and there are none, the number is below 2, or a part goes with no regimes.
    """
    if count is None:
        if diffusion:
            raise ModelError("--regime-diffusion is of several regimes; say how many: --regimes 2.")
        return dict(parts)
    own_diffusion = parts["diffusion"] if diffusion else None
    return {**parts, "drift": Regimes(count, parts["drift"], own_diffusion)}


def _leave_out(reason: str, options: Mapping[str, bool]) -> None:
    if given := [option for option, is_given in options.items() if is_given]:
        raise ModelError(f"{reason}; leave {' and '.join(given)} out.")


def _chosen[Choice](option: str, name: str, table: Mapping[str, Choice]) -> Choice:
    if name not in table:
        raise ModelError(
            f"--{option} {name} is not known; use one of {', '.join(table)}. Or module:Name of yours."
        )
    return table[name]


def _option(setting: str) -> str:
    return "--" + setting.replace("_", "-")
