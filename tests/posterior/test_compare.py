"""Held-out scores beside the nulls: intervals, claims, and fits of different training groups."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes._core.errors import DataError, ModelError, StateSpaceError
from sdebayes._core.ratio import ratio
from sdebayes.posterior.candidates import beyond_nulls, nulls_beside, observation_of
from tests.posterior.conftest import ornstein_uhlenbeck

QUICK = sb.Laplace(draws=100)
PLAIN = sb.SDEModel(sb.priors.Linear(diagonal=True), sb.priors.Constant("diagonal"), observation=sb.Exact())


@pytest.fixture(scope="module")
def fresh() -> xr.Dataset:
    return sb.trajectories(ornstein_uhlenbeck(77, [30] * 12, noise=0.6, effect=0.5))


@pytest.fixture(scope="module")
def table(noisy, fresh) -> xr.Dataset:
    return sb.compare({"model": noisy}, fresh)


def test_the_interval_is_that_of_the_paired_ratio(table):
    gain = (table["log_score"] - table["log_score"].sel(candidate="iid + document effect")).values
    expected = ratio(gain, table["n_observed"].values.astype(float))
    np.testing.assert_allclose(table["lower"], expected.lower)
    np.testing.assert_allclose(table["upper"], expected.upper)
    best = table.sel(candidate=table.attrs["best"])
    assert float(best["lower_to_best"]) == float(best["upper_to_best"]) == 0
    assert (table["upper_to_best"] - table["lower_to_best"] >= 0).all()


@pytest.mark.thorough
def test_few_trajectories_are_said_to_be_few(noisy, fresh, table):
    assert table.attrs["caution"] == ""
    assert (
        "Few trajectories (4)" in sb.compare({"m": noisy}, fresh.isel(trajectory=slice(4))).attrs["caution"]
    )
    pair = sb.compare({"m": noisy}, fresh.isel(trajectory=slice(2)))
    assert "next to nothing" in sb.claims(pair).attrs["caution"]
    with pytest.raises(DataError, match="at least two"):
        sb.compare({"m": noisy}, fresh.isel(trajectory=[0]))


def test_nulls_are_the_rows_of_the_table(noisy, fresh, table):
    for name, null in sb.nulls.fit(noisy.training_data()).items():
        score = null.log_score(fresh)
        assert score.dims == ("trajectory",)
        np.testing.assert_allclose(score, table["log_score"].sel(candidate=name), rtol=1e-8)
        np.testing.assert_array_equal(score["n_observed"], table["n_observed"])
        assert score.attrs["null"] == name
    alone = sb.nulls.IID().fit(noisy.training_data())
    assert repr(alone) == "<IID fitted to 2 states>"


def test_a_null_scores_only_in_its_own_space(noisy, fresh):
    null = sb.nulls.IIDDocumentEffect().fit(noisy.training_data())
    with pytest.raises(StateSpaceError, match="the fit is in none"):
        null.log_score(fresh.assign_attrs(space_hash="another"))
    with pytest.raises(DataError, match="have the states"):
        null.log_score(fresh.assign_coords(state=["a", "b"]))
    with pytest.raises(DataError, match="not to embeddings"):
        sb.nulls.IID().fit(fresh.rename(state="embedding"))


def test_a_null_cannot_be_the_name_of_a_model(noisy, fresh):
    with pytest.raises(ModelError, match="name of a null"):
        sb.compare({"iid": noisy}, fresh)


@pytest.fixture(scope="module")
def space(training) -> sb.PCA:
    """A space in which the training data are embeddings."""
    return sb.PCA(2).fit(training.rename(state="embedding"))


@pytest.fixture(scope="module")
def projected(space, training) -> xr.Dataset:
    return space.transform(training.rename(state="embedding"))


@pytest.fixture(scope="module")
def groups(projected) -> tuple[xr.Dataset, xr.Dataset]:
    return projected.isel(trajectory=slice(12)), projected.isel(trajectory=slice(12, 24))


@pytest.fixture(scope="module")
def pair(projected, groups) -> tuple[sb.Posterior, sb.Posterior]:
    """Fits to each group, of one model, so that they share what is compiled."""
    model = PLAIN.scaled_to(projected)
    first, second = (sb.fit(model, group, QUICK, progress=False) for group in groups)
    return first, second


@pytest.mark.thorough
def test_fits_of_different_groups_compare_in_one_space(projected, space, groups, pair, fresh):
    first, second = pair
    fresh = space.transform(fresh.rename(state="embedding"))
    judged = xr.concat(
        [groups[1].isel(trajectory=slice(2)), fresh], "trajectory", join="outer", data_vars="all"
    )
    judged = sb.data.validate(judged.assign_coords(trajectory=[f"t{i}" for i in range(14)]))
    found = sb.compare({"first": first, "second": second}, judged)
    np.testing.assert_allclose(found["log_score"].sel(candidate="first"), first.log_score(judged))
    seen = found["in_sample"].sum("trajectory").to_series().to_dict()
    assert seen == {"first": 0, "second": 2, "iid": 2, "iid + document effect": 2, "random walk + noise": 2}
    whole = sb.nulls.IID().fit(projected).log_score(judged)
    np.testing.assert_allclose(found["log_score"].sel(candidate="iid"), whole, rtol=1e-3)
    own = sb.compare({"first": first, "second": second}, judged, nulls_from=groups[0])
    assert int(own["in_sample"].sel(candidate="iid").sum()) == 0
    alone = sb.compare({"first": first}, judged)
    np.testing.assert_allclose(
        own["log_score"].sel(candidate="iid"), alone["log_score"].sel(candidate="iid"), rtol=1e-8
    )


def made(scores: dict[str, tuple[str, str, float]], sd: float = 0.02) -> xr.Dataset:
    """A table of candidates: kind, observation, and gain per step over the first null, with noise of each document."""
    rng = np.random.default_rng(0)
    steps = np.full(12, 50)
    rows = np.array([50 * (gain + sd * rng.normal(size=12)) for _, _, gain in scores.values()])
    return xr.Dataset(
        {"log_score": (("candidate", "trajectory"), rows)},
        {
            "candidate": list(scores),
            "kind": ("candidate", [kind for kind, _, _ in scores.values()]),
            "observation": ("candidate", [observation for _, observation, _ in scores.values()]),
            "n_observed": ("trajectory", steps),
        },
        {"caution": ""},
    )


NULLS = {"iid": ("null", "", -0.5), "iid + document effect": ("null", "", 0.0)}


def verdicts(table: xr.Dataset, candidate: str | None = None) -> dict[str, str]:
    return sb.claims(table, candidate)["verdict"].to_series().to_dict()


@pytest.mark.parametrize(
    ("walk", "verdict"), [(0.05, "not supported"), (-0.1, "supported"), (0.5, "against")]
)
def test_order_does_not_speak_for_an_equilibrium(walk, verdict):
    table = made({"m": ("linear", "noise", 0.05), **NULLS, "random walk + noise": ("null", "", walk)})
    assert verdicts(table) == {
        "order": "supported",
        "return to an equilibrium": verdict,
        "coupling": "not asked",
        "nonlinearity": "not asked",
    }


def test_order_needs_both_nulls_beaten():
    table = made(
        {"m": ("linear", "noise", 0.05), "iid": ("null", "", 0.3), **{"iid + document effect": NULLS["iid"]}}
    )
    found = sb.claims(table).sel(claim="order")
    assert str(found["verdict"].values) == "against"
    assert str(found["against"].values) == "iid"
    assert float(found["upper"]) < 0


def test_coupling_and_nonlinearity_are_asked_of_their_own_rivals():
    table = made(
        {
            "gp": ("nonlinear", "noise", 0.30),
            "ou": ("linear", "noise", 0.295),
            "diagonal": ("diagonal linear", "noise", 0.1),
            "exact": ("linear", "exact", -0.2),
            **NULLS,
        }
    )
    assert verdicts(table)["nonlinearity"] == "not supported"
    assert verdicts(table)["coupling"] == "not asked"
    assert verdicts(table, "ou")["coupling"] == "supported"
    assert verdicts(table, "ou")["nonlinearity"] == "not asked"
    assert verdicts(table.sel(candidate=["gp", "exact", "iid"]))["nonlinearity"] == "not asked"
    assert str(sb.claims(table)["against"].sel(claim="nonlinearity").values) == "ou"


def test_a_model_that_knows_what_no_null_does_is_asked_for_order_by_its_shuffled_fit():
    rows = {"m": ("linear", "noise + heavy tails", 0.05), **NULLS, "random walk + noise": ("null", "", -0.3)}
    beyond = {"beyond_nulls": ("candidate", ["heavy tails", "", "", ""])}
    alone = sb.claims(made(rows).assign_coords(beyond))
    assert (alone["verdict"] == "not asked").all()
    assert "order and return to an equilibrium" in alone.attrs["not_asked"]
    assert "(heavy tails)" in alone.attrs["not_asked"]
    assert "sdebayes.shuffle(train)" in alone.attrs["not_asked"]
    for gain, verdict in ((0.0, "supported"), (0.05, "not supported"), (0.2, "against")):
        beside = rows | {"shuffled": ("shuffled", "noise + heavy tails", gain)}
        beyond = {"beyond_nulls": ("candidate", ["heavy tails", "", "", "", "heavy tails"])}
        found = sb.claims(made(beside).assign_coords(beyond))
        assert found["verdict"].values.tolist() == [verdict, *["not asked"] * 3]
        assert str(found["against"].sel(claim="order").values) == "shuffled"
        assert found.attrs["not_asked"].startswith("Not asked: return to an equilibrium,")
    unlike = rows | {"shuffled": ("shuffled", "noise", 0.0)}
    beyond = {"beyond_nulls": ("candidate", ["heavy tails", "", "", "", ""])}
    assert verdicts(made(unlike).assign_coords(beyond))["order"] == "not asked"


def test_trajectories_of_the_fit_do_not_count():
    table = made({"m": ("linear", "noise", 0.05), **NULLS}, sd=0.001)
    seen = np.zeros((3, 12), dtype=bool)
    seen[0, :10] = True
    gain = table["log_score"].copy()
    gain[0, 10:] -= 10
    table["log_score"] = gain
    found = sb.claims(table.assign_coords(in_sample=(("candidate", "trajectory"), seen)))
    assert str(found["verdict"].sel(claim="order").values) == "against"
    assert "10 of 12 trajectories are those of the fit" in found.attrs["not_asked"]
    assert "next to nothing" in found.attrs["caution"]
    seen[0, :11] = True
    nothing = sb.claims(table.assign_coords(in_sample=(("candidate", "trajectory"), seen)))
    assert (nothing["verdict"] == "not asked").all()
    assert nothing.attrs["not_asked"].startswith("Nothing is asked: 11 of 12")


def test_an_unlike_rival_is_named():
    table = made(
        {"gp": ("nonlinear", "exact + free first state", 0.3), "ou": ("linear", "exact", 0.2), **NULLS}
    )
    found = sb.claims(table)
    assert str(found["verdict"].sel(claim="nonlinearity").values) == "not asked"
    assert "no linear row is like this model in all but its drift" in found.attrs["not_asked"]


NOISE = sb.GaussianNoise()
FIELD = sb.priors.GP(basis=sb.priors.HSGP(functions=2))
LIKE = {
    "noise": sb.SDEModel(observation=NOISE),
    "noise + trajectory effect": sb.SDEModel(),
    "full noise + full trajectory effect": sb.SDEModel(
        observation=sb.GaussianNoise(covariance="full", trajectory_effect=True, effect_covariance="full")
    ),
    "noise + heavy tails": sb.SDEModel(observation=sb.StudentTNoise()),
    "exact + heavy tails": sb.SDEModel(observation=sb.Exact(innovations=sb.StudentT())),
    "exact + free first state": sb.SDEModel(FIELD, observation=sb.Exact()),
    "exact + Σ(x) + free first state": sb.SDEModel(
        diffusion=sb.priors.Diagonal(FIELD), observation=sb.Exact()
    ),
    "noise + observation by group": sb.SDEModel(observation=sb.GaussianNoise(by_group=True)),
    "noise + drift by group": sb.SDEModel(sb.priors.Linear(by_group=True), observation=NOISE),
    "noise + covariate year": sb.SDEModel(observation=NOISE, level=sb.Level("year")),
}


@pytest.mark.parametrize("said", LIKE)
def test_all_but_the_drift_is_said_of_a_model(said):
    assert observation_of(LIKE[said]) == said


def test_what_no_null_knows_is_said_of_a_model():
    assert beyond_nulls(sb.SDEModel()) == []
    assert beyond_nulls(LIKE["noise + heavy tails"]) == ["heavy tails"]
    assert beyond_nulls(LIKE["exact + heavy tails"]) == ["heavy tails"]
    assert beyond_nulls(sb.SDEModel(sb.priors.Linear(by_group=True))) == ["groups"]
    assert beyond_nulls(LIKE["noise + covariate year"]) == ["covariates"]
    assert beyond_nulls(sb.SDEModel(sb.priors.Regimes(2), observation=NOISE)) == ["regimes"]


def test_nulls_are_correlated_where_a_model_is():
    shapes = [null.covariance for null in nulls_beside([LIKE["noise"], sb.SDEModel()])]
    assert shapes == ["diagonal"] * 3
    shapes = [
        null.covariance for null in nulls_beside([LIKE["noise"], LIKE["full noise + full trajectory effect"]])
    ]
    assert shapes == ["diagonal", "full", "full"]


@pytest.mark.parametrize("null", [sb.nulls.IIDDocumentEffect, sb.nulls.RandomWalkNoise])
def test_a_correlated_null_knows_what_one_that_is_not_misses(null):
    """Correlations of .9, of the middles or of the noise: their gain is nearly that of the truth."""
    rng = np.random.default_rng(3)
    root = np.linalg.cholesky([[1.0, 0.9], [0.9, 1.0]])
    steps, middles = rng.normal(size=(60, 25, 2)), 2 * rng.normal(size=(60, 1, 2)) @ root.T
    walk = 0.05 * steps.cumsum(1) + 0.5 * rng.normal(size=steps.shape) @ root.T
    values = steps + middles if null is sb.nulls.IIDDocumentEffect else walk
    train, test = sb.split(sb.trajectories(list(values)), test=20, seed=0)
    known, unknown = (null(shape).fit(train).log_score(test).values for shape in ("full", "diagonal"))
    low = float(ratio(known - unknown, np.full(20, 25.0)).lower)
    truth = -0.5 * np.log(1 - 0.9**2) / (25 if null is sb.nulls.IIDDocumentEffect else 1)
    assert low > 0.3 * truth


@pytest.mark.thorough
def test_order_that_is_none_is_not_found_behind_heavy_tails():
    """Independent t₃ steps: the nulls lose to a model of heavy tails, its own shuffled fit does not."""
    rng = np.random.default_rng(1)
    scale = np.sqrt(rng.gamma(1.5, 1 / 1.5, (30, 30, 1)))
    train, test = sb.split(sb.trajectories(list(rng.normal(size=(30, 30, 2)) / scale)), test=15, seed=0)
    model, strategy = sb.SDEModel(observation=sb.StudentTNoise()), sb.Laplace(draws=100)
    fits = {
        name: sb.fit(model, data, strategy, progress=False)
        for name, data in {"m": train, "shuffled": sb.shuffle(train)}.items()
    }
    table = sb.compare(fits, test)
    assert table["kind"].sel(candidate=["m", "shuffled"]).values.tolist() == ["linear", "shuffled"]
    assert float(table["lower"].sel(candidate="m")) > 0
    nulls = ["iid", "iid + document effect", "random walk + noise"]
    alone = sb.compare({"m": fits["m"]}, test)["log_score"].sel(candidate=nulls)
    np.testing.assert_allclose(table["log_score"].sel(candidate=nulls), alone, rtol=1e-8)
    found = sb.claims(table)
    assert str(found["verdict"].sel(claim="order").values) == "not supported"
    assert str(found["against"].sel(claim="order").values) == "shuffled"


def test_claims_need_a_table_and_one_of_its_rows(table):
    with pytest.raises(DataError, match=r"sdebayes\.compare"):
        sb.claims(table.drop_vars("kind"))
    with pytest.raises(DataError, match="no candidate 'x'"):
        sb.claims(table, "x")


def test_kinds_are_read_from_the_models(noisy, exact, table):
    assert list(table["kind"].values) == ["linear", "null", "null", "null"]
    assert str(table["observation"].values[0]) == "noise + trajectory effect"
    assert verdicts(table)["order"] == "supported"


def test_the_space_of_a_fit_is_at_hand(noisy, space, pair, tmp_path):
    assert noisy.space is None
    posterior, _ = pair
    assert posterior.space.hash == space.hash
    loaded = sb.load(posterior.to_netcdf(tmp_path / "p.nc"))
    assert loaded.space.hash == loaded.space_hash == space.hash
