"""Partial correlations: the law of NumPyro's LKJCholesky, in coordinates without bounds."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import biject_to
from numpyro.handlers import seed, substitute
from scipy import stats

from sdebayes.priors.correlation import PartialCorrelations, correlation_cholesky


@pytest.mark.parametrize(("size", "concentration"), [(2, 0.3), (4, 2.0)])
def test_density_and_factor_are_those_of_lkj(size, concentration, x64):
    z = jnp.asarray(np.random.default_rng(0).normal(size=size * (size - 1) // 2))
    known = dist.LKJCholesky(size, concentration)
    bijection = biject_to(known.support)

    @jax.jit
    def both(z):
        factor = bijection(z)
        theirs = known.log_prob(factor) + bijection.log_abs_det_jacobian(z, factor)
        program = substitute(seed(lambda: correlation_cholesky("c", size, concentration), 0), data={"c": z})
        return factor, program(), theirs, PartialCorrelations(size, concentration).log_prob(z)

    factor, ours, theirs, density = both(z)
    np.testing.assert_allclose(ours, factor, atol=1e-12)
    np.testing.assert_allclose(density, theirs, rtol=1e-10)


def test_draws_have_the_density(x64):
    law = PartialCorrelations(4, 0.7)
    z = np.asarray(jax.jit(lambda key: law.sample(key, (4000,)))(jax.random.key(0)))
    for values, column in zip(z.T, (0, 0, 1, 0, 1, 2), strict=True):
        beta = 0.7 + (2 - column) / 2
        assert stats.kstest((1 + np.tanh(values)) / 2, stats.beta(beta, beta).cdf).pvalue > 1e-3


def test_draws_of_a_law_with_much_mass_at_its_ends_are_finite():
    z = jax.jit(lambda key: PartialCorrelations(2, 0.3).sample(key, (10_000,)))(jax.random.key(1))
    assert np.all(np.isfinite(z))
