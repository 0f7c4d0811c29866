"""Bayesian stochastic differential equations for how a text moves through meaning."""

from . import analysis, data, datasets, dynamics, inference, plots, priors, schemes
from ._core import errors
from ._core.cache_directory import keep_compiled
from .analysis.summary import summarize
from .data import (
    PCA,
    TICA,
    HiddenStates,
    Layers,
    Precomputed,
    Prefixes,
    SentenceEncoder,
    Sentences,
    StateSpace,
    TokenWindows,
    embed,
    shuffle,
    split,
    trajectories,
)
from .dynamics import SDE
from .explorer import explore
from .inference import HMC, NUTS, SVI, Laplace, Marginal, ParticleCorrection
from .model import (
    Exact,
    ExtendedKalman,
    GaussianNoise,
    Level,
    LowRank,
    SDEModel,
    StudentT,
    StudentTNoise,
    UnscentedKalman,
    VarianceFunction,
)
from .posterior import Posterior, calibrate, claims, compare, cross_validate, fit, forecast, load, nulls
from .reporting import report
from .simulation import simulate
from .steering import ActivationSteering, guiding_drift, steer

__version__: str

__all__ = [
    "HMC",
    "NUTS",
    "PCA",
    "SDE",
    "SVI",
    "TICA",
    "ActivationSteering",
    "Exact",
    "ExtendedKalman",
    "GaussianNoise",
    "HiddenStates",
    "Laplace",
    "Layers",
    "Level",
    "LowRank",
    "Marginal",
    "ParticleCorrection",
    "Posterior",
    "Precomputed",
    "Prefixes",
    "SDEModel",
    "SentenceEncoder",
    "Sentences",
    "StateSpace",
    "StudentT",
    "StudentTNoise",
    "TokenWindows",
    "UnscentedKalman",
    "VarianceFunction",
    "analysis",
    "calibrate",
    "claims",
    "compare",
    "cross_validate",
    "data",
    "datasets",
    "dynamics",
    "embed",
    "errors",
    "explore",
    "fit",
    "forecast",
    "guiding_drift",
    "inference",
    "keep_compiled",
    "load",
    "nulls",
    "plots",
    "priors",
    "report",
    "schemes",
    "shuffle",
    "simulate",
    "split",
    "steer",
    "summarize",
    "trajectories",
]
