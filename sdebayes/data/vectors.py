"""Vectors of pieces: looked up where they are kept, else made, and kept as the work goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sdebayes._core.errors import DataError
from sdebayes.data.cache import EmbeddingCache
from sdebayes.data.encoders import Encoder
from sdebayes.data.places import ContextEncoder, Piece, Place, key_of, whole_text
from sdebayes.data.progress import progress_bar

_SAVE_EVERY = 256


def stores(encoder: Encoder, cache: bool | str | Path) -> dict[str, EmbeddingCache | None]:
    """Open what is kept of an encoder: its vectors, and how much of texts it does not read."""
    identity = getattr(encoder, "identity", None)
    if not identity or cache is False:
        return {"vectors": None, "unread": None, "windows": None}
    directory = None if cache is True else cache
    return {
        "vectors": EmbeddingCache(identity, directory),
        "unread": EmbeddingCache(f"{identity}: unread tokens", directory),
        "windows": EmbeddingCache(f"{identity}: windows", directory),
    }


def embed_pieces(
    pieces: list[Piece], encoder: Encoder, store: EmbeddingCache | None, progress: bool
) -> dict[Piece, np.ndarray]:
    """Embed pieces, longest text first (batches of equal length waste no work), saving as it goes.

    Parameters
    ----------
    pieces
        Without repetition.
    encoder
        The encoder.
    store
        Where vectors are kept, or None.
    progress
        Whether to show a progress bar.

    Returns
    -------
    dict
        {piece: vector}, of NaN where an encoder that reads places leaves all of a piece out.

    Raises
    ------
    DataError
        If the encoder returns anything else than numbers of one width.
    """
    keys = {key_of(piece): piece for piece in pieces}
    vectors = {keys[key]: vector for key, vector in store.read(list(keys)).items()} if store else {}
    missing = [piece for piece in pieces if piece not in vectors]
    with progress_bar("Embedding", len(missing), progress and bool(missing)) as advance:
        for chunk in _chunks(missing):
            embedded = _encoded(chunk, encoder)
            if store:
                embedded = embedded.astype(np.float32)
                store.write([key_of(piece) for piece in chunk], embedded)
            vectors |= zip(chunk, embedded, strict=True)
            advance(len(chunk))
    widths = {len(vector) for vector in vectors.values()}
    if len(widths) > 1:
        raise DataError(f"{encoder!r} returned vectors of different widths: {sorted(widths)}.")
    return {piece: vector.astype(np.float64) for piece, vector in vectors.items()}


def _chunks(pieces: list[Piece]) -> Iterator[list[Piece]]:
    """Divide pieces into what is embedded before it is saved; those of one text, which is read once, stay together."""
    chunk: list[Piece] = []
    by_text: dict[str, list[Piece]] = {}
    for piece in pieces:
        by_text.setdefault(whole_text(piece), []).append(piece)
    for text in sorted(by_text, key=len, reverse=True):
        chunk += by_text[text]
        if len(chunk) >= _SAVE_EVERY:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _encoded(pieces: list[Piece], encoder: Encoder) -> np.ndarray:
    """Embed texts, or places; steps that an encoder leaves out are missing there, and no texts."""
    places = [piece for piece in pieces if isinstance(piece, Place)]
    if places and isinstance(encoder, ContextEncoder):
        return _checked(encoder.encode_places(places), len(places), encoder, gaps=True)
    texts = [piece for piece in pieces if isinstance(piece, str)]
    return _checked(encoder.encode(texts), len(texts), encoder, gaps=isinstance(encoder, ContextEncoder))


def _checked(vectors: np.ndarray, count: int, encoder: Encoder, gaps: bool) -> np.ndarray:
    vectors = np.asarray(vectors)
    if vectors.ndim != 2 or len(vectors) != count or not vectors.shape[1] or vectors.dtype.kind != "f":
        raise DataError(
            f"{encoder!r} returned an array of shape {vectors.shape} and dtype {vectors.dtype} for {count} texts; "
            f"expected floating-point numbers of shape ({count}, embedding)."
        )
    left = vectors[~np.isnan(vectors).all(axis=1)] if gaps else vectors
    if not np.isfinite(left).all():
        raise DataError(f"{encoder!r} returned values that are not finite.")
    return vectors
