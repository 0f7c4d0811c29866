"""
How does a text move through the layers of a language model?
============================================================

237 passages of three sentences, one of each State of the Union address, are read by SmolLM2-135M; the path of a passage
is the hidden state of its last token, layer by layer. Sarfati, Liu, Boullé and Earls (2024), "Lines of Thought in Large
Language Models", arXiv 2410.01545, say of such paths: the state at layer t + τ is a linear map of that at layer t, and
noise whose variance is α exp(λ (t + τ)), the same for every τ. Regressions ask whether it is; two fits, of paths and
of paths divided by exp(λ t / 2), whether one SDE holds at all layers. ``python examples/layers.py [FOLDER]``
"""

import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import sdebayes as sb
from sdebayes.data.segment import sentence_spans

STATES, DRAWS = 8, 400
FIRST = 4  # at layers 2 and 3 the noise variance is a thousand times that of layer 4
GAPS = (1, 2, 4, 8)
MODEL = sb.SDEModel(observation=sb.Exact())


def passages():
    """Return the third to fifth sentence of each address."""
    texts = sb.datasets.load_sotu(sentences=5)["text"].values
    spans = [sentence_spans(text) for text in texts]
    return [text[ends[2][0] : ends[4][1]] for text, ends in zip(texts, spans, strict=True)]


def centred(data, middle):
    """Take the mean of all training passages from each layer."""
    return data.assign(y=data["y"] - middle)


def noise(values, start, gap, weights):
    """Return the noise variance of x_{t+τ} given x_t, a mean over the coordinates, under each weighting of passages."""
    x = np.column_stack([values[:, start], np.ones(len(values))])
    after = values[:, start + gap]
    squares = np.einsum("dn,ni,nj->dij", weights, x, x)
    left = after - x @ np.linalg.solve(squares, np.einsum("dn,ni,nj->dij", weights, x, after))
    return np.einsum("dn,dnj->d", weights, left**2) / after.shape[1] / (1 - x.shape[1] / len(x))


def growth(values, layers):
    """Return for each gap the layers arrived at, the log variance of its noise and its slope, draw by draw.

    Draws are those of the Bayesian bootstrap (Rubin 1981), the same at all layers, whose noise is that of one passage.
    """
    weights = np.random.default_rng(0).dirichlet(np.ones(len(values)), size=DRAWS)
    found = {}
    for gap in GAPS:
        arrived = layers[gap:]
        logs = np.log([noise(values, start, gap, weights) for start in range(len(arrived))])
        found[gap] = arrived, logs, np.polyfit(arrived, logs, 1)[0]
    return found


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
found = growth(train["y"].values, layers)
rows = {
    f"{gap} layers": {
        "slope of the log variance, a layer": said(slope),
        "variance at the first, the last": f"{np.exp(logs[0].mean()):.2g}, {np.exp(logs[-1].mean()):.2g}",
    }
    for gap, (_, logs, slope) in found.items()
}
print(pd.DataFrame(rows).T.to_string(), "\n")

rate = float(np.median(found[1][2]))
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

figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
for gap, (arrived, logs, _) in found.items():
    low, centre, high = np.quantile(np.exp(logs), (0.05, 0.5, 0.95), axis=1)
    axes.plot(arrived, centre, label=f"{gap} layer{'s' * (gap > 1)} before")
    axes.fill_between(arrived, low, high, alpha=0.2)
axes.set(yscale="log", xlabel="layer arrived at", ylabel="noise variance, mean over 8 coordinates")
axes.legend(title="predicted from", frameon=False)
figure.savefig(folder / "layers.png", dpi=150)
print(f"figure and reports in {folder}")
