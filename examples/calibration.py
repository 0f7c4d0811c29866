"""
Can the intervals of a model of one's own be believed?
======================================================

A formula, its priors and a strategy are judged by data of known truths before any conclusion hangs on them.
``python examples/calibration.py [FOLDER]``
"""

import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpyro.distributions as dist

import sdebayes as sb
from sdebayes import plots

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)


# %%
# The formula: two wells, of unknown depth and distance.
def wells(x, t, p):
    """Return a x − b x³."""
    return p["a"] * x - p["b"] * x**3


model = sb.SDEModel(
    sb.priors.Parametric(wells, {"a": dist.LogNormal(0.0, 0.5), "b": dist.LogNormal(0.0, 0.5)}),
    sb.priors.Constant("diagonal"),
    sb.schemes.LocalLinearization(),
    sb.Exact(),
)
data, truth = sb.datasets.benchmark("double_well_1d", n_steps=100, dt=0.2, seed=0)

# %%
# A hundred data sets like these: parameters from the prior, a path from the SDE itself by fine steps, a fit,
# and the rank of the truth among the posterior's draws. If all is right the ranks are uniform, and intervals
# hold as often as they promise.
found = sb.calibrate(model, data, sb.Laplace(draws=99), n=100, seed=0, substeps=20)
print(found[["p_value", "share_of_band"]].to_dataframe().round(2).to_string())
coverage = found[["coverage", "lower", "upper"]].sel(nominal=0.9)
print(coverage.to_dataframe()[["coverage", "lower", "upper"]].round(2).to_string())
figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
plots.calibration.coverage(found.sel(nominal=0.9), ax)
figure.savefig(folder / "calibration.png")

# %%
# The drift's intervals hold what they promise, as far as a hundred data sets can tell, though ranks are not uniform
# at one of the three places (p = .01, which among five comes by chance once in twenty); those of Σ hold less, and
# steps of .2 are long for a drift that bends so soon. Approximation and scheme are judged together here; without
# ``substeps`` it would be the approximation alone.
axes = plots.calibration.ecdf(found)
axes.flat[0].figure.savefig(folder / "calibration_ranks.png")

# %%
# Only then the data at hand; the truth is a = 2, at the end of its interval or just beyond, and b = 3.
posterior = sb.fit(model, data, sb.Laplace(draws=300), seed=0)
wrong = [one.subject for one in posterior.diagnosis() if one.severity in ("problem", "warning")]
print("findings:", ", ".join(wrong))
parameters = sb.summarize(posterior.data["posterior"])[["a", "b"]]
print(parameters.to_dataframe().loc[["median", "lower", "upper"]].round(2).to_string())

# %%
# `The uncertainty report <reports/calibration.html>`__ has this and more.
print(
    sb.report(
        posterior,
        folder / "calibration.html",
        data=data,
        title="Can the intervals of a model of one's own be believed?",
    )
)
