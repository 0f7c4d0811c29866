"""The half-normal law as a function of a standard normal value, in both precisions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from sdebayes._core.precision import scope
from sdebayes.priors.field import half_normal_quantile


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_the_half_normal_s_quantile(precision):
    """Its two tails have the probabilities of z's, and its slope is the ratio of the densities."""
    with scope(precision):
        z = np.concatenate([np.linspace(-8, 5, 40), [0.0]])
        both = jax.jit(jax.vmap(jax.value_and_grad(half_normal_quantile)))
        found, slope = map(np.asarray, both(jnp.asarray(z)))
    tolerance = {"float32": 2e-5, "float64": 1e-12}[precision]
    np.testing.assert_allclose(stats.halfnorm.cdf(found), stats.norm.cdf(z), rtol=tolerance)
    np.testing.assert_allclose(stats.halfnorm.sf(found), stats.norm.sf(z), rtol=tolerance)
    np.testing.assert_allclose(slope, stats.norm.pdf(z) / stats.halfnorm.pdf(found), rtol=tolerance)
