"""
Which equation made these data?
===============================

Of ten monomials for each of two states the posterior says which are in the drift, with a probability for each,
and how large they are: a limit cycle, found from its path. ``python examples/equations.py [FOLDER]``
"""

import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import sdebayes as sb
from sdebayes import plots

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)

# %%
# The truth: dx = (x (1 − r²) − 2 y) dt + dW, dy = (y (1 − r²) + 2 x) dt + dW, noise of variance .2 a time unit.
data, truth = sb.datasets.benchmark("limit_cycle", n_steps=2000, dt=0.02, seed=0)

# %%
# Each coefficient is zero, or normal; sets of terms are summed over, weights integrated out.
library = sb.priors.Polynomial(degree=3)
model = sb.SDEModel(
    sb.priors.Sparse(library),
    sb.priors.Constant("diagonal"),
    sb.schemes.EulerMaruyama(),
    sb.Exact(),
)
posterior = sb.fit(model, data, sb.Marginal(draws=500, warmup=150), seed=0)
wrong = [one.subject for one in posterior.diagnosis() if one.severity in ("problem", "warning")]
print("findings:", ", ".join(wrong))

# %%
# The probability of each term, and which are truly there.
TRUE = {"x1": ("x1", "x2", "x1³", "x1 x2²"), "x2": ("x1", "x2", "x1² x2", "x2³")}
probability = posterior.data["selection"]["inclusion_probability"].mean(("chain", "draw"))
table = probability.transpose("library_term", "state").to_pandas()
print(table.round(2).to_string())

figure, axes = plt.subplots(1, 2, figsize=(7, 3), sharex=True, sharey=True, layout="constrained")
for ax, (state, true) in zip(axes, TRUE.items(), strict=True):
    colours = ["#0072B2" if term in true else "0.7" for term in table.index]
    ax.barh(table.index, table[state], color=colours)
    ax.set(title=f"drift of {state}", xlabel="probability that the term is in")
axes[0].invert_yaxis()
figure.suptitle("Blue: truly there")
figure.savefig(folder / "equations.png")

# %%
# Terms that say about the same near the cycle, where r² is nearly 1, share the probability: read the drift
# before its terms. Its values at three places, with 90 % intervals, beside the truth:
places = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
drift = sb.summarize(posterior.drift(places))["drift"]
for k, place in enumerate(places):
    known = np.asarray(truth.drift(place))
    for j, state in enumerate(("x1", "x2")):
        low, middle, high = (
            float(drift.sel(statistic=name).isel(point=k, state=j)) for name in ("lower", "median", "upper")
        )
        print(f"at {place}, {state}: {middle:.2f} ({low:.2f} to {high:.2f}); truth {known[j]:.2f}")

# %%
ax = plots.phase_space.portrait(sb.analysis.phase_space.portrait(posterior, samples=100), data=data)
ax.figure.savefig(folder / "equations_portrait.png")

# %%
# That it turns, and how fast, is known for sure; by which terms it comes back to the cycle is not, for forty
# time units hold few returns. What the diagnosis says of the return to an equilibrium is right: a cycle does
# not rest.
#
# `The uncertainty report <reports/equations.html>`__ has this and more.
print(sb.report(posterior, folder / "equations.html", data=data, title="Which equation made these data?"))
