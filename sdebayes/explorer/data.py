"""What the explorer shows, as plain numbers and texts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.draws import evenly_spread
from sdebayes._core.errors import DataError, ModelError
from sdebayes._core.units import plural_unit, time_unit
from sdebayes.analysis.phase_space import without_effect
from sdebayes.analysis.quality.examined import steps_in_numbers
from sdebayes.explorer.fields import fields_of
from sdebayes.posterior import Posterior

MOST_STATES, MOST_STEPS = 16, 12_000
SMOOTHED_DRAWS, JUDGED_DRAWS = 25, 50
RESOLUTION = 100
"""Steps in which places are written, in one standard deviation of a state."""


@checked
@dataclass(frozen=True)
class ExplorerData:
    """What one explorer shows, of dictionaries, lists, numbers and strings.

    Places and their standard deviations are whole numbers of ``unit``, a hundredth of the standard deviation of each
    state over the steps, that of the whole state to be added to ``origin``; nothing is known where None stands.

    Parameters
    ----------
    states
        Names of the states, at most sixteen.
    unit, origin
        For each state, what one is worth and where zero lies, in units of the states.
    texts
        Of each trajectory ``title``, ``group`` (or None) and ``steps``; of each step of it ``time``, ``x`` and ``sd``
        for each state, ``surprise`` in nats, ``tail``, the probability of what lies at least so far off, ``regime``
        (or None) and ``text`` (or None).
    fields
        Of each drift there is (one, or one of each group or regime) ``title``, ``planes``, ``equilibria`` and
        ``places``, as `sdebayes.explorer.fields.fields_of` makes them.
    words
        What a ``trajectory`` and its ``unit`` of time are called; ``remark``, what a reader must know of the picture.
    """

    states: list[str]
    unit: list[float]
    origin: list[float]
    texts: list[dict[str, Any]]
    fields: list[dict[str, Any]]
    words: dict[str, str]

    def to_json(self) -> str:
        """Write it as one line of JSON."""
        return json.dumps(vars(self), ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    @classmethod
    def of(cls, posterior: Posterior, data: xr.Dataset) -> ExplorerData:
        """Compute it with the analyses of the package.

        Parameters
        ----------
        posterior
            A fit to two states or more.
        data
            Trajectories in its state space, with ``text(trajectory, time)`` if the steps can be read.

        Returns
        -------
        ExplorerData
            The path of each trajectory, smoothed where states are not observed, with the standard deviation over draws
            and given each draw; the surprise of its steps; and the drift on planes of two of the first states.

        Raises
        ------
        ModelError
            If the posterior has one state.
        StateSpaceError, DataError
            As ``posterior.smooth``.
        """
        if len(posterior.states) < 2:
            raise ModelError(
                "The explorer shows planes of two states and the posterior has one; "
                "see sdebayes.plots.fields.profile for the drift along it."
            )
        kept = _few(data)
        mean, sd, centred = _paths(posterior, kept)
        shown = mean[..., :MOST_STATES]
        if not np.isfinite(shown).any():
            raise DataError("No step of the data has a place; expected at least one that is observed.")
        origin, unit = np.nanmean(shown, axis=(0, 1)), np.nanstd(shown, axis=(0, 1)) / RESOLUTION
        unit = np.where(unit > 0, unit, 1.0 / RESOLUTION)
        written = np.round((shown - origin) / unit), np.round(sd[..., :MOST_STATES] / unit)
        return cls(
            states=[str(state) for state in posterior.states[:MOST_STATES]],
            unit=[float(f"{value:.6g}") for value in unit],
            origin=[float(f"{value:.6g}") for value in origin],
            texts=list(_texts(posterior, kept, *written)),
            fields=fields_of(posterior, centred, mean),
            words=_words(posterior, data, kept),
        )


def _few(data: xr.Dataset) -> xr.Dataset:
    """Keep trajectories, evenly spread, that hold at most so many steps together; one in any case."""
    total, count = int(data["n_steps"].sum()), data.sizes["trajectory"]
    if total <= MOST_STEPS:
        return data
    return data.isel(trajectory=evenly_spread(count, max(1, count * MOST_STEPS // total)))


def _paths(posterior: Posterior, data: xr.Dataset) -> tuple[np.ndarray, np.ndarray, xr.Dataset]:
    """Return mean and standard deviation (trajectory, time, state) of the paths, and the data beside the drift."""
    dims = ("trajectory", "time", "state")
    if posterior.model.likelihood.states_observed and not posterior.model.levels:
        values = data["y"].transpose(*dims).values.astype(float)
        return values, 0.0 * values, data
    smoothed = posterior.smooth(data, samples=SMOOTHED_DRAWS)
    x = smoothed["x"].transpose("sample", *dims).values
    covariance = smoothed["x_covariance"].transpose("sample", *dims, "state_bis").values
    within = np.diagonal(covariance, axis1=-2, axis2=-1).mean(axis=0)
    moved = "trajectory_effect" in smoothed or "level" in smoothed
    centred = without_effect(data, smoothed) if moved else data
    return x.mean(axis=0), np.sqrt(within + x.var(axis=0)), centred


def _texts(posterior: Posterior, data: xr.Dataset, x: np.ndarray, sd: np.ndarray) -> Iterator[dict[str, Any]]:
    """Yield each trajectory with its steps."""
    likelihood = posterior.model.likelihood
    both_sides = not (likelihood.states_observed or likelihood.approximate)
    judged = steps_in_numbers(posterior, data, both_sides, JUDGED_DRAWS)
    regimes = _regimes(posterior, data)
    groups = data["group"].values if "group" in data.coords else None
    words = data["text"].transpose("trajectory", "time").values if "text" in data else None
    for i, name in enumerate(data["trajectory"].values):
        steps = min(int(data["n_steps"].values[i]), MOST_STEPS)
        yield {
            "title": str(name),
            "group": None if groups is None else str(groups[i]),
            "steps": {
                "time": _numbers(data["t"].values[i, :steps], 4),
                "x": [_whole(row) for row in x[i, :steps]],
                "sd": [_whole(row) for row in sd[i, :steps]],
                "surprise": _numbers(judged["surprise"].values[i, :steps], 4),
                "tail": _numbers(judged["tail_probability"].values[i, :steps], 2),
                "regime": None if regimes is None else [int(label) for label in regimes[i, :steps]],
                "text": None if words is None else [str(word) for word in words[i, :steps]],
            },
        }


def _regimes(posterior: Posterior, data: xr.Dataset) -> np.ndarray | None:
    """Return the most probable regime of each step (trajectory, time), if there are regimes."""
    if not posterior.regimes:
        return None
    found = posterior.regime_probability(data)["probability"].mean("sample")
    likeliest = found.transpose("trajectory", "time", "regime").fillna(0.0).values.argmax(axis=-1)
    return found["regime"].values[likeliest]


def _words(posterior: Posterior, data: xr.Dataset, kept: xr.Dataset) -> dict[str, str]:
    noun = "text" if "text" in data else "trajectory"
    alone = "" if posterior.model.drift.affine else ", or no data are near"
    remark = [f"Arrows are the mean drift, pale where the draws do not agree on its direction{alone}."]
    if not posterior.model.likelihood.states_observed or posterior.model.levels:
        remark.append("Points are smoothed paths; bars reach over 90 % of what is not known of a coordinate.")
    if posterior.model.observation.trajectory_effect:
        remark.append(f"The offset of its {noun} is taken from each step.")
    if kept.sizes["trajectory"] < data.sizes["trajectory"]:
        found, shown = data.sizes["trajectory"], kept.sizes["trajectory"]
        remark.append(f"Shown are {shown} of {found} trajectories, evenly spread.")
    if int(kept["n_steps"].max()) > MOST_STEPS:
        remark.append(f"Shown are the first {MOST_STEPS} steps.")
    return {
        "trajectory": noun,
        "unit": plural_unit(time_unit(data.attrs)),
        "remark": " ".join(remark),
    }


def _whole(row: np.ndarray) -> list[int | None]:
    return [int(value) if np.isfinite(value) else None for value in row]


def _numbers(row: np.ndarray, digits: int) -> list[float | None]:
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in row]
