"""From texts to trajectories of embeddings."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import xarray as xr

from sdebayes._core.arguments import Said, checked
from sdebayes._core.errors import DataError, StoreError
from sdebayes._core.kinds import Count, PathLike, one_of
from sdebayes._core.stored import encode
from sdebayes.data.cache import EmbeddingCache
from sdebayes.data.container import pack, validate
from sdebayes.data.corpus import as_corpus
from sdebayes.data.encoders import Encoder, identity_of
from sdebayes.data.segment import Sentences, Step, Steps
from sdebayes.data.shortness import long_enough
from sdebayes.data.unread import count_unread, say_unread
from sdebayes.data.validation import MINIMUM_STEPS

type TimeUnit = Annotated[str, one_of("step", "token", "fraction")]

_SAVE_EVERY = 256
_TOKEN = re.compile(r"\w+|[^\w\s]")


type EncoderLike = Annotated[
    Encoder,
    Said(
        "an object with encode(list of str), such as sdebayes.SentenceEncoder()",
        lambda value: not isinstance(value, str | bytes),
    ),
]


@checked
def embed(
    corpus: object,
    encoder: EncoderLike,
    step: Steps | None = None,
    *,
    cache: bool | PathLike = True,
    progress: bool | None = None,
    time: TimeUnit = "step",
    min_steps: Count | None = None,
) -> xr.Dataset:
    """Cut each text into steps and embed them.

    Parameters
    ----------
    corpus
        A list of texts, a mapping {name: text}, or a Dataset ``text(trajectory)`` whose other variables along
        ``trajectory`` are carried over as coords.
    encoder
        An object with ``encode(list[str]) -> (n, embedding)``.
    step
        How to cut; by default one sentence for each step.
    cache
        Whether to keep vectors on disk in the default directory, or the directory to keep them in. Vectors are saved
        as the work goes on, so an interrupted call resumes where it was. Encoders without ``identity`` are not cached.
    progress
        Whether to show a progress bar on the standard error stream; by default if that is a terminal.
    time
        What ``t`` counts: ``"step"`` the step's index; ``"token"`` the words and punctuation marks before the step;
        ``"fraction"`` the share of the text's characters before the step.
    min_steps
        Leave out texts with fewer steps, blank ones included, with a warning that names them. By default texts with
        fewer than 3 are refused; texts of 1 or 2 can be scored and not fitted.

    Returns
    -------
    xr.Dataset
        ``y(trajectory, time, embedding)``, ``t``, ``n_steps``, ``text(trajectory, time)`` and the number of its
        ``words(trajectory, time)``, with the encoder, the step, and in ``attrs`` a ``warning`` where the construction
        itself induces autocorrelation, which texts were ``left_out``, and of how many sentences the encoder has
        ``cut_off`` the end; these are warned of where they are more than one in a hundred.

    Raises
    ------
    DataError
        If there is no text, texts are blank or have too few steps (all of them are named), or ``encoder`` or ``step``
        is none.
    StoreError
        If the model or the cache cannot be read or written.
    """
    step = Sentences() if step is None else step
    texts = as_corpus(corpus, allow_blank=min_steps is not None)
    cut = {
        str(name): step.cut(text) if text.strip() else []
        for name, text in zip(texts["trajectory"].values, texts["text"].values, strict=True)
    }
    counts = {name: len(one) for name, one in cut.items()}
    names, left_out = long_enough(counts, min_steps, "texts", repr(step))
    texts, steps = texts.sel(trajectory=names), [cut[name] for name in names]
    pieces = dict.fromkeys(piece for one in steps for item in one for piece in item.pieces)
    shown = sys.stderr.isatty() if progress is None else progress
    kept = _stores(encoder, cache)
    cut_off = say_unread(names, steps, count_unread(list(pieces), encoder, kept["unread"]))
    vectors = _embed_pieces(list(pieces), encoder, kept["vectors"], shown)

    def mean(item: Step) -> np.ndarray:
        return np.mean([vectors[piece] for piece in item.pieces], axis=0)

    dataset = pack(
        [np.array([mean(item) for item in one]) for one in steps],
        [_TIMES[time](text, one) for text, one in zip(texts["text"].values, steps, strict=True)],
        names,
        "embedding",
        [[item.text for item in one] for one in steps],
    )
    dataset["words"] = dataset["text"].dims, _words(dataset["text"].values)
    dataset = dataset.assign_coords(
        {name: texts[name].variable for name in texts.coords if name != "trajectory"}
    )
    dataset.attrs |= {
        "time_unit": time,
        "step": repr(step),
        "encoder": identity_of(encoder),
    }
    dataset.attrs |= {
        name: words
        for name, words in (
            ("step_meaning", step.meaning),
            ("step_rule", _stored_rule(step)),
            ("warning", step.warning),
            ("left_out", left_out),
            ("cut_off", cut_off),
        )
        if words
    }
    if min_steps is not None and min_steps < MINIMUM_STEPS:
        dataset.attrs["min_steps"] = min_steps
    return validate(dataset)


@np.vectorize(otypes=[float])
def _words(text: str) -> float:
    """Count what stands between white space; NaN after a trajectory's end."""
    return float(len(text.split())) or np.nan


def _stored_rule(step: Steps) -> str:
    """Describe a rule so that new texts can be cut by it; the empty string where no file can hold it."""
    try:
        return encode(step)
    except StoreError:
        return ""


def _stores(encoder: Encoder, cache: bool | str | Path) -> dict[str, EmbeddingCache | None]:
    """Open what is kept of an encoder: its vectors, and how much of texts it does not read."""
    identity = getattr(encoder, "identity", None)
    if not identity or cache is False:
        return {"vectors": None, "unread": None}
    directory = None if cache is True else cache
    return {
        "vectors": EmbeddingCache(identity, directory),
        "unread": EmbeddingCache(f"{identity}: unread tokens", directory),
    }


def _embed_pieces(
    pieces: list[str], encoder: Encoder, store: EmbeddingCache | None, progress: bool
) -> dict[str, np.ndarray]:
    """Embed texts, longest first (batches of equal length waste no work), saving as it goes."""
    vectors = store.read(pieces) if store else {}
    missing = sorted((piece for piece in pieces if piece not in vectors), key=len, reverse=True)
    with _progress_bar(len(missing), progress and bool(missing)) as advance:
        for first in range(0, len(missing), _SAVE_EVERY):
            chunk = missing[first : first + _SAVE_EVERY]
            embedded = _checked(encoder.encode(chunk), len(chunk), encoder)
            if store:
                embedded = embedded.astype(np.float32)
                store.write(chunk, embedded)
            vectors |= zip(chunk, embedded, strict=True)
            advance(len(chunk))
    widths = {len(vector) for vector in vectors.values()}
    if len(widths) > 1:
        raise DataError(f"{encoder!r} returned vectors of different widths: {sorted(widths)}.")
    return {piece: vector.astype(np.float64) for piece, vector in vectors.items()}


def _checked(vectors: np.ndarray, count: int, encoder: Encoder) -> np.ndarray:
    vectors = np.asarray(vectors)
    if vectors.ndim != 2 or len(vectors) != count or not vectors.shape[1] or vectors.dtype.kind != "f":
        raise DataError(
            f"{encoder!r} returned an array of shape {vectors.shape} and dtype {vectors.dtype} for {count} texts; "
            f"expected floating-point numbers of shape ({count}, embedding)."
        )
    if not np.isfinite(vectors).all():
        raise DataError(f"{encoder!r} returned values that are not finite.")
    return vectors


@contextmanager
def _progress_bar(total: int, shown: bool) -> Iterator[Callable[[int], None]]:
    if not shown:
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("Embedding"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("Embedding", total=total)
        yield lambda done: bar.advance(task, done)


def _step_index(text: str, steps: Sequence[Step]) -> np.ndarray:
    return np.arange(len(steps), dtype=np.float64)


def _tokens_before(text: str, steps: Sequence[Step]) -> np.ndarray:
    starts = [token.start() for token in _TOKEN.finditer(text)]
    return np.searchsorted(starts, [step.start for step in steps]).astype(np.float64)


def _fraction_before(text: str, steps: Sequence[Step]) -> np.ndarray:
    return np.array([step.start / len(text) for step in steps])


_TIMES: dict[str, Callable[[str, Sequence[Step]], np.ndarray]] = {
    "step": _step_index,
    "token": _tokens_before,
    "fraction": _fraction_before,
}
