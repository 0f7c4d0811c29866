"""From speeches to held-out scores and a report: python examples/quickstart_text.py [FOLDER]."""

import sys
import tempfile
from pathlib import Path

import sdebayes as sb

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)

# Twelve State of the Union addresses, one step a sentence, embedded offline by a small sentence model.
corpus = sb.datasets.load_sotu(since=1945, sentences=60, speeches=12)
trajectories = sb.embed(corpus, sb.SentenceEncoder(), step=sb.Sentences())

# Whole speeches are held out, and the state space is fitted to the others only.
train, test = sb.split(trajectories, test=0.25, seed=0)
space = sb.PCA(4).fit(train)
states, test_states = space.transform(train), space.transform(test)
print(space.describe())

# A linear drift seen through noise, and a level of its own for each speech. For real work leave draws at 1000.
model = sb.SDEModel(
    drift=sb.priors.Linear(),
    diffusion=sb.priors.Constant(),
    observation=sb.GaussianNoise(trajectory_effect=True),
)
posterior = sb.fit(model, states, sb.NUTS(draws=200, warmup=100), seed=0)
print(posterior.diagnosis())

# What the order of the sentences is worth, in nats per sentence over a model that knows all but the order.
table = sb.compare({"linear": posterior}, test_states)
print(table[["per_step", "difference", "lower", "upper"]].to_dataframe().round(3))

# How long the slowest direction remembers, in sentences.
memory = sb.summarize(sb.analysis.fields.jacobian_spectrum(posterior)["time_constant"])
print(memory["time_constant"].isel(point=0, mode=0).to_series().round(1))

print(sb.report(posterior, folder / "speeches.html", data=states, test=test_states))
