"""Strategies: how a model is fitted."""

import sdebayes._core.whole_numpyro  # noqa: F401
from sdebayes.inference.guides import AbstractGuide, FlowGuide, LowRankGuide, NormalGuide
from sdebayes.inference.hmc import HMC
from sdebayes.inference.laplace import Laplace
from sdebayes.inference.marginal import Marginal, log_evidence
from sdebayes.inference.nuts import NUTS
from sdebayes.inference.particles import ParticleCorrection
from sdebayes.inference.strategy import AbstractStrategy, Draws, Problem, RunOptions
from sdebayes.inference.sufficient_statistics import Statistics, statistics
from sdebayes.inference.svi import SVI

STRATEGIES: dict[str, type[AbstractStrategy]] = {
    kind.__name__: kind for kind in (NUTS, HMC, Marginal, Laplace, SVI, ParticleCorrection)
}

__all__ = [
    "HMC",
    "NUTS",
    "STRATEGIES",
    "SVI",
    "AbstractGuide",
    "AbstractStrategy",
    "Draws",
    "FlowGuide",
    "Laplace",
    "LowRankGuide",
    "Marginal",
    "NormalGuide",
    "ParticleCorrection",
    "Problem",
    "RunOptions",
    "Statistics",
    "log_evidence",
    "statistics",
]
