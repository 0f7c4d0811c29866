"""Sums over documents: the density that the filter has of the documents themselves, at fewer rows."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.handlers import seed

import sdebayes as sb
from sdebayes.inference.sufficient_statistics import documents, shortest_program
from sdebayes.inference.sufficient_statistics.documents import pseudo_documents
from sdebayes.inference.sufficient_statistics.moments import Moments
from sdebayes.inference.target import density_of
from sdebayes.likelihood import IndependentKalman, Kalman
from tests.cases import first_of

FULL, LINEAR = sb.priors.Constant(), sb.priors.Linear()
NOISE, EFFECT = sb.GaussianNoise(), sb.GaussianNoise(trajectory_effect=True)
ALONE = sb.SDEModel(sb.priors.Linear(diagonal=True), sb.priors.Constant("diagonal"), observation=EFFECT)


def paths(count, steps=5, states=2, seed=0):
    rng = np.random.default_rng(seed)
    slow = np.cumsum(0.3 * rng.standard_normal((count, steps, states)), 1)
    return 30.0 + slow + rng.standard_normal((count, 1, states)) + 0.5 * rng.standard_normal(slow.shape)


def equal_times():
    return sb.trajectories(paths(60))


def ragged():
    """Lengths of 3 to 5, one of them of a few documents alone."""
    lengths = np.array([5] * 50 + [4] * 5 + [3] * 40)
    return sb.trajectories([path[:end] for path, end in zip(paths(95), lengths, strict=True)])


def mixed():
    """Two series of times, ragged ends, two patterns of missing entries, and three documents that are like no other."""
    rng = np.random.default_rng(1)
    values, series = list(paths(153)), [np.cumsum(one) for one in ([1.0, 0.5, 2, 1, 1], [0.7, 1, 1, 1, 3])]
    times = [series[i % 2] for i in range(150)] + [np.cumsum(1 + rng.random(5)) for _ in range(3)]
    for i in range(0, 150, 6):
        values[i][2, 0] = np.nan
        values[i + 1][3] = np.nan
    for i in range(3, 150, 4):
        values[i], times[i] = values[i][:3], times[i][:3]
    return sb.trajectories(values, times)


def read(model, data):
    """Return the scaled model, the data as its likelihood reads them, and what its density reads."""
    ready = model.scaled_to(data)
    observations = ready.read(data)
    return ready, observations, shortest_program(ready, observations)


@pytest.mark.parametrize(
    "model", first_of([ALONE, sb.SDEModel(LINEAR, FULL)]), ids=["independent", "coupled"]
)
def test_value_and_slopes_are_those_of_the_filter(x64, model):
    ready, observations, short = read(model, mixed())
    assert type(ready.likelihood) is (IndependentKalman if model is ALONE else Kalman)
    assert short.said == "sums over 150 trajectories, and 3 as they are"
    summed, direct = density_of(short.program, ready.build), density_of(ready.program, ready.build)
    for start in range(3):
        z = jnp.asarray(0.7 * np.random.default_rng(start).standard_normal(direct.dimension))
        found, expected = (
            density.value_and_gradient(z, jax.tree.map(jnp.asarray, data), density.no_whitening)
            for density, data in ((summed, short.data), (direct, observations))
        )
        assert np.isfinite(expected[0])
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-11)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-9, atol=1e-10 * np.abs(expected[1]).max())


def agree(model, data, many=2):
    """Compare the likelihood by sums with the filter's at draws of the prior."""
    ready, observations, short = read(model, data)
    assert short.said == f"sums over {len(observations.values)} trajectories"

    @jax.jit
    def both(key):
        observed = seed(ready.build, key)()
        direct = ready.likelihood.log_density(observed, observations).sum()
        return ready.likelihood.log_density_of_sums(observed, short.data[0]), direct

    for key in jax.random.split(jax.random.key(0), many):
        found, expected = both(key)
        assert np.isfinite(expected)
        np.testing.assert_allclose(found, expected, rtol=1e-11)


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (sb.SDEModel(LINEAR, FULL, observation=NOISE, initial="free"), ragged),
        (sb.SDEModel(LINEAR, FULL, initial=(np.full(2, 29.0), 2 * np.eye(2))), equal_times),
        (
            sb.SDEModel(
                sb.priors.Linear(stable=False),
                FULL,
                sb.schemes.EulerMaruyama(),
                sb.GaussianNoise(covariance="full", trajectory_effect=True, effect_covariance="full"),
            ),
            equal_times,
        ),
        (
            sb.SDEModel(
                LINEAR, FULL, observation=sb.GaussianNoise(np.array([[1.0, 0.5, 0.2], [0.0, 1.0, -1.0]]))
            ),
            equal_times,
        ),
    ],
    ids=["free start", "given start", "full", "matrix"],
)
@pytest.mark.thorough
def test_every_part_that_keeps_it_linear_takes_part(x64, model, data):
    agree(model, data())


@pytest.mark.parametrize(
    ("base", "level"),
    [(ALONE, sb.Level("kind")), (sb.SDEModel(LINEAR, FULL), sb.Level("t", degree=2))],
    ids=["kind", "place"],
)
@pytest.mark.thorough
def test_a_level_that_documents_share_takes_part(x64, base, level):
    """One of the place in the text, and one of two kinds of documents, each of which is a pattern of its own."""
    kind = np.where(np.arange(95) % 2, "letter", "speech")
    data = ragged().assign_coords(kind=("trajectory", kind))
    agree(sb.SDEModel(base.drift, base.diffusion, observation=EFFECT, level=level), data, many=1)


@pytest.mark.thorough
def test_digits_are_kept_where_entries_tell_each_other(x64):
    """Next to no noise: the scatter would have lost what the innovations are made of."""
    values = paths(60)
    values[:, 1:] = values[:, :1] + 1e-6 * values[:, 1:]
    data = sb.trajectories(values)
    assert Moments.of(values.reshape(60, -1)).factor() is None
    agree(sb.SDEModel(LINEAR, FULL), data)


def test_moments_of_parts_add_up():
    values = paths(101).reshape(101, -1)
    parts = Moments.of(values[:20]).add(Moments.of(values[20:]))
    whole = Moments.of(values)
    assert parts.number == whole.number == 101
    np.testing.assert_allclose(parts.mean, values.mean(0), rtol=1e-14)
    np.testing.assert_allclose(parts.scatter, np.cov(values.T, bias=True) * 101, rtol=1e-12)
    factor = whole.factor()
    np.testing.assert_allclose(factor.T @ factor, parts.scatter, rtol=1e-12)


def by_group():
    return equal_times().assign_coords(group=("trajectory", np.where(np.arange(60) % 2, "a", "b")))


def with_covariate():
    length = np.random.default_rng(0).random((60, 5))
    return equal_times().assign(length=(("trajectory", "time"), length))


def own_level():
    return equal_times().assign(year=("trajectory", np.arange(60.0)))


@pytest.mark.parametrize(
    ("model", "data"),
    [
        pytest.param(
            sb.SDEModel(sb.priors.Linear(by_group=True), FULL), by_group, marks=pytest.mark.thorough
        ),
        (sb.SDEModel(sb.priors.Regimes(2, drift=LINEAR), FULL, observation=NOISE), equal_times),
        (sb.SDEModel(LINEAR, FULL, observation=sb.StudentTNoise()), equal_times),
        (
            sb.SDEModel(
                LINEAR, FULL, observation=sb.GaussianNoise(variance_function=sb.VarianceFunction("length"))
            ),
            with_covariate,
        ),
        (sb.SDEModel(sb.priors.BNN(hidden=(3,)), FULL, observation=NOISE), equal_times),
        (sb.SDEModel(LINEAR, FULL, level=sb.Level("year")), own_level),
        (sb.SDEModel(LINEAR, FULL), lambda: sb.trajectories(paths(20))),
    ],
    ids=["groups", "regimes", "student t", "covariate", "network", "own level", "few documents"],
)
def test_the_filter_reads_the_data_where_sums_do_not_tell_all_or_are_no_fewer(x64, model, data):
    ready, observations, found = read(model, data())
    assert found.program == ready.program
    assert found.data is observations
    assert found.said == ""


def test_there_are_none_where_every_document_has_its_own_times(x64):
    rng = np.random.default_rng(0)
    times = [np.cumsum(0.5 + rng.random(5)) for _ in range(60)]
    ready = ALONE.scaled_to(data := sb.trajectories(list(paths(60)), times))
    assert pseudo_documents(ready.read(data), True) is None


@pytest.mark.thorough
def test_a_posterior_is_the_same_and_says_from_what_it_is(capfd, monkeypatch):
    """Beside it, that of the same data under a rule by which no number of documents is enough."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((200, 10, 1))
    for step in range(1, 10):
        values[:, step] = 0.6 * values[:, step - 1] + 0.8 * values[:, step]
    noisy = 0.5 * rng.standard_normal((200, 1, 1)) + 0.4 * rng.standard_normal(values.shape)
    data, strategy = sb.trajectories(values + noisy), sb.Laplace(draws=40)
    summed = sb.fit(ALONE, data, strategy, seed=0, progress=True)
    assert "from sums over 200 trajectories" in " ".join(capfd.readouterr().err.split())
    assert summed.data.attrs["likelihood_from"] == "sums over 200 trajectories"
    monkeypatch.setattr(documents, "LEAST_GAIN", 1000)
    direct = sb.fit(ALONE, data, strategy, seed=0)
    assert "likelihood_from" not in direct.data.attrs
    for name, draws in summed.data["posterior"].data_vars.items():
        apart = np.abs(draws - direct.data["posterior"][name]) / draws.std(("chain", "draw"))
        assert apart.max() < 0.1, name
