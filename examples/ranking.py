"""
Which passage goes on from here?
================================

Of nine passages one is how the speech went on: how often a model of movement finds it, and how much longer
passages help. ``python examples/ranking.py [FOLDER]``
"""

import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import binomtest

import sdebayes as sb
from sdebayes import analysis, plots

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)

# %%
# Nine speeches to learn from, nine others to be asked about. Of some states so few do not tell how much of a step is
# noise, as the diagnosis says: scores are read here, and no parameters.
corpus = sb.datasets.load_sotu(since=1945, sentences=60, speeches=18)
train, test = sb.split(sb.embed(corpus, sb.SentenceEncoder()), test=9, seed=0)
model = sb.SDEModel(
    sb.priors.Linear(diagonal=True),
    sb.priors.Constant("diagonal"),
    observation=sb.GaussianNoise(trajectory_effect=True),
)
space = sb.PCA(8).fit(train)
states, test_states = space.transform(train), space.transform(test)
posterior = sb.fit(model, states, sb.NUTS(draws=800, warmup=300), seed=0)
wrong = [one.subject for one in posterior.diagnosis() if one.severity in ("problem", "warning")]
print("findings:", ", ".join(wrong))


# %%
# One speech first: the score is log p(passage | what came before) − log p(passage), so that a passage that is
# likely anywhere has no advantage. The intervals are over the draws: what the model does not know of itself.
def part(rows, first, last):
    """Cut sentences out of the held-out speeches."""
    cut = test_states.isel(trajectory=rows)
    arrays = [list(cut[name].values[:, first:last]) for name in ("y", "t")]
    data = sb.trajectories(*arrays, names=list(cut["trajectory"].values), min_steps=1)
    return data.assign_coords(state=states["state"].values).assign_attrs(
        space_hash=states.attrs["space_hash"]
    )


everyone = list(range(test_states.sizes["trajectory"]))
found = analysis.quality.rank(posterior, part([0], 0, 30), part(everyone, 30, 38))
ax = plots.quality.rank(found)
print(f"the passage of {found['candidate'].values[0]} is the true one")
ax.figure.savefig(folder / "ranking_one.png")

# %%
# All nine, after thirty sentences, for passages of one to sixteen sentences. Intervals are Clopper and
# Pearson's, of 90 %.
lengths = [1, 4, 16]
shares = []
for length in lengths:
    candidates = part(everyone, 30, 30 + length)
    best = [
        int(
            analysis.quality.rank(posterior, part([i], 0, 30), candidates, samples=25)[
                "score"
            ].values.argmax()
        )
        for i in everyone
    ]
    hits = sum(np.equal(best, everyone))
    interval = binomtest(int(hits), len(everyone)).proportion_ci(0.9)
    shares.append((hits / len(everyone), interval.low, interval.high))
    print(f"{length:2d} sentences: {hits} of {len(everyone)}, {interval.low:.2f} to {interval.high:.2f}")

middle, low, high = np.array(shares).T
figure, ax = plt.subplots(figsize=(5, 3), layout="constrained")
ax.errorbar(lengths, middle, [middle - low, high - middle], fmt="o", capsize=3)
ax.axhline(1 / len(everyone), color="0.5", linestyle="--", label="by chance")
ax.set(xlabel="sentences of the passage", ylabel="found first", ylim=(0, 1), xscale="log")
ax.set_xticks(lengths, lengths)
ax.minorticks_off()
ax.set_title("Found first more often than by chance")
ax.legend()
figure.savefig(folder / "ranking.png")

# %%
# Nine questions cannot tell one share from another. They tell that eight coordinates know the topic, and no
# more: with sixty-four the model does better (:doc:`/how-to/which-continuation`).
#
# `The uncertainty report <reports/ranking.html>`__ is of the model, and of the nine speeches as its test.
print(
    sb.report(
        posterior,
        folder / "ranking.html",
        data=states,
        test=test_states,
        title="Which passage goes on from here?",
    )
)
