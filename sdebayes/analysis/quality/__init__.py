"""How good texts are under a model: which step does not belong, which continuation fits, how a text hangs together."""

from sdebayes.analysis.quality.classify import classify
from sdebayes.analysis.quality.coherence import coherence
from sdebayes.analysis.quality.misfits import misfits
from sdebayes.analysis.quality.order_tasks import order_tasks
from sdebayes.analysis.quality.rank import rank
from sdebayes.analysis.quality.surprise import surprise

__all__ = ["classify", "coherence", "misfits", "order_tasks", "rank", "surprise"]
