"""
Is it the drift or the noise that keeps a path in the middle?
=============================================================

A double well whose noise grows with the state: the path alone does not show the wells, drift and noise apart
do. ``python examples/double_well_array.py [FOLDER]``
"""

import sys
import tempfile
from pathlib import Path

import sdebayes as sb

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)

# %%
# The truth: f = x − x³ and Σ = 2 (1 + x²). The path alone does not show the wells: its stationary distribution
# is N(0, 1).
data, truth = sb.datasets.benchmark("multiplicative_double_well", n_steps=2001, dt=0.02, seed=0)

# %%
# Euler–Maruyama reads basis functions that are computed once. The default for such noise, Moments, reads their
# second derivatives besides and takes longer; it would not, as here, find Σ low by 10 % at x = ±1.5 and by
# more beyond, where the drift is steep.
model = sb.SDEModel(
    drift=sb.priors.GP(),
    diffusion=sb.priors.Diagonal(sb.priors.GP()),
    scheme=sb.schemes.EulerMaruyama(),
    observation=sb.Exact(),
)
print(model.scaled_to(data).describe())
posterior = sb.fit(model, data, sb.NUTS(draws=900, warmup=300), seed=0)
print(posterior.diagnosis())

# %%
# Drift and Σ along the state, draw by draw, and the same of the truth.
grid = {"states": ["x1"], "limits": [(-2, 2)], "points": 41, "at": [0]}
profile, known = sb.analysis.fields.grid(posterior, **grid), sb.analysis.fields.grid(truth, **grid)
summary = sb.summarize(profile).squeeze()
for name in ("drift", "covariance"):
    table = summary[name].sel(statistic=["mean", "lower", "upper"]).transpose("grid_x1", ...).to_pandas()
    table["truth"] = known[name].squeeze().values
    print(name, table.iloc[::5].round(2), sep="\n")

# %%
# Drift and Σ with their 90 % bands, the truth dashed.
axes = sb.plots.fields.profile(profile, truth=known)
axes[0].figure.savefig(folder / "drift.png")
covariance, true_covariance = (
    part["covariance"].sel(state="x1", state_bis="x1") for part in (profile, known)
)
ax = sb.plots.fields.scalar(covariance, truth=true_covariance)
ax.set(ylabel="Σ (per time unit)", ylim=(0, None))
ax.figure.savefig(folder / "covariance.png")

# %%
# `The uncertainty report <reports/double_well_array.html>`__ has this and more.
print(
    sb.report(
        posterior,
        folder / "double_well_array.html",
        data=data,
        title="Is it the drift or the noise that keeps a path in the middle?",
    )
)
