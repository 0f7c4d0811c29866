"""The drifts of a posterior: on planes of two states, where they vanish, and which steps lie there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.draws import evenly_spread
from sdebayes.analysis.fields.distance import FAR, NAME
from sdebayes.analysis.phase_space import exemplars, fixed_points, matched, portrait
from sdebayes.posterior import Posterior
from sdebayes.simulation import Source, as_source
from sdebayes.simulation.source import of_groups

PLANE_STATES, PLANE_POINTS, PLANE_DRAWS = 6, 13, 100
MARKED_DRAWS, EXEMPLARS = 100, 3
MARGIN = 0.05


def fields_of(posterior: Posterior, centred: xr.Dataset, paths: np.ndarray) -> list[dict[str, Any]]:
    """Return the drift of the posterior, or those of its groups or regimes.

    Parameters
    ----------
    posterior
        A fit.
    centred
        The data in the coordinates of the drift.
    paths
        Their smoothed paths (trajectory, time, state), which say how far the planes reach.

    Returns
    -------
    list of dict
        ``title``, empty for the only one; ``planes``, by the positions of two states, such as ``"0,1"``: ``x`` and
        ``y``, the grid, ``u`` and ``v``, the mean drift along both, and ``certainty``, the length of the mean
        direction, or 0 far from all data, of each point, the first state running slowest; ``equilibria``, of draws,
        with ``place`` and ``stable``; ``places``, what draws have in common: ``place``, ``share`` of draws, ``stable``
        and ``nearest``, pairs of positions of a trajectory and a step. All in units of the states.
    """
    box = _box(paths)
    return [
        {
            "title": title,
            "planes": dict(_planes(source, box)),
            **_equilibria(source, posterior, centred),
        }
        for title, source in _sources(posterior)
    ]


def _sources(posterior: Posterior) -> Iterator[tuple[str, Source]]:
    if posterior.groups:
        yield from of_groups(posterior).items()
    elif posterior.regimes:
        yield from ((f"regime {label}", posterior.regime(label)) for label in posterior.regimes)
    else:
        yield "", as_source(posterior)


def _box(paths: np.ndarray) -> np.ndarray:
    """Return low and high of each state over the paths, with a margin."""
    low, high = np.nanmin(paths, axis=(0, 1)), np.nanmax(paths, axis=(0, 1))
    margin = np.where(high > low, MARGIN * (high - low), 1.0)
    return np.stack([low - margin, high + margin], axis=1)


def _planes(source: Source, box: np.ndarray) -> Iterator[tuple[str, dict[str, Any]]]:
    # Without a region no zeros are looked for: one search serves all planes.
    drift_only = replace(source, region=None)
    at = None if source.region is None or source.equilibrium() is not None else source.region[0]
    for first, second in combinations(range(min(source.n_states, PLANE_STATES)), 2):
        found = portrait(
            drift_only,
            (first, second),
            limits=[(float(box[k, 0]), float(box[k, 1])) for k in (first, second)],
            points=PLANE_POINTS,
            at=at,
            samples=PLANE_DRAWS,
        )
        axes = [f"grid_{source.states[k]}" for k in (first, second)]
        mean = found["drift_mean"].transpose(*axes, "state").values
        certainty = found["direction_resultant"]
        if NAME in found.coords:
            certainty = certainty.where(found[NAME] <= FAR, 0.0)
        yield (
            f"{first},{second}",
            {
                "x": _rounded(found[axes[0]].values),
                "y": _rounded(found[axes[1]].values),
                "u": _rounded(mean[..., 0].ravel()),
                "v": _rounded(mean[..., 1].ravel()),
                "certainty": [round(float(value), 2) for value in certainty.transpose(*axes).values.ravel()],
            },
        )


def _equilibria(source: Source, posterior: Posterior, centred: xr.Dataset) -> dict[str, Any]:
    """Return where draws have a zero, and what they have in common there."""
    if source.equilibrium() is None and source.region is None:
        return {"equilibria": [], "places": []}
    found = fixed_points(source, samples=MARKED_DRAWS)
    places, stable = found["location"].values, found["stable"].values
    marks = [
        {"place": _rounded(places[i, k]), "stable": bool(stable[i, k])}
        for i in evenly_spread(len(places), MARKED_DRAWS)
        for k in range(places.shape[1])
        if np.isfinite(places[i, k]).all()
    ]
    common = matched(found)
    nearest = _nearest(common, posterior, centred)
    return {
        "equilibria": marks,
        "places": [
            {
                "place": _rounded(common["location"].values[k]),
                "share": round(float(common["probability"].values[k]), 2),
                "stable": bool(common["stable"].values[k]),
                "nearest": nearest[k],
            }
            for k in range(common.sizes["fixed_point"])
        ],
    }


def _nearest(common: xr.Dataset, posterior: Posterior, centred: xr.Dataset) -> list[list[list[int]]]:
    """Return the steps nearest to each place; none where the space is not known, or no draws have a place in common."""
    count = common.sizes["fixed_point"]
    if posterior.space is None or not count:
        return [[] for _ in range(count)]
    found = exemplars(common[["location"]], posterior.space, centred, EXEMPLARS)
    position = {str(name): i for i, name in enumerate(centred["trajectory"].values)}
    return [
        [
            [position[str(name)], int(step)]
            for name, step in zip(found["name"].values[k], found["step"].values[k], strict=True)
        ]
        for k in range(count)
    ]


def _rounded(values: np.ndarray) -> list[float]:
    return [float(f"{value:.4g}") for value in values]
