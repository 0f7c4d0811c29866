"""Encoders: objects with one method, ``encode(list[str]) -> (n, embedding)``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError

_ROUNDING = 1e-4
"""Of one text in batches of different lengths, in single precision and below."""


@runtime_checkable
class Encoder(Protocol):
    """What :func:`~sdebayes.data.embed.embed` asks of an encoder.

    An encoder may also have a string ``identity``, which names all that its vectors depend on besides the text.
    Its vectors are then cached on disk; without it they are not. And it may have a method
    ``unread_tokens(list[str]) -> (text,)``, which counts the tokens of each text that it cuts off: `embed` then says
    how many sentences are concerned.

    See Also
    --------
    sdebayes.SentenceEncoder : The one to begin with.
    sdebayes.Precomputed : Vectors made elsewhere.

    Examples
    --------
    An encoder of your own:

    >>> class Lengths:
    ...     def encode(self, texts):
    ...         return np.array([[len(text), text.count(" ")] for text in texts], dtype=float)
    >>> dict(sb.embed(["We met. We talked long. We parted."], Lengths()).sizes)
    {'trajectory': 1, 'time': 3, 'embedding': 2}
    """

    def encode(self, texts: list[str]) -> Float[np.ndarray, "text embedding"]:
        """Embed each text."""
        ...


def identity_of(encoder: Encoder) -> str:
    """Return by what name a data set knows its encoder: the identity, or else the class."""
    return getattr(encoder, "identity", None) or type(encoder).__name__


@checked
class Precomputed:
    """Embeddings made elsewhere, looked up by the text of the sentence.

    One text has one vector: a text may be repeated only with the same vector, up to rounding. Vectors that depend on
    the place of a sentence, such as those of its context, go into `sdebayes.trajectories` as arrays.

    Parameters
    ----------
    texts
        A mapping {text: vector}, or the texts of ``vectors`` in order.
    vectors
        (text, embedding), if ``texts`` is no mapping.

    Raises
    ------
    DataError
        If the vectors are no finite real numbers, have different widths or are not as many as the texts, or texts are
        repeated with different vectors.

    See Also
    --------
    sdebayes.SentenceEncoder : Computes vectors.
    sdebayes.trajectories : Takes vectors without texts.

    Examples
    --------
    >>> encoder = sb.Precomputed({"We met.": [1.0, 0.0], "We talked.": [0.5, 0.5], "We parted.": [0.0, 1.0]})
    >>> sb.embed(["We met. We talked. We parted."], encoder)["y"].values[0, 1]
    array([0.5, 0.5])
    """

    def __init__(self, texts: Mapping[str, object] | Sequence[str], vectors: object = None):
        values = list(texts.values()) if isinstance(texts, Mapping) else vectors
        try:
            array = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise DataError(f"The vectors are not numbers of one width: {error}.") from error
        if array.ndim != 2 or len(array) != len(texts) or not array.size or not np.isfinite(array).all():
            raise DataError(
                f"{len(texts)} texts came with vectors of shape {array.shape}; expected one finite vector for each."
            )
        self._vectors = _one_for_each(texts, array)

    def __repr__(self) -> str:
        return f"Precomputed({len(self._vectors)} texts)"

    def encode(self, texts: list[str]) -> Float[np.ndarray, "text embedding"]:
        """Look each text up.

        Parameters
        ----------
        texts
            The pieces that the step has cut.

        Returns
        -------
        np.ndarray
            (text, embedding).

        Raises
        ------
        DataError
            If a text is not there.
        """
        missing = [text for text in texts if text not in self._vectors]
        if missing:
            raise DataError(
                f"There is no precomputed vector for {missing[0][:80]!r} ({len(missing)} such texts in all). "
                "Give one for each piece that the step cuts."
            )
        return np.array([self._vectors[text] for text in texts])


def _one_for_each(texts: Iterable[str], vectors: np.ndarray) -> dict[str, np.ndarray]:
    """Give each text its vector, and refuse a second one that differs by more than rounding."""
    found: dict[str, np.ndarray] = {}
    different: dict[str, None] = {}
    for text, vector in zip(texts, vectors, strict=True):
        first = found.setdefault(text, vector)
        if np.linalg.norm(vector - first) > _ROUNDING * np.linalg.norm(first):
            different[text] = None
    if different:
        raise DataError(
            f"{len(different)} of {len(found)} different texts came with several vectors, such as "
            f"{next(iter(different))[:80]!r}; expected one for each text. Give the mean of them, or, where the vector "
            "depends on the place of the sentence, whole trajectories as arrays to sdebayes.trajectories."
        )
    return found
