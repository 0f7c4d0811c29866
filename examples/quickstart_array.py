"""
Is the drift of a known process found again?
============================================

Four noisy paths of a process that turns as it returns: its drift with error bars, beside the truth. ``python
examples/quickstart_array.py [FOLDER]``
"""

import sys
import tempfile
from pathlib import Path

import sdebayes as sb

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)

# %%
# Any arrays will do: data = sb.trajectories([x1, x2, x3], t=[t1, t2, t3]). Here the truth is known: f = (−x −
# 2y, 2x − y), Σ = I, four paths, with noise on every observation.
data, truth = sb.datasets.benchmark(
    "ornstein_uhlenbeck", n_steps=250, dt=0.1, n_trajectories=4, seed=1, noise=0.2
)

model = sb.SDEModel(
    drift=sb.priors.Linear(),
    diffusion=sb.priors.Constant(),
    observation=sb.GaussianNoise(),
)
posterior = sb.fit(model, data, sb.NUTS(draws=800, warmup=200), seed=0)
print(posterior.diagnosis())

# %%
# The drift at a point, draw by draw; its truth there is (−1, 2).
drift = sb.summarize(posterior.drift([1.0, 0.0]))["drift"].isel(point=0)
print(drift.sel(statistic=["mean", "lower", "upper"]).to_pandas().round(2))

# %%
# Drift along the first state with its 90 % band, the truth dashed.
profile = sb.analysis.fields.grid(posterior, states=["x1"], limits=[(-2, 2)], at=[0, 0])
known = sb.analysis.fields.grid(truth, states=[0], limits=[(-2, 2)], at=[0, 0])
axes = sb.plots.fields.profile(profile, truth=known)
axes[0].figure.savefig(folder / "drift.png")

# %%
# The phase portrait over the data.
portrait = sb.analysis.phase_space.portrait(posterior, samples=100)
ax = sb.plots.phase_space.portrait(portrait, data=data)
# sphinx_gallery_thumbnail_number = 2
ax.figure.savefig(folder / "portrait.png")

# %%
# `The uncertainty report <reports/quickstart_array.html>`__ has this and more.
print(
    sb.report(
        posterior,
        folder / "quickstart_array.html",
        data=data,
        title="Is the drift of a known process found again?",
    )
)
