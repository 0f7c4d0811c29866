"""The parts of fields whose potential and rotation are known."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from sdebayes._core.errors import DataError
from sdebayes.analysis import fields
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift, ParametricDrift

LIMITS = [(-1.5, 1.5), (-1.0, 1.0)]


def plane(function: Callable) -> SDE:
    return SDE(ParametricDrift(lambda x, t, p: jnp.stack(function(*x)), {}), ConstantDiffusion(jnp.eye(2)))


def mesh(found: xr.Dataset) -> np.ndarray:
    return np.stack(np.meshgrid(found["grid_x1"], found["grid_x2"], indexing="ij"), -1)


def test_a_linear_drift_is_its_symmetric_and_antisymmetric_part():
    rates = np.array([[0.5, 1.0, 9.0], [-0.4, 0.8, 9.0], [0.0, 0.0, 1.0]])
    b = np.array([0.3, -0.2, 1.0])
    draws = jax.tree.map(
        lambda *leaves: jnp.stack(leaves),
        *(
            SDE(LinearDrift(jnp.asarray(scale * rates), jnp.asarray(b)), ConstantDiffusion(jnp.eye(3)))
            for scale in (1, 2)
        ),
    )
    found = fields.helmholtz(draws, limits=[(-2.0, 2.0), (-1.0, 3.0)], points=6, at=b)
    x = mesh(found) - b[:2]
    A = rates[:2, :2]
    for draw, scale in enumerate((1, 2)):
        np.testing.assert_allclose(found["gradient"][draw], scale * x @ -(A + A.T) / 2, atol=1e-5)
        np.testing.assert_allclose(found["rotational"][draw], scale * x @ -(A - A.T).T / 2, atol=1e-5)
    U = np.einsum("...i,ij,...j", x, A, x) / 2
    np.testing.assert_allclose(found["potential"][0], U - U.mean(), atol=1e-5)


def test_a_gradient_field_has_no_rotation():
    # U = x⁴/4 − x²/2 + x³y + y²/2
    sde = plane(lambda x, y: (x - x**3 - 3 * x**2 * y, -y - x**3))
    found = fields.helmholtz(sde, limits=LIMITS, points=9, at=[0.0, 0.0])
    x, y = mesh(found)[..., 0], mesh(found)[..., 1]
    U = x**4 / 4 - x**2 / 2 + x**3 * y + y**2 / 2
    np.testing.assert_allclose(found["rotational"], 0, atol=1e-5)
    np.testing.assert_allclose(found["potential"][0], U - U.mean(), atol=1e-5)
    assert float(found["rotational_share"][0]) < 1e-9


def test_a_uniform_rotation_has_no_gradient():
    found = fields.helmholtz(plane(lambda x, y: (-2 * y, 2 * x)), limits=LIMITS, points=7, at=[0.0, 0.0])
    np.testing.assert_allclose(found["gradient"], 0, atol=1e-5)
    assert float(found["rotational_share"][0]) == pytest.approx(1)


def test_a_swirl_inside_is_found_beside_a_slope():
    # The stream function cos²(πx/3) cos²(πy/2), at rest on the border; the slope's potential is x⁴/4 + y²/2.
    a, b = np.pi / 3, np.pi / 2

    def field(x, y):
        return (
            -(x**3) - b * jnp.cos(a * x) ** 2 * jnp.sin(2 * b * y),
            -y + a * jnp.sin(2 * a * x) * jnp.cos(b * y) ** 2,
        )

    found = fields.helmholtz(plane(field), limits=LIMITS, points=41, at=[0.0, 0.0])
    x, y = mesh(found)[..., 0], mesh(found)[..., 1]
    gradient = found["gradient"].values[0]
    inside = (slice(1, -1), slice(1, -1))
    np.testing.assert_allclose(gradient[..., 0][inside], -(x**3)[inside], atol=0.02)
    np.testing.assert_allclose(gradient[..., 1][inside], -y[inside], atol=0.02)
    np.testing.assert_allclose(found["gradient"] + found["rotational"], found["drift"], atol=1e-9)


def test_a_line_is_no_plane():
    with pytest.raises(DataError, match="names 1 states; a plane has two"):
        fields.helmholtz(plane(lambda x, y: (x, y)), (0,), LIMITS)
