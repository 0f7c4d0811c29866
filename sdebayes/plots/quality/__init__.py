"""Figures of the quality of texts under a model."""

from sdebayes.plots.quality.classify import classify
from sdebayes.plots.quality.coherence import coherence
from sdebayes.plots.quality.order_tasks import order_tasks
from sdebayes.plots.quality.rank import rank
from sdebayes.plots.quality.surprise import surprise

__all__ = ["classify", "coherence", "order_tasks", "rank", "surprise"]
