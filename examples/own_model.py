"""
One well or two? A prior, a diffusion and a sampler of one's own decide
=======================================================================

Parts written outside of the package do all that its own do: a drift with two wells, noise that grows outwards
and a random walk that draws, beside a linear drift, on held-out data. ``python examples/own_model.py [FOLDER]``
"""

import sys
import tempfile
from pathlib import Path

import own_parts

import sdebayes as sb
from sdebayes import analysis, plots

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)

# %%
# ``own_parts.py`` lies beside this script; :doc:`/how-to/extend` says what each part must define. The truth is
# f = 2 x − 3 x³, Σ = ¼. By itself the prior takes the scale of its rate from the data's memory, which is how
# rarely the path changes wells: far too slow for the way back into one, so we give the scale.
data, truth = sb.datasets.benchmark("double_well_1d", n_steps=200, dt=0.2, n_trajectories=4, seed=0)
new, _ = sb.datasets.benchmark("double_well_1d", n_steps=200, dt=0.2, n_trajectories=8, seed=1)

wells = own_parts.TwoWells(rate=(5.0,))
models = {
    "two wells": sb.SDEModel(wells, sb.priors.Constant("diagonal"), observation=sb.Exact()),
    "two wells, growing noise": sb.SDEModel(
        wells, own_parts.Growing(), sb.schemes.EulerMaruyama(), observation=sb.Exact()
    ),
    "linear": sb.SDEModel(sb.priors.Linear(), sb.priors.Constant("diagonal"), observation=sb.Exact()),
}
posteriors = {name: sb.fit(model, data, sb.Laplace(draws=300), seed=0) for name, model in models.items()}
posterior = posteriors["two wells"]
wrong = [one.subject for one in posterior.diagnosis() if one.severity in ("problem", "warning")]
print("findings:", ", ".join(wrong))

# %%
# Held-out scores in nats a step over the linear drift, with 95 % intervals over the eight paths.
table = sb.compare(posteriors, new, nulls=False, baseline="linear")
print(
    table[["difference", "lower", "upper"]]
    .to_dataframe()[["difference", "lower", "upper"]]
    .round(3)
    .to_string()
)
ax = plots.scores.differences(table)
ax.figure.savefig(folder / "own_model_scores.png")

# %%
# The drift with its 90 % band, the truth dashed. The wells are where they are; the band is narrow, and beside
# the truth for the most part, since no draw can bend as a cubic does: an interval is as good as the form that
# it is an interval of.
grid = {"states": ["x1"], "limits": [(-1.3, 1.3)], "at": [0.0]}
axes = plots.fields.profile(
    analysis.fields.grid(posterior, **grid), truth=analysis.fields.grid(truth, **grid)
)
axes[0].figure.savefig(folder / "own_model.png")

# %%
# The same posterior by a sampler of one's own, Metropolis's random walk: medians and 90 % intervals of both.
walked = sb.fit(models["two wells"], data, own_parts.RandomWalk(draws=5000, stride=0.05, block=500), seed=0)
print(*[one for one in walked.diagnosis() if one.subject == "Acceptance"])
for name, one in {"Laplace": posterior, "random walk": walked}.items():
    found = sb.summarize(one.data["posterior"])[["well_rate", "well_width"]].squeeze()
    print(
        name,
        found.to_dataframe().loc[["median", "lower", "upper"], ["well_rate", "well_width"]].round(3),
        sep="\n",
    )

# %%
# `The uncertainty report <reports/own_model.html>`__ is of the two wells, compared with the others.
print(sb.report(posterior, folder / "own_model.html", data=data, test=new, title="One well or two?"))
