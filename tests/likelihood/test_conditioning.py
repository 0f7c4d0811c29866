"""A normal law given what is seen: the joint law's own numbers, and derivatives by differences."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy.stats import multivariate_normal

from sdebayes.likelihood.conditioning import condition


def joint(z: int, observed: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return Cov(z), Cov(z, y), Cov(y) of a joint normal law, and a residual."""
    generator = np.random.default_rng(seed)
    root = generator.normal(size=(z + observed, z + observed + 2))
    whole = root @ root.T
    return whole[:z, :z], whole[:z, z:], whole[z:, z:], generator.normal(size=observed)


@pytest.mark.parametrize(("z", "observed"), [(1, 1), (2, 3), (10, 5)])
def test_the_joint_density_is_that_of_what_is_seen_times_that_of_the_rest(z, observed, x64):
    P, cross, S, residual = joint(z, observed, seed=z)
    density, shift, reduction = (
        np.asarray(part) for part in condition(*map(jnp.asarray, (cross, S, residual)))
    )
    seen = density - 0.5 * observed * np.log(2 * np.pi)
    point = np.random.default_rng(1).normal(size=z)
    rest = multivariate_normal(shift, P - reduction).logpdf(point)
    whole = multivariate_normal(np.zeros(z + observed), np.block([[P, cross], [cross.T, S]]))
    np.testing.assert_allclose(seen + rest, whole.logpdf(np.concatenate([point, residual])), rtol=1e-10)


@pytest.mark.parametrize(("z", "observed"), [(1, 1), (2, 3), (10, 5)])
def test_derivatives_of_both_modes_and_orders_are_those_by_differences(z, observed, x64):
    _, cross, S, residual = joint(z, observed, seed=z)

    def found(cross, root, residual):
        return condition(*(jnp.asarray(part) for part in (cross, root @ root.T, residual)))

    arguments = jnp.asarray(cross), jnp.asarray(np.linalg.cholesky(S)), jnp.asarray(residual)
    check_grads(found, arguments, order=2, modes=["fwd", "rev"], rtol=1e-4, atol=1e-4)


def test_what_is_not_seen_changes_nothing(x64):
    _, cross, S, residual = (jnp.asarray(part) for part in joint(2, 2, seed=0))
    some = condition(cross.at[:, 1].set(0.0), jnp.diag(jnp.array([S[0, 0], 1.0])), residual.at[1].set(0.0))
    alone = condition(cross[:, :1], S[:1, :1], residual[:1])
    for one, other in zip(some, alone, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
