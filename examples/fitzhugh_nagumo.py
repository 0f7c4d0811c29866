"""
Does a neuron fire by itself?
=============================

The voltage of FitzHugh and Nagumo's model, read through noise; its other state is never seen. The posterior
says whether the drift has a limit cycle, how long that takes, and what the hidden state did. ``python
examples/fitzhugh_nagumo.py [FOLDER]``
"""

import sys
import tempfile
from pathlib import Path

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import numpyro.distributions as dist

import sdebayes as sb
from sdebayes import analysis, plots

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)

# %%
# The truth has a current of .5 and ε = .08; of the path we keep its voltage v, with noise of standard deviation
# .2.
path, truth = sb.datasets.benchmark("fitzhugh_nagumo", n_steps=150, dt=0.5, seed=0)
rng = np.random.default_rng(0)
seen = path["y"].values[0, :, :1] + 0.2 * rng.standard_normal((150, 1))
data = sb.trajectories({"neuron": seen}, t=0.5)


# %%
# The drift is known up to the current and ε. H reads the first state alone.
def neuron(x, t, p):
    """Return (v − v³/3 − w + I, ε (v + 0.7 − 0.8 w))."""
    v, w = x
    return jnp.stack([v - v**3 / 3 - w + p["current"], p["epsilon"] * (v + 0.7 - 0.8 * w)])


model = sb.SDEModel(
    sb.priors.Parametric(
        neuron, {"current": dist.Normal(0.0, 0.5), "epsilon": dist.LogNormal(jnp.log(0.1), 0.5)}
    ),
    sb.priors.Constant("isotropic"),
    observation=sb.GaussianNoise(matrix=[[1.0, 0.0]]),
    initial=(np.zeros(2), np.eye(2)),
)
posterior = sb.fit(model, data, sb.Laplace(draws=300), seed=0)
wrong = [one.subject for one in posterior.diagnosis() if one.severity in ("problem", "warning")]
print("findings:", ", ".join(wrong))

# %%
# The parameters, and whether the drift of a draw has a limit cycle.
parameters = sb.summarize(posterior.data["posterior"])[["current", "epsilon"]]
print(parameters.to_dataframe().loc[["median", "lower", "upper"]].round(3).to_string())
cycles = analysis.phase_space.limit_cycles(posterior, samples=50)
print(f"a limit cycle: probability {float(cycles['exists'].mean()):.2f} ({cycles.sizes['sample']} draws)")
low, middle, high = np.nanquantile(cycles["period"].isel(cycle=0), [0.05, 0.5, 0.95])
print(f"its period: {middle:.1f} ({low:.1f} to {high:.1f}) time units")

# %%
# What was seen of v, and what the smoother says of both: bands of 90 % from the filter's covariance and the
# draws together.
smooth = posterior.smooth(data).isel(trajectory=0)
middle = smooth["x"].mean("sample").values
variance = (
    np.einsum("stkk->tk", smooth["x_covariance"]) / smooth.sizes["sample"] + smooth["x"].var("sample").values
)
half = 1.645 * np.sqrt(variance)
times = data["t"].values[0]
figure, axes = plt.subplots(2, 1, figsize=(7, 4), sharex=True, layout="constrained")
for k, (ax, name) in enumerate(zip(axes, ("v", "w"), strict=True)):
    ax.fill_between(times, middle[:, k] - half[:, k], middle[:, k] + half[:, k], alpha=0.3, label="90 % band")
    ax.plot(times, path["y"].values[0, :, k], color="k", linestyle="--", linewidth=1, label="truth")
    ax.set_ylabel(name)
axes[0].plot(times, seen[:, 0], ".", color="#E69F00", markersize=3, label="seen")
figure.legend(*axes[0].get_legend_handles_labels(), ncols=3, loc="outside upper center")
axes[1].set_xlabel("time")
figure.savefig(folder / "fitzhugh_nagumo.png")

# %%
# The limit cycle of each draw, in the plane of both states.
figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
plots.phase_space.limit_cycles(cycles, ax)
ax.set(xlabel="v", ylabel="w")
figure.savefig(folder / "fitzhugh_nagumo_cycle.png")

# %%
# That the form of the drift is right was told and not asked.
#
# `The uncertainty report <reports/fitzhugh_nagumo.html>`__ has this and more.
print(sb.report(posterior, folder / "fitzhugh_nagumo.html", data=data, title="Does a neuron fire by itself?"))
