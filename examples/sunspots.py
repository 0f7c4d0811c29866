"""
Does the Sun keep time?
=======================

Three centuries of sunspots as a wheel that turns, is pushed about at random and seen through noise: how long a
turn takes, and for how many turns its phase is remembered. ``python examples/sunspots.py [FOLDER]``
"""

import sys
import tempfile
from pathlib import Path

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import numpyro.distributions as dist
import xarray as xr
from statsmodels.datasets import sunspots

import sdebayes as sb

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)

# %%
# Yearly numbers, 1700 to 2008, of the package statsmodels; their root is nearly normal. The last 33 years are
# held out.
table = sunspots.load_pandas().data
years = table["YEAR"].values
root = np.sqrt(table["SUNACTIVITY"].values)
root = (root - root.mean())[:, None]
KNOWN = 276
data = sb.trajectories({"Sun": root[:KNOWN]}, t=years[:KNOWN], time_unit="year")


# %%
# A wheel of unknown period and memory; we see one of its two coordinates, and noise.
def wheel(x, t, p):
    """Return the drift that turns, and returns to the middle."""
    turn, keep = 2 * jnp.pi / p["period"], 1 / p["memory"]
    return jnp.stack([-keep * x[0] - turn * x[1], turn * x[0] - keep * x[1]])


model = sb.SDEModel(
    sb.priors.Parametric(
        wheel, {"period": dist.LogNormal(jnp.log(10.0), 0.5), "memory": dist.LogNormal(jnp.log(20.0), 1.0)}
    ),
    sb.priors.Constant("isotropic"),
    sb.schemes.LocalLinearization(),
    sb.GaussianNoise(matrix=[[1.0, 0.0]]),
    initial=(np.zeros(2), 10 * np.eye(2)),
)
posterior = sb.fit(model, data, sb.NUTS(draws=300, warmup=150, chains=2), seed=0)
wrong = [one.subject for one in posterior.diagnosis() if one.severity in ("problem", "warning")]
print("findings:", ", ".join(wrong))

# %%
# Period and memory in years.
found = sb.summarize(posterior.data["posterior"])[["period", "memory"]]
print(found.to_dataframe().loc[["median", "lower", "upper"]].round(2).to_string())

# %%
# The years that were held out, predicted from the last year that is known: normal distributions under each
# draw, mixed over the draws, with 90 % bands.
whole = sb.trajectories({"Sun": root}, t=years, time_unit="year")
ahead = sb.forecast(posterior, whole, horizon=len(years) - KNOWN, samples=100).isel(
    trajectory=0, observed=0, observed_bis=0
)
years_ahead = xr.DataArray(np.arange(len(years) - KNOWN), dims="ahead")
mean, variance = (
    ahead[name].isel(horizon=years_ahead, time=years_ahead - years_ahead.size)
    for name in ("mean", "covariance")
)
middle = mean.mean("sample")
half = 1.645 * np.sqrt(variance.mean("sample") + mean.var("sample"))
held = np.abs(root[KNOWN:, 0] - middle) < half
print(f"90 % intervals hold {int(held.sum())} of the {held.size} years")

figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
ax.fill_between(years[KNOWN:], middle - half, middle + half, alpha=0.3, label="90 % band")
ax.plot(years[KNOWN:], middle, label="forecast from 1975")
ax.plot(
    years[KNOWN - 80 :], root[KNOWN - 80 :, 0], ".-", color="0.3", markersize=4, linewidth=0.7, label="seen"
)
ax.set(xlabel="year", ylabel="√ sunspots, less its mean", title="Two turns ahead the phase is lost")
figure.legend(ncols=3, loc="outside lower center")
figure.savefig(folder / "sunspots.png")

# %%
# A phase is remembered for about as long as a turn takes, so that the next maximum is predicted and the one
# after it hardly. The diagnosis blames the wheel: cycles rise faster than they fall, and strong ones come in
# stretches, of which a wheel knows nothing. What it says of the step size is of formulas in general; in a
# linear one such as this the scheme is exact.
#
# `The uncertainty report <reports/sunspots.html>`__ has this and more.
print(sb.report(posterior, folder / "sunspots.html", data=data, title="Does the Sun keep time?"))
