"""Place, level and order of a log ratio, of normal groups whose densities are known."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes.analysis.quality.area import auc
from sdebayes.analysis.quality.division import divided

STEPS = 6
MIDDLE = np.array([1.0])


@dataclass(frozen=True)
class Group:
    """Documents of one state about a mean, each with an offset, and steps that follow one another, or do not."""

    mean: float = 1.0
    offset: float = 0.3
    noise: float = 0.4
    memory: float = 0.6

    def covariance(self, steps: int = STEPS) -> np.ndarray:
        lag = np.abs(np.subtract.outer(np.arange(steps), np.arange(steps)))
        return self.offset + self.noise * np.eye(steps) + self.memory**lag

    def log_density(self, y: np.ndarray) -> np.ndarray:
        covariance, away = self.covariance(y.shape[1]), y - self.mean
        return -0.5 * (
            np.einsum("it,ts,is->i", away, np.linalg.inv(covariance), away) + np.linalg.slogdet(covariance)[1]
        )

    def documents(self, count: int, seed: int, steps: int = STEPS) -> xr.Dataset:
        normal = np.random.default_rng(seed).standard_normal((count, steps))
        y = self.mean + normal @ np.linalg.cholesky(self.covariance(steps)).T
        return sb.trajectories(y[..., None])


class Shuffled(Group):
    """Documents of the same law, but for their order."""

    def covariance(self, steps: int = STEPS) -> np.ndarray:
        own = super().covariance(steps)
        apart = (own.sum() - np.trace(own)) / (steps * (steps - 1))
        return apart + (np.trace(own) / steps - apart) * np.eye(steps)


def ratio_of(first: Group, second: Group):
    def ratio(data: xr.Dataset) -> np.ndarray:
        y = data["y"].values[..., 0]
        return first.log_density(y) - second.log_density(y)

    return ratio


@pytest.mark.parametrize(
    ("second", "without"),
    [
        (Group(mean=2.0), 1),
        (Group(offset=1.5, noise=0.1, memory=0.1), 0),
        (Shuffled(), 0),
        (Shuffled(mean=2.0), None),
    ],
)
def test_parts_add_up_and_symmetric_groups_lack_one(second, without):
    """Whatever the documents: groups of one covariance have no level, groups of one mean no place."""
    first = Group(mean=2 * MIDDLE[0] - second.mean)
    data, ratio = Group(mean=3.0).documents(5, 1), ratio_of(first, second)
    parts = divided(ratio, data, MIDDLE, shuffles=3)
    np.testing.assert_allclose(parts[:, :3].sum(1), ratio(data))
    np.testing.assert_array_equal(parts[:, 3], ratio(data))
    for part in range(3):
        assert (np.abs(parts[:, part]) > 1e-4).all() == (part != without)
    if without is not None:
        np.testing.assert_allclose(parts[:, without], 0, atol=1e-10)


def test_steps_that_do_not_follow_one_another_have_no_order():
    first, second = Shuffled(mean=0.0), Shuffled(mean=2.0, offset=1.0)
    parts = divided(ratio_of(first, second), Group().documents(5, 1), MIDDLE, shuffles=2)
    np.testing.assert_allclose(parts[:, 2], 0, atol=1e-10)
    assert (np.abs(parts[:, :2]) > 1e-4).all()


def test_impossible_reflections_leave_the_total_alone():
    """Trajectories that one density, or the other, or both do not allow when they are reflected."""
    data = Group(mean=6.0, offset=0.01, noise=0.01).documents(3, 4)

    def ratio(one: xr.Dataset) -> np.ndarray:
        middle = one["y"].values[..., 0].mean(1)
        return np.where(middle > 0, middle, [np.inf, -np.inf, np.nan])

    parts = divided(ratio, data, MIDDLE)
    assert np.isnan(parts[:, :3]).all()
    np.testing.assert_array_equal(parts[:, 3], ratio(data))


def test_means_over_orders_are_those_over_all_of_them():
    """Within Monte-Carlo error of all 24 orders of four steps, in the quadratic form of the two densities."""
    first, second = Group(mean=0.5), Group(mean=1.5, offset=1.0, memory=0.1)
    data, shuffles = Group().documents(6, 2, steps=4), 400
    found = divided(ratio_of(first, second), data, MIDDLE, shuffles=shuffles)
    z = data["y"].values[..., 0] - MIDDLE
    orders = [list(one) for one in permutations(range(4))]
    a, b = (
        np.mean([np.linalg.inv(one.covariance(4))[np.ix_(order, order)] for order in orders], 0)
        for one in (first, second)
    )
    apart = (first.mean - second.mean) / 2
    place = (z @ (a + b)).sum(1) * apart
    constant = np.subtract(*(np.linalg.slogdet(one.covariance(4))[1] for one in (second, first))) / 2
    constant -= apart**2 * (a - b).sum() / 2
    level = constant - np.einsum("it,ts,is->i", z, a - b, z) / 2
    spread = [ratio_of(first, second)(data.isel(time=order)) for order in orders]
    error = np.std(spread, axis=0) / np.sqrt(shuffles)
    assert (np.abs(found[:, 0] - place) < 4 * error + 1e-10).all()
    assert (np.abs(found[:, 1] - level) < 4 * error).all()
    assert (np.abs(found[:, :2].sum(1) - place - level) < 4 * error).all()


@pytest.mark.parametrize(
    ("second", "told"),
    [
        (Group(), ()),
        (Group(mean=2.2), (0,)),
        (Group(offset=2.0), (1,)),
        (Shuffled(), (2,)),
        (Group(mean=2.2, offset=4.0), (0, 1)),
        (Shuffled(mean=2.2), (0, 2)),
    ],
)
def test_a_part_tells_groups_apart_where_they_differ_in_it_and_nowhere_else(second, told):
    """By densities of parameters that are a little off, as fits are, in all but what tells no groups apart."""
    first = Group(mean=2 * MIDDLE[0] - second.mean)
    off = Group(first.mean - 0.1, 0.35, 0.35, 0.55), type(second)(second.mean + 0.1, second.offset, 0.5, 0.6)
    count = 600
    a, b = (
        divided(ratio_of(*off), one.documents(count, seed), MIDDLE)
        for seed, one in enumerate((first, second))
    )
    share, error = auc(a, b), np.sqrt((2 * count + 1) / (12 * count**2))
    for part in range(3):
        if part in told:
            assert share[part] > 0.5 + 4 * error
        else:
            assert abs(share[part] - 0.5) < 4 * error
