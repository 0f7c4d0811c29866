"""What was proposed and chosen at each step, and why."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.units import with_units
from sdebayes.simulation.source import Source
from sdebayes.steering.proposals import Offer
from sdebayes.steering.target import Aim
from sdebayes.steering.weighing import Weights

_PARTS = ("score", "fit", "pull", "probability", "tail_probability", "target_tail_probability")
_BY_DRAW = ("score_by_draw", "probability_by_draw")


class Log:
    """Steps as they are taken.

    Parameters
    ----------
    context
        What the text begins with.
    aim
        Where the text is to go.
    source
        The posterior, whose provenance is kept.
    draws
        Which of its draws.
    """

    def __init__(self, context: str, aim: Aim, source: Source, draws: np.ndarray) -> None:
        self.text = context
        self._attrs: dict[str, Any] = source.provenance | {"context": context, "target": aim.words}
        self._aim = aim
        self._draws = draws
        self._steps: list[tuple[Offer, Weights, int]] = []

    def add(self, offer: Offer, weights: Weights, chosen: int) -> None:
        """Keep a step, and put its sentence behind the text."""
        self._steps.append((offer, weights, chosen))
        self.text = f"{self.text.rstrip()} {offer.texts[chosen]}".lstrip()

    def dataset(self) -> xr.Dataset:
        """Return all steps so far, one at least, over ``step`` and ``candidate``."""
        offers, weights, chosen = zip(*self._steps, strict=True)
        most = max(len(offer.texts) for offer in offers)
        grid = ("step", "candidate")

        def stacked(parts: list[Any], axis: int = 0) -> np.ndarray:
            return np.stack([_filled(np.asarray(part), most, axis) for part in parts], axis)

        states = [offer.states["y"].values[:, 0] for offer in offers]
        variables: dict[str, Any] = {
            "candidates": (grid, stacked([np.array(offer.texts, object) for offer in offers]))
        }
        for name in _PARTS:
            variables[name] = (grid, stacked([getattr(one, name) for one in weights]))
        for name in _BY_DRAW:
            variables[name] = (("sample", *grid), stacked([getattr(one, name) for one in weights], 1))
        texts = [offer.texts[index] for offer, index in zip(offers, chosen, strict=True)]
        variables |= {
            "y": ((*grid, "state"), stacked(states)),
            "distance": (grid, stacked(list(map(self._aim.distance, range(len(offers)), states)))),
            "target": (("step", "state"), self._aim.points[: len(offers)]),
            "free_tail_probability": ("step", [one.free_tail_probability for one in weights], {"units": "1"}),
            "chosen": ("step", list(chosen)),
            "text": ("step", np.array(texts, object)),
            "agreement": ("step", list(map(_agreement, weights, chosen)), {"units": "1"}),
            "offered": ("step", [len(offer.texts) for offer in offers]),
            "left_out": ("step", [offer.left_out for offer in offers]),
        }
        coords = {
            "sample": self._draws,
            "step": np.arange(len(offers)),
            "candidate": np.arange(most),
            "state": offers[0].states["state"].values,
        }
        found = xr.Dataset(variables, coords, self._attrs | {"text": self.text})
        nats, shares = dict.fromkeys(_PARTS[:3], "nat"), dict.fromkeys(_PARTS[3:], "1")
        return with_units(found, **nats, **shares, distance="state", target="state", y="state")


def _filled(values: np.ndarray, most: int, axis: int) -> np.ndarray:
    """Fill an axis up, with blanks or NaN."""
    widths = [(0, most - size if at == axis else 0) for at, size in enumerate(values.shape)]
    found: np.ndarray = np.pad(values, widths, constant_values="" if values.dtype == object else np.nan)
    return found


def _agreement(weights: Weights, chosen: int) -> float:
    """Return the share of the draws of which the chosen candidate has the highest score."""
    return float((weights.score_by_draw.argmax(axis=1) == chosen).mean())
