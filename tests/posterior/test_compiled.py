"""What is computed from draws is compiled once, and keeps to numbers."""

from __future__ import annotations

import jax
import numpy as np

import sdebayes as sb
from sdebayes.likelihood import LinearTransitions
from sdebayes.posterior import compiled


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


def test_a_density_that_is_no_number_counts_as_impossible(exact, exact_training, monkeypatch):
    terms = np.array([[np.nan, 0.0], [1.0, 2.0], [0.0, 0.0]])
    monkeypatch.setattr(LinearTransitions, "log_density", lambda *_: terms)
    compiled.log_density.cache_clear()
    assert exact.log_score(exact_training).values.tolist() == [-np.inf, 3.0, 0.0]
    compiled.log_density.cache_clear()
