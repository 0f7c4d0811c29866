"""Which points lie in a ball or in a box."""

from __future__ import annotations

import numpy as np
import pytest

from sdebayes._core.errors import DataError
from sdebayes.analysis.phase_space import Ball, Box


def test_the_share_of_a_square_that_a_disc_fills():
    """π r²/16 of the square (−2, 2)²."""
    side = np.linspace(-2, 2, 801)
    points = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1)
    disc = Ball([0.5, -0.25], 1.2)
    assert np.isclose(disc.contains(points).mean(), np.pi * 1.2**2 / 16, rtol=5e-3)
    np.testing.assert_allclose(disc.limits, [[-0.7, 1.7], [-1.45, 0.95]])


def test_a_box_may_be_open_to_infinity():
    half = Box([-np.inf, 0.0], [1.0, 2.0])
    inside = half.contains([[-1e9, 1.0], [1.0, 1.0], [0.0, 2.5]])
    np.testing.assert_array_equal(inside, [True, False, False])
    assert half.n_states == 2


def test_the_boundary_is_outside():
    assert not Ball([0.0], 1.0).contains([1.0])
    assert not Box([0.0], [1.0]).contains([[0.0], [1.0]]).any()


def test_equal_regions_are_equal():
    assert Ball(np.zeros(2), 1.0) == Ball([0.0, 0.0], 1.0)
    assert len({Box([0.0], [1.0]), Box([0.0], [1.0])}) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Ball([0.0, np.inf], 1.0), "finite"),
        (lambda: Ball([0.0], -1.0), "radius"),
        (lambda: Ball(np.zeros((2, 2)), 1.0), "vector"),
        (lambda: Ball(["a"], 1.0), "must be an array of finite numbers"),
        (lambda: Box([0.0], [0.0]), "below"),
        (lambda: Box([0.0], [1.0, 2.0]), "as many"),
        (lambda: Box([0.0], [1.0]).contains(np.zeros((3, 2))), "shape"),
    ],
)
def test_regions_that_make_no_sense(make, message):
    with pytest.raises(DataError, match=message):
        make()
