"""Sentences that are longer than an encoder reads: counted, and said."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from sdebayes._core.errors import DataError, LeftOutWarning
from sdebayes.data.cache import EmbeddingCache
from sdebayes.data.segment import Step

_WORTH_A_WARNING = 0.01


def count_unread(pieces: list[str], encoder: object, store: EmbeddingCache | None) -> dict[str, int]:
    """Count what an encoder does not read of each text.

    Parameters
    ----------
    pieces
        Texts without repetition.
    encoder
        The encoder; one without ``unread_tokens`` is taken to read all.
    store
        Where counts are kept, or None.

    Returns
    -------
    dict
        {text: tokens that are cut off}, for those of which some are.

    Raises
    ------
    DataError
        If the encoder returns anything but a whole number for each text.
    """
    count = getattr(encoder, "unread_tokens", None)
    if not callable(count):
        return {}
    found = {text: int(number[0]) for text, number in store.read(pieces).items()} if store else {}
    missing = [piece for piece in pieces if piece not in found]
    if missing:
        counts = np.asarray(count(missing))
        if counts.shape != (len(missing),) or counts.dtype.kind not in "iu":
            raise DataError(
                f"{encoder!r}: unread_tokens returned an array of shape {counts.shape} and dtype {counts.dtype} for "
                f"{len(missing)} texts; expected a whole number for each."
            )
        if store:
            store.write(missing, counts[:, None].astype(np.float32))
        found |= zip(missing, counts.tolist(), strict=True)
    return {text: number for text, number in found.items() if number > 0}


def say_unread(names: Sequence[str], steps: Sequence[Sequence[Step]], unread: Mapping[str, int]) -> str:
    """Say how many sentences an encoder has cut off, with a LeftOutWarning where they are more than one in a hundred.

    Parameters
    ----------
    names
        Names of the texts.
    steps
        The steps of each.
    unread
        What `count_unread` found.

    Returns
    -------
    str
        A sentence; empty where no text was cut off.
    """
    sentences = [
        (unread.get(piece, 0), name, index)
        for name, one in zip(names, steps, strict=True)
        for index, step in enumerate(one)
        for piece in step.pieces
    ]
    count = sum(tokens > 0 for tokens, _, _ in sentences)
    if not count:
        return ""
    tokens, name, index = max(sentences, key=lambda sentence: sentence[0])
    said = (
        f"{count} of {len(sentences)} sentences {'is' if count == 1 else 'are'} longer than the encoder reads, which "
        f"leaves out their ends: at most {tokens} tokens, in {name!r}, step {index}."
    )
    if count > _WORTH_A_WARNING * len(sentences):
        warnings.warn(f"Cut off: {said} Cut such sentences before.", LeftOutWarning, stacklevel=3)
    return said
