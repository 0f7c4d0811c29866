"""Steps: how a text is cut into the pieces whose embeddings form its trajectory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Count
from sdebayes._core.stored import Stored


@checked
@dataclass(frozen=True)
class Step:
    """One step of a text.

    Attributes
    ----------
    pieces
        The texts to embed; the embedding of the step is the mean of theirs.
    start
        The character of the text at which the step starts; it increases from step to step.
    """

    pieces: tuple[str, ...]
    start: int

    @property
    def text(self) -> str:
        """The pieces as one text."""
        return " ".join(self.pieces)


@checked
class Steps(Stored, ABC):
    """A rule that cuts a text into steps. Its ``repr`` is kept with the data set, and the fields of a dataclass.

    Attributes
    ----------
    warning
        What the user must know about trajectories made by this rule, such as an autocorrelation that the
        construction itself induces; empty if there is nothing to know.
    """

    warning: str = ""

    @property
    def meaning(self) -> str:
        """What a step is, in words for a reader of the report; empty where the rule does not say."""
        return ""

    @abstractmethod
    def cut(self, text: str) -> list[Step]:
        """Cut a text into steps, in reading order.

        Parameters
        ----------
        text
            A text that is not blank.

        Returns
        -------
        list of Step
            Possibly empty.
        """


@checked
@dataclass(frozen=True)
class Sentences(Steps):
    """One sentence for each step, or the mean of a block of sentences that do not overlap.

    Sentences are found by nupunkt; white space inside a sentence is reduced to single spaces. A last block with
    fewer than ``block`` sentences is left out, because its mean would be noisier than the others.

    Parameters
    ----------
    block
        The number of sentences in a step.

    Raises
    ------
    DataError
        If ``block`` is not a whole number of at least 1.
    """

    block: Count = 1

    @property
    def meaning(self) -> str:
        """What a step is, in words."""
        return "one sentence" if self.block == 1 else f"the mean of {self.block} sentences"

    def cut(self, text: str) -> list[Step]:
        """Cut a text into sentences and these into blocks."""
        spans = sentence_spans(text)
        sentences = [" ".join(text[start:end].split()) for start, end in spans]
        firsts = range(0, len(spans) - self.block + 1, self.block)
        return [Step(tuple(sentences[first : first + self.block]), spans[first][0]) for first in firsts]


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Find the sentences of a text.

    Parameters
    ----------
    text
        Any text.

    Returns
    -------
    list of (int, int)
        The first character of each sentence and the one after its last, blank sentences left out.
    """
    import nupunkt

    return [(start, end) for start, end in nupunkt.sent_spans(text) if text[start:end].strip()]
