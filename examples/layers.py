"""
How does a text move through the layers of a language model?
============================================================

237 passages of three sentences, one of each State of the Union address, are read by SmolLM2-135M; the path of a passage
is the hidden state of its last token, layer by layer. Sarfati, Liu, Boullé and Earls (2024), "Lines of Thought in Large
Language Models", arXiv 2410.01545, say of such paths: the state at layer t + τ is a linear map of that at layer t, and
noise whose variance is α exp(λ (t + τ)), the same for every τ. `sdebayes.analysis.depth.noise_growth` asks whether it
is; two fits, of paths and of paths divided by exp(λ t / 2), whether one SDE holds at all layers. The reports have a
chapter on layers. ``python examples/layers.py [FOLDER]``

.. figure:: /figures/gallery/layers.png
   :alt: The variance of the noise grows with depth, and is larger from more layers before.

   What a run found; :doc:`/how-to/hidden-states` has the numbers.
"""

# sphinx_gallery_thumbnail_path = "figures/gallery/layers.png"

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import sdebayes as sb
from sdebayes.data.segment import sentence_spans

STATES, DRAWS = 8, 400
FIRST = 4  # at layers 2 and 3 the noise variance is a thousand times that of layer 4
MODEL = sb.SDEModel(observation=sb.Exact())


def passages():
    """Return the third to fifth sentence of each address."""
    texts = sb.datasets.load_sotu(sentences=5)["text"].values
    spans = [sentence_spans(text) for text in texts]
    return [text[ends[2][0] : ends[4][1]] for text, ends in zip(texts, spans, strict=True)]


def centred(data, middle):
    """Take the mean of all training passages from each layer."""
    return data.assign(y=data["y"] - middle)


def said(draws):
    """Write median and 90 % interval."""
    low, middle, high = np.quantile(draws, (0.05, 0.5, 0.95))
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


def scaled(data, rate):
    """Divide the path by exp(λ t / 2)."""
    return data.assign(y=data["y"] * np.exp(-0.5 * rate * data["t"]))


def doubts(posterior):
    """Return what the findings warn of."""
    return [one.subject for one in posterior.diagnosis() if one.severity in ("warning", "problem")]


folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)
encoder = sb.HiddenStates(pool="last")
embedded = sb.embed(passages(), encoder, step=sb.Layers(first=FIRST, last=-2), cache=folder / "cache")
train, test = sb.split(embedded, test=0.25, seed=0)
space = sb.PCA(STATES).fit(train)
train, test = space.transform(train), space.transform(test)
middle = train["y"].mean("trajectory")
train, test = centred(train, middle), centred(test, middle)

layers = train["t"].values[0]
found = sb.analysis.depth.noise_growth(train, samples=DRAWS)
rows = {
    f"{lag} layers": {
        "slope of the log variance, a layer": said(found["rate"].sel(lag=lag)),
        "variance at the first, the last": ", ".join(
            f"{float(found['variance'].sel(lag=lag).isel(time=place).median()):.2g}" for place in (lag, -1)
        ),
    }
    for lag in found["lag"].values
}
print(pd.DataFrame(rows).T.to_string(), "\n")

rate = float(found["rate"].sel(lag=1).median())
fits = {"as they are": train, f"divided by exp({rate / 2:.3f} t)": scaled(train, rate)}
held_out = dict(zip(fits, (test, scaled(test, rate)), strict=True))
scores = {}
for name, data in fits.items():
    posterior = sb.fit(MODEL, data, sb.Laplace(draws=DRAWS), seed=0)
    new = held_out[name]
    jacobian = 0.0 if new is test else -0.5 * rate * STATES * layers.sum()
    scores[name] = (posterior.log_score(new).values + jacobian) / len(layers)
    print(
        f"paths {name}: {scores[name].mean():.3f} nats a layer; findings warn of {', '.join(doubts(posterior))}"
    )
    sb.report(posterior, folder / f"layers-{len(scores)}.html", data, new, title=f"Paths over layers, {name}")
first, second = scores.values()
gain = second - first
print(f"gain of the division: {gain.mean():.3f} ± {gain.std(ddof=1) / np.sqrt(gain.size):.3f}")

ax = sb.plots.depth.noise_growth(found)
ax.set_xlabel("layer")
ax.figure.savefig(folder / "layers.png", dpi=150)
print(f"figure and reports in {folder}")
