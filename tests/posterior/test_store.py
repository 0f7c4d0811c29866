"""Posteriors on disk: exact round trips, and files that are refused."""

from __future__ import annotations

import pickle
import re

import arviz as az
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core import precision
from sdebayes._core.errors import NotStoredWarning, StoreError
from sdebayes._core.netcdf import read_dataset, write_netcdf
from sdebayes.dynamics import ConstantDiffusion, LinearDrift
from sdebayes.posterior import replicated, store
from sdebayes.posterior.replicated import DRAWN_FROM
from sdebayes.posterior.serialization import decode, encode
from sdebayes.priors import Constant, Fixed, Linear, Parametric
from tests.cases import first_of

ITS_FUNCTION = r"Parametric\.function is a function.*sdebayes\.load\(path, model="


def clipped(x, t, p):
    """A drift of the user's own."""
    return -p["rate"] * x


def another(x, t, p):
    """Another drift of the user's own."""
    return -p["rate"] * x**3


def model_of(function, rate, shape="full") -> sb.SDEModel:
    return sb.SDEModel(
        Parametric(function, {"rate": dist.Gamma(2, rate)}),
        Constant(shape),
        sb.schemes.EulerMaruyama(),
        sb.Exact(),
    )


@pytest.fixture(scope="module")
def own_model() -> sb.SDEModel:
    return model_of(clipped, 4)


@pytest.fixture(scope="module")
def own(own_model, exact_training) -> sb.Posterior:
    return sb.fit(own_model, exact_training, sb.Laplace(draws=30), seed=0, progress=False)


@pytest.fixture(scope="module")
def own_file(own, tmp_path_factory):
    with pytest.warns(NotStoredWarning, match=ITS_FUNCTION):
        return own.to_netcdf(tmp_path_factory.mktemp("own") / "fit.nc")


@pytest.fixture
def tree(exact) -> xr.DataTree:
    """The data of a posterior, of a few draws."""
    groups = {name: node.to_dataset() for name, node in exact.data.children.items()}
    few = {name: group.isel(draw=slice(3), missing_dims="ignore") for name, group in groups.items()}
    tree = xr.DataTree.from_dict(few)
    tree.attrs = dict(exact.data.attrs)
    return tree


@pytest.mark.parametrize("name", first_of(["exact", "noisy"]))
def test_a_round_trip_is_exact(request, name, held_out, tmp_path):
    posterior = request.getfixturevalue(name)
    path = posterior.to_netcdf(tmp_path / "fit.nc")
    assert path == tmp_path / "fit.nc"
    assert [p.name for p in tmp_path.iterdir()] == ["fit.nc"]
    loaded = sb.load(path)
    assert loaded.data.identical(posterior.data)
    x = np.array([[0.3, -1.0], [2.0, 0.0]])
    xr.testing.assert_identical(loaded.drift(x), posterior.drift(x))
    xr.testing.assert_identical(loaded.covariance(x), posterior.covariance(x))
    xr.testing.assert_identical(loaded.log_score(held_out), posterior.log_score(held_out))
    xr.testing.assert_identical(loaded.smooth(held_out), posterior.smooth(held_out))
    assert str(loaded.diagnosis()) == str(posterior.diagnosis())
    assert loaded.model.describe() == posterior.model.describe()
    assert loaded.states == posterior.states


def test_arviz_reads_the_file(exact, tmp_path):
    tree = az.from_netcdf(exact.to_netcdf(tmp_path / "fit.nc"))
    xr.testing.assert_identical(tree["posterior"].to_dataset(), exact.data["posterior"].to_dataset())
    assert set(exact.data.children) - set(tree.children) == set(DRAWN_FROM)
    tree.close()
    exact.data.to_netcdf(tmp_path / "whole.nc", engine="h5netcdf")
    whole = az.from_netcdf(tmp_path / "whole.nc")
    assert whole["posterior_predictive"].identical(exact.data["posterior_predictive"])
    whole.close()


def test_replicates_are_drawn_when_they_are_asked_for(exact, tmp_path, monkeypatch):
    """Once, and the values are those of a laborious route: one draw after another."""
    asked = []
    drawn = replicated.compiled.replicates
    monkeypatch.setattr(replicated.compiled, "replicates", lambda of: asked.append(of) or drawn(of))
    loaded = sb.load(exact.to_netcdf(tmp_path / "fit.nc"))
    assert loaded.data["posterior_predictive"]["y"].shape == (1, 100, *exact.data["observed_data"]["y"].shape)
    assert not asked
    group = loaded.data["posterior_predictive"].to_dataset()
    for copied in (group, group.copy(deep=True), pickle.loads(pickle.dumps(group))):
        found = copied["y"].isel(draw=7).values
        assert len(asked) == 1
    data, index = loaded.training_data(), int(loaded.data["posterior_predictive"]["draw"][7])
    seed = int(loaded.data["constant_data"]["replicate_seed"])
    key = jax.random.split(jax.random.fold_in(jax.random.key(seed), 0), 100)[7]
    with precision.scope("float64"):
        one = jax.tree.map(lambda leaf: leaf[index], loaded.observed_sde())
        observations = loaded.model.read(data)
        expected = jax.jit(loaded.model.likelihood.replicate)(one, observations, key)
    seen = np.asarray(observations.seen).any(-1)
    np.testing.assert_allclose(found[0], np.asarray(expected)[seen], rtol=1e-8)


def test_a_file_of_the_version_with_replicates_is_read(exact, held_out, tmp_path):
    """As the version before wrote it: replicated data are in it, and no draws of the prior to make them of."""
    groups = {name: node.to_dataset().copy(deep=True) for name, node in exact.data.children.items()}
    del groups["unconstrained_prior"]
    groups["constant_data"] = groups["constant_data"].drop_vars("replicate_seed")
    groups["posterior_predictive"] = groups["posterior_predictive"] + 1.0
    old = xr.DataTree.from_dict(groups)
    old.attrs = exact.data.attrs | {"schema_version": store.WITH_REPLICATES}
    write_netcdf(old, tmp_path / "old.nc")
    loaded = sb.load(tmp_path / "old.nc")
    assert loaded.data.identical(old)
    xr.testing.assert_identical(loaded.log_score(held_out), exact.log_score(held_out))
    assert sb.load(loaded.to_netcdf(tmp_path / "again.nc")).data.identical(old)
    write_netcdf(old.drop_nodes("prior_predictive"), tmp_path / "part.nc")
    with pytest.raises(StoreError, match="no group prior_predictive"):
        sb.load(tmp_path / "part.nc")


def test_numbers_are_compressed_and_come_back_as_they_were(tmp_path):
    count = 5000
    data = xr.Dataset({"single": ("time", np.random.default_rng(0).random(count, "f4").astype(float))})
    data["few"] = ("state", np.array([0.1, np.nan]))
    write_netcdf(data, tmp_path / "data.nc")
    assert read_dataset(tmp_path / "data.nc", "").identical(data)
    assert (tmp_path / "data.nc").stat().st_size < 0.7 * data.nbytes


def test_writing_again_replaces_the_file(exact, noisy, tmp_path):
    path = tmp_path / "fit.nc"
    exact.to_netcdf(path)
    noisy.to_netcdf(path)
    assert sb.load(path).data.identical(noisy.data)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.thorough
def test_a_model_of_the_users_own_is_given_again(own, own_file, own_model, exact_training):
    """The data have a step that is missing altogether, which must not change the scale of the model."""
    with pytest.raises(StoreError, match=ITS_FUNCTION):
        sb.load(own_file)
    loaded = sb.load(own_file, model=own_model)
    x = np.array([[0.3, -1.0]])
    xr.testing.assert_identical(loaded.drift(x), own.drift(x))
    xr.testing.assert_identical(loaded.log_score(exact_training), own.log_score(exact_training))
    assert loaded.model.describe() == own.model.describe()


@pytest.mark.parametrize(
    "wrong",
    [
        model_of(another, 4),
        model_of(clipped, 5),
        model_of(clipped, 4, "diagonal"),
        sb.SDEModel(Linear(), Constant("full"), observation=sb.Exact()),
    ],
    ids=["function", "prior", "diffusion", "drift"],
)
def test_a_wrong_model_is_refused(own_file, wrong):
    with pytest.raises(StoreError, match="another model"):
        sb.load(own_file, model=wrong)


def test_no_code_is_stored(own, own_file):
    content = own_file.read_bytes()
    assert b"pickle" not in content
    assert b"co_code" not in content
    assert own.data.attrs["model"] == ""


def test_truncated_and_foreign_files_are_refused(exact, tmp_path):
    path = exact.to_netcdf(tmp_path / "fit.nc")
    whole = path.read_bytes()
    for name, content in (
        ("half.nc", whole[: len(whole) // 2]),
        ("tail.nc", whole[:-100]),
        ("empty.nc", b""),
        ("text.nc", b"hello"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(StoreError, match=re.escape(name)):
            sb.load(tmp_path / name)
    exact.data.to_netcdf(tmp_path / "rewritten.nc", engine="h5netcdf")
    with pytest.raises(StoreError, match="no seal"):
        sb.load(tmp_path / "rewritten.nc")
    write_netcdf(xr.Dataset({"a": 1}), tmp_path / "foreign.nc")
    with pytest.raises(StoreError, match="no posterior of sdebayes"):
        sb.load(tmp_path / "foreign.nc")
    with pytest.raises(StoreError, match="does not exist"):
        sb.load(tmp_path / "nothing.nc")
    with pytest.raises(StoreError, match="does not exist"):
        sb.load(tmp_path)


def test_a_file_of_a_newer_version_is_refused(tree, tmp_path):
    tree.attrs |= {"schema_version": 99, "sdebayes_version": "9.9"}
    write_netcdf(tree, tmp_path / "newer.nc")
    with pytest.raises(StoreError, match=r"sdebayes 9\.9.*newer.*update sdebayes"):
        sb.load(tmp_path / "newer.nc")


@pytest.mark.parametrize(
    "text", ["not json", "[]", '{"class": "os.system"}', '{"class": "Exact", "a": 1}', '{"class": "Exact"}']
)
def test_a_stored_model_that_cannot_be_read_is_refused(tree, text, tmp_path):
    tree.attrs["model"] = text
    write_netcdf(tree, tmp_path / "odd.nc")
    with pytest.raises(StoreError, match=r"sdebayes\.load\(path, model="):
        sb.load(tmp_path / "odd.nc")


def test_a_place_that_cannot_be_written_is_refused(exact, tmp_path):
    with pytest.raises(StoreError, match="cannot be written"):
        exact.to_netcdf(tmp_path / "missing" / "fit.nc")
    (tmp_path / "folder.nc").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        exact.to_netcdf(tmp_path / "folder.nc")


def test_every_named_part_is_written_and_read(training):
    for model in (
        sb.SDEModel(Linear(diagonal=True, location=[1.0, 2.0]), Constant("full", spread=0.3)),
        sb.SDEModel(Linear(stable=False), scheme=sb.schemes.EulerMaruyama(), observation=sb.Exact()),
        sb.SDEModel(
            Fixed(LinearDrift(jnp.eye(2) / 3, jnp.zeros(2))),
            Fixed(ConstantDiffusion(jnp.eye(2) / 3)),
            observation=sb.GaussianNoise(covariance=[0.1, 0.2], trajectory_effect=True),
        ),
        sb.SDEModel(observation=sb.GaussianNoise(matrix=np.eye(2))),
    ):
        for one in (model, model.scaled_to(training)):
            with precision.scope("float64"):
                again = decode(encode(one))
            assert again.describe() == one.describe()
            assert encode(again) == encode(one)


def test_training_data_come_back(noisy, exact, training, exact_training):
    xr.testing.assert_allclose(noisy.training_data()["y"], training["y"].drop_vars("group", errors="ignore"))
    np.testing.assert_array_equal(noisy.training_data()["t"].values, training["t"].values)
    back = exact.training_data()
    assert int(back["n_steps"][1]) == int(exact_training["n_steps"][1]) - 1
    np.testing.assert_array_equal(back["t"].values[1, 7], exact_training["t"].values[1, 8])
    terms = exact.log_score(back).values
    np.testing.assert_allclose(terms, exact.log_score(exact_training).values, rtol=1e-12)
