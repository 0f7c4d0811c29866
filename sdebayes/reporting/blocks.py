"""What a chapter is made of. Every string in a block is plain text: the page escapes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from sdebayes.explorer.drawing import Drawing
from sdebayes.reporting.figures import Picture


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of text; ``quiet`` ones are notes."""

    kind: ClassVar[str] = "paragraph"
    text: str
    quiet: bool = False


@dataclass(frozen=True)
class Heading:
    """A heading inside a chapter."""

    kind: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True)
class Verdict:
    """A judgement: ``severity`` is a key of `sdebayes.inference.findings.SEVERITIES`."""

    severity: str
    subject: str
    message: str
    advice: str = ""


@dataclass(frozen=True)
class Verdicts:
    """A list of judgements."""

    kind: ClassVar[str] = "verdicts"
    items: Sequence[Verdict]


@dataclass(frozen=True)
class Headline:
    """What a reader of one sentence must know: the worst that was found."""

    kind: ClassVar[str] = "headline"
    severity: str
    title: str
    lines: Sequence[str]


@dataclass(frozen=True)
class Legend:
    """What each severity means."""

    kind: ClassVar[str] = "legend"
    items: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Figure:
    """A picture with one sentence that says what it shows and one that says how to read it."""

    kind: ClassVar[str] = "figure"
    picture: Picture
    title: str
    reading: str


@dataclass(frozen=True)
class Table:
    """A table: the first column names the row, the others are numbers.

    A column of estimates says in its head what stands beside them: brackets hold an interval of 90 %, ± is one standard
    error or deviation. Rows whose number is in ``strong`` are set in bold.
    """

    kind: ClassVar[str] = "table"
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str
    strong: Sequence[int] = ()


@dataclass(frozen=True)
class Quote:
    """A passage of a text and where it is from."""

    text: str
    source: str


@dataclass(frozen=True)
class Quotes:
    """Passages under a common title."""

    kind: ClassVar[str] = "quotes"
    title: str
    items: Sequence[Quote]


@dataclass(frozen=True)
class Facts:
    """Names and values."""

    kind: ClassVar[str] = "facts"
    items: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Formulas:
    """The equations of the model: whether there is noise, a trajectory effect, a matrix H, a level."""

    kind: ClassVar[str] = "formulas"
    noisy: bool
    effect: bool
    matrix: bool
    linear: bool
    level: bool = False


@dataclass(frozen=True)
class Listing:
    """Text with its own line breaks."""

    kind: ClassVar[str] = "listing"
    text: str


@dataclass(frozen=True)
class Explorer:
    """A phase portrait to be touched under a title and a note, which print leaves out; a page holds one."""

    kind: ClassVar[str] = "explorer"
    drawing: Drawing
    title: str
    note: str


Block = (
    Paragraph
    | Heading
    | Verdicts
    | Headline
    | Legend
    | Figure
    | Table
    | Quotes
    | Facts
    | Formulas
    | Listing
    | Explorer
)


@dataclass(frozen=True)
class Chapter:
    """A chapter of the report."""

    key: str
    title: str
    blocks: Sequence[Block] = field(default_factory=tuple)
