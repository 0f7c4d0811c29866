"""What an encoder does not read as it stands in the text: counted, and said."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sdebayes._core.errors import DataError, LeftOutWarning
from sdebayes.data.cache import EmbeddingCache
from sdebayes.data.segment import Step
from sdebayes.data.tally import Tally, tally

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


@dataclass(frozen=True)
class Unread:
    """What of some texts is read in part, in parts, or not at all.

    Attributes
    ----------
    cut_off
        Sentences whose end the encoder does not read.
    windows
        Texts that it reads in several windows.
    missing
        Steps of which it reads nothing.
    """

    cut_off: Tally = field(default_factory=Tally)
    windows: Tally = field(default_factory=Tally)
    missing: Tally = field(default_factory=Tally)

    def __add__(self, other: Unread) -> Unread:
        """Count the texts of both."""
        return Unread(
            self.cut_off + other.cut_off, self.windows + other.windows, self.missing + other.missing
        )

    def said(self) -> dict[str, str]:
        """Return a sentence on each, by the attribute's name; the empty string where there is none."""
        return {
            "cut_off": _said_of_ends(self.cut_off),
            "windows": _said_of_windows(self.windows),
            "missing": _said_of_gaps(self.missing),
        }

    def warn(self) -> None:
        """Warn of what is worth it, with a LeftOutWarning each."""
        said = self.said()
        if self.cut_off.count > _WORTH_A_WARNING * self.cut_off.total:
            _warn(f"Cut off: {said['cut_off']} Cut such sentences before.")
        if said["windows"]:
            _warn(f"Left out of the context: {said['windows']}")
        if said["missing"]:
            _warn(f"Left out: {said['missing']}")


def tally_of_ends(names: Sequence[str], steps: Sequence[Sequence[Step]], unread: Mapping[str, int]) -> Tally:
    """Count the sentences that an encoder has cut off, by what `count_unread` found of them."""
    sentences = [
        (unread.get(piece, 0), name, index, "")
        for name, one in zip(names, steps, strict=True)
        for index, step in enumerate(one)
        for piece in step.pieces
    ]
    return tally((one for one in sentences if one[0] > 0), len(sentences))


def tally_of_windows(
    names: Sequence[str], read: Sequence[Sequence[str]], encoder: object, store: EmbeddingCache | None
) -> Tally:
    """Count the texts that are longer than an encoder reads at once.

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
    """
    counts = _counted(
        list(dict.fromkeys(text for one in read for text in one)), encoder, "count_windows", store
    )
    most = [max(counts.get(text, 1) for text in one) for one in read]
    several = ((count, name, 0, "") for name, count in zip(names, most, strict=True) if count > 1)
    return tally(several, len(names))


def tally_of_gaps(
    names: Sequence[str], steps: Sequence[Sequence[Step]], vectors: Sequence[np.ndarray]
) -> Tally:
    """Count the steps without a vector, whose row in (step, embedding) is NaN."""
    missing = (
        (0, name, int(index), one[int(index)].text)
        for name, one, values in zip(names, steps, vectors, strict=True)
        for index in np.flatnonzero(np.isnan(values).any(axis=1))
    )
    return tally(missing, sum(map(len, steps)))


def _said_of_ends(found: Tally) -> str:
    if not found.count:
        return ""
    return (
        f"{found.count} of {found.total} sentences {'is' if found.count == 1 else 'are'} longer than the encoder "
        f"reads, which leaves out their ends: at most {found.size} tokens, in {found.name!r}, step {found.step}."
    )


def _said_of_windows(found: Tally) -> str:
    if not found.count:
        return ""
    return (
        f"{found.count} of {found.total} texts {'is' if found.count == 1 else 'are'} longer than the encoder reads at "
        f"once, and read in windows that overlap: {found.size} of {found.name!r}."
    )


def _said_of_gaps(found: Tally) -> str:
    if not found.count:
        return ""
    return (
        f"{found.count} of {found.total} steps {'has' if found.count == 1 else 'have'} no token besides those that "
        f"the encoder leaves out, and no vector: the first is step {found.step} of {found.name!r}, {found.text[:80]!r}."
    )


def _warn(said: str) -> None:
    warnings.warn(said, LeftOutWarning, stacklevel=4)
