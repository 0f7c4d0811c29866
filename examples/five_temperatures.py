"""
What does temperature change in the texts of a language model?
==============================================================

Twenty passages, gone on with at five temperatures by SmolLM2-135M: does a warmer text forget sooner, wander
wider, or is it noisier? ``python examples/five_temperatures.py [FOLDER]``
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

import sdebayes as sb
from sdebayes import analysis, plots
from sdebayes.data.segment import sentence_spans

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)


# %%
# The texts come with the package. What a text says again, word for word, is left out: how much that is is the
# largest effect of temperature, and needs no model to be seen.
def sentences(text):
    """Return the sentences."""
    return [text[start:end].strip() for start, end in sentence_spans(text)]


corpus = sb.datasets.load_smollm2()
corpus = corpus.isel(trajectory=corpus["passage"].values % 3 == 0)
groups = np.array([f"{one:g}" for one in corpus["temperature"].values])
said = [sentences(text) for text in corpus["text"].values]
for group in dict.fromkeys(groups):
    own = [len(set(one)) / len(one) for one, where in zip(said, groups, strict=True) if where == group]
    print(f"temperature {group}: {np.median(own):.2f} of the sentences of the middle text are different ones")

once = np.array([" ".join(list(dict.fromkeys(one))[:12]) for one in said], object)
corpus = corpus.assign(text=("trajectory", once)).assign_coords(group=("trajectory", groups))
enough = np.array([len(sentences(text)) >= 3 for text in once])
print(f"left out: {(~enough).sum()} of {enough.size} texts, of fewer than three different sentences")
trajectories = sb.embed(corpus.isel(trajectory=enough), sb.SentenceEncoder())

# %%
# The slowest coordinate, and everything by group.
states = sb.TICA(1, components=16).fit(trajectories).transform(trajectories)
model = sb.SDEModel(
    sb.priors.Linear(diagonal=True, by_group=True),
    sb.priors.Constant("diagonal", by_group=True),
    observation=sb.GaussianNoise(trajectory_effect=True, by_group=True),
)
posterior = sb.fit(model, states, sb.NUTS(draws=200, warmup=200), seed=0)
wrong = [one.subject for one in posterior.diagnosis() if one.severity in ("problem", "warning")]
print("findings:", ", ".join(wrong))


# %%
# The slope of each logarithm over temperature, draw by draw, beside that of the prior: what both hold was not
# learned.
def scales(group):
    """Return what is positive, as geometric means over coordinates."""
    shares = analysis.variance.shares(group)
    noise = np.exp(np.log(shares["noise"] * shares["total"]).mean("state"))
    path = np.exp(np.log(shares["path"] * shares["total"]).mean("state"))
    found = noise.to_dataset(name="noise").assign(path=path)
    found["noise"].attrs["long_name"] = "variance of the noise"
    found["path"].attrs["long_name"] = "variance of the path"
    return found


slopes = analysis.contrast.trend(
    posterior, scales, {one: float(one) for one in dict.fromkeys(groups)}, log=True
)
for name in ("noise", "path"):
    for said_of, values in (("data", slopes[name]), ("prior", slopes[f"{name}_prior"])):
        low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
        print(f"slope of log {name}, {said_of}: {middle:.2f} ({low:.2f} to {high:.2f})")
axes = plots.contrast.trend(slopes, variable="noise")
axes.flat[0].set_xlabel("temperature")
axes.flat[0].figure.savefig(folder / "five_temperatures.png")

# %%
# What temperature changes most is how soon a text repeats itself. In the slowest coordinate a warmer text is
# noisier, and its path spreads less; how long it remembers is not learned at any temperature, as the diagnosis
# says, and R-hat and divergences ask for more draws. :doc:`temperature` asks sixty texts at each, in four coordinates
# and with the human texts as a sixth group, and :doc:`/explanation/temperature` says what it found.
#
# `The uncertainty report <reports/five_temperatures.html>`__ has this and more.
print(
    sb.report(
        posterior,
        folder / "five_temperatures.html",
        data=states,
        title="What does temperature change in the texts of a language model?",
    )
)
