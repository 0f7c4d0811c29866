"""From texts to trajectories of embeddings."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import numpy as np
import xarray as xr

from sdebayes._core.arguments import Said, checked
from sdebayes._core.errors import StoreError
from sdebayes._core.kinds import Count, PathLike, one_of
from sdebayes._core.stored import encode
from sdebayes.data.container import pack, validate
from sdebayes.data.corpus import as_corpus
from sdebayes.data.encoders import Encoder, identity_of
from sdebayes.data.places import Piece, Place, pieces_of, whole_text
from sdebayes.data.segment import Sentences, Step, Steps
from sdebayes.data.shortness import long_enough
from sdebayes.data.token_steps import word_spans
from sdebayes.data.unread import count_unread, say_missing, say_unread, say_windows
from sdebayes.data.validation import MINIMUM_STEPS
from sdebayes.data.vectors import embed_pieces, stores

type TimeUnit = Annotated[str, one_of("step", "token", "fraction")]

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
        ``cut_off`` the end; these are warned of where they are more than one in a hundred. Of `HiddenStates` also
        which texts are read in ``windows``, and which steps are ``missing``, being left out; both are warned of.

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
        str(name): step.cut_for(text, encoder) if text.strip() else []
        for name, text in zip(texts["trajectory"].values, texts["text"].values, strict=True)
    }
    counts = {name: len(one) for name, one in cut.items()}
    names, left_out = long_enough(counts, min_steps, "texts", repr(step))
    texts, steps = texts.sel(trajectory=names), [cut[name] for name in names]
    asked = [
        [pieces_of(item, text, encoder, step) for item in one]
        for text, one in zip(texts["text"].values, steps, strict=True)
    ]
    pieces = list(dict.fromkeys(piece for one in asked for item in one for piece in item))
    shown = sys.stderr.isatty() if progress is None else progress
    kept = stores(encoder, cache)
    unread = count_unread([piece for piece in pieces if isinstance(piece, str)], encoder, kept["unread"])
    cut_off = say_unread(names, steps, unread)
    read = [list(dict.fromkeys(whole_text(piece) for item in one for piece in item)) for one in asked]
    windows = say_windows(names, read, encoder, kept["windows"])
    vectors = embed_pieces(pieces, encoder, kept["vectors"], shown)
    values = [
        np.array([np.mean([vectors[piece] for piece in item], axis=0) for item in one]) for one in asked
    ]
    missing = say_missing(names, steps, values)
    dataset = pack(
        values,
        [_TIMES[time](text, one) for text, one in zip(texts["text"].values, steps, strict=True)],
        names,
        "embedding",
        [[item.text for item in one] for one in steps],
    )
    dataset["words"] = dataset["text"].dims, _words(dataset["text"].values)
    dataset = dataset.assign_coords(
        {name: texts[name].variable for name in texts.coords if name != "trajectory"}
    )
    said = {
        "step_meaning": step.meaning,
        "step_rule": _stored_rule(step),
        "warning": _warning(step, encoder, pieces),
        "left_out": left_out,
        "cut_off": cut_off,
        "windows": windows,
        "missing": missing,
    }
    dataset.attrs |= {"time_unit": time, "step": repr(step), "encoder": identity_of(encoder)}
    dataset.attrs |= {name: words for name, words in said.items() if words}
    if min_steps is not None and min_steps < MINIMUM_STEPS:
        dataset.attrs["min_steps"] = min_steps
    return validate(dataset)


def _warning(step: Steps, encoder: Encoder, pieces: Sequence[Piece]) -> str:
    """Say what the rule and the encoder make alike; what reading in context does says nothing of layers."""
    of_layers = any(isinstance(piece, Place) and piece.layer is not None for piece in pieces[:1])
    return " ".join(filter(None, (step.warning, "" if of_layers else getattr(encoder, "warning", ""))))


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


def _step_index(text: str, steps: Sequence[Step]) -> np.ndarray:
    return np.array([index if step.layer is None else step.layer for index, step in enumerate(steps)], float)


def _tokens_before(text: str, steps: Sequence[Step]) -> np.ndarray:
    starts = [start for start, _ in word_spans(text)]
    return np.searchsorted(starts, [step.start for step in steps]).astype(np.float64)


def _fraction_before(text: str, steps: Sequence[Step]) -> np.ndarray:
    return np.array([step.start / len(text) for step in steps])


_TIMES: dict[str, Callable[[str, Sequence[Step]], np.ndarray]] = {
    "step": _step_index,
    "token": _tokens_before,
    "fraction": _fraction_before,
}
