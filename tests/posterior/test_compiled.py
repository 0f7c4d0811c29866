"""What is computed from draws is compiled once, and keeps to numbers."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import sdebayes as sb
from sdebayes.likelihood import AbstractLikelihood, LinearTransitions
from sdebayes.model import sdemodel
from sdebayes.posterior import compiled
from sdebayes.schemes import EulerMaruyama


@pytest.mark.thorough
def test_a_second_reading_compiles_nothing(exact, exact_training):
    x = np.zeros((3, 2))
    compiled = []

    def read() -> None:
        exact.drift(x), exact.covariance(x), exact.diagnosis(), exact.log_score(exact_training)
        sb.compare({"model": exact}, exact_training)

    read()
    jax.monitoring.register_event_duration_secs_listener(lambda name, *_, **__: compiled.append(name))
    read()
    assert not [name for name in compiled if "backend_compile" in name]


@pytest.mark.thorough
def test_other_data_of_a_shape_are_traced_thrice_and_compile_nothing(monkeypatch):
    """The prior's program is run for a draw of it, for the density, and to read draws; and for nothing else."""
    values = np.random.default_rng(0).normal(size=(2, 3, 12, 1))
    first, other = (sb.trajectories(list(one)) for one in values)
    model, strategy = sb.SDEModel(observation=sb.Exact()), sb.NUTS(draws=30, warmup=20)
    known = sb.fit(model, first, strategy, progress=False)
    runs, compiled, build = [], [], sdemodel.draw_sde
    monkeypatch.setattr(sdemodel, "draw_sde", lambda model: runs.append(model) or build(model))
    jax.monitoring.register_event_duration_secs_listener(lambda name, *_, **__: compiled.append(name))
    found = sb.fit(model, other, strategy, progress=False)
    assert len(runs) == 3
    assert not [name for name in compiled if "backend_compile" in name]
    assert not found.data["unconstrained"].equals(known.data["unconstrained"])


def test_a_density_that_is_no_number_counts_as_impossible(exact, exact_training, monkeypatch):
    terms = np.array([[np.nan, 0.0], [1.0, 2.0], [0.0, 0.0]])
    monkeypatch.setattr(LinearTransitions, "log_density", lambda *_: terms)
    compiled.log_density.cache_clear()
    assert exact.log_score(exact_training).values.tolist() == [-np.inf, 3.0, 0.0]
    compiled.log_density.cache_clear()


def test_models_of_one_likelihood_share_what_is_compiled():
    one, other = (
        sb.SDEModel(sb.priors.Linear(stable=stable), observation=sb.Exact()) for stable in (True, False)
    )
    assert compiled.step_terms(one.likelihood) is compiled.step_terms(other.likelihood)
    euler = sb.SDEModel(scheme=EulerMaruyama(), observation=sb.Exact())
    assert compiled.step_terms(one.likelihood) is not compiled.step_terms(euler.likelihood)


def test_likelihoods_that_declare_no_fields_are_not_taken_for_each_other():
    methods = dict.fromkeys(AbstractLikelihood.__abstractmethods__)
    undeclared = type("Undeclared", (AbstractLikelihood,), methods)
    assert undeclared(EulerMaruyama()) != undeclared(EulerMaruyama())


@pytest.mark.thorough
def test_data_of_another_length_compile_nothing():
    """A loop over texts of all lengths waits once for each of few lengths."""
    rng = np.random.default_rng(0)
    strategy, compiled = sb.Laplace(draws=20), []

    def read(length: int) -> None:
        data = sb.trajectories([rng.normal(size=(length, 1)).cumsum(0)])
        posterior = sb.fit(sb.SDEModel(), data, strategy, progress=False)
        posterior.diagnosis(), posterior.log_score(data), posterior.smooth(data), posterior.predict(data)
        sb.forecast(posterior, data)

    read(42)
    jax.monitoring.register_event_duration_secs_listener(lambda name, *_, **__: compiled.append(name))
    read(44)
    assert not [name for name in compiled if "backend_compile" in name]
