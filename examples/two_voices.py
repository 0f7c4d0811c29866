"""
Where does the hand change?
===========================

Texts of passages by presidents before 1850 and since 1945 in turn: two regimes find who speaks, sentence by
sentence, and nobody told them. ``python examples/two_voices.py [FOLDER]``
"""

import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import sdebayes as sb
from sdebayes import analysis

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)

# %%
# Eight texts of 36 sentences, each of three passages of twelve: old, new, old, or new, old, new.
old = sb.datasets.load_sotu(until=1850, sentences=40, speeches=8)
new = sb.datasets.load_sotu(since=1945, sentences=40, speeches=8)
voices = [sb.embed(texts, sb.SentenceEncoder()) for texts in (old, new)]
PASSAGE = 12


def mixed(number):
    """Take passages in turn: the embeddings, and whose they are."""
    rows = [voices[(number + k) % 2].isel(trajectory=number) for k in range(3)]
    y = [row["y"].values[k * PASSAGE : (k + 1) * PASSAGE] for k, row in enumerate(rows)]
    text = [row["text"].values[k * PASSAGE : (k + 1) * PASSAGE] for k, row in enumerate(rows)]
    return np.concatenate(y), np.concatenate(text), np.repeat([(number + k) % 2 for k in range(3)], PASSAGE)


arrays, texts, truth = map(list, zip(*map(mixed, range(8)), strict=True))
whole = sb.trajectories(arrays, texts=texts)

# %%
# Two slow directions of sixteen components: slow is what stays as long as a passage does.
space = sb.TICA(2, components=16).fit(whole)
states = space.transform(whole)

# %%
# Sentences are independent within a passage, but for a drift back to the passage's own level: observed states
# with a drift and a noise for each regime.
model = sb.SDEModel(
    sb.priors.Regimes(2, drift=sb.priors.Linear(diagonal=True), diffusion=sb.priors.Constant("diagonal")),
    observation=sb.Exact(),
)
posterior = sb.fit(model, states, sb.Laplace(draws=300), seed=0)
wrong = [one.subject for one in posterior.diagnosis() if one.severity in ("problem", "warning")]
print("findings:", ", ".join(wrong))

# %%
# The probability of the second regime, sentence by sentence: the hand changes at the white lines, from old to
# new and back in the first text, from new to old and back in the second, and so on.
found = posterior.regime_probability(states)
second = found["probability"].isel(regime=1)
figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
image = ax.imshow(second.mean("sample"), aspect="auto", cmap="cividis", vmin=0, vmax=1, interpolation="none")
for change in (PASSAGE, 2 * PASSAGE):
    ax.axvline(change - 0.5, color="white", linestyle="--")
ax.set_yticks(range(8), range(1, 9))
ax.set(xlabel="sentence", ylabel="text", title="Passages of two hands, and nobody said which")
figure.colorbar(image, label="probability of regime 2")
figure.savefig(folder / "two_voices.png")

# %%
# How often is the probable regime that of the hand? The labels of regimes mean nothing, so each draw may
# exchange them; the interval is over the draws.
right = ((second > 0.5) == np.array(truth)).mean(("trajectory", "time"))
share = np.maximum(right, 1 - right)
print("sentences with the right hand:", *np.quantile(share, [0.05, 0.5, 0.95]).round(2))
dwell = sb.summarize(analysis.regimes.dwell_times(posterior))["dwell_time"]
print(dwell.sel(statistic=["median", "lower", "upper"]).to_pandas().round(1).to_string())
surest = analysis.regimes.exemplars(found, states, count=2)
for regime in surest["regime"].values:
    print(f"regime {regime}:", *surest["text"].sel(regime=regime).values, sep="\n   ")

# %%
# A passage is twelve sentences here, and the time that a regime lasts is right if its interval holds twelve.
# That there *are* two regimes the model was told; whether there are is a question for held-out texts
# (:doc:`/how-to/regimes`).
#
# `The uncertainty report <reports/two_voices.html>`__ has this and more.
print(sb.report(posterior, folder / "two_voices.html", data=states, title="Where does the hand change?"))
