"""What order have hidden states, beside what causal context makes by itself? Nats per sentence that a model gains.

Sixty texts of 25 sentences, State of the Union addresses since 1945. A sentence is the mean hidden state over its
tokens of SmolLM2-135M-Instruct, at the layer in the middle; 8 slow coordinates of 32 principal components (TICA,
dimensions standardised) of each construction by itself. Sentences are read in their text; in a text whose sentences
were shuffled before it was read; or alone; MiniLM's sentence embeddings stand beside, not standardised. A quarter of
the texts is held out. The model is an Ornstein–Uhlenbeck process behind noise with an offset of each text, by Laplace,
and its gain is over independent steps with an offset of each text in the same coordinates; ± is a standard error over
held-out texts. R-hat is the largest of drift and covariance at probe points, by NUTS of the same model. Seconds are of
the encoder, nothing cached; what it made is kept in the system's folder for temporary files.

Run: .uv/bin/uv run python benchmarks/hidden_states.py (or with names of constructions).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir
from typing import Annotated, Any

import arviz as az
import numpy as np
import typer
import xarray as xr
from record import keep

import sdebayes as sb
from sdebayes.data.segment import sentence_spans

TEXTS, SENTENCES, STATES, COMPONENTS = 60, 25, 8, 32
SAMPLED = "in context"
STRATEGY = sb.NUTS(draws=1000)
MODEL = sb.SDEModel(observation=sb.GaussianNoise(trajectory_effect=True))


def shuffled(corpus: xr.Dataset, seed: int = 0) -> xr.Dataset:
    """Put the sentences of each text into another order."""
    generator = np.random.default_rng(seed)
    texts = []
    for text in corpus["text"].values:
        sentences = [text[start:end] for start, end in sentence_spans(text)]
        texts.append(" ".join(sentences[i] for i in generator.permutation(len(sentences))))
    return corpus.assign(text=("trajectory", np.array(texts, dtype=object)))


def rhat(construction: str) -> str:
    """Return the largest R-hat of drift and covariance at probe points, drawn by NUTS."""
    known, _ = states(construction)
    drawn = sb.fit(MODEL, known, STRATEGY, seed=0, progress=False).data["posterior"].to_dataset()
    found = az.rhat(drawn[["drift_probe", "covariance_probe"]])
    return f"{max(float(one.max()) for one in found.values()):.4f}"


CONSTRUCTIONS: dict[str, tuple[Callable[[xr.Dataset], xr.Dataset], Callable[[], Any]]] = {
    "in context": (lambda corpus: corpus, sb.HiddenStates),
    "shuffled, then read in context": (shuffled, sb.HiddenStates),
    "alone": (lambda corpus: corpus, lambda: sb.HiddenStates(alone=True)),
    "MiniLM": (lambda corpus: corpus, sb.SentenceEncoder),
}


def embedded(construction: str) -> xr.Dataset:
    """Embed the texts, unless that was done before."""
    prepare, encoder_of = CONSTRUCTIONS[construction]
    encoder = encoder_of()
    corpus = prepare(sb.datasets.load_sotu(since=1945, sentences=SENTENCES, speeches=TEXTS))
    digest = hashlib.sha256(repr((corpus["text"].values.tolist(), encoder.identity)).encode()).hexdigest()
    path = Path(gettempdir()) / f"sdebayes-hidden-states-{digest[:16]}.nc"
    if not path.exists():
        encoder.encode(["What is read first loads the model."])
        before = time.perf_counter()
        found = sb.embed(corpus, encoder, cache=False, progress=False)
        sb.data.save(found.assign_attrs(seconds=time.perf_counter() - before), path)
    return sb.data.load(path)


def states(construction: str) -> tuple[xr.Dataset, xr.Dataset]:
    """Return slow coordinates of training texts, and of those that are held out."""
    train, test = sb.split(embedded(construction), test=0.25, seed=0)
    standardize = train.attrs["encoder"].startswith("hidden states")
    space = sb.TICA(STATES, components=COMPONENTS, standardize=standardize).fit(train)
    return space.transform(train), space.transform(test)


def row(construction: str) -> dict[str, Any]:
    """Fit, and score what was held out."""
    known, new = states(construction)
    correlation = json.loads(known.attrs["space"])["autocorrelation"]
    posterior = sb.fit(MODEL, known, sb.Laplace(draws=400), seed=0, progress=False)
    null = sb.nulls.IIDDocumentEffect().fit(known)
    gain = ((posterior.log_score(new) - null.log_score(new)) / new["n_steps"]).values
    return {
        "sentences read": construction,
        "seconds": f"{embedded(construction).attrs['seconds']:.0f}",
        "autocorrelation": f"{correlation[0]:.2f} to {correlation[-1]:.2f}",
        "gain": f"{gain.mean():+.3f} ± {gain.std(ddof=1) / np.sqrt(gain.size):.3f}",
        "R-hat": "",
    }


def main(
    constructions: Annotated[list[str] | None, typer.Argument(help="Names; by default all.")] = None,
) -> None:
    chosen = constructions or list(CONSTRUCTIONS)
    rows = {}
    for construction in chosen:
        rows[construction] = row(construction)
        print(rows[construction], flush=True)
        keep("hidden_states", [rows[construction]], ["sentences read"])
    if SAMPLED in chosen:
        rows[SAMPLED]["R-hat"] = rhat(SAMPLED)
        print(rows[SAMPLED], flush=True)
        keep("hidden_states", [rows[SAMPLED]], ["sentences read"])


if __name__ == "__main__":
    typer.run(main)
