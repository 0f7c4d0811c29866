"""
Do speeches of two eras move differently?
=========================================

Eight State of the Union addresses before 1850 and eight since 1945, in one model: what of a speech's movement
differs between the eras, and what may be the same. ``python examples/two_eras.py [FOLDER]``
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import xarray as xr

import sdebayes as sb
from sdebayes import analysis, plots

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)

# %%
# Forty sentences of each speech, in two principal components of all of them. A group is a coordinate of the
# data.
eras = {
    "before 1850": sb.datasets.load_sotu(until=1850, sentences=40, speeches=8),
    "since 1945": sb.datasets.load_sotu(since=1945, sentences=40, speeches=8),
}
corpus = xr.concat(eras.values(), "trajectory")
groups = [era for era, texts in eras.items() for _ in texts["trajectory"]]
trajectories = sb.embed(corpus.assign_coords(group=("trajectory", groups)), sb.SentenceEncoder())
states = sb.PCA(2).fit(trajectories).transform(trajectories)

# %%
# All that may differ has ``by_group=True``; each era's value is drawn towards one that both share, as far as
# the data allow.
model = sb.SDEModel(
    sb.priors.Linear(diagonal=True, by_group=True),
    sb.priors.Constant("diagonal", by_group=True),
    observation=sb.GaussianNoise(trajectory_effect=True, by_group=True),
    initial="free",
)
posterior = sb.fit(model, states, sb.NUTS(draws=1000, warmup=300), seed=0)
wrong = [one.subject for one in posterior.diagnosis() if one.severity in ("problem", "warning")]
print("findings:", ", ".join(wrong))

# %%
# Differences between the eras, draw by draw, with 90 % intervals: ratios of what is positive, differences of
# the rest. The grey bars are what the prior alone had: an interval as wide as its bar was not learned.
found = analysis.contrast.overview(posterior)
for name, values in found.isel(contrast=0).data_vars.items():
    if not name.endswith("_prior"):
        low, middle, high = np.quantile(values, [0.05, 0.5, 0.95], axis=values.dims.index("sample")).round(2)
        print(f"{name}: {middle}, {low} to {high}")
ax = plots.contrast.contrast(found, variable="equilibrium")
ax.figure.savefig(folder / "two_eras_equilibrium.png")

# %%
# All of them:
axes = plots.contrast.overview(found)
axes.flat[0].figure.savefig(folder / "two_eras.png")

# %%
# The eras differ in where their speeches are, along the first component, and along it the older sentences
# scatter more around the path of their speech. Whether they also *move* differently, in how long they remember
# and how far they wander, eight short speeches of each era cannot tell: there the intervals hold one.
#
# `The uncertainty report <reports/two_eras.html>`__ has this and more.
print(
    sb.report(
        posterior, folder / "two_eras.html", data=states, title="Do speeches of two eras move differently?"
    )
)
