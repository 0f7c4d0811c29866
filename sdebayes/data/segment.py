"""Steps: how a text is cut into the pieces whose embeddings form its trajectory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
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
    spans
        Where each piece stands in the text, its first character and the one after its last; empty where a rule does
        not say. Encoders that read a piece in its text need it.
    layer
        The layer of a language model that the step is, where steps are layers.

    See Also
    --------
    sdebayes.data.Steps : Makes them.

    Examples
    --------
    >>> step = sb.Sentences(block=2).cut("We met. We talked. We parted. We wrote.")[1]
    >>> step.pieces
    ('We parted.', 'We wrote.')
    >>> step.text, step.start
    ('We parted. We wrote.', 19)
    """

    pieces: tuple[str, ...]
    start: int
    spans: tuple[tuple[int, int], ...] = ()
    layer: int | None = None

    @property
    def text(self) -> str:
        """The pieces as one text."""
        return " ".join(self.pieces)


@checked
class Steps(Stored, ABC):
    r"""A rule that cuts a text into steps. Its ``repr`` is kept with the data set, and the fields of a dataclass.

    See Also
    --------
    sdebayes.Sentences : A sentence for each step.
    sdebayes.TokenWindows : So many tokens for each step.

    Examples
    --------
    A rule of your own, here a step for each line:

    >>> class Lines(sb.data.Steps):
    ...     def cut(self, text):
    ...         starts = [0, *(at + 1 for at, sign in enumerate(text) if sign == "\n")]
    ...         return [sb.data.Step((text[start:].split("\n")[0],), start) for start in starts]
    >>> [step.text for step in Lines().cut("Red lilies\nWhite snow")]
    ['Red lilies', 'White snow']
    """

    @property
    def warning(self) -> str:
        """What the user must know of trajectories made by this rule, such as an autocorrelation that it induces.

        Empty if there is nothing to know.
        """
        return ""

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

    def cut_for(self, text: str, encoder: object) -> list[Step]:
        """Cut a text for an encoder, whose tokens or layers a rule may ask for; by default nothing is asked.

        Parameters
        ----------
        text
            A text that is not blank.
        encoder
            What is going to embed the steps.

        Returns
        -------
        list of Step
            As `cut`.
        """
        return self.cut(text)


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

    See Also
    --------
    sdebayes.TokenWindows : So many tokens for each step.
    sdebayes.embed : Takes the rule.

    Examples
    --------
    >>> [step.text for step in sb.Sentences().cut("We met at 9 a.m. in Paris. We talked.")]
    ['We met at 9 a.m. in Paris.', 'We talked.']
    >>> len(sb.Sentences(block=2).cut("One. Two. Three. Four. Five."))
    2
    """

    block: Count = 1

    @property
    def meaning(self) -> str:
        """What a step is, in words."""
        return "one sentence" if self.block == 1 else f"the mean of {self.block} sentences"

    def cut(self, text: str) -> list[Step]:
        """Cut a text into sentences and these into blocks."""
        spans = sentence_spans(text)
        firsts = range(0, len(spans) - self.block + 1, self.block)
        return [step_of(text, spans[first : first + self.block]) for first in firsts]


def step_of(text: str, spans: Sequence[tuple[int, int]]) -> Step:
    """Make a step of the pieces of a text that stand at these places, white space inside and behind them reduced."""
    pieces = tuple(" ".join(text[start:end].split()) for start, end in spans)
    return Step(pieces, spans[0][0], tuple((start, written_end(text, start, end)) for start, end in spans))


def written_end(text: str, start: int, end: int) -> int:
    """Return where the last character of a piece that is not blank is followed by another."""
    return start + len(text[start:end].rstrip())


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
