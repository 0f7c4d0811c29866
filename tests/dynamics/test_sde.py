"""An SDE of the user's own functions."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import sdebayes as sb
from sdebayes._core.errors import ModelError


def cubic(x, t):
    return x - x**3


def test_plain_functions_make_an_sde():
    own = sb.SDE(cubic, lambda x, t: jnp.array([[0.5]]))
    x = jnp.array([2.0])
    np.testing.assert_allclose(own.drift(x), [-6.0])
    np.testing.assert_allclose(own.covariance(x), [[0.25]])
    times = np.linspace(0, 1, 5)
    paths = sb.simulate(own, times, x0=[0.1], paths=3, seed=0)
    known = sb.SDE(
        sb.dynamics.ParametricDrift(lambda x, t, p: cubic(x, t), {}),
        sb.dynamics.ConstantDiffusion(jnp.array([[0.5]])),
    )
    expected = sb.simulate(known, times, x0=[0.1], paths=3, seed=0)
    np.testing.assert_allclose(paths["x"], expected["x"], rtol=1e-12)


@pytest.mark.parametrize(("drift", "diffusion", "role"), [(3, cubic, "drift"), (cubic, None, "diffusion")])
def test_what_is_no_function_is_refused(drift, diffusion, role, untyped):
    with pytest.raises(ModelError, match=rf"The {role} is .*a function \(x, t\)"):
        sb.SDE(drift, diffusion)
