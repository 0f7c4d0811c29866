from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import decomposition

import sdebayes as sb
from sdebayes._core.errors import DataError, StateSpaceError
from sdebayes.data.container import feature_dim, pack

WIDTH = 6


def embeddings(seed=0, width=WIDTH, lengths=(20, 25, 30)):
    generator = np.random.default_rng(seed)
    mix = generator.normal(size=(width, width))
    values = [generator.normal(size=(length, width)) @ mix + 3.0 for length in lengths]
    texts = [[f"step {step} of {index}" for step in range(length)] for index, length in enumerate(lengths)]
    return pack(
        values,
        [np.arange(float(n)) for n in lengths],
        [f"n{i}" for i in range(len(lengths))],
        "embedding",
        texts,
    )


def rows(dataset):
    values = dataset["y"].values.reshape(-1, dataset["y"].shape[-1])
    return values[~np.isnan(values).any(axis=1)]


@pytest.mark.parametrize("standardize", [False, True])
def test_states_are_those_of_another_library_scaled_to_unit_deviation(standardize):
    train = embeddings()
    space = sb.data.PCA(3, standardize=standardize).fit(train)
    x = rows(train)
    x = x / x.std(axis=0) if standardize else x
    reference = decomposition.PCA(3).fit(x)
    expected = reference.transform(x)
    expected = (
        expected / expected.std(axis=0) * np.sign((expected * rows(space.transform(train))).sum(axis=0))
    )
    np.testing.assert_allclose(rows(space.transform(train)), expected, atol=1e-10)
    np.testing.assert_allclose(space.explained_variance, reference.explained_variance_ratio_, atol=1e-12)
    assert (
        np.take_along_axis(space.components, np.abs(space.components).argmax(axis=1)[:, None], axis=1) > 0
    ).all()


def test_on_a_common_scale_distances_are_those_of_the_embedding():
    train = embeddings()
    space = sb.data.PCA(WIDTH, common_scale=True).fit(train)
    x, z = rows(train), rows(space.transform(train))
    ratio = np.linalg.norm(x[1:] - x[:-1], axis=1) / np.linalg.norm(z[1:] - z[:-1], axis=1)
    np.testing.assert_allclose(ratio, ratio[0])
    np.testing.assert_allclose(z.var(axis=0).mean(), 1)
    assert "on average" in space.describe()
    apart = sb.data.PCA(WIDTH).fit(train)
    assert space.hash != apart.hash
    np.testing.assert_allclose(space.explained_variance, apart.explained_variance)
    assert sb.data.StateSpace.from_dataset(space.transform(train)).hash == space.hash


@settings(max_examples=25)
@given(st.integers(0, 1000), st.booleans(), st.integers(1, WIDTH))
def test_there_and_back(seed, standardize, n):
    train = embeddings(seed)
    space = sb.data.PCA(n, standardize=standardize).fit(train)
    states = space.transform(train)
    back = space.inverse_transform(states)
    assert feature_dim(back) == "embedding"
    np.testing.assert_allclose(rows(space.transform(back)), rows(states), atol=1e-8)
    if n == WIDTH:
        np.testing.assert_allclose(rows(back), rows(train), atol=1e-8)
    assert sb.data.StateSpace.from_dataset(states).hash == space.hash
    point = np.arange(n, dtype=float)
    np.testing.assert_allclose(space.transform(space.inverse_transform(point)), point, atol=1e-8)


def test_states_carry_the_texts_the_times_and_the_space():
    train = embeddings().assign_coords(year=("trajectory", [1, 2, 3]))
    states = sb.data.PCA(2).fit(train).transform(train)
    assert states["state"].values.tolist() == ["PC1", "PC2"]
    assert states["text"].equals(train["text"])
    assert states["t"].equals(train["t"])
    assert states["year"].values.tolist() == [1, 2, 3]
    assert {"space", "space_hash"} <= set(states.attrs)


def test_missing_steps_neither_train_nor_fill():
    train = embeddings()
    gappy = train.copy(deep=True)
    gappy["y"][1, 4, 2] = np.nan
    kept = train["y"].values.reshape(-1, WIDTH)
    kept = np.delete(kept, 1 * train.sizes["time"] + 4, axis=0)
    space = sb.data.PCA(2).fit(gappy)
    np.testing.assert_allclose(space.mean, np.nanmean(kept, axis=0))
    assert np.isnan(space.transform(gappy)["y"].values[1, 4]).all()
    assert int(np.isnan(space.transform(gappy)["y"].values[1, :25]).sum()) == 2


def test_arrays_of_states_serve_as_an_embedding():
    x = rows(embeddings())
    raw = sb.data.trajectories(x)
    states = sb.data.PCA(2).fit(raw).transform(raw)
    np.testing.assert_allclose(rows(states).std(axis=0), 1.0)


def test_exemplars_are_the_nearest_steps():
    train = embeddings()
    space = sb.data.PCA(2).fit(train)
    states = space.transform(train)
    points = np.array([[0.0, 0.0], [2.0, -1.0]])
    found = space.exemplars(points, train, n=4)
    assert found["text"].dims == ("point", "exemplar")
    texts = train["text"].values.ravel()
    texts = texts[texts != ""]
    for index, point in enumerate(points):
        distance = np.sqrt(((rows(states) - point) ** 2).sum(axis=1))
        order = np.argsort(distance)[:4]
        assert found["text"].values[index].tolist() == texts[order].tolist()
        np.testing.assert_allclose(found["distance"].values[index], distance[order])
    xr.testing.assert_allclose(space.exemplars(points, states, n=4), found)
    at_a_step = space.exemplars(states["y"][2, 17], states, n=1)
    assert at_a_step["text"].values.tolist() == ["step 17 of 2"]
    assert (at_a_step["name"].item(), at_a_step["time"].item(), at_a_step["step"].item()) == ("n2", 17.0, 17)
    assert space.exemplars(points, train, n=1000).sizes["exemplar"] == 75


@pytest.mark.parametrize("n", [0, -1, 2.5, "2", True])
def test_a_number_of_states_that_is_none_is_refused(n, untyped):
    with pytest.raises(DataError, match=r"n=.* must be a whole number, 1 or more"):
        sb.data.PCA(n)


def test_what_is_no_data_set_is_refused(untyped):
    for wrong in (np.zeros((9, 4)), None):
        with pytest.raises(DataError):
            sb.data.PCA(2).fit(wrong)


def test_bad_exemplars():
    train = embeddings()
    space = sb.data.PCA(2).fit(train)
    for x, n in ((np.zeros(3), 1), (np.array([0.0, np.inf]), 1), (np.zeros((1, 1, 2)), 1), (np.zeros(2), 0)):
        with pytest.raises(DataError):
            space.exemplars(x, train, n)
    other = sb.data.PCA(2, standardize=True).fit(train).transform(train)
    with pytest.raises(StateSpaceError, match="another space"):
        space.exemplars(np.zeros(2), other)


def test_spaces_of_other_data_are_told_apart():
    first, again = sb.data.PCA(2).fit(embeddings(0)), sb.data.PCA(2).fit(embeddings(0))
    assert first.hash == again.hash
    hashes = {first.hash, sb.data.PCA(2).fit(embeddings(1)).hash, sb.data.PCA(3).fit(embeddings(0)).hash}
    assert len(hashes) == 3
    states = first.transform(embeddings(0))
    with pytest.raises(StateSpaceError, match="already states"):
        first.transform(states)
    with pytest.raises(StateSpaceError, match="already states"):
        sb.data.PCA(1).fit(states)
    with pytest.raises(StateSpaceError, match="another space"):
        sb.data.PCA(3).fit(embeddings(0)).inverse_transform(states)
    with pytest.raises(StateSpaceError, match="changed by hand"):
        sb.data.StateSpace.from_dataset(states.assign(space_mean=states["space_mean"] + 1))
    with pytest.raises(StateSpaceError, match="carries no state space"):
        sb.data.StateSpace.from_dataset(embeddings())


def test_more_components_than_dimensions():
    with pytest.raises(DataError, match="needs 1 to 6 states"):
        sb.data.PCA(7).fit(embeddings())


def test_more_components_than_steps_or_directions():
    with pytest.raises(DataError, match="needs 1 to 3 states"):
        sb.data.PCA(4).fit(embeddings(lengths=(4,)))
    flat = embeddings()
    flat["y"][..., 3:] = flat["y"][..., :3].values
    with pytest.raises(DataError, match="3 directions only"):
        sb.data.PCA(4).fit(flat)
    flat["y"][..., 5] = flat["y"][..., 5] * 0 + 1
    with pytest.raises(DataError, match="constant"):
        sb.data.PCA(2, standardize=True).fit(flat)


def test_another_width_is_refused():
    space = sb.data.PCA(2).fit(embeddings())
    with pytest.raises(DataError, match="width 6"):
        space.transform(embeddings(width=5))
    with pytest.raises(DataError, match="width 2"):
        space.inverse_transform(np.zeros(3))
