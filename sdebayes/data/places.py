"""Pieces read where they stand: what an encoder is asked for whose vectors depend on the text before."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from sdebayes._core.errors import DataError
from sdebayes.data.segment import Step, Steps


class Place(NamedTuple):
    """A piece of a text, where it stands.

    Attributes
    ----------
    text
        The whole text.
    start, end
        The first character of the piece, and the one after its last.
    layer
        The layer to read; None for the encoder's own.

    See Also
    --------
    sdebayes.data.ContextEncoder : Reads pieces in their text.

    Examples
    --------
    >>> place = sb.data.Place("We met. We talked.", start=8, end=18)
    >>> place.text[place.start : place.end]
    'We talked.'
    """

    text: str
    start: int
    end: int
    layer: int | None = None

    @property
    def key(self) -> str:
        """By what its vector is kept: the whole text, with all of the context, and the place."""
        return f"{_digest(self.text)} {self.start} {self.end} {self.layer}"


type Piece = str | Place
"""What an encoder is asked for: a text by itself, or a piece of one where it stands."""


@runtime_checkable
class ContextEncoder(Protocol):
    """What `embed` asks of an encoder that reads each piece in its text.

    ``reads_context`` says whether it does. It may have a string ``warning``, which is kept with the data set.

    See Also
    --------
    sdebayes.HiddenStates : One of them.
    sdebayes.data.Encoder : An encoder that reads each piece by itself.

    Examples
    --------
    >>> isinstance(sb.HiddenStates(), sb.data.ContextEncoder)
    True
    >>> isinstance(sb.SentenceEncoder(), sb.data.ContextEncoder)
    False
    """

    reads_context: bool

    def encode_places(self, places: list[Place]) -> Float[np.ndarray, "place embedding"]:
        """Embed each piece in its text; a row of NaN where nothing of it is read."""
        ...


def pieces_of(step: Step, text: str, encoder: object, rule: Steps) -> tuple[Piece, ...]:
    """Return what an encoder is asked for to embed a step.

    Raises
    ------
    DataError
        If the encoder reads pieces in their text, and the rule does not say where they stand.
    """
    if step.layer is None and not getattr(encoder, "reads_context", False):
        return step.pieces
    if len(step.spans) != len(step.pieces):
        raise DataError(
            f"{encoder!r} reads each piece in its text, and {rule!r} does not say where its pieces stand: give Step "
            "their spans, or read each by itself, with alone=True."
        )
    return tuple(Place(text, start, end, step.layer) for start, end in step.spans)


def key_of(piece: Piece) -> str:
    """Return by what the vector of a piece is kept on disk."""
    return piece if isinstance(piece, str) else piece.key


def whole_text(piece: Piece) -> str:
    """Return the text that must be read for a piece."""
    return piece if isinstance(piece, str) else piece.text


@lru_cache(maxsize=64)
def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
