"""Bayesian stochastic differential equations for how a text moves through meaning."""

from sdebayes import analysis, datasets, dynamics, inference, paths, plots, priors, schemes
from sdebayes._core import errors
from sdebayes.analysis.summary import summarize
from sdebayes.dynamics import SDE
from sdebayes.inference import HMC, NUTS, SVI, Laplace, Marginal, ParticleCorrection
from sdebayes.model import Exact, ExtendedKalman, GaussianNoise, SDEModel, StudentT, UnscentedKalman
from sdebayes.paths import (
    PCA,
    Precomputed,
    SentenceEncoder,
    Sentences,
    StateSpace,
    embed,
    shuffle,
    split,
    trajectories,
)
from sdebayes.posterior import Posterior, calibrate, claims, compare, fit, forecast, load, nulls
from sdebayes.reporting import report
from sdebayes.simulation import simulate

__all__ = [
    "HMC",
    "NUTS",
    "PCA",
    "SDE",
    "SVI",
    "Exact",
    "ExtendedKalman",
    "GaussianNoise",
    "Laplace",
    "Marginal",
    "ParticleCorrection",
    "Posterior",
    "Precomputed",
    "SDEModel",
    "SentenceEncoder",
    "Sentences",
    "StateSpace",
    "StudentT",
    "UnscentedKalman",
    "analysis",
    "calibrate",
    "claims",
    "compare",
    "datasets",
    "dynamics",
    "embed",
    "errors",
    "fit",
    "forecast",
    "inference",
    "load",
    "nulls",
    "paths",
    "plots",
    "priors",
    "report",
    "schemes",
    "shuffle",
    "simulate",
    "split",
    "summarize",
    "trajectories",
]
