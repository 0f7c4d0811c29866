"""Draws against a conjugate posterior; seeds, checkpoints and configuration."""

from __future__ import annotations

import re
from typing import Any

import arviz as az
import jax
import numpy as np
import pytest
from threadpoolctl import threadpool_info

import sdebayes as sb
from sdebayes._core.errors import InferenceError, ModelError, StoreError
from sdebayes.inference import Draws, RunOptions, hamiltonian
from sdebayes.inference.chains import Sampler, sampler_of
from sdebayes.inference.checkpoint import Checkpoint
from sdebayes.inference.problem import Problem
from tests.inference.conftest import FACTOR, STRATEGY


def regression(data, model) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of (v_1, v_2, A_11, A_12, A_21, A_22) by Gaussian regression."""
    s, r = np.array([1.0, 2.0]), 0.7
    precision = np.diag(1 / np.array([r * s[0], r * s[1], r, r * s[0] / s[1], r * s[1] / s[0], r]) ** 2)
    information = np.zeros(6)
    weight = np.linalg.inv(FACTOR @ FACTOR.T)
    for y, t, n in zip(data["y"].values, data["t"].values, data["n_steps"].values, strict=True):
        for k in range(n - 1):
            dt = t[k + 1] - t[k]
            design = dt * np.hstack([np.eye(2), -np.kron(np.eye(2), y[k])])
            precision = precision + design.T @ weight @ design / dt
            information = information + design.T @ weight @ (y[k + 1] - y[k]) / dt
    covariance = np.linalg.inv(precision)
    return covariance @ information, covariance


def test_draws_agree_with_the_conjugate_posterior(regression_fit, regression_data, regression_model):
    mean, covariance = regression(regression_data, regression_model)
    found = regression_fit.data["posterior"].to_dataset()[["drift_offset", "drift_matrix"]]
    summary = {
        name: np.concatenate([np.ravel(table[v].values) for v in ("drift_offset", "drift_matrix")])
        for name, table in (
            ("mean", found.mean(("chain", "draw"))),
            ("sd", found.std(("chain", "draw"))),
            ("mcse", az.mcse(found)),
            ("mcse_sd", az.mcse(found, method="sd")),
        )
    }
    assert np.all(np.abs(summary["mean"] - mean) < 4.5 * summary["mcse"])
    assert np.all(np.abs(summary["sd"] - np.sqrt(np.diag(covariance))) < 4.5 * summary["mcse_sd"])
    assert np.all(summary["mcse"] < 0.1 * np.sqrt(np.diag(covariance)))


def test_the_drift_at_a_point_agrees_with_the_conjugate_posterior(
    regression_fit, regression_data, regression_model
):
    mean, covariance = regression(regression_data, regression_model)
    x = np.array([0.7, -0.3])
    design = np.hstack([np.eye(2), -np.kron(np.eye(2), x)])
    draws = regression_fit.drift(x).values[:, 0]
    error = draws.std(0) / np.sqrt(300)
    assert np.all(np.abs(draws.mean(0) - design @ mean) < 4.5 * error)
    np.testing.assert_allclose(np.cov(draws.T), design @ covariance @ design.T, atol=0.2 * draws.var(0).max())


def test_statistics_of_the_sampler(regression_fit):
    statistics = regression_fit.data["sample_stats"].to_dataset()
    assert dict(statistics.sizes) == {"chain": 2, "draw": 600}
    steps = statistics["n_steps"].values
    np.testing.assert_array_equal(statistics["tree_depth"].values, np.ceil(np.log2(steps + 1)))
    assert 0.6 < float(statistics["acceptance_rate"].mean()) <= 1.0
    assert np.all(statistics["energy"] >= -statistics["lp"])
    assert int(statistics["diverging"].sum()) == 0
    rhat = next(f for f in regression_fit.diagnosis() if f.subject == "R-hat")
    assert rhat.values["rhat"] < 1.03


@pytest.mark.parametrize("dense_dimension", [500, 10, 2])
def test_a_sampler_is_compiled_by_the_shapes_that_its_chains_have(dense_dimension, monkeypatch, x64):
    """Else what is compiled while the middle is searched would be of no use, and compiled again."""
    data, _ = sb.datasets.benchmark("ornstein_uhlenbeck", 60, 0.1, seed=0)
    drift = sb.priors.GP(basis=sb.priors.HSGP(functions=2))
    model = sb.SDEModel(drift, scheme=sb.schemes.EulerMaruyama(), observation=sb.Exact()).scaled_to(data)
    target = Problem(model, model.read(data), jax.random.key(0)).target
    strategy = sb.NUTS(draws=1, warmup=1, dense_dimension=dense_dimension)
    prepared, found = [], []

    def chains(*given: Any, **options: Any) -> Draws:
        found.append(given[3])
        return Draws(np.zeros((2, 1, target.dimension)), {})

    monkeypatch.setattr(Sampler, "prepare", lambda self, target, chart: prepared.append(chart))
    monkeypatch.setattr(hamiltonian, "run_chains", chains)
    options = RunOptions(jax.random.key(1), "float64", False)
    strategy.sample(target, sampler_of(target.density, strategy.settings()), options)
    (blank,), (chart,) = prepared, found
    assert jax.tree.structure(blank) == jax.tree.structure(chart)
    assert jax.tree.map(jax.typeof, blank) == jax.tree.map(jax.typeof, chart)


def configuration() -> list[object]:
    names = ("jax_enable_x64", "jax_platforms", "jax_debug_nans", "jax_default_matmul_precision")
    threads = [(pool["user_api"], pool["num_threads"]) for pool in threadpool_info()]
    return [*(getattr(jax.config, name) for name in names), threads]


def test_another_seed_gives_other_draws_of_the_same_posterior_and_changes_no_configuration(
    regression_model, regression_data, regression_fit
):
    before = configuration()
    other = sb.fit(regression_model, regression_data, STRATEGY, seed=2, progress=False)
    assert configuration() == before
    first, second = (
        fit.data["posterior"]["drift_matrix"].stack(sample=("chain", "draw"))
        for fit in (regression_fit, other)
    )
    assert not np.any(first.values == second.values)
    error = np.sqrt(2) * first.std("sample") / np.sqrt(300)
    assert bool(np.all(np.abs(first.mean("sample") - second.mean("sample")) < 5 * error))


def test_an_interrupted_fit_resumes_with_the_draws_it_would_have_made(
    regression_model, regression_data, regression_fit, tmp_path, monkeypatch
):
    """The uninterrupted fit of the same seed is the fixture, so this is also the test that a seed gives its draws."""
    keep, calls = Checkpoint.keep, []

    def interrupted(self, index, state, records):
        keep(self, index, state, records)
        calls.append(index)
        if len(calls) == 3:
            raise KeyboardInterrupt

    arguments = (regression_model, regression_data, STRATEGY)
    options = {"seed": 1, "progress": False, "checkpoint": tmp_path}
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "keep", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sb.fit(*arguments, **options)
    kept = {p.name for p in tmp_path.iterdir()}
    assert kept <= {"chain-0.npz", "chain-1.npz", "lock"}
    assert "chain-0.npz" in kept or "chain-1.npz" in kept

    restored = []
    restore = Checkpoint.restore

    def watched(self, index, state):
        result = restore(self, index, state)
        restored.append(len(result[1]))
        return result

    monkeypatch.setattr(Checkpoint, "restore", watched)
    resumed = sb.fit(*arguments, **options)
    assert sum(restored) >= 3
    assert max(restored) < 28
    for group in ("posterior", "sample_stats", "unconstrained", "prior", "posterior_predictive"):
        first, second = resumed.data[group].to_dataset(), regression_fit.data[group].to_dataset()
        assert first.identical(second)
        for name in second:
            np.testing.assert_array_equal(first[name].values, second[name].values)

    def refuse(self, progress):
        raise RuntimeError("the density of a fit that is finished was compiled")

    with monkeypatch.context() as patch:
        patch.setattr(Problem, "compiled", refuse)
        again = sb.fit(*arguments, **options)
    assert again.data["posterior"].to_dataset().identical(resumed.data["posterior"].to_dataset())

    with pytest.raises(StoreError, match=r"belongs to another fit.*another folder"):
        sb.fit(*arguments, seed=5, progress=False, checkpoint=tmp_path)


def state() -> dict[str, object]:
    return {"z": np.arange(3.0), "key": jax.random.key(4), "i": np.array(7)}


RECORDS = [
    {"position": np.ones((25, 3)), "lp": np.zeros(25)},
    {"position": np.zeros((25, 3)), "lp": np.ones(25)},
]


def test_a_checkpoint_gives_back_what_it_kept(tmp_path):
    checkpoint = Checkpoint(tmp_path / "new" / "folder", "fit A")
    assert checkpoint.restore(0, state()) is not None
    checkpoint.keep(0, state(), RECORDS)
    blank = {"z": np.zeros(3), "key": jax.random.key(0), "i": np.array(0)}
    found, records = checkpoint.restore(0, blank)
    np.testing.assert_array_equal(found["z"], np.arange(3.0))
    assert jax.random.key_data(found["key"]).tolist() == jax.random.key_data(jax.random.key(4)).tolist()
    assert int(found["i"]) == 7
    for mine, theirs in zip(records, RECORDS, strict=True):
        np.testing.assert_array_equal(mine["position"], theirs["position"])
    assert checkpoint.restore(1, blank) == (blank, [])
    assert [p.name for p in checkpoint.folder.iterdir()] == ["chain-0.npz"]


def test_a_checkpoint_of_another_fit_is_refused(tmp_path):
    Checkpoint(tmp_path, "fit A").keep(0, state(), RECORDS)
    with pytest.raises(StoreError, match="another fit"):
        Checkpoint(tmp_path, "fit B").restore(0, state())


@pytest.mark.parametrize("damage", ["truncated", "empty", "foreign", "text"])
def test_a_damaged_checkpoint_is_refused(tmp_path, damage):
    checkpoint = Checkpoint(tmp_path, "fit A")
    checkpoint.keep(0, state(), RECORDS)
    path = tmp_path / "chain-0.npz"
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-200])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "foreign":
        np.savez(path, something=np.ones(3))
    else:
        path.write_text("not a checkpoint")
    with pytest.raises(StoreError, match=re.escape(str(path))):
        checkpoint.restore(0, state())


def test_a_checkpoint_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        Checkpoint(tmp_path / "file" / "folder", "fit A")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: sb.NUTS(draws=0), "draws=0"),
        (lambda: sb.NUTS(chains=-1), "chains=-1"),
        (lambda: sb.NUTS(warmup=2.5), "warmup=2.5"),
        (lambda: sb.NUTS(draws=True), "draws=True"),
        (lambda: sb.NUTS(target_acceptance=1.0), "target_acceptance=1.0"),
    ],
)
def test_numbers_out_of_range_are_refused(make, words, untyped):
    with pytest.raises(ModelError, match=re.escape(words)):
        make()


def test_whole_numbers_of_numpy_become_pythons(untyped):
    assert repr(sb.NUTS(draws=np.int64(50), chains=np.uint8(2))) == repr(sb.NUTS(draws=50, chains=2))


def test_wrong_arguments_of_fit_are_refused(regression_model, regression_data, untyped):
    with pytest.raises(ModelError, match="model='model' must be an SDEModel"):
        sb.fit("model", regression_data)
    with pytest.raises(ModelError, match=r"strategy='nuts' must be .*a way to find a posterior"):
        sb.fit(regression_model, regression_data, "nuts")
    with pytest.raises(sb.errors.DataError, match=r"seed=1\.5 must be a whole number"):
        sb.fit(regression_model, regression_data, seed=1.5)
    with pytest.raises(ModelError, match="float16"):
        sb.fit(regression_model, regression_data, precision="float16")


def test_a_model_without_unknowns_is_refused(regression_data):
    import jax.numpy as jnp

    from sdebayes.dynamics import ConstantDiffusion, LinearDrift

    model = sb.SDEModel(
        sb.priors.Fixed(LinearDrift(jnp.eye(2), jnp.zeros(2))),
        sb.priors.Fixed(ConstantDiffusion(jnp.eye(2))),
        observation=sb.Exact(),
    )
    with pytest.raises(InferenceError, match="no unknown"):
        sb.fit(model, regression_data, progress=False)
