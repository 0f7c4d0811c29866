"""
Does the drift of embeddings survive a shuffle?
===============================================

"Unraveling Text Generation in LLMs" fits drifts to embeddings as if these were the process itself. The same fit
to shuffled texts finds a drift as well, and a larger one: a size without a null beside it says nothing of
movement. ``python examples/two_readings.py [FOLDER]``
"""

import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import sdebayes as sb

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)

# %%
# Twenty texts that SmolLM2-135M wrote, at temperature .8, and the same sentences in another order.
corpus = sb.datasets.load_smollm2(0.8)
corpus = corpus.isel(trajectory=slice(None, None, 3))
trajectories = sb.embed(corpus, sb.SentenceEncoder(), min_steps=3)
train, test = sb.split(trajectories, test=0.3, seed=0)
space = sb.TICA(3, components=16).fit(train)
orders = {"in order": space.transform(train), "shuffled": sb.shuffle(space.transform(train), seed=1)}
tests = {"in order": space.transform(test), "shuffled": sb.shuffle(space.transform(test), seed=2)}

# %%
# Two readings of the same data: the embedding *is* the process, or the process is seen through noise.
models = {
    "observed": sb.SDEModel(sb.priors.Linear(), observation=sb.Exact()),
    "behind noise": sb.SDEModel(sb.priors.Linear(), observation=sb.GaussianNoise(trajectory_effect=True)),
}
posteriors = {
    (reading, order): sb.fit(model, data, sb.NUTS(draws=800, warmup=300, target_acceptance=0.9), seed=0)
    for reading, model in models.items()
    for order, data in orders.items()
}
posterior = posteriors["behind noise", "in order"]
wrong = [one.subject for one in posterior.diagnosis() if one.severity in ("problem", "warning")]
print("findings:", ", ".join(wrong))


# %%
# The size of the drift, in standard deviations of the data a step: large where a step is mostly return, as it
# is of independent sentences. And what each reading is worth on held-out texts, over independent sentences with
# a level for each text.
def size(one):
    """Return the root mean square drift over the stationary distribution, draw by draw."""
    rate, path = one.sde().drift.matrix, one.observed_sde().initial_covariance
    return np.sqrt(np.einsum("sij,sjk,sik->s", rate, path, rate) / rate.shape[-1])


rows = {}
for (reading, order), one in posteriors.items():
    table = sb.compare({reading: one}, tests[order], baseline="iid + document effect").sel(candidate=reading)
    worth = [float(table[name]) for name in ("lower", "difference", "upper")]
    rows[f"{reading}, {order}"] = [np.quantile(size(one), [0.05, 0.5, 0.95]), worth]
for name, intervals in rows.items():
    (low, middle, high), (least, worth, most) = intervals
    print(
        f"{name}: drift {middle:.2f} ({low:.2f} to {high:.2f}), worth {worth:+.2f} ({least:+.2f} to {most:+.2f})"
    )

labels = (
    "size of the drift\n(standard deviations a sentence)",
    "worth over sentences in no order\n(nats a sentence)",
)
figure, axes = plt.subplots(1, 2, figsize=(8, 2.8), sharey=True, layout="constrained")
for ax, label, intervals in zip(axes, labels, zip(*rows.values(), strict=True), strict=True):
    low, middle, high = np.transpose(intervals)
    ax.errorbar(middle, range(len(rows)), xerr=[middle - low, high - middle], fmt="o", capsize=3)
    ax.axvline(0, color="0.6", linewidth=0.8)
    ax.set_xlabel(label)
axes[0].set_yticks(range(len(rows)), rows)
axes[0].invert_yaxis()
figure.savefig(folder / "two_readings.png")

# %%
# Observed directly, the drift *grows* when the order is destroyed: it is the way back from a sentence to the
# mean, which is longest where sentences do not know each other, and there it costs. Behind noise there is
# little drift and perhaps a gain; after the shuffle its size may be anything and its gain is nil, as there is no
# path that could be told from noise. :doc:`paper` asks more of the paper's claims, of networks and of tokens too,
# and :doc:`/explanation/paper` says what it found.
#
# `The uncertainty report <reports/two_readings.html>`__ is of the process behind noise.
states, test_states = orders["in order"], tests["in order"]
print(
    sb.report(
        posterior,
        folder / "two_readings.html",
        data=states,
        test=test_states,
        title="Does the drift of embeddings survive a shuffle?",
    )
)
