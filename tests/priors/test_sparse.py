"""Sparse drifts: monomials, laws of coefficients, and what is refused."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import sdebayes as sb
from sdebayes._core.errors import ModelError
from sdebayes.posterior import serialization
from sdebayes.priors import Functions, Horseshoe, Polynomial, Sparse, SpikeAndSlab

EXACT = sb.Exact()


def test_monomials_and_their_names(x64):
    library = Polynomial(degree=3, origin=[1.0, 0.0])
    names = library.names(["a", "b"])
    assert names == ["1", "a", "b", "a²", "a b", "b²", "a³", "a² b", "a b²", "b³"]
    a, b = 1.7, -0.4
    expected = [1, a, b, a * a, a * b, b * b, a**3, a * a * b, a * b * b, b**3]
    basis = library.basis(2)
    np.testing.assert_allclose(basis(jnp.array([1 + a, b])), expected, rtol=1e-12)
    gradient = jax.jacfwd(basis)(jnp.array([1.0, b]))
    np.testing.assert_allclose(gradient[:, 0], [0, 1, 0, 0, b, 0, 0, 0, b * b, 0], atol=1e-12)
    assert len(Polynomial(3).names(["x", "y", "z"])) == 20


@pytest.mark.parametrize("library", [Polynomial(2), Functions(lambda x: jnp.sin(x), ["a", "b", "c"])])
@pytest.mark.thorough
def test_coefficients_are_of_the_size_of_the_data_s_drift(data, draw, library, x64):
    """Σ_i (W_ij r_i / d_j)² is that of included terms; the drift is the sum by hand."""
    selection = SpikeAndSlab(inclusion=(50.0, 50.0), slab=0.5, slab_spread=0.1)
    model = sb.SDEModel(Sparse(library, selection), sb.priors.Constant("diagonal"), observation=EXACT)
    model = model.scaled_to(data)
    prior = model.drift
    observed, sites = draw(model, 1500)
    W = np.asarray(observed.sde.drift.field.weights)
    np.testing.assert_array_equal(W, sites["drift_coefficients"])
    included = sites["drift_inclusion"] > 0
    np.testing.assert_array_equal(W != 0, included)
    assert abs(included.mean() - 0.5) < 4.5 * np.sqrt(0.05**2 / 1500 + 0.25 / included.size)
    unit = np.asarray(prior.drift_scale) / np.asarray(prior.library.size)[:, None]
    standard = (W / unit)[included] / np.broadcast_to(sites["drift_slab"][:, None, None], W.shape)[included]
    assert stats.kstest(standard[:2000], "norm").pvalue > 1e-3
    assert stats.kstest(np.log(sites["drift_slab"]), stats.norm(np.log(0.5), 0.1).cdf).pvalue > 1e-3
    points = model.scale.points
    values = np.array([library.basis(3)(jnp.asarray(p)) for p in points[:3]])
    for k in range(3):
        drift = jax.vmap(lambda s, k=k: s.drift(jnp.asarray(points[k])))(observed.sde)
        np.testing.assert_allclose(drift, values[k] @ W, rtol=1e-9, atol=1e-9 * np.abs(drift).max())


def test_the_horseshoe_is_shrunk_by_its_slab(data, draw, x64):
    """Given its scales, a coefficient is normal with variance k²τ²λ²/(k² + τ²λ²) times its unit's."""
    drift = Sparse(Polynomial(2), Horseshoe(scale=0.5, slab=1.5, degrees=20.0))
    model = sb.SDEModel(drift, sb.priors.Constant("diagonal"), observation=EXACT).scaled_to(data)
    _, sites = draw(model, 1000)
    unit = np.asarray(model.drift.drift_scale) / np.asarray(model.drift.library.size)[:, None]
    squared = (sites["drift_shrinkage"][:, None, None] * sites["drift_local_scale"]) ** 2
    slab = sites["drift_slab_variance"][:, None, None]
    sd = np.sqrt(slab * squared / (slab + squared))
    assert np.all(sd**2 <= slab)
    assert (
        stats.kstest((sites["drift_coefficients"] / unit / sd)[:, :, 1].ravel()[:3000], "norm").pvalue > 1e-3
    )
    assert stats.kstest(sites["drift_shrinkage"], stats.halfcauchy(scale=0.5).cdf).pvalue > 1e-3
    law = stats.invgamma(10, scale=10 * 1.5**2)
    assert stats.kstest(sites["drift_slab_variance"], law.cdf).pvalue > 1e-3


@pytest.mark.parametrize("selection", [SpikeAndSlab(), Horseshoe()])
def test_it_is_stored_without_code(data, selection, x64):
    model = sb.SDEModel(Sparse(Polynomial(2), selection), sb.priors.Constant("diagonal"), observation=EXACT)
    frozen = model.scaled_to(data)
    assert serialization.decode(serialization.encode(frozen)).describe() == frozen.describe()
    assert "x1 x2" in frozen.describe()


def test_what_is_not_a_library_is_refused(data, untyped):
    for make, words in (
        (lambda: Polynomial(degree=0), "degree=0"),
        (lambda: Sparse(library=3), r"library=3 must be an AbstractLibrary .*Polynomial\(\)"),
        (lambda: Sparse(selection="horseshoe"), r"selection='horseshoe'.*SpikeAndSlab\(\)"),
        (lambda: SpikeAndSlab(slab=-1.0), "slab=-1"),
        (lambda: SpikeAndSlab(inclusion=0.2), r"inclusion=0\.2 must be a tuple of a positive"),
        (lambda: Functions(None, ["a"]), "function=None must be a function"),
    ):
        with pytest.raises(ModelError, match=words):
            make()
    bare = sb.SDEModel(Sparse(Functions(lambda x: x, ["a"])), sb.priors.Constant(), observation=EXACT)
    with pytest.raises(ModelError, match=r"shape \(3,\), expected \(1,\)"):
        bare.scaled_to(data)
    empty = sb.SDEModel(Sparse(Functions(lambda x: 0 * x, ["a", "b", "c"])), observation=EXACT)
    with pytest.raises(ModelError, match="a, b, c are 0"):
        empty.scaled_to(data)


@pytest.mark.slow
def test_the_horseshoe_is_sampled_by_gradients_and_finds_a_cubic_well():
    data, truth = sb.datasets.benchmark("double_well_1d", 2000, 0.05, seed=2)
    model = sb.SDEModel(Sparse(selection=Horseshoe()), sb.priors.Constant(), observation=sb.Exact())
    posterior = sb.fit(model, data, sb.NUTS(draws=100, warmup=100, chains=1), seed=0, progress=False)
    x = np.linspace(-1, 1, 9)[:, None]
    drift, true = (
        posterior.drift(x).values[..., 0],
        np.array([truth.drift(jnp.asarray(point))[0] for point in x]),
    )
    assert np.all(np.abs(drift.mean(0) - true) < 4 * drift.std(0))
    assert np.sum((drift.mean(0) - true) ** 2) < 0.05 * np.sum(true**2)
