"""
Do speeches move in some order?
===============================

Twelve State of the Union addresses, sentence by sentence: what the order of the sentences is worth, how long a
speech remembers, and what so few texts cannot tell. ``python examples/quickstart_text.py [FOLDER]``
"""

import sys
import tempfile
from pathlib import Path

import sdebayes as sb

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)

# %%
# Twelve addresses, one step a sentence, embedded offline by a small sentence model.
corpus = sb.datasets.load_sotu(since=1945, sentences=60, speeches=12)
trajectories = sb.embed(corpus, sb.SentenceEncoder(), step=sb.Sentences())

# %%
# Whole speeches are held out, and the state space is fitted to the others only.
train, test = sb.split(trajectories, test=0.25, seed=0)
space = sb.PCA(4).fit(train)
states, test_states = space.transform(train), space.transform(test)
print(space.describe())

# %%
# A linear drift seen through noise, and a level of its own for each speech. Two hundred draws are for a first
# look, as the diagnosis says: for real work leave them at 1000.
model = sb.SDEModel(
    drift=sb.priors.Linear(),
    diffusion=sb.priors.Constant(),
    observation=sb.GaussianNoise(trajectory_effect=True),
)
posterior = sb.fit(model, states, sb.NUTS(draws=200, warmup=100), seed=0)
print(posterior.diagnosis())

# %%
# What the order of the sentences is worth, in nats per sentence over a model that knows all but the order, with
# 95 % intervals over the three speeches that were held out.
table = sb.compare({"linear": posterior}, test_states)
print(table[["per_step", "difference", "lower", "upper"]].to_pandas().iloc[:, :4].round(3).to_string())
ax = sb.plots.scores.differences(table)
ax.figure.savefig(folder / "speeches_scores.png")

# %%
# How long the slowest direction remembers, in sentences. A speech has sixty, so it holds about one such memory,
# and the random walk, which never comes back, predicts nearly as well.
memory = sb.summarize(sb.analysis.fields.jacobian_spectrum(posterior)["time_constant"])
print(memory["time_constant"].isel(point=0, mode=0).to_series().round(1))

# %%
# `The uncertainty report <reports/quickstart_text.html>`__ has this and more, with the sentences that lie where
# the speeches go.
print(
    sb.report(
        posterior,
        folder / "quickstart_text.html",
        data=states,
        test=test_states,
        title="Do speeches move in some order?",
    )
)
