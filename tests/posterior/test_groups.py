"""A fit of several groups: scores, one group's posterior, files, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core.errors import DataError, ModelError
from sdebayes.analysis import contrast
from sdebayes.analysis.contrast.overview import DIFFERS, UNTOLD, rows
from sdebayes.analysis.contrast.pairs import are_same, sources_of, values_of
from sdebayes.plots import contrast as figures

LABELS = ["low", "high", "low", "high", "high", "one"]


def walks(labels=LABELS, seed: int = 0, apart: float = 3.0) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    values = []
    for label in labels:
        x = [rng.normal(size=1)]
        for _ in range(24):
            x.append(0.7 * x[-1] + 0.7 * rng.normal(size=1))
        values.append(np.array(x) + apart * (label == "high"))
    return sb.trajectories(values, groups=labels)


MODEL = sb.SDEModel(sb.priors.Linear(by_group=True), observation=sb.Exact(), group_scale=1.0)


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    return walks()


@pytest.fixture(scope="module")
def posterior(data) -> sb.Posterior:
    return sb.fit(MODEL, data, sb.Laplace(draws=60), seed=0, progress=False)


def test_parameters_that_vary_have_the_groups(posterior):
    found = posterior.data["posterior"].to_dataset()
    assert found["equilibrium"].dims == ("chain", "draw", "group", "state")
    assert found["diffusion_covariance"].dims == ("chain", "draw", "state", "state_bis")
    assert list(found["group"].values) == ["high", "low", "one"]
    level = found["equilibrium"].mean(("chain", "draw")).squeeze("state")
    assert level.sel(group="high") > 1.5
    assert abs(level.sel(group="low")) < 1
    assert (found["equilibrium_group_scale"] > 0).all()
    assert found["time_constant"].dims == ("chain", "draw", "group", "mode")
    assert posterior.data["prior"]["equilibrium"].dims == found["equilibrium"].dims


@pytest.mark.thorough
def test_the_posterior_of_one_group_is_one_of_the_model_without(posterior, data, tmp_path):
    one = posterior.group("high")
    assert posterior.group("high") is one
    assert one.groups == ()
    whole = posterior.data["posterior"].to_dataset()
    for name in ("equilibrium", "drift_matrix", "time_constant", "diffusion_covariance"):
        expected = whole[name].sel(group="high") if "group" in whole[name].dims else whole[name]
        np.testing.assert_allclose(one.data["posterior"][name].values, expected.values)
    own = data.isel(trajectory=[1, 3, 4])
    np.testing.assert_allclose(one.log_score(own), posterior.log_score(own))
    np.testing.assert_allclose(posterior.log_score(own), posterior.log_score(data)[[1, 3, 4]])
    xr.testing.assert_allclose(one.training_data()["y"], own["y"])
    assert len(one.diagnosis()) > 3
    assert sb.analysis.process.entropy_production(one).sizes["sample"] == 60
    again = sb.load(one.to_netcdf(tmp_path / "one.nc"))
    np.testing.assert_array_equal(again.log_score(own), one.log_score(own))


def test_a_fit_of_groups_is_kept(posterior, data, tmp_path):
    path = posterior.to_netcdf(tmp_path / "all.nc")
    for again in (sb.load(path), sb.load(path, model=MODEL)):
        assert again.groups == posterior.groups
        assert again.model.describe() == posterior.model.describe()
        assert list(again.training_data()["group"].values) == LABELS
        np.testing.assert_allclose(again.log_score(data), posterior.log_score(data), rtol=1e-9)


def test_trajectories_are_told_by_their_group(posterior):
    new = walks(["low"] * 3 + ["high"] * 3, seed=5).drop_vars("group")
    found = posterior.group_log_score(new)
    assert found["log_score"].dims == ("trajectory", "group")
    np.testing.assert_allclose(found["probability"].sum("group"), 1)
    assert (found["probability"].sel(group="high")[3:] > 0.5).all()
    assert (found["probability"].sel(group="high")[:3] < 0.1).all()
    sure = posterior.group_log_score(new, weights={"high": 1e12, "low": 1e-12, "one": 1e-12})
    assert (sure["probability"].sel(group="high")[:3] > found["probability"].sel(group="high")[:3]).all()
    own = posterior.log_score(new.assign_coords(group=("trajectory", ["low"] * 6)))
    np.testing.assert_allclose(found["log_score"].sel(group="low"), own)


@pytest.mark.thorough
def test_predictions_are_by_group(posterior, data):
    ahead = (
        sb.forecast(posterior, data, horizon=12, samples=20)["mean"].isel(horizon=-1, time=-1).mean("sample")
    )
    level = posterior.data["posterior"]["equilibrium"].mean(("chain", "draw")).squeeze()
    near = [abs(float(ahead[row].squeeze() - level.sel(group=label))) for row, label in enumerate(LABELS)]
    assert max(near) < 1
    assert posterior.predict(data, samples=5).sizes["trajectory"] == len(LABELS)
    assert sb.compare({"groups": posterior}, data)["log_score"].notnull().all()


@pytest.mark.thorough
def test_a_diagnosis_names_groups(posterior):
    found = {finding.subject: finding for finding in posterior.diagnosis()}
    assert "'one' has one trajectory" in found["Groups"].message
    assert any(subject.startswith("Time constants, group") for subject in found)
    assert "Diffusion" in found


@pytest.mark.thorough
def test_a_contrast_is_the_difference_in_each_draw(posterior):
    drawn = contrast.contrast(posterior, "equilibrium")
    assert list(drawn["contrast"].values) == ["high − low", "high − one", "low − one"]
    own = posterior.data["posterior"]["equilibrium"].stack(sample=("chain", "draw"))
    expected = (own.sel(group="high") - own.sel(group="low")).values.ravel()
    np.testing.assert_allclose(drawn["equilibrium"].sel(contrast="high − low").values.ravel(), expected)
    assert (sb.summarize(drawn)["equilibrium"].sel(contrast="high − low", statistic="lower") > 0).all()
    before = drawn["equilibrium_prior"].sel(contrast="high − low")
    assert abs(before.mean()) < before.std()
    figures.contrast(drawn)
    few = contrast.contrast(posterior, "stationary_covariance", groups=["one", "high"])
    assert list(few["contrast"].values) == ["one − high"]
    ratios = contrast.contrast(posterior, "time_constants", ratio=True)
    assert (ratios["time_constant"] > 0).all()
    figures.contrast(ratios)
    shown = contrast.contrast(
        posterior, lambda group: sb.analysis.fields.line(group, [-1.0], [1.0], points=5)
    )
    assert {"drift", "drift_prior"} <= set(shown.data_vars)


@pytest.mark.thorough
def test_separate_posteriors_are_paired_at_random(posterior):
    parts = {name: posterior.group(name) for name in ("high", "low")}
    drawn = contrast.contrast(parts, "equilibrium")["equilibrium"].squeeze()
    own = {name: part.data["posterior"]["equilibrium"].values.ravel() for name, part in parts.items()}
    assert float(drawn.mean()) == pytest.approx(own["high"].mean() - own["low"].mean())
    assert not np.allclose(np.sort(drawn), np.sort(own["high"] - own["low"]))


def test_an_overview_compares_what_can_differ(posterior):
    found = contrast.overview(posterior)
    left_out = "covariance, noise, trajectory_effect, entropy_production"
    assert found.attrs["left_out"] == left_out
    ratio = {str(name): v.attrs["ratio"] for name, v in found.data_vars.items() if "prior" not in str(name)}
    assert ratio == {"time_constant": 1, "equilibrium": 0, "stationary_covariance": 1}
    alone = contrast.contrast(posterior, "stationary_covariance", ratio=True)["stationary_covariance"]
    np.testing.assert_allclose(found["stationary_covariance"].values, alone.values[..., 0])
    assert len(figures.overview(found)) == 3
    said = {(row.variable, row.first, row.second): row for row in rows(found)}
    assert said["equilibrium", "high", "low"].verdict == DIFFERS
    assert said["equilibrium", "high", "low"].prior[1] < 0 < said["equilibrium", "high", "low"].prior[2]
    assert said["time_constant", "high", "low"].verdict != DIFFERS
    wide = found.assign(equilibrium_prior=0.1 * found["equilibrium_prior"])
    untold = [row for row in rows(wide) if row.variable == "equilibrium" and row.verdict != DIFFERS]
    assert untold
    assert {row.verdict for row in untold} == {UNTOLD}
    alone = rows(found.drop_vars([name for name in found.data_vars if str(name).endswith("_prior")]))
    assert {row.prior for row in alone} == {None}
    with pytest.raises(ModelError, match="same in all groups"):
        contrast.overview(posterior, ["covariance"])


def test_what_differs_by_rounding_alone_is_the_same(posterior):
    """The equilibrium of a drift is solved for, and differs in its last digits where Σ alone is by group."""

    def rounded(group):
        last = 1 if group is first else 1 + 1e-14
        return xr.DataArray(np.full((60, 1), 0.3) * last, dims=("sample", "state"), name="level")

    first = next(iter(sources_of(posterior, None, None)[0].values()))
    values = values_of({"a": first, "b": replace(first)}, rounded)
    assert not np.array_equal(values["a"]["level"], values["b"]["level"])
    assert are_same(values, "float64")
    assert not are_same({"a": values["a"], "b": values["b"] + 1e-6}, "float64")


@pytest.mark.thorough
def test_shuffled_groups_differ_less(posterior, data):
    def refit(shuffled):
        assert sorted(shuffled["group"].values) == sorted(data["group"].values)
        return sb.fit(posterior.model, shuffled, sb.Laplace(draws=30), progress=False)

    found = contrast.shuffled_groups(posterior, refit, "equilibrium", groups=["high", "low"], shuffles=3)
    assert found["equilibrium_shuffled"].sizes["replicate"] == 3
    assert found["equilibrium_p_value"].item() in (0.25, 0.5)
    figures.shuffled_groups(found)


@pytest.mark.thorough
def test_calibration_ranks_each_group(posterior, data):
    found = sb.calibrate(posterior.model, data, sb.Laplace(draws=20), n=2, progress=False)
    assert {"drift x1 at mean, group high", "drift x1 at mean, group one"} <= set(found["quantity"].values)
    with pytest.raises(ModelError, match="drawn from the likelihood's own distribution"):
        sb.calibrate(posterior.model, data, sb.Laplace(draws=20), n=2, substeps=4, progress=False)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "do not say the group of each trajectory; give"),
        (["a"] * 6, "All 6 trajectories are of the group 'a'"),
        (list("abcdef"), "Each of the 6 trajectories is a group of its own"),
        (["a", "b", "a", "b", "a", " "], "Trajectory 'trajectory 6' has no group"),
        (["a", "b", "a", "b", "a", np.nan], "Trajectory 'trajectory 6' has no group"),
    ],
    ids=["none", "one", "each", "blank", "missing"],
)
def test_groups_that_cannot_be_used_are_refused(data, labels, message):
    own = data.drop_vars("group")
    if labels is not None:
        own = own.assign_coords(group=("trajectory", np.array(labels, dtype=object)))
    with pytest.raises(DataError, match=re.escape(message)):
        MODEL.scaled_to(own)


def test_what_has_no_one_sde_says_so(posterior, data):
    for ask in (posterior.sde, posterior.observed_sde, posterior.draw_prior, lambda: posterior.drift([0.0])):
        with pytest.raises(ModelError, match=r"posterior\.group\('high'\)"):
            ask()
    with pytest.raises(ModelError, match=r"posterior\.group\('high'\)"):
        sb.simulate(posterior, times=np.arange(3.0))
    with pytest.raises(DataError, match="'trajectory 1' is of the group 'new', which the fit does not know"):
        posterior.log_score(data.assign_coords(group=("trajectory", ["new"] * 6)))
    with pytest.raises(ModelError, match="has no group 'new'; it has 'high', 'low', 'one'"):
        posterior.group("new")
    with pytest.raises(ModelError, match="weights are of"):
        posterior.group_log_score(data, weights={"high": 1.0})


def test_what_does_not_vary_says_so(posterior):
    with pytest.raises(ModelError, match="same in all groups"):
        contrast.contrast(posterior, "covariance")
    one = posterior.group("one")
    for ask in (
        one.observed_sde_by_group,
        lambda: one.group("one"),
        lambda: contrast.contrast(one, "equilibrium"),
    ):
        with pytest.raises(ModelError, match="has no groups"):
            ask()
    with pytest.raises(ModelError, match="no two groups"):
        contrast.contrast(posterior, "equilibrium", groups=["one", "one"])
    with pytest.raises(ModelError, match="no group 'new'"):
        contrast.contrast(posterior, "equilibrium", groups=["one", "new"])
    with pytest.raises(DataError, match="no draws"):
        contrast.contrast(posterior, lambda group: xr.DataArray(1.0))
    with pytest.raises(DataError, match="a ratio is of what is positive"):
        contrast.contrast(posterior, "equilibrium", ratio=True)


@pytest.mark.thorough
def test_parts_that_cannot_vary_are_refused(data):
    known = sb.SDEModel(sb.priors.Parametric(lambda x, t, p: -x, {}, by_group=True), observation=sb.Exact())
    with pytest.raises(ModelError, match="mean has by_group=True; give it to the whole"):
        sb.priors.GP(sb.priors.Linear(by_group=True))
    with pytest.raises(ModelError, match="field has by_group=True; give it to the whole"):
        sb.priors.Diagonal(sb.priors.GP(by_group=True))
    with pytest.raises(ModelError, match="the diffusion has by_group=True, but nothing unknown"):
        sb.SDEModel(
            diffusion=sb.priors.Parametric(lambda x, t, p: jnp.eye(1), {}, by_group=True),
            observation=sb.Exact(),
        ).scaled_to(data)
    assert known.scaled_to(data).pooling is not None  # its first state's law varies
    hsgp = sb.SDEModel(sb.priors.GP(by_group=True), scheme=sb.schemes.EulerMaruyama(), observation=sb.Exact())
    with pytest.raises(ModelError, match="groups have parameters of their own"):
        sb.fit(hsgp, data, sb.Marginal(draws=5), progress=False)
