"""Two OU processes with known answers: one rotates in two states, one has three states seen in two coordinates."""

from __future__ import annotations

import numpy as np
import pytest

from tests.likelihood.dense import Dense


@pytest.fixture
def rotating() -> Dense:
    return Dense(
        A=np.array([[0.4, 1.5], [-1.2, 0.3]]),
        b=np.array([1.0, -0.5]),
        sigma=np.array([[0.8, 0.2], [0.2, 0.5]]),
        m0=np.array([2.0, 0.0]),
        P0=np.array([[1.5, 0.4], [0.4, 0.7]]),
        H=np.eye(2),
        R=np.array([[0.3, 0.1], [0.1, 0.4]]),
        C=np.diag([0.5, 0.2]),
    )


@pytest.fixture
def partly_observed() -> Dense:
    return Dense(
        A=np.array([[0.9, 0.2, 0.0], [-0.3, 0.5, 0.4], [0.0, -0.6, 0.2]]),
        b=np.array([0.3, -1.0, 2.0]),
        sigma=np.diag([1.0, 0.5, 0.2]),
        m0=np.zeros(3),
        P0=np.diag([2.0, 1.0, 3.0]),
        H=np.array([[1.0, 0.5, 0.0], [0.0, 1.0, -2.0]]),
        R=np.diag([0.2, 0.5]),
        C=np.diag([0.4, 0.1, 0.3]),
    )


def ragged(seed: int, lengths: list[int], width: int, missing: float = 0.0) -> list[np.ndarray]:
    """Values of any kind: a density must be right wherever it is asked for."""
    rng = np.random.default_rng(seed)
    values = [rng.normal(size=(length, width)) for length in lengths]
    for array in values:
        hole = rng.random(array.shape) < missing
        hole[[0, -1]] = False
        array[hole] = np.nan
    return values


@pytest.fixture
def make_values():
    return ragged
