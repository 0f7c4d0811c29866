"""Split-conformal p-values over held-out documents, and the rate of false discoveries within one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from sdebayes._core.errors import DataError
from sdebayes.simulation.source import SourceLike

Scores = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From the steps that are left out of what others are judged by, and the trajectories that these are of, to the log
odds of each step against its belonging, and to its score, the larger the worse."""


def conformal_p_values(scores: np.ndarray, calibration: np.ndarray) -> np.ndarray:
    """Return (1 + number of calibration scores at least as large) / (n + 1), NaN where there is no score.

    Parameters
    ----------
    scores, calibration
        The larger the worse, (trajectory, time), NaN where there is none.
    """
    ordered = np.sort(calibration[np.isfinite(calibration)])
    above = ordered.size - np.searchsorted(ordered, scores, side="left")
    return np.where(np.isfinite(scores), (1 + above) / (ordered.size + 1), np.nan)


def adjusted(p_value: np.ndarray) -> np.ndarray:
    """Adjust the p-values of each trajectory by Benjamini & Hochberg's rule, (trajectory, time)."""
    from scipy.stats import false_discovery_control

    found = np.full(p_value.shape, np.nan)
    for row, own in enumerate(p_value):
        known = np.isfinite(own)
        if known.any():
            found[row, known] = false_discovery_control(own[known])
    return found


def judged_in_turn(scores: Scores, least: float, *first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Score steps while those that do not seem to belong are left out of what others are judged by, one after another.

    Parameters
    ----------
    scores
        Judges all steps of some trajectories, those left out as well.
    least
        The step of a trajectory with the largest log odds, if they are above it, is left out next; at most half of its
        steps are.
    *first
        Log odds and scores while none is left out, (trajectory, time).

    Returns
    -------
    (numpy.ndarray, numpy.ndarray)
        The scores of the last round, and which steps are left out, (trajectory, time).
    """
    odds, found = (part.copy() for part in first)
    left_out = np.zeros(found.shape, bool)
    while True:
        room = 2 * left_out.sum(1) + 2 <= np.isfinite(found).sum(1)
        chosen = (np.nan_to_num(odds, nan=-np.inf) > least) & ~left_out & room[:, None]
        rows = np.flatnonzero(chosen.any(1))
        if not rows.size:
            return found, left_out
        left_out[rows, np.where(chosen, odds, -np.inf)[rows].argmax(1)] = True
        several = _filled_up(rows, len(found))
        odds[several], found[several] = scores(left_out[several], several)


def _filled_up(rows: np.ndarray, count: int) -> np.ndarray:
    """Repeat rows up to a power of two, so that few sizes are compiled for; or return all that there are."""
    size = 1 << (len(rows) - 1).bit_length()
    return np.resize(rows, size) if size < count else np.arange(count)


def refuse_known(posterior: SourceLike, calibration: xr.Dataset, data: xr.Dataset) -> None:
    """Raise a DataError if a trajectory for calibration is one of the fit or of the data: its scores are too good."""
    own = _values(calibration)
    for what, other in (("judged by them", data), ("the posterior was fitted to", _training(posterior))):
        if other is None or other["y"].dims[-1] != calibration["y"].dims[-1]:
            continue
        same = [name for name, values in own.items() if values in set(_values(other).values())]
        if same:
            raise DataError(
                f"surprise: {len(same)} of {len(own)} trajectories for calibration, such as {same[0]!r}, are among "
                f"those that {'are ' if other is data else ''}{what}; give held-out ones."
            )


def _training(posterior: SourceLike) -> xr.Dataset | None:
    read = getattr(posterior, "training_data", None)
    return None if read is None else read()


def _values(data: xr.Dataset) -> dict[str, bytes]:
    rows = data["y"].transpose("trajectory", "time", ...).values
    return {
        str(name): own[np.isfinite(own).any(-1)].tobytes()
        for name, own in zip(data["trajectory"].values, rows, strict=True)
    }
