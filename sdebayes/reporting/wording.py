"""Numbers as words: how a report writes estimates, intervals, times and passages."""

from __future__ import annotations

import numpy as np
import xarray as xr

PASSAGE = 300
MEDIAN, ERROR, DEVIATION = (
    part.replace(" ", "\N{NO-BREAK SPACE}") for part in ("median [90 %]", "± s.e.", "± s.d.")
)
"""What a column's head says of its numbers: brackets hold an interval of 90 %, ± is one standard error or deviation."""
MINUS = "\N{MINUS SIGN}"


def number(value: float, digits: int = 2) -> str:
    """Write a number with so many decimals, or a dash if it is none."""
    if not np.isfinite(value):
        return "–"
    text = f"{value:.{digits}f}"
    return text.replace("-", MINUS) if float(text) else f"{0:.{digits}f}"


def signed(value: float, digits: int = 2) -> str:
    """Write a number with its sign."""
    text = number(value, digits)
    return text if text.startswith((MINUS, "–")) else f"+{text}"


def significant(value: float, digits: int = 3) -> str:
    """Write a number with so many significant digits."""
    return f"{value:.{digits}g}".replace("-", MINUS) if np.isfinite(value) else "–"


def with_error(value: float, error: float, digits: int = 2) -> str:
    """Write a gain and its standard error."""
    return f"{signed(value, digits)} ± {number(error, digits)}"


def percent(share: float) -> str:
    """Write a share in percent."""
    return f"{100 * share:.0f} %" if np.isfinite(share) else "–"


def interval(summary: xr.DataArray, digits: int = 2) -> str:
    """Write median and interval of one number, from its summary over ``statistic``."""
    middle, low, high = (float(summary.sel(statistic=name)) for name in ("median", "lower", "upper"))
    return f"{number(middle, digits)} [{number(low, digits)}, {number(high, digits)}]"


def duration(summary: xr.DataArray) -> str:
    """Write median and interval of a time, with one decimal, or so many that the median has two digits."""
    return interval(summary, _decimals(float(summary.sel(statistic="median"))))


def one_duration(value: float) -> str:
    """Write a time as `duration` does."""
    return number(value, _decimals(value))


def _decimals(value: float) -> int:
    return 1 - int(np.floor(np.log10(value))) if 0 < value < 1 else 1


def bracketed(lower: float, upper: float, digits: int = 3) -> str:
    """Write an interval of a signed number."""
    return f"[{signed(lower, digits)}, {signed(upper, digits)}]"


def plural(count: int, word: str) -> str:
    """Write a count with its noun."""
    return f"{count:,} {word}{'' if count == 1 else 's'}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def sentence_case(text: str) -> str:
    """Begin with a capital letter unless the first word is a symbol, such as p, and leave other words as they are."""
    return text[:1].upper() + text[1:] if text[1:2].isalpha() else text


def listed(words: list[str]) -> str:
    """Write words as an enumeration."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def passage(text: str) -> str:
    """Shorten a long passage at a space."""
    text = " ".join(text.split())
    return text if len(text) <= PASSAGE else text[:PASSAGE].rsplit(" ", 1)[0] + " …"
