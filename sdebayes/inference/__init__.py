"""Strategies: how a model is fitted."""

import sdebayes._core.whole_numpyro  # noqa: F401
from sdebayes.inference.checkpoint import Checkpoint
from sdebayes.inference.evidence import Statistics
from sdebayes.inference.findings import Finding
from sdebayes.inference.guides import AbstractGuide, FlowGuide, LowRankGuide, NormalGuide
from sdebayes.inference.hmc import HMC
from sdebayes.inference.laplace import Laplace
from sdebayes.inference.marginal import Marginal, log_evidence
from sdebayes.inference.nuts import NUTS
from sdebayes.inference.particles import ParticleCorrection
from sdebayes.inference.reduction import statistics
from sdebayes.inference.strategy import AbstractStrategy, Draws, Problem
from sdebayes.inference.svi import SVI

__all__ = [
    "HMC",
    "NUTS",
    "SVI",
    "AbstractGuide",
    "AbstractStrategy",
    "Checkpoint",
    "Draws",
    "Finding",
    "FlowGuide",
    "Laplace",
    "LowRankGuide",
    "Marginal",
    "NormalGuide",
    "ParticleCorrection",
    "Problem",
    "Statistics",
    "log_evidence",
    "statistics",
]
