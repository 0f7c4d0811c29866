"""Texts whose sentences name places, and what proposes such sentences."""

from __future__ import annotations

import re

import numpy as np

import sdebayes as sb

PLACE = re.compile(r"at (-?\d+) and (-?\d+)")
UNIT = 1000.0


class Places:
    """Read the place that a sentence names, in three coordinates, so that two components lose nothing."""

    identity = "places"

    def encode(self, texts: list[str]) -> np.ndarray:
        found = [PLACE.search(text) for text in texts]
        x = np.array([[float(match[1]), float(match[2])] for match in found if match]) / UNIT
        return np.column_stack([x, np.full(len(x), 3.0)])


def sentence(x: np.ndarray) -> str:
    return f"It is at {round(UNIT * x[0])} and {round(UNIT * x[1])} now."


def proposing(seed: int):
    """A model that goes anywhere, whatever was said."""
    generator = np.random.default_rng(seed)
    return lambda text, n: [sentence(x) + " And more at 0 and 0." for x in generator.normal(0.4, 1.0, (n, 2))]


def steered(posterior, generate, target=None, **options):
    options = {"context": sentence(np.zeros(2)), "steps": 4, "candidates": 6, "encoder": Places()} | options
    return sb.steer(generate, posterior, target, **options)


def states_at(posterior, place: np.ndarray) -> np.ndarray:
    data = sb.embed([sentence(place)], Places(), cache=False, min_steps=1)
    return posterior.space.transform(data)["y"].values[0, 0]
