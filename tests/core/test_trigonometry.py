"""Cosine and sine against NumPy's, in both precisions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdebayes._core.precision import scope
from sdebayes._core.trigonometry import cosine_and_sine


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_cosine_and_sine_are_as_exact_as_their_angle(precision):
    with scope(precision):
        angle = np.linspace(-300.0, 300.0, 60_001).astype(precision)
        cosine, sine = cosine_and_sine(jnp.asarray(angle))
        allowed = 2 * np.finfo(precision).eps * np.maximum(1.0, np.abs(angle))
        assert cosine.dtype == sine.dtype == precision
        wide = angle.astype(np.float64)
        assert np.all(np.abs(np.asarray(cosine) - np.cos(wide)) <= allowed)
        assert np.all(np.abs(np.asarray(sine) - np.sin(wide)) <= allowed)


def test_every_quadrant_and_its_edges():
    with scope("float64"):
        angle = 0.5 * np.pi * np.arange(-8, 9)
        cosine, sine = cosine_and_sine(jnp.asarray(angle))
        np.testing.assert_allclose(cosine, np.cos(angle), atol=1e-15)
        np.testing.assert_allclose(sine, np.sin(angle), atol=1e-15)


def test_second_derivatives_are_the_functions_themselves():
    with scope("float64"):
        angle = jnp.linspace(-4.0, 4.0, 101)
        for part, of in enumerate((np.cos, np.sin)):
            second = jax.vmap(jax.grad(jax.grad(lambda a, part=part: cosine_and_sine(a)[part])))(angle)
            np.testing.assert_allclose(second, -of(np.asarray(angle)), atol=1e-14)


def test_an_angle_that_is_not_finite_gives_no_number():
    assert np.isnan(np.asarray(cosine_and_sine(jnp.asarray([np.inf, np.nan])))).all()
