"""How many of how many, and the one that is named: counts of parts of a corpus that add up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Tally:
    """How many of how many things something is said of.

    Attributes
    ----------
    count, total
        Of how many it is said, and among how many.
    size
        How much, of the one that is named.
    name, step, text
        Of that one: the text's name, and the index and words of the step where there is one.
    """

    count: int = 0
    total: int = 0
    size: int = 0
    name: str = ""
    step: int = 0
    text: str = ""

    def __add__(self, other: Tally) -> Tally:
        """Count both, and name the larger one, or the first of equals."""
        named = other if not self.count or (other.count and other.size > self.size) else self
        return Tally(
            self.count + other.count, self.total + other.total, named.size, named.name, named.step, named.text
        )


def tally(sizes: Iterable[tuple[int, str, int, str]], total: int) -> Tally:
    """Count (size, name, step, text) among ``total``."""
    found = Tally(total=total)
    for size, name, step, text in sizes:
        found += Tally(1, 0, size, name, step, text)
    return found
