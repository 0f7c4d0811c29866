"""Split-conformal p-values over held-out documents, and the rate of false discoveries within one."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.errors import DataError
from sdebayes.simulation.source import SourceLike


def conformal_p_values(
    scores: xr.DataArray, calibration: xr.DataArray
) -> tuple[xr.DataArray, dict[str, str | int]]:
    """Rank scores among those of calibration documents.

    Parameters
    ----------
    scores, calibration
        The larger the worse, (trajectory, time), NaN where there is none.

    Returns
    -------
    (xarray.DataArray, dict)
        The p-values, (1 + number of calibration scores at least as large) / (n + 1), and how many documents and steps
        they rest on.
    """
    known = calibration.values[np.isfinite(calibration.values)]
    ordered = np.sort(known)
    above = ordered.size - np.searchsorted(ordered, scores.values, side="left")
    p_value = np.where(np.isfinite(scores.values), (1 + above) / (ordered.size + 1), np.nan)
    documents = int(np.isfinite(calibration.values).any(axis=1).sum())
    said: dict[str, str | int] = {"calibration_documents": documents, "calibration_steps": int(known.size)}
    return scores.copy(data=p_value).drop_attrs(), said


def false_discovery(p_value: xr.DataArray) -> xr.DataArray:
    """Adjust the p-values of each trajectory so that those below q hold the share q of false discoveries on average."""
    from scipy.stats import false_discovery_control

    adjusted = np.full(p_value.shape, np.nan)
    for row, own in enumerate(p_value.values):
        known = np.isfinite(own)
        if known.any():
            adjusted[row, known] = false_discovery_control(own[known])
    return p_value.copy(data=adjusted).drop_attrs()


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
