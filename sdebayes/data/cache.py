"""Embeddings kept on disk, so that no text is embedded twice by the same encoder."""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Float32

from sdebayes._core.cache_directory import default_directory
from sdebayes._core.errors import StoreError

_DTYPE = np.dtype("<f4")
_SELECT_AT_ONCE = 500
_WAIT_SECONDS = 30.0

Result = TypeVar("Result")


class EmbeddingCache:
    """The embeddings of one encoder in one SQLite file, found by the content of the text.

    A vector is written in a transaction, so a process killed in mid-write leaves the vectors of the last whole
    transaction and no half vector. Every vector carries a checksum of itself and its text; one that does not match
    counts as absent, and a file that is no database any more is replaced by an empty one.

    Parameters
    ----------
    identity
        What the embedding depends on besides the text: the encoder and its version.
    directory
        Where the file lives; created if needed. By default :func:`default_directory`.

    Raises
    ------
    StoreError
        If the file cannot be read or written.
    """

    def __init__(self, identity: str, directory: Path | str | None = None):
        directory = default_directory() if directory is None else Path(directory)
        name = hashlib.sha256(identity.encode()).hexdigest()[:24]
        self.path = directory / "embeddings" / f"{name}.sqlite"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._failure(error) from error

    def read(self, texts: Sequence[str]) -> dict[str, Float32[np.ndarray, " embedding"]]:
        """Look texts up.

        Parameters
        ----------
        texts
            Texts without repetition.

        Returns
        -------
        dict
            {text: vector (embedding,)} for those that are there.
        """
        by_key = {_key(text): text for text in texts}
        keys = list(by_key)

        def select(connection: sqlite3.Connection) -> dict[str, np.ndarray]:
            found = {}
            for first in range(0, len(keys), _SELECT_AT_ONCE):
                some = keys[first : first + _SELECT_AT_ONCE]
                marks = ",".join("?" * len(some))
                rows = connection.execute(
                    f"SELECT key, checksum, vector FROM embedding WHERE key IN ({marks})", some
                )
                for key, checksum, vector in rows:
                    if key in by_key and isinstance(vector, bytes) and _checksum(key, vector) == checksum:
                        found[by_key[key]] = np.frombuffer(vector, dtype=_DTYPE)
            return found

        return self._run(select)

    def write(self, texts: Sequence[str], vectors: Float32[np.ndarray, "text embedding"]) -> None:
        """Keep the vectors of these texts, all or none of them."""
        blobs = [np.ascontiguousarray(vector, dtype=_DTYPE).tobytes() for vector in vectors]
        keys = [_key(text) for text in texts]
        rows = [(key, _checksum(key, blob), blob) for key, blob in zip(keys, blobs, strict=True)]
        self._run(
            lambda connection: connection.executemany(
                "INSERT OR REPLACE INTO embedding VALUES (?, ?, ?)", rows
            )
        )

    def _run(self, action: Callable[[sqlite3.Connection], Result]) -> Result:
        try:
            try:
                return self._transact(action)
            except sqlite3.OperationalError:
                raise
            except (sqlite3.DatabaseError, UnicodeDecodeError):
                self.path.unlink()
                return self._transact(action)
        except (sqlite3.Error, OSError) as error:
            raise self._failure(error) from error

    def _transact(self, action: Callable[[sqlite3.Connection], Result]) -> Result:
        with closing(sqlite3.connect(self.path, timeout=_WAIT_SECONDS)) as connection, connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS embedding (key BLOB PRIMARY KEY, checksum INTEGER, vector BLOB)"
            )
            return action(connection)

    def _failure(self, error: Exception) -> StoreError:
        return StoreError(
            f"The cache of embeddings {self.path} cannot be used: {error}. "
            "Delete it if it is damaged; else set SDEBAYES_CACHE to a directory that can be written, or embed with "
            "cache=False."
        )


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _checksum(key: bytes, vector: bytes) -> int:
    """Bind a vector to its text: a damaged index of the database would give one the other's."""
    return zlib.crc32(vector, zlib.crc32(key))
