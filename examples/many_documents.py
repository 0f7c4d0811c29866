"""
What do ten thousand documents tell that a hundred do not?
==========================================================

Documents that lie on the disk and are read a block at a time: how intervals narrow as documents are added, and
what does not change with their number. ``python examples/many_documents.py [FOLDER]``
"""

import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

import sdebayes as sb
from sdebayes import analysis

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)
store = Path(tempfile.mkdtemp()) / "documents.zarr"

# %%
# Ten thousand documents of 24 steps and two states, as embeddings of texts are: a slow path that forgets in
# eight steps and in three, noise as large as the path, and a level of its own for each document.
N, STEPS, MEMORY = 10_000, 24, np.array([8.0, 3.0])
rng = np.random.default_rng(0)
keep = np.exp(-1 / MEMORY)
path = [rng.standard_normal((N, 2))]
for _ in range(STEPS - 1):
    path.append(keep * path[-1] + np.sqrt(1 - keep**2) * rng.standard_normal((N, 2)))
level = 0.5 * rng.standard_normal((N, 1, 2))
values = np.stack(path, axis=1) + level + rng.standard_normal((N, STEPS, 2))
sb.data.save(sb.trajectories(values), store)
print(f"{sum(file.stat().st_size for file in store.rglob('*')) / 1e6:.0f} MB on the disk")

# %%
# A fit of lazy data reads sums over documents, block by block; from then on a gradient costs what that of a
# hundred does.
lazy = xr.open_zarr(store, chunks=None)
model = sb.SDEModel(
    sb.priors.Linear(diagonal=True),
    sb.priors.Constant("diagonal"),
    observation=sb.GaussianNoise(trajectory_effect=True),
).scaled_to(lazy.isel(trajectory=slice(0, 100)).load())
counts = (100, 1_000, 10_000)
strategies = (sb.NUTS(draws=600, warmup=300), sb.Laplace(draws=400), sb.Laplace(draws=400))
posteriors = {
    n: sb.fit(model, lazy.isel(trajectory=slice(0, n)), strategy, seed=0)
    for n, strategy in zip(counts, strategies, strict=True)
}
posterior = posteriors[100]
print("likelihood from:", posteriors[N].data.attrs["likelihood_from"])
wrong = [one.subject for one in posterior.diagnosis() if one.severity in ("problem", "warning")]
print("findings:", ", ".join(wrong))

# %%
# The time constants with 90 % intervals, by the number of documents. Of a hundred the posterior is far from normal,
# so they are drawn by NUTS.
figure, axes = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
for k, (ax, true) in enumerate(zip(axes, MEMORY, strict=True)):
    for n, one in posteriors.items():
        found = analysis.fields.jacobian_spectrum(one)["time_constant"].isel(point=0, mode=k)
        low, middle, high = np.quantile(found, [0.05, 0.5, 0.95])
        print(f"{n:6d} documents: {middle:.2f} ({low:.2f} to {high:.2f}) steps; truth {true:g}")
        ax.errorbar(n, middle, [[middle - low], [high - middle]], fmt="o", color="#0072B2", capsize=3)
    ax.axhline(true, color="0.3", linestyle="--", label="truth")
    ax.set(xscale="log", xlabel="documents", ylabel="time constant (steps)")
    ax.legend()
figure.savefig(folder / "many_documents.png")

# %%
# A hundred times the documents, intervals a tenth as wide: of ten thousand they are narrower than what any
# model of real texts gets wrong. A million documents take the same call; :doc:`/how-to/scale` has times and
# memory.
#
# `The uncertainty report <reports/many_documents.html>`__ is of the hundred.
few = lazy.isel(trajectory=slice(0, 100)).load()
print(
    sb.report(
        posterior,
        folder / "many_documents.html",
        data=few,
        title="What do ten thousand documents tell that a hundred do not?",
    )
)
