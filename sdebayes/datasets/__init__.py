"""Data sets: benchmark SDEs with known truth, and texts of people and of a language model.

See Also
--------
sdebayes.trajectories : Data of your own.

Examples
--------
>>> data, truth = sb.datasets.benchmark("double_well", n_steps=100, dt=0.1)
>>> corpus = sb.datasets.load_sotu(since=2000, speeches=5)
>>> dict(data["y"].sizes), corpus.sizes["trajectory"]
({'trajectory': 1, 'time': 100, 'state': 2}, 5)
"""

from sdebayes.datasets.generated import load_smollm2
from sdebayes.datasets.synthetic import benchmark
from sdebayes.datasets.text import load_sotu

__all__ = ["benchmark", "load_smollm2", "load_sotu"]
