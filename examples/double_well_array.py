"""A double well with noise that grows with the state: python examples/double_well_array.py [FOLDER]."""

import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import sdebayes as sb

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)

# The truth: f = x − x³ and Σ = 2 (1 + x²). The path alone does not show the wells: its stationary law is N(0, 1).
data, truth = sb.datasets.benchmark("multiplicative_double_well", n_steps=2001, dt=0.02, seed=1)

model = sb.SDEModel(
    drift=sb.priors.GP(),
    diffusion=sb.priors.Diagonal(sb.priors.GP()),
    scheme=sb.schemes.EulerMaruyama(),  # quick, and good enough at steps this short; the default is slower and finer
    observation=sb.Exact(),
)
print(model.scaled_to(data).describe())
posterior = sb.fit(model, data, sb.NUTS(draws=200, warmup=200), seed=0)
print(posterior.diagnosis())

# Drift and Σ along the state, draw by draw, and the same of the truth.
limits = [(-2, 2)]
profile = sb.analysis.fields.grid(posterior, over=["x1"], limits=limits, points=41, at=[0])
known = sb.analysis.fields.grid(truth, over=["x1"], limits=limits, points=41, at=[0])
summary = sb.summarize(profile[["drift", "covariance"]])
for name in ("drift", "covariance"):
    table = (
        summary[name]
        .squeeze()
        .sel(statistic=["mean", "lower", "upper"])
        .transpose("grid_x1", ...)
        .to_pandas()
    )
    table["truth"] = known[name].squeeze().values
    print(name, table.iloc[::10].round(2), sep="\n")

# Drift with its 90 % band, the truth dashed.
axes = sb.plots.fields.profile(profile, truth=known)
axes[0].figure.savefig(folder / "drift.png")

# Results are xarray datasets: matplotlib needs no help of ours to draw them.
covariance = summary["covariance"].squeeze()
figure, ax = plt.subplots(figsize=(3.4, 2.1), layout="constrained")
x = covariance["grid_x1"]
ax.fill_between(
    x, *covariance.sel(statistic=["lower", "upper"]).transpose("statistic", ...), alpha=0.25, linewidth=0
)
ax.plot(x, covariance.sel(statistic="mean"), label="posterior mean, 90 % band")
ax.plot(x, known["covariance"].squeeze(), "k--", label="truth")
ax.set(xlabel="x1", ylabel="Σ per unit time", ylim=(0, None))
ax.legend(frameon=False)
figure.savefig(folder / "covariance.png", dpi=150)
print(folder)
