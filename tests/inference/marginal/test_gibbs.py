"""Terms drawn one after another, against the sum over all sets."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.handlers import seed, substitute
from scipy.special import logsumexp

import sdebayes as sb
from sdebayes._core.tracing import one_at_a_time
from sdebayes.inference import statistics
from sdebayes.inference.marginal.gibbs import log_evidence_of_set, sweep_terms
from sdebayes.inference.marginal.marginalized import marginalized
from sdebayes.inference.marginal.term_sets import log_evidence_of_sets, per_output
from tests.cases import first_of
from tests.inference.marginal.test_evidence import EULER, EXACT
from tests.inference.marginal.test_evidence import data as data
from tests.inference.marginal.test_term_sets import H
from tests.inference.marginal.test_term_sets import every_set as every_set
from tests.inference.marginal.test_term_sets import model as model


@pytest.fixture
def given_and_sums(data, model, x64):
    """All but terms and weights, the data's sums, and the rate of inclusion."""
    ready, sums = marginalized(model), statistics(model, data)
    values = {name: jnp.asarray(value) for name, value in H.items()}
    return (
        one_at_a_time(substitute(seed(ready.given, jax.random.key(0)), data=values))()[0],
        sums,
        values["drift_inclusion_rate"],
    )


def test_the_evidence_of_each_set_is_the_dense_one(given_and_sums, every_set):
    sets, log_weights = every_set
    found = jax.jit(jax.vmap(lambda chosen: log_evidence_of_set(*given_and_sums, chosen)))(
        jnp.asarray(sets, float)
    )
    np.testing.assert_allclose(found, log_weights, rtol=1e-10)
    whole = float(jax.jit(log_evidence_of_sets)(*given_and_sums))
    assert logsumexp(found) == pytest.approx(whole, rel=1e-10)


@pytest.mark.parametrize("times", first_of([3, -3]))
def test_many_sweeps_draw_each_set_at_its_rate(given_and_sums, every_set, times):
    """Frequencies over 20,000 chains, and the mean of the probabilities, which has less noise."""
    count = 20_000
    start = jax.random.bernoulli(jax.random.key(3), 0.5, (count, 3, 2)).astype(float)
    keys = jax.random.split(jax.random.key(4), count)
    drawn, probability = jax.jit(
        jax.vmap(lambda key, one: sweep_terms(key, *given_and_sums, one, 5 * times))
    )(keys, start)
    sets, log_weights = every_set
    law = np.exp(log_weights - logsumexp(log_weights))
    labels = np.asarray(drawn).reshape(count, -1) @ 2 ** np.arange(5, -1, -1)
    frequency = np.bincount(labels.astype(int), minlength=64) / count
    np.testing.assert_array_less(np.abs(frequency - law), 4.5 * np.sqrt(law * (1 - law) / count) + 2e-4)
    expected = np.einsum("s,sij->ij", law, sets)
    np.testing.assert_allclose(np.mean(probability, 0), expected, atol=0.01)
    np.testing.assert_allclose(np.mean(drawn, 0), expected, atol=4.5 * np.sqrt(0.25 / count))


def test_the_sweep_keeps_its_elimination(given_and_sums):
    """After hundreds of terms taken in and out the odds are still those of a fresh elimination."""
    drawn, probability = sweep_terms(jax.random.key(0), *given_and_sums, jnp.ones((3, 2)), -300)
    (P, b), *_ = per_output(*given_and_sums[:2])
    others = np.asarray(drawn[:, 0]) > 0
    others[0] = False
    left = P[0, 0] - P[0, others] @ np.linalg.solve(P[others][:, others], P[others, 0])
    rest = b[0] - P[0, others] @ np.linalg.solve(P[others][:, others], b[others])
    odds = np.log(0.3 / 0.7) - 0.5 * np.log(left) + 0.5 * rest**2 / left
    assert float(probability[0, 0]) == pytest.approx(1 / (1 + np.exp(-odds)), rel=1e-9)


@pytest.mark.slow
def test_a_well_is_found_in_a_library_of_21_functions():
    data, _ = sb.datasets.benchmark("double_well", 2000, 0.05, seed=101)
    model = sb.SDEModel(
        sb.priors.Sparse(sb.priors.Polynomial(degree=5)),
        sb.priors.Constant("diagonal"),
        EULER,
        EXACT,
    )
    posterior = sb.fit(model, data, sb.Marginal(draws=200, warmup=100, chains=2), seed=0, progress=False)
    found = posterior.data["selection"]["inclusion_probability"].mean(("chain", "draw"))
    assert found.sizes["library_term"] == 21
    assert float(found.sel(library_term="x2", state="x2")) > 0.7
    odd = found.sel(library_term=["x1³", "x1⁵"], state="x1")
    assert float(odd.max()) > 0.7
    irrelevant = found.sel(library_term=["1", "x1 x2", "x2⁴", "x1² x2²"])
    assert float(irrelevant.max()) < 0.3
    assert float(irrelevant.mean()) < 0.1
