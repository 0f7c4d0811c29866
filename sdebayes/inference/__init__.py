"""Strategies: how a model is fitted.

See Also
--------
sdebayes.fit : Takes a strategy.

Examples
--------
>>> sb.NUTS(draws=500, chains=4)
NUTS(draws=500, warmup=300, chains=4, target_acceptance=0.8, max_tree_depth=10, dense_dimension=500, workers=2)
>>> sb.SVI(guide=sb.inference.LowRankGuide(rank=5)).guide
LowRankGuide(rank=5)
"""

import sdebayes._core.whole_numpyro  # noqa: F401
from sdebayes.inference.checkpoint import Checkpoint
from sdebayes.inference.findings import Finding
from sdebayes.inference.guides import AbstractGuide, FlowGuide, LowRankGuide, NormalGuide
from sdebayes.inference.hmc import HMC
from sdebayes.inference.laplace import Laplace
from sdebayes.inference.marginal import Marginal, log_evidence
from sdebayes.inference.nuts import NUTS
from sdebayes.inference.particles import ParticleCorrection
from sdebayes.inference.problem import Problem
from sdebayes.inference.strategy import AbstractStrategy, Draws, RunOptions
from sdebayes.inference.sufficient_statistics import Statistics, statistics
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
    "RunOptions",
    "Statistics",
    "log_evidence",
    "statistics",
]
