"""How complex a piece of text is, by counts that need no language model."""

from __future__ import annotations

import re

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError

_WORD = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
_SENTENCE_END = re.compile(r"[.!?]+[\"'”’)\]]*(?=\s+[\"'“‘(\[]*[A-Z0-9]|\s*$)")
_TITLE = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Gen|Gov|Sen|Rep|Hon|St|No|vs|[A-Z])\.")
_LINK = re.compile(
    r"[;:]\s"
    r"|,\s+(?:and|but|or|nor|so|yet|for)\b"
    r"|\b(?:that|which|who|whom|whose|because|although|though|if|unless|whether|while|whilst|when|whenever"
    r"|where|whereas|wherever|since|until|till|lest|how|why)\b",
    re.IGNORECASE,
)
_VOWELS = re.compile(r"[aeiouy]+")
_SILENT = re.compile(
    r"(?<![^aeiouy]l)(?<![aeiouy])e$"
    r"|(?<![^aeiouy]l)(?<![aeiouysxzcg])(?<![cs]h)es$"
    r"|(?<![^aeiouy]l)(?<![aeiouytd])ed$"
)
_HIATUS = re.compile(r"[aeiou]ing(?:s|$)|ea$")

MEASURES = {
    "words": ("words", "word"),
    "clauses": ("clauses", "clause"),
    "word_length": ("mean length of a word", "letter"),
    "reading_ease": ("Flesch reading ease", "1"),
    "grade": ("Flesch–Kincaid grade", "school year"),
}
"""What `complexity` measures: the long name and the unit of each."""


@checked
def complexity(texts: xr.DataArray) -> xr.Dataset:
    r"""Measure how complex each text is.

    Parameters
    ----------
    texts
        Strings of any shape, such as ``text(trajectory, time)`` of embedded trajectories. The measures are made for
        English.

    Returns
    -------
    xarray.Dataset
        On the dimensions of ``texts``, NaN where a text has no word:

        - ``words``, their number W;
        - ``clauses``, a guess: one for each sentence, and one for each semicolon, colon, comma before a co-ordinating
          conjunction, subordinating conjunction and relative pronoun. *That* counts wherever it stands, also where it
          only points, so the number is rather too large;
        - ``word_length``, letters per word;
        - ``reading_ease``, :math:`206.835 - 1.015\, W/S - 84.6\, L/W`, high for easy texts;
        - ``grade``, :math:`0.39\, W/S + 11.8\, L/W - 15.59`, the school year that reads such texts,

        with S sentences and L syllables. A word has as many syllables as groups of vowels, a hiatus as
        in *being* added and a silent ending taken off, at least one: right for about nine English words in ten.

    Raises
    ------
    DataError
        If the values are not strings, or no text has a word.

    See Also
    --------
    sdebayes.analysis.forecasts.dependence : Relates errors to it.

    References
    ----------
    Flesch (1948), doi:10.1037/h0057532, for the reading ease; Kincaid, Fishburne, Rogers & Chissom (1975), Research
    Branch Report 8-75, doi:10.21236/ADA006655, for the grade.

    Examples
    --------
    >>> import xarray as xr
    >>> found = sb.analysis.forecasts.complexity(xr.DataArray(["We met.", "Although it rained, we met in Paris."]))
    >>> found["words"].values, found["clauses"].values
    (array([2., 7.]), array([1., 2.]))
    """
    if texts.dtype.kind not in "UO":
        raise DataError(
            f"Expected texts and got values of type {texts.dtype}; pass the variable 'text' of embedded trajectories."
        )
    unique, place = np.unique(texts.values.astype(str), return_inverse=True)
    table = np.array([_measure(text) for text in unique])[place.ravel()]
    if np.isnan(table).all():
        raise DataError("No text has a word; pass the variable 'text' of embedded trajectories.")
    variables = {
        name: texts.copy(data=column.reshape(texts.shape)).assign_attrs(long_name=long_name, units=unit)
        for (name, (long_name, unit)), column in zip(MEASURES.items(), table.T, strict=True)
    }
    return xr.Dataset(variables)


def _measure(text: str) -> tuple[float, ...]:
    """Return the measures of one text in the order of ``MEASURES``."""
    words = _WORD.findall(text)
    if not words:
        return (np.nan,) * len(MEASURES)
    plain = _TITLE.sub(lambda found: found.group()[:-1], text)
    sentences = max(1, len(_SENTENCE_END.findall(plain)))
    count = len(words)
    letters = sum(character.isalpha() for word in words for character in word)
    length, weight = count / sentences, sum(map(syllables, words)) / count
    clauses = min(count, sentences + len(_LINK.findall(text)))
    ease = 206.835 - 1.015 * length - 84.6 * weight
    return float(count), float(clauses), letters / count, ease, 0.39 * length + 11.8 * weight - 15.59


def syllables(word: str) -> int:
    """Count the syllables of an English word by its groups of vowels, with a hiatus, and less a silent ending."""
    lower = word.lower()
    return max(1, len(_VOWELS.findall(lower)) + bool(_HIATUS.search(lower)) - bool(_SILENT.search(lower)))
