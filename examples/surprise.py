"""
Where does a text wander off?
=============================

Sentences of other speeches, and of a recipe, stand in a speech: how little each is in place among the others of
its text, with p-values that good speeches calibrate, and why a passage hides better than a slip. ``python
examples/surprise.py [FOLDER]``
"""

import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import sdebayes as sb
from sdebayes import analysis, plots

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)

# %%
# Eighteen speeches: nine to learn from, five to say how sentences of good speeches are in place, four to judge.
corpus = sb.datasets.load_sotu(since=1945, sentences=60, speeches=18)
train, rest = sb.split(sb.embed(corpus, sb.SentenceEncoder()), test=9, seed=0)
calibration, judged = sb.split(rest, test=4, seed=0)

# %%
# Eight states, of which each moves by itself behind noise, and a level of its own for each speech. Of some states so
# few speeches do not tell how much of a step is noise, as the diagnosis says: scores are read here, and no
# parameters.
space = sb.PCA(8).fit(train)
states, test_states = space.transform(train), space.transform(calibration)
model = sb.SDEModel(
    sb.priors.Linear(diagonal=True),
    sb.priors.Constant("diagonal"),
    observation=sb.GaussianNoise(trajectory_effect=True),
)
posterior = sb.fit(model, states, sb.NUTS(draws=800, warmup=300), seed=0)
wrong = [one.subject for one in posterior.diagnosis() if one.severity in ("problem", "warning")]
print("findings:", ", ".join(wrong))

# %%
# In each of the four, three sentences are exchanged: for those at the same places in the next speech, or for a
# recipe, which stands apart or in a row.
RECIPE = (
    "Beat the eggs with the sugar until they are pale. Fold in the flour and the butter. Bake it for an hour."
)
APART, ROW = [15, 30, 45], [29, 30, 31]
recipe = sb.embed({"recipe": RECIPE}, sb.SentenceEncoder())["y"].values
own = judged["y"].values
cases = {
    "of another speech, apart": (np.roll(own[:, APART], 1, axis=0), APART),
    "of a recipe, apart": (recipe, APART),
    "of a recipe, in a row": (recipe, ROW),
}


def exchange(vectors, places):
    """Return the four speeches with other sentences at these places, judged."""
    values = own.copy()
    values[:, places] = vectors
    strange = judged.assign(y=(judged["y"].dims, values))
    return analysis.quality.surprise(posterior, strange, calibration=calibration)


found = {name: exchange(*case) for name, case in cases.items()}

# %%
# How often a sentence of the speech is more in place than one that is not its own, where one half is chance:
# medians and 90 % intervals over the draws, and the mean p-value of the sentences.
for name, (_, places) in cases.items():
    information = found[name]["information_by_draw"]
    more = [(information > information.isel(time=place)).mean("time") for place in places]
    low, middle, high = np.quantile(sum(more).mean("trajectory") / len(places), [0.05, 0.5, 0.95])
    p_value = float(found[name]["p_value"].isel(time=places).mean())
    print(f"sentences {name}: {middle:.2f} ({low:.2f} to {high:.2f}), mean p = {p_value:.2f}")

# %%
# Each row is a text, each mark a sentence; crosses are of those that do not belong, at a rate of one in ten
# false ones.
one = found["of another speech, apart"]
figure, ax = plt.subplots(figsize=(7, 2.5), layout="constrained")
plots.quality.surprise(one, ax)
for place in APART:
    ax.axvline(place, color="white", linewidth=0.8, linestyle=":")
figure.savefig(folder / "surprise.png")
table = analysis.quality.misfits(one, rate=0.1)
exchanged = int(np.isin(table["step"].values, APART).sum())
print(
    f"listed: {table.sizes['misfit']}, of them exchanged: {exchanged} of {len(APART) * judged.sizes['trajectory']}"
)
print(table.attrs["caution"])

# %%
# A sentence by itself is found to be out of place more often than by chance, and too seldom to be sure of a
# single one: with so few good speeches no p-value is small enough among sixty, as the caution says. Three
# sentences in a row vouch for each other, so that a passage that wanders off hides better than a slip.
# :doc:`/how-to/which-sentence` has numbers of more texts and wider spaces.
#
# `The uncertainty report <reports/surprise.html>`__ is of the model, with the five speeches as its test.
print(
    sb.report(
        posterior,
        folder / "surprise.html",
        data=states,
        test=test_states,
        title="Where does a text wander off?",
    )
)
