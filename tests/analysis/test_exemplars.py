"""What stands at fixed points, with and without a trajectory effect."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from sdebayes._core.errors import DataError
from sdebayes.analysis.phase_space import exemplars, fixed_points, in_trajectories, matched, without_effect
from sdebayes.data import PCA, trajectories

BOX = np.array([[x, y] for x in np.linspace(-2, 2, 6) for y in np.linspace(-1, 1, 4)])


@pytest.fixture(scope="module")
def embedded() -> xr.Dataset:
    values = np.random.default_rng(0).normal(size=(3, 20, 5)) * np.array([3.0, 2.0, 0.5, 0.3, 0.1])
    data = trajectories(values).rename(state="embedding").drop_vars("embedding")
    return data.assign(
        text=(("trajectory", "time"), np.array([[f"s{i}-{k}" for k in range(20)] for i in range(3)]))
    )


@pytest.fixture(scope="module")
def space(embedded):
    return PCA(2).fit(embedded)


def test_exemplars_are_the_nearest_steps(double_well, embedded, space):
    places = matched(fixed_points(double_well, BOX))
    near = exemplars(places, space, embedded, 4)
    assert near["text"].dims == ("fixed_point", "exemplar")
    states = space.transform(embedded)["y"].values.reshape(-1, 2)
    for k in range(3):
        distance = np.sort(np.linalg.norm(states - places["location"].values[k], axis=1))[:4]
        np.testing.assert_allclose(near["distance"][k], distance)
    first = near.isel(fixed_point=0, exemplar=0)
    trajectory = list(embedded["trajectory"].values).index(first["name"].item())
    assert first["text"].item() == f"s{trajectory}-{first['step'].item()}"


def test_a_draw_without_the_fixed_point_has_no_exemplar(double_well, embedded, space):
    found = fixed_points(double_well, BOX)
    found["location"][0, 1] = np.nan
    near = exemplars(found, space, embedded, 2)
    assert near["step"].dims == ("sample", "fixed_point", "exemplar")
    np.testing.assert_array_equal(near["step"][0, 1], -1)
    np.testing.assert_array_equal(near["text"][0, 1], "")
    assert near["distance"].notnull().sum() == 4
    with pytest.raises(DataError, match="no fixed point"):
        exemplars(found.isel(fixed_point=[1]), space, embedded)
    with pytest.raises(DataError, match="location"):
        exemplars(found.drop_vars("location"), space, embedded)


def _smoothed(effect, samples, names) -> xr.Dataset:
    covariance = np.broadcast_to(np.diag([0.04, 0.09]), (*effect.shape, 2))
    return xr.Dataset(
        {
            "trajectory_effect": (("sample", "trajectory", "state"), effect),
            "trajectory_effect_covariance": (("sample", "trajectory", "state", "state_bis"), covariance),
        },
        {"sample": samples, "trajectory": names, "state": ["x1", "x2"]},
    )


def test_each_trajectory_has_the_fixed_points_at_its_own_offset(double_well):
    found = fixed_points(double_well, BOX).isel(sample=[0, 0, 0]).assign_coords(sample=[2, 5, 7])
    effect = np.random.default_rng(1).normal(size=(2, 4, 2))
    moved = in_trajectories(found, _smoothed(effect, [5, 9], list("abcd")))
    assert moved["location"].dims == ("sample", "trajectory", "fixed_point", "state")
    np.testing.assert_array_equal(moved["sample"], [5])
    np.testing.assert_allclose(moved["location"][0, :, 1], effect[0] + [1.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(moved["effect_sd"][0, 2], [0.2, 0.3])
    with pytest.raises(DataError, match="no draw in common"):
        in_trajectories(found, _smoothed(effect, [8, 9], list("abcd")))
    with pytest.raises(DataError, match="different states"):
        in_trajectories(found.assign_coords(state=["a", "b"]), _smoothed(effect, [5, 9], list("abcd")))
    with pytest.raises(DataError, match="no trajectory_effect"):
        in_trajectories(found, xr.Dataset())


def test_the_mean_offset_is_taken_from_the_data():
    data = trajectories(np.random.default_rng(2).normal(size=(2, 6, 2)))
    effect = np.array([[[1.0, 0.0], [0.0, 2.0]], [[3.0, 0.0], [0.0, 4.0]]])
    names = list(data["trajectory"].values)
    centred = without_effect(data, _smoothed(effect[:, ::-1], [0, 1], names[::-1]))
    np.testing.assert_allclose(centred["y"][0], data["y"][0] - [2.0, 0.0])
    np.testing.assert_allclose(centred["y"][1], data["y"][1] - [0.0, 3.0])
    with pytest.raises(DataError, match="No effect is known"):
        without_effect(data, _smoothed(effect, [0, 1], [names[0], "other"]))
    with pytest.raises(DataError, match=r"space\.transform"):
        without_effect(data.rename(state="embedding"), _smoothed(effect, [0, 1], names))
