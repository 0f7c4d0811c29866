"""Many coordinates drawn towards a line in the logarithm of their rank: few data pool, many prevail."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import xarray as xr
from numpyro.handlers import seed, trace

import sdebayes as sb
from sdebayes.likelihood import IndependentKalman
from sdebayes.priors.pooled import OWN, SLOPE, log_rank, pooled

DRAWS = 20_000


def drawn(count: int) -> np.ndarray:
    def one(key):
        with seed(rng_seed=key):
            return pooled("z", count)

    return np.asarray(jax.vmap(one)(jax.random.split(jax.random.key(0), DRAWS)))


@pytest.mark.smoke
@pytest.mark.parametrize("count", [1, 2, 12])
def test_prior_moments_are_those_of_a_line_and_of_deviations(count):
    z, rank = drawn(count), log_rank(count)
    level = 1 - SLOPE**2 * np.mean(rank**2) - OWN**2
    expected = level + SLOPE**2 * np.outer(rank, rank) + OWN**2 * np.eye(count)
    assert np.trace(expected) / count == pytest.approx(1)
    error = np.sqrt((np.outer(np.diag(expected), np.diag(expected)) + expected**2) / DRAWS)
    np.testing.assert_array_less(np.abs(np.cov(z.T) - expected), 4.5 * error)
    np.testing.assert_array_less(np.abs(z.mean(0)), 4.5 * np.sqrt(np.diag(expected) / DRAWS))


def pooled_model(**options) -> sb.SDEModel:
    noise = sb.GaussianNoise(
        covariance="pooled", trajectory_effect=True, effect_covariance="pooled", **options
    )
    return sb.SDEModel(sb.priors.Linear(diagonal=True), sb.priors.Constant("pooled"), observation=noise)


def texts(count: int, share: np.ndarray) -> xr.Dataset:
    """Trajectories of four steps of independent states of variance one, of which noise has a share of each."""
    rng = np.random.default_rng(1)
    kernel = np.exp(-np.abs(np.subtract.outer(np.arange(4), np.arange(4))) / 3)
    path = np.einsum("kl,nls->nks", np.linalg.cholesky(kernel), rng.normal(size=(count, 4, share.size)))
    return sb.trajectories(list(np.sqrt(1 - share) * path + np.sqrt(share) * rng.normal(size=path.shape)))


def test_all_of_independent_states_may_be_pooled():
    data = texts(4, np.full(3, 0.5))
    model = pooled_model().scaled_to(data)
    assert isinstance(model.likelihood, IndependentKalman)
    with seed(rng_seed=0), trace() as sites:
        observed = model.build()
    pooled_sites = {name for name in sites if name.endswith("_slope")}
    assert pooled_sites == {"path_quantile_slope", "effect_quantile_slope", "time_constant_quantile_slope"}
    noise, effect = np.diag(observed.noise_covariance), np.diag(observed.effect_covariance)
    assert len(set(noise)) == len(set(effect)) == 3
    assert "R_jj: about a line in log j" in model.describe()
    assert "τ_jj about a line in log j" in model.describe()


@pytest.mark.parametrize(
    ("model", "site"),
    [
        (sb.SDEModel(diffusion=sb.priors.Constant("pooled"), observation=sb.Exact()), "diffusion_scale"),
        (sb.SDEModel(observation=sb.GaussianNoise(np.eye(3), covariance="pooled")), "noise_variance"),
        (sb.SDEModel(observation=sb.StudentTNoise(covariance="pooled")), "path_quantile"),
    ],
    ids=["states observed", "known H", "Student-t noise"],
)
def test_other_variances_may_be_pooled_too(model, site):
    model = model.scaled_to(texts(4, np.full(3, 0.5)))
    with seed(rng_seed=0), trace() as sites:
        model.build()
    name = site if site.endswith("quantile") else f"{site}_quantile"
    assert {name, f"{name}_level", f"{name}_slope"} <= set(sites)
    assert np.shape(sites[site]["value"]) == (3,)


@pytest.mark.slow
def test_few_texts_pool_and_many_lean_on_their_own():
    """One coordinate of four has three times the noise of the others, no line through them."""
    share = np.array([0.2, 0.2, 0.6, 0.2])
    found = {}
    for count in (40, 4000):
        data = texts(count, share)
        posterior = sb.fit(pooled_model(), data, sb.Laplace(draws=50), seed=0, progress=False)
        drawn = posterior.data["posterior"].to_dataset().stack(sample=("chain", "draw"))
        noise, path = drawn["noise_variance"], drawn["stationary_variance"]
        found[count] = (noise / (noise + path)).mean("sample").values
    assert np.abs(found[4000] - share).max() < 0.05
    apart = {count: one[2] - np.delete(one, 2).mean() for count, one in found.items()}
    assert apart[40] < 0.8 * apart[4000]
