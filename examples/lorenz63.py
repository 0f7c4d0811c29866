"""
How much does one coordinate of a chaos tell of the others?
===========================================================

Of Lorenz's three coordinates the first is seen, with noise as large as the process is pushed about: what is
learned of ρ and of the two that nobody saw. ``python examples/lorenz63.py [FOLDER]``
"""

import sys
import tempfile
from pathlib import Path

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import numpyro.distributions as dist

import sdebayes as sb

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)


# %%
# A hundred times, .04 apart; the noise has a standard deviation of one.
def lorenz(x, t, p):
    """Return (10 (y − x), x (ρ − z) − y, x y − 8/3 z)."""
    return jnp.stack([10 * (x[1] - x[0]), x[0] * (p["rho"] - x[2]) - x[1], x[0] * x[1] - 8 / 3 * x[2]])


truth = sb.SDE(
    sb.dynamics.ParametricDrift(lorenz, {"rho": jnp.asarray(28.0)}),
    sb.dynamics.ConstantDiffusion(jnp.eye(3)),
)
times = np.linspace(0, 4, 100)
path = sb.simulate(truth, times, x0=[1.0, 1.0, 1.0], paths=1, seed=0, substeps=200)["x"].values[0, 0]
seen = path[:, :1] + np.random.default_rng(0).standard_normal((100, 1))
data = sb.trajectories({"x alone": seen}, t=times)

# %%
# All is known but ρ. The extended Kalman filter carries mean and covariance of the three from one time to the
# next, in four parts; for steps of .04 in a chaos that is still coarse, as the diagnosis says.
model = sb.SDEModel(
    sb.priors.Parametric(lorenz, {"rho": dist.Uniform(10.0, 40.0)}),
    sb.priors.Fixed(sb.dynamics.ConstantDiffusion(jnp.eye(3))),
    sb.schemes.LinearNoise(4),
    sb.GaussianNoise(matrix=[[1.0, 0.0, 0.0]], covariance=1.0),
    initial=(np.ones(3), 0.01 * np.eye(3)),
)
posterior = sb.fit(model, data, sb.Laplace(draws=300), seed=0)
wrong = [one.subject for one in posterior.diagnosis() if one.severity in ("problem", "warning")]
print("findings:", ", ".join(wrong))
rho = posterior.data["posterior"]["rho"].values
print("rho: {:.2f} ({:.2f} to {:.2f}); the truth is 28".format(*np.quantile(rho, [0.5, 0.05, 0.95])))

# %%
# What the smoother says of each coordinate, and how often its 90 % intervals hold the truth.
smooth = posterior.smooth(data).isel(trajectory=0)
middle = smooth["x"].mean("sample").values
variance = (
    np.einsum("stkk->tk", smooth["x_covariance"]) / smooth.sizes["sample"] + smooth["x"].var("sample").values
)
half = 1.645 * np.sqrt(variance)
figure, axes = plt.subplots(3, 1, figsize=(7, 5), sharex=True, layout="constrained")
for k, (ax, name) in enumerate(zip(axes, "xyz", strict=True)):
    held = np.abs(path[:, k] - middle[:, k]) < half[:, k]
    print(
        f"{name}: 90 % intervals hold {held.mean():.2f} of the path; median half width {np.median(half[:, k]):.2f}"
    )
    ax.fill_between(times, middle[:, k] - half[:, k], middle[:, k] + half[:, k], alpha=0.3, label="90 % band")
    ax.plot(times, path[:, k], color="k", linestyle="--", linewidth=1, label="truth")
    ax.set_ylabel(name)
axes[0].plot(times, seen[:, 0], ".", color="#E69F00", markersize=4, label="seen")
figure.legend(*axes[0].get_legend_handles_labels(), ncols=3, loc="outside upper center")
axes[-1].set_xlabel("time")
figure.savefig(folder / "lorenz63.png")

# %%
# The filter's distributions are normal and those of a chaos are not, so its intervals may be too sure; the points of
# one path are too much alike to show it. `sdebayes.ParticleCorrection` corrects the draws by particles, at a price.
#
# `The uncertainty report <reports/lorenz63.html>`__ has this and more.
print(
    sb.report(
        posterior,
        folder / "lorenz63.html",
        data=data,
        title="How much does one coordinate of a chaos tell of the others?",
    )
)
