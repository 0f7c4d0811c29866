"""Steps of tokens: windows, the text so far, and the layers of a language model."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, WholeNumber
from sdebayes.data.segment import Step, Steps, sentence_spans, step_of, written_end

type Spans = Sequence[tuple[int, int]]
"""Places in a text: the first character of each and the one after its last."""

_WORD = re.compile(r"\w+|[^\w\s]")


def word_spans(text: str) -> list[tuple[int, int]]:
    """Find the words and punctuation marks of a text."""
    return [found.span() for found in _WORD.finditer(text)]


@checked
class _TokenSteps(Steps):
    """A rule that counts tokens: those of the encoder if it says where they stand, else words and punctuation marks."""

    def cut(self, text: str) -> list[Step]:
        """Cut a text, its words and punctuation marks taken for tokens."""
        return self._cut_tokens(text, word_spans(text))

    def cut_for(self, text: str, encoder: object) -> list[Step]:
        """Cut a text by the tokens of an encoder."""
        spans = getattr(encoder, "token_spans", None)
        return self._cut_tokens(text, spans(text)) if callable(spans) else self.cut(text)

    @abstractmethod
    def _cut_tokens(self, text: str, tokens: Spans) -> list[Step]: ...


@checked
@dataclass(frozen=True)
class TokenWindows(_TokenSteps):
    """So many tokens in a step, and so many from the start of one to the start of the next.

    Tokens are those of the encoder (`SentenceEncoder`, `HiddenStates`), or words and punctuation marks where an encoder
    does not say what its tokens are. Tokens that share a character count as one; those that `HiddenStates` drops are
    in no window. What is left at the end is left out. ``TokenWindows(1)`` makes each token a step.

    Parameters
    ----------
    size
        Tokens in a window.
    stride
        Tokens from one window to the next; by default ``size``, so that windows do not overlap. A smaller one makes
        neighbours alike by construction, which ``attrs["warning"]`` says.

    Raises
    ------
    DataError
        If ``size`` or ``stride`` is no whole number of at least 1.

    See Also
    --------
    sdebayes.Sentences : A sentence for each step.

    Examples
    --------
    >>> [step.text for step in sb.TokenWindows(3, stride=2).cut("one two three four five")]
    ['one two three', 'three four five']
    >>> sb.TokenWindows(3).warning  # none: no overlap
    ''
    """

    size: Count
    stride: Count | None = None

    @property
    def meaning(self) -> str:
        """What a step is, in words."""
        return "one token" if self.size == 1 else f"a window of {self.size} tokens"

    @property
    def warning(self) -> str:
        """What windows that overlap induce."""
        shared = self.size - self._stride
        if shared <= 0:
            return ""
        return f"Neighbouring windows share {shared} of {self.size} tokens: they are alike by construction."

    @property
    def _stride(self) -> int:
        return self.size if self.stride is None else self.stride

    def _cut_tokens(self, text: str, tokens: Spans) -> list[Step]:
        firsts = range(0, len(tokens) - self.size + 1, self._stride)
        return [step_of(text, [(tokens[i][0], tokens[i + self.size - 1][1])]) for i in firsts]


@checked
@dataclass(frozen=True)
class Prefixes(_TokenSteps):
    """The text so far, sentence by sentence, of which the last so many tokens are read.

    A step ends where a sentence ends, and begins with the text, or so many tokens before its end: what is too long is
    cut from the left. Tokens are those of `TokenWindows`.

    Parameters
    ----------
    max_tokens
        The most tokens of a step; no more than the encoder reads.

    Raises
    ------
    DataError
        If ``max_tokens`` is no whole number of at least 1.

    See Also
    --------
    sdebayes.Sentences : Sentences by themselves.

    Examples
    --------
    >>> [step.text for step in sb.Prefixes(max_tokens=5).cut("We met. We talked. We parted.")]
    ['We met.', 'met. We talked.', 'talked. We parted.']
    >>> sb.Prefixes(max_tokens=5).meaning
    'the text up to the end of a sentence, its last 5 tokens'
    """

    max_tokens: Count

    @property
    def warning(self) -> str:
        """What growing texts induce."""
        return "Each step holds the text before it: neighbours are alike by construction."

    @property
    def meaning(self) -> str:
        """What a step is, in words."""
        return f"the text up to the end of a sentence, its last {self.max_tokens} tokens"

    def _cut_tokens(self, text: str, tokens: Spans) -> list[Step]:
        ends = np.array([written_end(text, *span) for span in tokens])
        steps = []
        for _, end in sentence_spans(text):
            last = int(np.searchsorted(ends, end, side="right"))
            if last:
                steps.append(step_of(text, [(tokens[max(0, last - self.max_tokens)][0], end)]))
        return steps


@checked
@dataclass(frozen=True)
class Layers(Steps):
    """The layers of a language model: time is depth.

    A trajectory is a text, read whole by `HiddenStates`, and a step the hidden state after one more layer, over the
    tokens that ``pool`` says. Layer 0 is the embedding of tokens; in most models the last one stands behind a final
    normalisation, which makes it unlike the others.

    Parameters
    ----------
    first
        The first layer, 0 for the embedding of tokens.
    last
        The last layer; negative counts from the end, -1 for the last one.

    Raises
    ------
    DataError
        If ``first`` is no whole number.

    See Also
    --------
    sdebayes.HiddenStates : The encoder that it needs.

    Examples
    --------
    Continuing the example of :class:`sdebayes.HiddenStates`:

    >>> deep = sb.embed(["We met. We talked. We parted."], encoder, sb.Layers(first=1))
    >>> dict(deep.sizes)
    {'trajectory': 1, 'time': 30, 'embedding': 576}
    """

    first: WholeNumber = 0
    last: int = -1

    warning = (
        "Each layer adds to what the one before has left: neighbouring layers are alike by construction."
    )

    @property
    def meaning(self) -> str:
        """What a step is, in words."""
        return "one layer of the model"

    def cut(self, text: str) -> list[Step]:
        """Refuse: a text by itself has no layers."""
        raise DataError(
            "Layers are those of a language model, which a text by itself has not: "
            "sdebayes.embed(texts, sdebayes.HiddenStates(...), sdebayes.Layers())."
        )

    def cut_for(self, text: str, encoder: object) -> list[Step]:
        """Make a step of each layer of an encoder."""
        count = getattr(encoder, "layers", None)
        if count is None:
            return self.cut(text)
        last = self.last + count + 1 if self.last < 0 else self.last
        if not self.first < last <= count:
            raise DataError(
                f"{self!r} asks for layers that the model does not have, or for one only; it has 0 to {count}."
            )
        piece = " ".join(text.split())
        return [Step((piece,), 0, ((0, len(text)),), layer) for layer in range(self.first, last + 1)]
