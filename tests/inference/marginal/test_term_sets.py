"""Sums over sets of terms, against all sets one by one with the normal law of all increments at once."""

from __future__ import annotations

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.handlers import seed, substitute
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

import sdebayes as sb
from sdebayes._core import precision
from sdebayes._core.errors import ModelError
from sdebayes._core.tracing import one_at_a_time
from sdebayes.inference import log_evidence, statistics
from sdebayes.inference.marginal import marginalized as marginalized_module
from sdebayes.inference.marginal.marginalized import marginalized
from tests.inference.marginal.test_evidence import EULER, EXACT, increments_of
from tests.inference.marginal.test_evidence import data as data

SPARSE = sb.priors.Sparse(sb.priors.Polynomial(degree=1))
H = {
    "drift_inclusion_rate": 0.3,
    "drift_slab": 0.8,
    "diffusion_scale": [0.5, 1.2],
    "initial_mean": [3.0, -1.0],
    "initial_variance": [0.4, 0.7],
}


def model_of(drift, shape: str = "diagonal") -> sb.SDEModel:
    return sb.SDEModel(drift, sb.priors.Constant(shape), EULER, EXACT)


@pytest.fixture(scope="module")
def model(data) -> sb.SDEModel:
    with precision.scope("float64"):
        return model_of(SPARSE).scaled_to(data)


@pytest.fixture(scope="module")
def every_set(data, model):
    """γ of all 2⁶ sets and the logarithm of π-weighted density of each."""
    x, increments, dt, first = increments_of(data)
    design = np.column_stack([np.ones(len(x)), x]) * dt[:, None]
    size = np.sqrt(np.mean(np.column_stack([np.ones(len(s := model.scale.points)), s]) ** 2, 0))
    sd = H["drift_slab"] * np.asarray(model.drift.drift_scale) / size[:, None]
    start = norm(H["initial_mean"], np.sqrt(H["initial_variance"])).logpdf(first).sum()
    sets, found = list(product((0, 1), repeat=6)), []
    for bits in sets:
        chosen = np.reshape(bits, (3, 2))
        value = start + np.sum(chosen) * np.log(0.3) + np.sum(1 - chosen) * np.log(0.7)
        for j in range(2):
            J = design * (sd[:, j] * chosen[:, j])
            covariance = J @ J.T + np.diag(dt * H["diffusion_scale"][j])
            value += multivariate_normal(np.zeros(len(x)), covariance).logpdf(increments[:, j])
        found.append(value)
    return np.reshape(sets, (64, 3, 2)), np.array(found)


def test_the_evidence_is_the_sum_over_all_sets(data, model, every_set):
    found = log_evidence(model, data, H)
    assert found == pytest.approx(logsumexp(every_set[1]), rel=1e-10)


def test_terms_and_weights_are_drawn_from_their_law(data, model, every_set, x64):
    """Probabilities of terms, and means of coefficients, given everything else."""
    ready, sums = marginalized(model), statistics(model, data)
    values = {name: jnp.asarray(value) for name, value in H.items()}

    def draw(key):
        given, known = one_at_a_time(substitute(seed(ready.given, jax.random.key(0)), data=values))()
        sites, _, terms = ready.complete(key, given, known, sums)
        observed = one_at_a_time(substitute(seed(model.build, jax.random.key(0)), data=values | sites))()
        return observed.sde.drift.field.weights, terms["inclusion_probability"], sites

    count = 4000
    W, probability, sites = jax.jit(jax.vmap(draw))(jax.random.split(jax.random.key(1), count))
    chosen, log_weights = every_set
    expected = np.einsum("s,sij->ij", np.exp(log_weights - logsumexp(log_weights)), chosen)
    np.testing.assert_allclose(probability[0], expected, rtol=1e-8)
    included = np.asarray(W) != 0
    error = np.sqrt(expected * (1 - expected) / count) + 1e-9
    assert np.all(np.abs(included.mean(0) - expected) < 4.5 * error)
    quantile = np.asarray(sites["drift_inclusion_quantile"])
    np.testing.assert_array_equal(quantile < norm.ppf(0.3), included)

    x, increments, dt, _ = increments_of(data)
    design = np.column_stack([np.ones(len(x)), x])
    size = np.asarray(model.drift.library.size)
    for j in range(2):
        sets, inverse, counts = np.unique(included[:, :, j], axis=0, return_inverse=True, return_counts=True)
        most = np.argmax(np.where(sets.any(1), counts, 0))
        rows, terms = inverse == most, sets[most]
        n = counts[most]
        assert n > 200
        prior = (H["drift_slab"] * model.drift.drift_scale[j] / size[terms]) ** -2
        psi = design[:, terms]
        P = psi.T @ (psi * dt[:, None]) / H["diffusion_scale"][j] + np.diag(prior)
        mean = np.linalg.solve(P, psi.T @ increments[:, j] / H["diffusion_scale"][j])
        white = np.linalg.cholesky(P).T @ (np.asarray(W)[rows][:, terms, j] - mean).T
        assert np.all(np.abs(white.mean(1)) < 4.5 / np.sqrt(n))
        np.testing.assert_allclose(white.var(1), 1, atol=4.5 * np.sqrt(2 / n))


@pytest.mark.parametrize(
    ("drift", "shape", "words"),
    [
        (SPARSE, "full", r"Constant\('diagonal'\)"),
        (sb.priors.Sparse(sb.priors.Polynomial(degree=4)), "diagonal", "has 15 functions"),
    ],
)
def test_what_cannot_be_summed_over_is_refused(data, drift, shape, words):
    with pytest.raises(ModelError, match=words):
        log_evidence(model_of(drift, shape), data, H)


@pytest.mark.parametrize(
    "strategy", [sb.NUTS(draws=5, warmup=5, chains=1), sb.Laplace(draws=5), sb.SVI(draws=5, steps=100)]
)
def test_strategies_by_gradients_refuse_terms_that_are_in_or_out(data, strategy):
    with pytest.raises(ModelError, match=r"Marginal\(\), or Sparse\(selection=sdebayes\.priors\.Horseshoe"):
        sb.fit(model_of(SPARSE), data, strategy, progress=False)


PLACES = np.linspace(-0.9, 0.9, 7)[:, None]


def fitted_to_a_well() -> sb.Posterior:
    data, _ = sb.datasets.benchmark("double_well_1d", 3000, 0.05, seed=2)
    strategy = sb.Marginal(draws=150, warmup=100)
    return sb.fit(model_of(sb.priors.Sparse()), data, strategy, seed=0, progress=False)


@pytest.fixture(scope="module")
def summed() -> sb.Posterior:
    return fitted_to_a_well()


@pytest.mark.slow
def test_a_cubic_well_is_found(summed):
    posterior, (_, truth) = summed, sb.datasets.benchmark("double_well_1d", 3, 0.05)
    table = posterior.data["posterior"].to_dataset()
    assert list(table["library_term"].values) == ["1", "x1", "x1²", "x1³"]
    found = table["drift_inclusion"].mean(("chain", "draw")).squeeze().values
    assert found[1] > 0.95
    assert found[3] > 0.95
    assert found[2] < 0.5
    probability = (
        posterior.data["selection"]["inclusion_probability"].mean(("chain", "draw")).squeeze().values
    )
    np.testing.assert_allclose(probability, found, atol=4.5 * np.sqrt(0.25 / 300))
    drift = posterior.drift(PLACES).values[..., 0]
    low, high = np.quantile(drift, [0.005, 0.995], axis=0)
    true = np.array([truth.drift(jnp.asarray(p))[0] for p in PLACES])
    assert np.mean((low <= true) & (true <= high)) >= 5 / 7
    findings = {f.subject: f for f in posterior.diagnosis()}
    assert findings["Far from the data"].values["explosive"] < 0.05


@pytest.mark.slow
def test_a_fit_that_draws_terms_in_turn_agrees(summed, monkeypatch):
    monkeypatch.setattr(marginalized_module, "MOST_TERMS", 2)
    drawn = fitted_to_a_well()
    first, second = (each.data["selection"]["inclusion_probability"] for each in (summed, drawn))
    np.testing.assert_allclose(first.mean(("chain", "draw")), second.mean(("chain", "draw")), atol=0.08)
    first, second = (each.drift(PLACES[:3]).values[..., 0] for each in (summed, drawn))
    spread = first.std(0)
    np.testing.assert_allclose(second.mean(0) / spread, first.mean(0) / spread, atol=0.35)
    np.testing.assert_allclose(second.std(0) / spread, 1, atol=0.25)
