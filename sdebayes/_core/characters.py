"""Which characters texts and names may hold: what is cleaned without a loss, and what is refused with its place."""

from __future__ import annotations

import re

from sdebayes._core.errors import DataError

LONGEST_NAME = 60
"""Of a variable: file systems allow 255 bytes."""

_LINE_END = re.compile("\r\n?")
_SPACE = re.compile("[\v\f]")
_UNREAD = re.compile("[\ufeff\u202a-\u202c\u2066-\u2069]")
"""Byte-order marks, and how an embedded phrase of another direction is drawn: neither is a part of what is said."""
_REFUSED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff]")
_UNSTORABLE = re.compile(r"[/\\\s]+|^\.")


def cleaned(text: str, what: str) -> str:
    r"""Clean a text of what is no part of its words, and refuse what cannot be a part of it.

    Line ends become ``\n``, vertical tabs and form feeds spaces; byte-order marks and the embedding and isolation of
    phrases of another writing direction go.

    Parameters
    ----------
    text
        Any text.
    what
        What it is, for the error.

    Returns
    -------
    str
        The text.

    Raises
    ------
    DataError
        With the line of the first of these: a control character, NUL included; an override of the writing direction;
        half of a surrogate pair.
    """
    text = _UNREAD.sub("", _SPACE.sub(" ", _LINE_END.sub("\n", text)))
    found = _REFUSED.search(text)
    if found is None:
        return text
    line = text.count("\n", 0, found.start()) + 1
    place = f"{what}, line {line}" if "\n" in text.strip() else what
    before = text[max(0, found.start() - 20) : found.start()]
    raise DataError(
        f"{place}: there is the character U+{ord(found[0]):04X} after {before!r}, {_explanation(found[0])} "
        "Mend or remove it."
    )


def cleaned_name(name: str, what: str) -> str:
    """Clean a name as a text, and refuse it if it is blank or has line breaks or tabs.

    Parameters
    ----------
    name
        Any name.
    what
        Whose it is, for the error.

    Returns
    -------
    str
        The name.

    Raises
    ------
    DataError
        As `cleaned`, or if the name is blank or does not stand in one line.
    """
    name = cleaned(name, what)
    if not name.strip():
        raise DataError(f"{what} is blank ({name!r}); give a name that can be read.")
    if "\n" in name or "\t" in name:
        raise DataError(f"{what} is {name[:80]!r}, with a line break or a tab; give a name in one line.")
    return name


def storable(name: str) -> str:
    """Return the nearest name that a variable can have in every file: white space, slashes and a first dot become _."""
    return _UNSTORABLE.sub("_", name.strip())[:LONGEST_NAME]


def variable_name(name: str, what: str) -> str:
    """Return the name of a variable, if files can hold a variable of this name.

    Parameters
    ----------
    name
        The name.
    what
        Whose it is, for the error.

    Returns
    -------
    str
        The name.

    Raises
    ------
    DataError
        As `cleaned_name`, or if the name has white space or slashes, begins with a dot, or is too long.
    """
    clean = cleaned_name(name, what)
    if clean != name or storable(name) != name:
        raise DataError(
            f"{what} is {name[:80]!r}: files hold no variable whose name has white space or slashes, begins with a "
            f"dot or is longer than {LONGEST_NAME} characters. Call it {storable(clean)!r}."
        )
    return name


def _explanation(character: str) -> str:
    code = ord(character)
    if 0xD800 <= code < 0xE000:
        return "half of a surrogate pair, which no file can hold."
    if code in (0x202D, 0x202E):
        return "which draws what follows in another order than it is read."
    if code == 0:
        return "NUL, as a file of UTF-16 or no text at all would have it."
    if code >= 0x80:
        return "a control character, as Windows-1252 read as Latin-1 has in the place of quotation marks."
    return "a control character."
