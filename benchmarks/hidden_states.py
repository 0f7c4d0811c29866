"""What order have hidden states, beside what causal context makes by itself? Nats per sentence that a model gains.

Sixty texts of 25 sentences, State of the Union addresses since 1945. A sentence is the mean hidden state over its
tokens of SmolLM2-135M-Instruct, at the layer in the middle; 8 slow coordinates (TICA, dimensions standardised) of each
construction by itself. Sentences are read in their text; alone; or in a text whose sentences were shuffled before it
was read; MiniLM's sentence embeddings stand beside, not standardised. A quarter of the texts is held out. The model is
an Ornstein–Uhlenbeck process behind noise with an offset of each text, by Laplace, and its gain is over independent
steps with an offset of each text in the same coordinates; ± is a standard error over held-out texts. R-hat is the
largest of drift and covariance at probe points, by NUTS of the same model. Seconds are of the encoder, nothing cached.

Run: .uv/bin/uv run python benchmarks/hidden_states.py (or with names of corpora).
"""

from __future__ import annotations

import time
from typing import Annotated, Any

import arviz as az
import numpy as np
import typer
import xarray as xr
from record import keep

import sdebayes as sb
from sdebayes.data.segment import sentence_spans

TEXTS, SENTENCES, STATES = 60, 25, 8
CORPORA = {
    "State of the Union": lambda: sb.datasets.load_sotu(since=1945, sentences=SENTENCES, speeches=TEXTS)
}
SAMPLED = "in context"
MODEL = sb.SDEModel(observation=sb.GaussianNoise(trajectory_effect=True))


def shuffled(corpus: xr.Dataset, seed: int = 0) -> xr.Dataset:
    """Put the sentences of each text into another order."""
    generator = np.random.default_rng(seed)
    texts = []
    for text in corpus["text"].values:
        sentences = [text[start:end] for start, end in sentence_spans(text)]
        texts.append(" ".join(sentences[i] for i in generator.permutation(len(sentences))))
    return corpus.assign(text=("trajectory", np.array(texts, dtype=object)))


def rhat(states: xr.Dataset) -> str:
    """Return the largest R-hat of drift and covariance at probe points, drawn by NUTS."""
    drawn = sb.fit(MODEL, states, sb.NUTS(draws=500), seed=0, progress=False).data["posterior"].to_dataset()
    found = az.rhat(drawn[["drift_probe", "covariance_probe"]])
    return f"{max(float(one.max()) for one in found.values()):.4f}"


def measured(corpus: xr.Dataset, encoder: Any, sampled: bool) -> dict[str, Any]:
    """Embed, fit, and score what was held out."""
    before = time.perf_counter()
    embedded = sb.embed(corpus, encoder, cache=False, progress=False)
    seconds = time.perf_counter() - before
    train, test = sb.split(embedded, test=0.25, seed=0)
    space = sb.TICA(STATES, standardize=isinstance(encoder, sb.HiddenStates)).fit(train)
    known, new = space.transform(train), space.transform(test)
    posterior = sb.fit(MODEL, known, sb.Laplace(draws=400), seed=0, progress=False)
    null = sb.nulls.IIDDocumentEffect().fit(known)
    gain = ((posterior.log_score(new) - null.log_score(new)) / new["n_steps"]).values
    return {
        "seconds": f"{seconds:.0f}",
        "components": str(space.spec["components"]),
        "autocorrelation": f"{space.autocorrelation[0]:.2f} to {space.autocorrelation[-1]:.2f}",
        "R-hat": rhat(known) if sampled else "",
        "gain": f"{gain.mean():+.3f} ± {gain.std(ddof=1) / np.sqrt(gain.size):.3f}",
    }


def main(
    corpora: Annotated[list[str] | None, typer.Argument(help="Names of corpora; by default all.")] = None,
) -> None:
    reader, alone = sb.HiddenStates(), sb.HiddenStates(alone=True)
    reader.encode(["What is read first loads the model."])
    for name in corpora or CORPORA:
        corpus = CORPORA[name]()
        rows = []
        for construction, texts, encoder in (
            ("in context", corpus, reader),
            ("shuffled, then read in context", shuffled(corpus), reader),
            ("alone", corpus, alone),
            ("alone, shuffled", shuffled(corpus), alone),
            ("MiniLM", corpus, sb.SentenceEncoder()),
        ):
            rows.append(
                {"texts": name, "sentences read": construction}
                | measured(texts, encoder, construction == SAMPLED)
            )
            print(rows[-1], flush=True)
        keep("hidden_states", rows, ["texts"])


if __name__ == "__main__":
    typer.run(main)
