from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import eigh
from scipy.stats import multivariate_normal

import sdebayes as sb
from sdebayes._core.errors import DataError, StateSpaceError
from sdebayes.data.lagged import pairs, regular_step, shrunk

RATES = np.array([0.9, 0.6, 0.3, 0.0, 0.0, 0.0])


def autoregressions(generator, length, rates=RATES):
    """Stationary autoregressions of unit variance."""
    x = np.empty((length, rates.size))
    x[0] = generator.standard_normal(rates.size)
    for k in range(1, length):
        x[k] = rates * x[k - 1] + np.sqrt(1 - rates**2) * generator.standard_normal(rates.size)
    return x


def mixed(seed=0, lengths=(400, 300, 500), scale=(1.0, 1.0, 1.0, 3.0, 3.0, 3.0)):
    """Mixtures of autoregressions of which the fast ones have the larger variance."""
    generator = np.random.default_rng(seed)
    mix = np.linalg.qr(generator.standard_normal((6, 6)))[0]
    sources = [autoregressions(generator, length) for length in lengths]
    return sb.trajectories([(x * scale) @ mix.T + 2.0 for x in sources]), sources, mix


def test_slow_sources_are_found_where_principal_components_find_fast_ones():
    data, sources, _ = mixed()
    slow = np.concatenate(sources)[:, :3]
    steps = data["y"].values.reshape(-1, 6)
    steps = steps[np.isfinite(steps).all(axis=1)]
    space = sb.TICA(3, components=6).fit(data)
    correlation = np.corrcoef(space.transform(steps).T, slow.T)[:3, 3:]
    assert (np.abs(np.diag(correlation)) > 0.95).all()
    wide = np.corrcoef(sb.PCA(3).fit(data).transform(steps).T, slow.T)[:3, 3:]
    assert (np.abs(wide) < 0.5).all()
    np.testing.assert_allclose(space.autocorrelation, RATES[:3], atol=0.08)
    np.testing.assert_allclose(space.time_constants, -1 / np.log(space.autocorrelation))
    assert space.states == ["TIC1", "TIC2", "TIC3"]


def test_states_solve_the_eigenproblem_written_out_by_hand():
    data, _, _ = mixed(lengths=(60, 50))
    space = sb.TICA(6, components=6, lag=2).fit(data)
    instant, lagged, count = np.zeros((6, 6)), np.zeros((6, 6)), 0
    steps = [values[:end] for values, end in zip(data["y"].values, data["n_steps"].values, strict=True)]
    mean = np.concatenate(steps).mean(axis=0)
    for x in steps:
        for k in range(len(x) - 2):
            a, b = x[k] - mean, x[k + 2] - mean
            instant += np.outer(a, a) + np.outer(b, b)
            lagged += np.outer(a, b) + np.outer(b, a)
            count += 2
    regular, share = shrunk(instant / count, count // 2)
    _, vectors = eigh(lagged / count, regular)
    expected = np.array([w @ lagged @ w / (w @ instant @ w) for w in vectors.T])
    order = np.argsort(-expected)
    np.testing.assert_allclose(space.autocorrelation, expected[order], atol=1e-10)
    assert expected.max() < 1
    unit = vectors[:, order].T / np.linalg.norm(vectors[:, order].T, axis=1, keepdims=True)
    np.testing.assert_allclose(np.abs((unit * space.components).sum(axis=1)), 1.0)
    assert (space.components[np.arange(6), np.abs(space.components).argmax(axis=1)] > 0).all()
    assert 0 < share < 1
    states = np.concatenate([space.transform(x) for x in steps])
    np.testing.assert_allclose(states.std(axis=0), 1.0)
    np.testing.assert_allclose(space.explained_variance.sum(), 1.0)


def test_states_go_back_and_into_files_as_those_of_other_spaces(tmp_path):
    data, _, _ = mixed(lengths=(60, 50))
    space = sb.TICA(3, components=5).fit(data)
    states = space.transform(data)
    again = space.transform(space.inverse_transform(states))
    np.testing.assert_allclose(again["y"].values, states["y"].values, atol=1e-9)
    sb.data.save(states, tmp_path / "states.nc")
    loaded = sb.StateSpace.from_dataset(sb.data.load(tmp_path / "states.nc"))
    assert loaded.hash == space.hash
    np.testing.assert_array_equal(loaded.time_constants, space.time_constants)
    assert "3 time-lagged independent components, slowest first" in loaded.describe()
    found = loaded.exemplars(states["y"][0, 7], data, n=1)
    assert (found["step"].item(), found["name"].item()) == (7, "trajectory 1")
    assert sb.PCA(3).fit(data).time_constants is None
    with pytest.raises(StateSpaceError, match="already states"):
        sb.TICA(2).fit(states)


def test_no_autocorrelation_exceeds_one_however_much_is_shrunk():
    """A slow coordinate of large variance among many fast ones: with C₀ shrunk its λ is above 1."""
    generator = np.random.default_rng(0)
    slow = 10 * np.cumsum(generator.standard_normal(120))
    x = np.column_stack([slow, generator.standard_normal((120, 59))])
    data = sb.trajectories([x[:60], x[60:]])
    space = sb.TICA(3, components=60).fit(data)
    assert 0.8 < space.autocorrelation[0] <= 1
    assert (np.diff(space.autocorrelation) <= 0).all()
    mean = data["y"].mean(["trajectory", "time"]).values
    instant, lagged = pairs(data["y"].values - mean, data["t"].values, 1, 1.0).moments().covariances()
    assert eigh(lagged, shrunk(instant, 118)[0], eigvals_only=True).max() > 1


def test_no_pair_crosses_a_trajectory_or_a_gap():
    x = np.arange(12.0)[:, None] + [0.0, 0.5]
    x[5, 0] = np.nan
    data = sb.trajectories([x, x[:4] + 100], t=[np.array([*range(9), 20, 21, 22.0]), np.arange(4.0)])
    for lag, expected in (
        (1, {0: 1, 1: 2, 2: 3, 3: 4, 6: 7, 7: 8, 9: 10, 10: 11, 100: 101, 101: 102, 102: 103}),
        (2, {0: 2, 1: 3, 2: 4, 4: 6, 6: 8, 9: 11, 100: 102, 101: 103}),
    ):
        times = data["t"].values
        found = pairs(data["y"].values, times, lag, regular_step(times))
        assert dict(zip(found.first[:, 0], found.second[:, 0], strict=True)) == expected
    irregular = sb.trajectories([x[:5]], t=[np.array([0.0, 1.0, 3.0, 7.0, 12.0])])
    times = irregular["t"].values
    assert len(pairs(irregular["y"].values, times, 1, regular_step(times)).first) == 4


def test_held_out_scores_find_how_many_components_hold_what_is_slow():
    generator = np.random.default_rng(1)
    lengths = (40,) * 20
    slow = [autoregressions(generator, n, np.full(2, 0.9)) for n in lengths]
    noise = [generator.standard_normal((n, 30)) * np.geomspace(4.0, 0.2, 30) for n in lengths]
    data = sb.trajectories([np.hstack([a, b]) for a, b in zip(slow, noise, strict=True)])
    table = sb.TICA(2).score(data, components=(2, 16, 30))
    assert table["vamp2"].dims == ("components", "fold")
    few, enough, _ = table["vamp2"].mean("fold").values
    assert few < 1.5 < enough
    assert (table["vamp2"].sel(components=16) > table["vamp2"].sel(components=2)).all()
    assert sb.TICA(2).score(data)["components"].values.tolist() == [2, 4, 8, 16]
    assert sb.TICA(2).fit(data).spec["components"] == 16
    again = sb.TICA(2).score(data, components=(2, 16, 30))
    np.testing.assert_array_equal(again["vamp2"], table["vamp2"])
    assert sb.TICA(2).score(data, components=4, folds=40).sizes["fold"] == 20


def test_where_steps_are_few_states_shrink_or_it_is_said_how_many_are_needed():
    data, _, _ = mixed(lengths=(5, 4))
    space = sb.TICA(2, components=6).fit(data)
    assert 0.2 < space.spec["shrinkage"] < 1
    assert (np.abs(space.autocorrelation) < 1).all()
    with pytest.raises(
        DataError, match=r"components=6\) needs more than 6 pairs of steps 3 apart; 2 traj.* have 3"
    ):
        sb.TICA(2, components=6, lag=3).fit(data)
    with pytest.raises(DataError, match="needs 1 to 6 states here"):
        sb.TICA(2, components=7).fit(data)
    with pytest.raises(DataError, match=r"there is 1\. Give components="):
        sb.TICA(2).fit(data.isel(trajectory=[0]))
    short = mixed(lengths=(40, 30, 3))[0]
    known = np.isfinite(sb.TICA(2).score(short)["vamp2"].values)
    assert known.all(axis=0).sum() == 2
    assert not known.any(axis=0).all()
    with pytest.raises(DataError, match="no part of the trajectories has more than 2 pairs"):
        sb.TICA(2).score(mixed(lengths=(3, 3, 3, 3))[0])
    flat = data.copy(deep=True)
    flat["y"][..., 3:] = flat["y"][..., :3].values
    with pytest.raises(DataError, match="3 directions only"):
        sb.TICA(2, components=4).fit(flat)
    with pytest.raises(DataError, match="at least 3 observed steps"):
        sb.TICA(1, components=1).fit(data.assign(n_steps=("trajectory", [5, 2])))


def test_arguments_that_do_not_fit_are_refused(untyped):
    with pytest.raises(DataError, match="Give 8 or more"):
        sb.TICA(8, components=4)
    with pytest.raises(DataError, match="components=2 is less than the 3 states"):
        sb.TICA(3).score(mixed()[0], components=(2, 4))
    for wrong in ({"n": 0}, {"n": 2, "lag": 0}, {"n": 2, "components": 2.5}):
        with pytest.raises(DataError):
            sb.TICA(**wrong)


def test_log_densities_of_two_maps_of_one_span_differ_by_their_volumes():
    data, _, _ = mixed(lengths=(60, 50))
    densities = []
    for space in (
        sb.PCA(4).fit(data),
        sb.TICA(4, components=4).fit(data),
        sb.TICA(4, components=4, lag=2).fit(data),
    ):
        states = np.concatenate([space.transform(values[:50]) for values in data["y"].values])
        law = multivariate_normal(states.mean(axis=0), np.cov(states.T))
        densities.append(law.logpdf(states) + space.log_volume)
    np.testing.assert_allclose(densities[1:], [densities[0]] * 2)
    assert abs(sb.PCA(4).fit(data).log_volume - sb.TICA(4, components=6).fit(data).log_volume) > 1e-3
