"""Trajectories that are too short: refused all at once, or left out on request."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

from sdebayes._core.errors import DataError, LeftOutWarning
from sdebayes.data.validation import MINIMUM_STEPS


def long_enough(
    steps: Mapping[str, int], min_steps: int | None, noun: str, rule: str = ""
) -> tuple[list[str], str]:
    """Choose what has steps enough, and say what is left out.

    Parameters
    ----------
    steps
        For each name its number of steps.
    min_steps
        What has fewer is left out, with a LeftOutWarning; None refuses what has fewer than a fit needs.
    noun
        What has these names, in the plural.
    rule
        How the steps were cut.

    Returns
    -------
    (list of str, str)
        The names that stay, and a sentence on the others: empty where all stay.

    Raises
    ------
    DataError
        If some have too few steps and ``min_steps`` is None, or all have.
    """
    least = MINIMUM_STEPS if min_steps is None else min_steps
    kept = [name for name, count in steps.items() if count >= least]
    short = [f"{name!r} ({count})" for name, count in steps.items() if count < least]
    if not short:
        return kept, ""
    under = f" under {rule}" if rule else ""
    found = (
        f"{len(short)} of {len(steps)} {noun} {'has' if len(short) == 1 else 'have'} fewer than {least} steps{under}: "
        f"{', '.join(short)}."
    )
    if min_steps is None:
        raise DataError(f"{found} Leave out what is short with min_steps={least}, or use shorter steps.")
    if not kept:
        raise DataError(f"{found} None is left; take a smaller min_steps, or shorter steps.")
    warnings.warn(f"Left out: {found}", LeftOutWarning, stacklevel=3)
    return kept, found
