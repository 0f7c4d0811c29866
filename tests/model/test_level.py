"""A level that covariates say: whatever reads data reads them about it, and adds it to what it predicts."""

from __future__ import annotations

import dataclasses
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core.errors import DataError, ModelError
from sdebayes.criticism.innovations import Judge
from sdebayes.criticism.walk import directions_of_return
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift, ObservedSDE, ParametricDrift
from sdebayes.model.student_t_noise import student_t_scales
from sdebayes.posterior.advice import ADVICE
from sdebayes.posterior.replicate import replicate
from sdebayes.priors.covariate_basis import CategoryBasis, NumberBasis
from sdebayes.priors.covariate_process import ProcessBasis

LEVELS = (sb.Level("year"), sb.Level("party"), sb.Level("t", knots=2))
YEARS, PARTIES = [1900.0, 1930.0, 1960.0, 1990.0, 2000.0, 2020.0], ["A", "B", "C", "A", "B", "C"]
FIELD = sb.priors.GP(basis=sb.priors.HSGP(functions=2))
MODELS = {
    "Kalman": sb.SDEModel(observation=sb.GaussianNoise(trajectory_effect=True), level=LEVELS),
    "StudentTNoise": sb.SDEModel(observation=sb.StudentTNoise(), level=LEVELS),
    "LinearTransitions": sb.SDEModel(observation=sb.Exact(), level=LEVELS),
    "StudentT": sb.SDEModel(observation=sb.Exact(innovations=sb.StudentT()), level=LEVELS),
    "Transitions": sb.SDEModel(FIELD, observation=sb.Exact(), level=LEVELS),
    "GaussianFilter": sb.SDEModel(FIELD, observation=sb.GaussianNoise(), level=LEVELS),
}


def walks(steps: int = 10, gap: bool = False, **covariates: object) -> xr.Dataset:
    rng = np.random.default_rng(0)
    values = [rng.normal(size=(steps - i % 2, 2)) for i in range(6)]
    if gap:
        values[0][3] = np.nan
    return sb.trajectories(values, covariates={"year": YEARS, "party": PARTIES} | covariates)


def known(name: str, terms: int) -> ObservedSDE:
    """An SDE that the model's law knows how to read, with slopes of a level."""
    unit, seen = jnp.eye(2), isinstance(MODELS[name].observation, sb.Exact)
    drift = LinearDrift(jnp.array([[0.5, 1.0], [-1.0, 0.3]]), jnp.zeros(2))
    if name in ("Transitions", "GaussianFilter"):
        drift = ParametricDrift(lambda x, t, p: jnp.stack([x[1] - x[0] ** 3, -x[1]]), {})
    effect = 0.2 * unit if name == "Kalman" else 0 * unit
    return ObservedSDE(
        SDE(drift, ConstantDiffusion(0.7 * unit)),
        *(jnp.zeros(2), unit, unit, 0.0 * unit if seen else 0.4 * unit, effect),
        degrees_of_freedom=jnp.asarray(4.5) if name == "StudentT" else None,
        noise_scales=student_t_scales(jnp.asarray(4.0)) if name == "StudentTNoise" else None,
        level_slopes=jnp.asarray(np.random.default_rng(1).normal(size=(terms, 2))),
    )


def apart(name: str, gap: bool = False):
    """A model's law with a draw and data, and the same with a level of zero, of data less it."""
    model = MODELS[name].scaled_to(walks(gap=gap))
    data = model.read(walks(gap=gap))
    observed = known(name, data.level_terms.shape[-1])
    level = np.asarray(data.level_terms) @ np.asarray(observed.level_slopes)
    assert np.ptp(level) > 0.1
    about = np.where(data.seen, data.values - level, 0.0)
    flat = dataclasses.replace(observed, level_slopes=jnp.zeros_like(observed.level_slopes))
    return model.likelihood, (observed, data), (flat, dataclasses.replace(data, values=about)), level


@pytest.mark.parametrize("name", MODELS)
def test_the_density_is_that_of_data_less_the_level(name, x64):
    law, own, flat, _ = apart(name, gap=name in ("LinearTransitions", "Kalman"))
    density = jax.jit(law.log_density)
    np.testing.assert_allclose(density(*own), density(*flat), atol=1e-9)


def test_a_level_of_zero_is_none(x64):
    law, _, (observed, data), _ = apart("LinearTransitions", gap=True)
    plain = dataclasses.replace(observed, level_slopes=None), dataclasses.replace(data, level_terms=None)
    found = jax.jit(law.log_density)(observed, data)
    np.testing.assert_allclose(found, jax.jit(law.inner.log_density)(*plain), atol=1e-12)


@pytest.mark.thorough
def test_the_level_is_added_to_what_is_predicted_and_drawn(x64):
    law, own, flat, level = apart("Kalman")
    data = own[1]

    @jax.jit
    def all_of(model, data):
        key = jax.random.key(2)
        return {
            "one step": law.one_step(model, data),
            "ahead": law.horizons(model, data, 2, jnp.arange(1, 6)),
            "smooth": law.smooth(model, data),
            "replicate": law.replicate(model, data, key),
            "draw": law.draw(model, data, key),
            "innovations": law.innovations(model, data, [jnp.asarray(data.values)])[0],
        }

    found, expected = all_of(*own), all_of(*flat)
    np.testing.assert_allclose(found["one step"][0], expected["one step"][0] + level, atol=1e-9)
    np.testing.assert_allclose(found["one step"][1], expected["one step"][1], atol=1e-9)
    np.testing.assert_allclose(found["ahead"][0], expected["ahead"][0] + level[:, 1:6], atol=1e-9)
    np.testing.assert_allclose(found["smooth"][0], expected["smooth"][0], atol=1e-9)
    for kind in ("replicate", "draw"):
        np.testing.assert_allclose(found[kind], np.where(data.seen, expected[kind] + level, 0.0), atol=1e-9)
    np.testing.assert_allclose(found["innovations"][0], expected["innovations"][0], atol=1e-9)
    np.testing.assert_allclose(found["innovations"][1], expected["innovations"][1] + level, atol=1e-9)


def test_terms_are_centred_uncorrelated_and_of_variance_one():
    data = walks(25)
    model = MODELS["Kalman"].scaled_to(data)
    terms = model.read(data).level_terms[data["y"].notnull().all("state").values]
    assert model.coords()["level_term"] == [
        "year", "party: A", "party: B", "party: C", "t", "t, spline 2", "t, spline 3",
    ]  # fmt: skip
    np.testing.assert_allclose(terms.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(np.cov(terms[:, 4:].T, bias=True), np.eye(3), atol=1e-9)
    np.testing.assert_allclose(np.corrcoef(terms[:, 0], data["year"].values.repeat(data["n_steps"]))[0, 1], 1)


def test_a_spline_goes_on_as_a_line_and_a_polynomial_as_itself():
    x = np.linspace(0, 10, 101)
    spline, cubic = NumberBasis.of(x, 1, 3), NumberBasis.of(x, 3, 0)
    np.testing.assert_allclose(np.diff(spline(np.linspace(10, 20, 9)), 2, axis=0), 0, atol=1e-9)
    assert np.abs(np.diff(spline(x), 2, axis=0)).max() > 1e-3
    np.testing.assert_allclose(np.diff(cubic(np.linspace(-5, 20, 9)), 4, axis=0), 0, atol=1e-6)
    np.testing.assert_array_equal(spline(np.array([np.nan, 5.0]))[0], 0)


def test_slopes_of_categories_have_the_law_of_levels_less_their_mean():
    basis = CategoryBasis.of(np.repeat(["a", "b", "c"], [5, 3, 2]))
    T, p = basis.contrasts, basis.shares
    assert T.shape == (3, 2)
    np.testing.assert_allclose(p @ T, 0, atol=1e-12)
    apart = np.eye(3) - p
    np.testing.assert_allclose(T @ T.T, apart @ apart.T, atol=1e-12)
    np.testing.assert_allclose(basis(np.array(["b"])) @ T, T[1:2], atol=1e-12)


def trending() -> xr.Dataset:
    """A level that goes up with the year in x1, up along the text in x2, and differs between parties in x1."""
    rng = np.random.default_rng(3)
    years, parties, steps = np.linspace(1800, 2000, 15), np.array(["A", "B", "C"])[np.arange(15) % 3], 60
    values = []
    for year, party in zip(years, parties, strict=True):
        x = np.zeros((steps, 2))
        x[0] = rng.normal(size=2) / 0.6
        for k in range(1, steps):
            x[k] = 0.8 * x[k - 1] + rng.normal(size=2)
        place = (np.arange(steps) - 29.5) / 20
        x += np.column_stack([np.full(steps, (year - 1900) / 50 + {"A": -1, "B": 0, "C": 1}[party]), place])
        values.append(x + 0.3 * rng.normal(size=x.shape))
    return sb.trajectories(values, covariates={"year": years, "party": list(parties)})


@pytest.fixture(scope="module")
def fitted() -> tuple[sb.Posterior, xr.Dataset]:
    data = trending()
    level = (sb.Level("year"), sb.Level("t"), sb.Level("party"))
    parts = sb.priors.Linear(diagonal=True), sb.priors.Constant("diagonal")
    model = sb.SDEModel(*parts, observation=sb.GaussianNoise(), level=level)
    return sb.fit(model, data, sb.Laplace(draws=200), seed=0), data


def test_slopes_are_recovered(fitted):
    posterior, data = fitted
    slopes = posterior.data["posterior"]["level_slope"]
    year, place = data["year"].values.std() / 50, np.arange(60).std() / 20
    truth = np.array([[year, 0], [0, place], [-1, 0], [0, 0], [1, 0]])
    far = (slopes.mean(("chain", "draw")) - truth) / slopes.std(("chain", "draw"))
    assert float(np.abs(far).max()) < 3.5
    assert float(slopes.sel(level_term="year", state="x1").quantile(0.05)) > 0.7 * year
    assert float(slopes.sel(level_term="t", state="x2").quantile(0.05)) > 0.5 * place


def test_the_level_is_read_along_covariates(fitted):
    posterior, data = fitted
    found = sb.analysis.level.along(posterior, "year", points=5)
    np.testing.assert_allclose(found["at"], np.linspace(1800, 2000, 5))
    slope = posterior.data["posterior"]["level_slope"].isel(chain=0).sel(level_term="year").T
    at_end = slope.values * 100 / data["year"].values.std()
    np.testing.assert_allclose(found["level"].isel(point=-1).T, at_end, rtol=1e-9)
    parties = sb.analysis.level.along(posterior, "party")
    assert list(parties["at"].values) == ["A", "B", "C"]
    for dataset in (found, parties):
        axes = sb.plots.level.along(dataset, states=["x2"])
        assert len(axes) == 1
    with pytest.raises(DataError, match="does not depend on 'words'; it does on 'year', 't', 'party'"):
        sb.analysis.level.along(posterior, "words")
    with pytest.raises(ModelError, match="whose model has a level"):
        sb.analysis.level.along(posterior.sde())


@pytest.mark.thorough
def test_what_knows_the_trend_is_not_rejected_for_it(fitted):
    posterior, _ = fitted
    findings = {finding.subject: finding for finding in posterior.diagnosis()}
    assert findings["Trend"].values["p_value"] > 0.05
    assert findings["Level of trajectories"].values["p_value"] > 0.05
    assert findings["Return to an equilibrium"].values["p_value"] < 0.05
    assert 'Level("t")' in ADVICE["Trend"](sb.SDEModel())
    assert "more knots" in ADVICE["Trend"](posterior.model)


@pytest.mark.thorough
def test_a_fit_keeps_covariates_and_scores_by_them(tmp_path, fitted):
    posterior, data = fitted
    posterior.to_netcdf(tmp_path / "posterior.nc")
    again = sb.load(tmp_path / "posterior.nc")
    assert again.model.describe() == posterior.model.describe()
    score = posterior.log_score(data)
    np.testing.assert_allclose(again.log_score(again.training_data()), score, rtol=1e-5)
    model = posterior.model
    given = sb.load(
        tmp_path / "posterior.nc",
        sb.SDEModel(model.drift, model.diffusion, observation=sb.GaussianNoise(), level=model.level),
    )
    np.testing.assert_allclose(given.log_score(data), score, rtol=1e-5)
    assert not np.allclose(again.log_score(data.assign_coords(year=data["year"] + 100)), score, rtol=1e-2)
    moved = data.isel(trajectory=[0]).assign_coords(year=("trajectory", [2000.0]))
    up = posterior.predict(moved)["mean"] - posterior.predict(data.isel(trajectory=[0]))["mean"]
    assert float(up.isel(time=0).sel(state="x1").mean()) > 1
    smoothed = posterior.smooth(moved, samples=4)
    slope = (smoothed["level"].isel(time=-1) - smoothed["level"].isel(time=0)).mean("sample")
    assert float(slope.sel(state="x2").squeeze()) > 1
    copies = replicate(posterior, data, samples=50)["y"].mean(("sample", "time")).sel(state="x1")
    assert np.corrcoef(copies, data["y"].mean("time").sel(state="x1"))[0, 1] > 0.9
    ahead = sb.forecast(posterior, moved, horizon=1, samples=4)["mean"]
    np.testing.assert_allclose(
        ahead.squeeze(), posterior.predict(moved, samples=4)["mean"].squeeze()[:, 1:], rtol=1e-5
    )


def test_an_sde_without_its_posterior_cannot_know_the_level(fitted):
    posterior, data = fitted
    judge = Judge.of(posterior.observed_sde(), data)
    with pytest.raises(ModelError, match="The level of this SDE depends on covariates"):
        judge.innovations(np.arange(2))
    with pytest.raises(ModelError, match="The level of this SDE depends on covariates"):
        directions_of_return(judge, 19, 0)


def test_sums_and_tables_are_not_used():
    data = walks(30)
    with pytest.raises(ModelError, match=r"the level depends on covariates; use sdebayes.NUTS\(\)"):
        sb.fit(
            sb.SDEModel(
                sb.priors.Linear(stable=False),
                scheme=sb.schemes.EulerMaruyama(),
                observation=sb.Exact(),
                level=sb.Level("t"),
            ),
            data,
            sb.Marginal(),
        )
    assert MODELS["Transitions"].scaled_to(data).read(data).table is None


@pytest.mark.parametrize(
    ("level", "covariates", "message"),
    [
        (sb.Level("words"), {}, "'words', which the data do not have; they have 'year', 'party'"),
        (sb.Level("year"), {"year": [1900.0] * 6}, "'year' is the same at all steps"),
        (sb.Level("party"), {"party": ["A"] * 6}, "'party' is the same at all steps"),
        (sb.Level("year"), {"year": [np.nan, *YEARS[1:]]}, "'year' is nan at step 0 of trajectory 'trajectory 1'"),
        (sb.Level("party"), {"party": ["", *PARTIES[1:]]}, "'party' is '' at step 0 of trajectory 'trajectory 1'"),
        (sb.Level("party"), {"party": list("ABCDEF")}, "another name in each of 6 trajectories"),
        (sb.Level("year", degree=6), {}, "has 6 different values, too few for the 6 terms"),
        (sb.Level("party", degree=2), {}, "names, which have no degree, knots or kernel"),
        ((sb.Level("year", degree=4), sb.Level("party")), {}, "6 terms of covariates that are the same along"),
        (sb.Level("text"), {"text": [[f"{i} {k}" for k in range(10 - i % 2)] for i in range(6)]}, "different names at"),
    ],
    ids=["missing", "constant", "one name", "nan", "no name", "document", "degree", "names", "terms", "text"],
)  # fmt: skip
def test_covariates_that_cannot_be_used_are_refused(level, covariates, message):
    text = covariates.pop("text", None)
    data = walks(**covariates)
    if text is not None:
        data = data.assign(text=(("trajectory", "time"), [[*one, *[""] * (10 - len(one))] for one in text]))
    with pytest.raises(DataError, match=re.escape(message)):
        sb.SDEModel(level=level).scaled_to(data)


def test_scoring_needs_the_covariates_that_were_fitted():
    model = MODELS["Kalman"].scaled_to(walks())
    with pytest.raises(DataError, match="'year', which the data do not have"):
        model.read(walks().drop_vars("year"))
    with pytest.raises(
        DataError, match=r"'party' is 'D' at step 0 of trajectory 'trajectory 4' \(9 such steps\)"
    ):
        model.read(walks(party=["A", "B", "C", "D", "B", "C"]))
    with pytest.raises(DataError, match="'year' holds <U4; the level was fitted to numbers"):
        model.read(walks(year=["1900"] * 6))


def test_odd_levels_are_refused():
    with pytest.raises(ModelError, match="degree=2 is of a polynomial, knots=3 of a spline"):
        sb.Level("t", degree=2, knots=3)
    with pytest.raises(ModelError, match="'t' more than once"):
        sb.SDEModel(level=(sb.Level("t"), sb.Level("t", knots=2)))
    scaled = sb.SDEModel().scaled_to(walks())
    with pytest.raises(ModelError, match="scale was made without its level"):
        sb.SDEModel(level=sb.Level("t")).with_scale(scaled.scale)


def test_a_model_says_its_level():
    said = MODELS["Kalman"].describe()
    assert "Level: B w_k, added to X(t_k)" in said
    assert "t: natural cubic spline, 2 inner knots" in said


@pytest.mark.parametrize(
    "kernel", [sb.priors.SquaredExponential(), sb.priors.Matern52()], ids=lambda k: k.title
)
def test_a_process_of_a_covariate_has_its_kernel_s_covariance(kernel, x64):
    t = np.linspace(3, 9, 201)
    basis = ProcessBasis.of(t, kernel)
    u = (t - t.mean()) / t.std()
    apart = np.eye(len(u)) - 1 / len(u)
    distance = jnp.asarray(np.abs(u[:, None] - u) / basis.median)
    expected = apart @ np.asarray(kernel.covariance(distance)) @ apart
    slopes = basis(t) @ basis.contrasts
    np.testing.assert_allclose(slopes @ slopes.T, expected, atol=0.02)
    np.testing.assert_allclose(basis(t).mean(0), 0, atol=1e-12)
    beyond = basis(np.array([-50.0, 80.0, np.nan]))
    np.testing.assert_allclose(beyond[:2], -np.tile(basis.means, (2, 1)), atol=1e-9)
    np.testing.assert_array_equal(beyond[2], 0)


@pytest.mark.thorough
def test_a_process_finds_a_bend_and_its_length_scale():
    rng = np.random.default_rng(0)
    t = np.arange(60.0)
    bend = 2 * np.sin(t / 10)
    data = sb.trajectories([bend[:, None] + rng.normal(size=(60, 1)) for _ in range(8)])
    level = sb.Level("t", kernel=sb.priors.SquaredExponential(), spread=1.0)
    model = sb.SDEModel(observation=sb.GaussianNoise(), level=level)
    posterior = sb.fit(model, data, sb.Laplace(draws=200), seed=0)
    found = sb.analysis.level.along(posterior, "t")
    draws = found["level"].isel(state=0).transpose("sample", "point").values
    truth = np.interp(found["at"], t, bend - bend.mean())
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    assert np.mean((low < truth) & (truth < high)) > 0.7
    assert np.abs(draws.mean(0) - truth).max() < 0.6
    lengthscale = posterior.data["posterior"]["level_t_lengthscale"]
    assert lengthscale.dims == ("chain", "draw")
    assert 0.3 < float(lengthscale.median()) < 1.2


def test_a_process_takes_no_degree_and_no_names():
    kernel = sb.priors.SquaredExponential()
    with pytest.raises(ModelError, match=r"degree=2 .* Gaussian process; give one of them"):
        sb.Level("t", degree=2, kernel=kernel)
    with pytest.raises(DataError, match="no degree, knots or kernel"):
        sb.SDEModel(level=sb.Level("party", kernel=kernel)).scaled_to(walks())
