"""What an encoder does not read as it stands in the text: counted, and said."""

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
    return {
        text: number
        for text, number in _counted(pieces, encoder, "unread_tokens", store).items()
        if number > 0
    }


def _counted(texts: list[str], encoder: object, method: str, store: EmbeddingCache | None) -> dict[str, int]:
    """Ask an encoder for a number of each text, unless it is kept; nothing if it has no such method."""
    count = getattr(encoder, method, None)
    if not callable(count):
        return {}
    found = {text: int(number[0]) for text, number in store.read(texts).items()} if store else {}
    missing = [text for text in texts if text not in found]
    if missing:
        counts = np.asarray(count(missing))
        if counts.shape != (len(missing),) or counts.dtype.kind not in "iu":
            raise DataError(
                f"{encoder!r}: {method} returned an array of shape {counts.shape} and dtype {counts.dtype} for "
                f"{len(missing)} texts; expected a whole number for each."
            )
        if store:
            store.write(missing, counts[:, None].astype(np.float32))
        found |= zip(missing, counts.tolist(), strict=True)
    return found


def say_windows(
    names: Sequence[str], read: Sequence[Sequence[str]], encoder: object, store: EmbeddingCache | None
) -> str:
    """Say with a LeftOutWarning which texts are longer than an encoder reads at once.

    Parameters
    ----------
    names
        Names of the texts.
    read
        What is read at once of each: the text, or its pieces.
    encoder
        The encoder; one without ``count_windows`` reads no windows.
    store
        Where counts are kept, or None.

    Returns
    -------
    str
        A sentence; empty where all are read at once.
    """
    counts = _counted(
        list(dict.fromkeys(text for one in read for text in one)), encoder, "count_windows", store
    )
    most = {name: max(counts.get(text, 1) for text in one) for name, one in zip(names, read, strict=True)}
    several = [name for name, count in most.items() if count > 1]
    if not several:
        return ""
    longest = max(several, key=lambda name: most[name])
    said = (
        f"{len(several)} of {len(names)} texts {'is' if len(several) == 1 else 'are'} longer than the encoder reads at "
        f"once, and read in windows that overlap: {most[longest]} of {longest!r}."
    )
    warnings.warn(f"Left out of the context: {said}", LeftOutWarning, stacklevel=3)
    return said


def say_missing(names: Sequence[str], steps: Sequence[Sequence[Step]], vectors: Sequence[np.ndarray]) -> str:
    """Say with a LeftOutWarning which steps have no vector.

    Parameters
    ----------
    names
        Names of the texts.
    steps
        The steps of each.
    vectors
        For each text (step, embedding), NaN where there is none.

    Returns
    -------
    str
        A sentence; empty where all steps have one.
    """
    missing = [
        (name, int(index), one[int(index)].text)
        for name, one, values in zip(names, steps, vectors, strict=True)
        for index in np.flatnonzero(np.isnan(values).any(axis=1))
    ]
    if not missing:
        return ""
    name, index, text = missing[0]
    said = (
        f"{len(missing)} of {sum(map(len, steps))} steps {'has' if len(missing) == 1 else 'have'} no token besides "
        f"those that the encoder leaves out, and no vector: the first is step {index} of {name!r}, {text[:80]!r}."
    )
    warnings.warn(f"Left out: {said}", LeftOutWarning, stacklevel=3)
    return said


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
