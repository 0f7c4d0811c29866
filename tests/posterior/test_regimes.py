"""A fit of several regimes: labels, probabilities, files, findings, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes import analysis
from sdebayes._core.errors import ArgumentError, DataError, ModelError
from sdebayes.inference import Draws
from sdebayes.inference.problem import Problem
from sdebayes.inference.regime_starts import clusterings
from sdebayes.plots import regimes as figures
from sdebayes.posterior import regime_findings
from sdebayes.posterior.quantities import quantities
from sdebayes.posterior.relabelling import orders, permuted
from sdebayes.priors import Constant, Linear, Regimes
from tests.posterior.conftest import TwoChains

MODEL = sb.SDEModel(Regimes(2, diffusion=Constant()), observation=sb.Exact())
STAY = 0.93


def walks(seed: int, count: int = 8, length: int = 40, apart: float = 4.0) -> tuple[xr.Dataset, np.ndarray]:
    """Two regimes of one state, the first of which holds fewer steps; and the regime that led to each step."""
    rng = np.random.default_rng(seed)
    values, led = [], []
    for _ in range(count):
        z = int(rng.random() < 0.6)
        x, own = [np.array([apart * z + rng.normal()])], [z]
        for _ in range(length - 1):
            keep = (0.3, 0.7)[z]
            x.append(apart * z + keep * (x[-1] - apart * z) + rng.normal(size=1) * (1.0, 0.4)[z])
            own.append(z)
            z = z if rng.random() < (STAY - 0.05, STAY)[z] else 1 - z
        values.append(np.array(x))
        led.append(own)
    return sb.trajectories(values), np.array(led)


@pytest.fixture(scope="module")
def data() -> tuple[xr.Dataset, np.ndarray]:
    return walks(0)


@dataclass(frozen=True)
class Exchanged(TwoChains):
    """Draws of which the second chain has the labels of its two regimes exchanged."""

    def run(self, problem, options) -> Draws:
        found = super().run(problem, options)
        sites = jax.tree.map(np.asarray, jax.vmap(problem.density.unravel)(found.position[1]))
        other = permuted(problem.model.regimes, sites, np.tile([1, 0], (len(found.position[1]), 1)))
        second = jax.vmap(lambda one: jax.flatten_util.ravel_pytree(one)[0])(other)
        return replace(found, position=np.stack([found.position[0], second]))


@pytest.fixture(scope="module")
def posterior(data) -> sb.Posterior:
    return sb.fit(MODEL, data[0], Exchanged(draws=120), seed=0, progress=False)


@pytest.fixture(scope="module")
def one(data) -> sb.Posterior:
    """A fit of one SDE to the same data."""
    return sb.fit(sb.SDEModel(observation=sb.Exact()), data[0], sb.Laplace(draws=50), progress=False)


def test_regimes_have_one_set_of_labels(posterior, data):
    """The one of most steps is the first, in both chains."""
    found = posterior.data["posterior"].to_dataset()
    assert found["equilibrium"].dims == ("chain", "draw", "regime", "state")
    assert found["switching_rate"].dims == ("chain", "draw", "regime", "regime_bis")
    assert found["covariance_probe"].dims == ("chain", "draw", "regime", "term")
    assert list(found["regime"].values) == [1, 2]
    assert data[1].mean() > 0.5
    assert (found["equilibrium"].sel(regime=1) > found["equilibrium"].sel(regime=2)).all()
    np.testing.assert_allclose(found["dwell_time"], 1 / found["switching_rate"].sum("regime_bis"))
    assert posterior.regimes == (1, 2)
    assert "in 2 regimes" in repr(posterior)


def test_steps_are_of_their_regimes(posterior, data):
    found = posterior.regime_probability(data[0], samples=20)
    assert found["probability"].dims == ("sample", "trajectory", "time", "regime")
    np.testing.assert_allclose(found["probability"].sum("regime"), 1)
    likely = found["probability"].mean("sample").argmax("regime").values
    assert (likely == 1 - data[1]).mean() > 0.93
    np.testing.assert_allclose(found["share"].sum("regime"), 1)
    rate = posterior.data["posterior"]["switching_rate"].values.reshape(-1, 2, 2)[found["sample"]]
    np.testing.assert_allclose(found["share"][:, 0], rate[:, 1, 0] / (rate[:, 0, 1] + rate[:, 1, 0]))


@pytest.mark.thorough
def test_every_order_of_labels_is_brought_back(posterior, data):
    """Exchanged labels change neither density nor what is found."""
    model, observations = posterior.model, posterior.model.read(data[0])
    free = posterior.data["unconstrained"].to_dataset()
    sites = {str(name): v.values.reshape(-1, *v.shape[2:])[:12] for name, v in free.data_vars.items()}
    order = np.array([[0, 1], [1, 0]] * 6)
    swapped = permuted(model.regimes, sites, order)
    with jax.enable_x64(True):
        problem = Problem(model, observations, jax.random.key(0))
        plain = jax.jit(
            jax.vmap(
                lambda one: problem.density.potential(jax.flatten_util.ravel_pytree(one)[0], observations, ())
            )
        )
        np.testing.assert_allclose(plain(sites), plain(swapped), rtol=1e-9)
    assert not np.allclose(sites["regime_1_equilibrium"], swapped["regime_1_equilibrium"])
    p = posterior.regime_probability(data[0], samples=12)["probability"].values.reshape(12, -1, 2)
    mixed = np.take_along_axis(p, order[:, None], axis=2)
    np.testing.assert_array_equal(orders(mixed, best=1), order)
    mixed[3] = np.nan
    np.testing.assert_array_equal(np.delete(orders(mixed, best=1), 3, 0), np.delete(order, 3, 0))
    back = permuted(model.regimes, swapped, order)
    for name, values in sites.items():
        np.testing.assert_allclose(back[name], values, atol=1e-12)


def test_three_regimes_change_places():
    """Rates go with their regimes: a row and a column for each."""
    regimes = Regimes(3)
    rates = np.log(np.arange(1.0, 7.0))[None]
    found = permuted(regimes, {"switching_rates": rates}, np.array([[2, 0, 1]]))["switching_rates"]
    # rows of the old matrix: (·, 1, 2), (3, ·, 4), (5, 6, ·); the new first regime is the old third
    np.testing.assert_allclose(np.exp(found[0]), [5, 6, 2, 1, 4, 3])


@pytest.mark.thorough
def test_what_a_fit_has_works_with_regimes(posterior, one, tmp_path):
    new, _ = walks(5, count=4, length=20)
    scores = posterior.log_score(new)
    again = sb.load(posterior.to_netcdf(tmp_path / "regimes.nc"))
    assert again.model.describe() == posterior.model.describe()
    np.testing.assert_array_equal(again.log_score(new), scores)
    table = sb.compare({"one": one, "two": posterior}, new, nulls=False, baseline="one")
    assert float(table["per_step"].sel(candidate="two") - table["per_step"].sel(candidate="one")) > 0.05
    ahead = sb.forecast(posterior, new, horizon=8, samples=10)["mean"]
    first = posterior.predict(new, samples=10)["mean"]
    np.testing.assert_allclose(ahead.sel(horizon=1).transpose("sample", ...)[:, :, 3], first[:, :, 4])
    assert posterior.smooth(new, samples=3)["x"].notnull().all()


def test_one_regime_is_asked_like_any_sde(posterior):
    points = sb.analysis.phase_space.fixed_points(posterior.regime(1))
    own = posterior.data["posterior"]["equilibrium"].sel(regime=1).values.ravel()
    np.testing.assert_allclose(points["location"].values.ravel(), own)
    assert sb.simulate(posterior.regime(2), times=np.arange(4.0), paths=2, seed=0)["y"].sizes["time"] == 4


@pytest.mark.thorough
def test_findings_are_of_each_regime(posterior):
    found = {finding.subject: finding for finding in posterior.diagnosis()}
    assert found["Steps of regimes"].values["steps_1"] > found["Steps of regimes"].values["steps_2"] > 80
    assert found["Regimes apart"].values["largest_cosine"] < 0.3
    assert found["Regimes apart"].values["disagreement"] < 0.05
    assert 0.02 < found["Changes of regime"].values["changing"] < 0.15
    assert {"Diffusion, regime 1", "Diffusion, regime 2"} <= set(found)
    assert "several regimes" in found["Return to an equilibrium"].message
    assert "Step size" not in found


def test_regimes_that_the_data_do_not_hold_are_found():
    """Two that share every step as coins would, and one that holds next to none."""
    p = np.tile([0.5, 0.495, 0.005], (3, 200, 1))
    steps, apart = regime_findings.of_steps(p, (1, 2, 3)), regime_findings.of_pairs(p, (1, 2, 3))
    assert steps.severity == apart.severity == "warning"
    assert "regime 3 holds 1.0 of 200 steps" in steps.message
    assert "1 and 2" in apart.message
    sure = np.eye(3)[np.arange(600) % 3][None]
    assert regime_findings.of_steps(sure, (1, 2, 3)).severity == "assumed"
    apart = regime_findings.of_pairs(sure, (1, 2, 3))
    assert apart.severity == "assumed"
    assert "have no regimes" in apart.message


@pytest.mark.parametrize(("lost", "subject"), [(1, "Regimes apart"), (3, "Steps of regimes")])
def test_draws_whose_regimes_are_not_finite_are_left_out(posterior, monkeypatch, lost, subject):
    """Where most are, nothing is said of the regimes."""
    known = posterior.regime_probability(posterior.training_data(), samples=4)
    probability = known["probability"].values.copy()
    probability[:lost] = np.nan
    changed = known.assign(probability=(known["probability"].dims, probability))
    monkeypatch.setattr(type(posterior), "regime_probability", lambda *_, **__: changed)
    found = {one.subject: one for one in regime_findings.regime_findings(posterior)}
    assert subject in found
    judged = f"of {lost} of 4 draws" not in found["Steps of regimes"].message
    assert judged == (lost == 1)
    assert "nan" not in found["Steps of regimes"].message


def test_draws_that_disagree_on_the_steps_of_regimes_are_found():
    """Each is sure of all steps, and one in four exchanges a third of them."""
    sure = np.tile(np.eye(2)[np.arange(300) % 2], (4, 1, 1))
    assert regime_findings.of_pairs(sure, (1, 2)).severity == "assumed"
    sure[0, ::3] = sure[0, ::3, ::-1]
    apart = regime_findings.of_pairs(sure, (1, 2))
    assert apart.severity == "warning"
    assert apart.values["disagreement"] == pytest.approx(1 / 3 * (1 / 4 * 3 / 4 + 3 / 4 * 1 / 4))
    assert "by a probability of 0.12" in apart.message


def test_clusters_of_steps_are_near_the_regimes(data):
    values = data[0]["y"].values
    best = clusterings(values, np.isfinite(values).all(-1), 2)[0]
    share = (best == data[1][:, 1:]).mean()
    assert max(share, 1 - share) > 0.85


def test_calibration_ranks_what_no_label_changes(posterior, data):
    with jax.enable_x64(True):
        read = quantities(posterior.model, None, log_likelihood=False).read
        data = posterior.model.read(data[0])
        one = jax.tree.map(lambda leaf: leaf[0], posterior.observed_sde_by_regime())
        flip = lambda part: jax.tree.map(lambda leaf: leaf[::-1], part)  # noqa: E731
        other = replace(
            one,
            sde=flip(one.sde),
            initial_mean=flip(one.initial_mean),
            initial_covariance=flip(one.initial_covariance),
            generator=one.generator[::-1, ::-1],
        )
        np.testing.assert_allclose(read(one, data), read(other, data))


def test_a_shared_diffusion_is_one(data):
    model = sb.SDEModel(Regimes(2), Constant("diagonal"), observation=sb.Exact()).scaled_to(data[0])
    assert model.dims()["diffusion_variance"] == ["state"]
    assert "In all regimes:" in model.describe()
    assert MODEL.dims()["diffusion_covariance"] == ["regime", "state", "state_bis"]


def test_what_has_no_one_sde_says_so(posterior, one, data):
    for ask in (posterior.sde, posterior.observed_sde, posterior.draw_prior, lambda: posterior.drift([0.0])):
        with pytest.raises(ModelError, match=r"posterior\.regime\(1\)"):
            ask()
    with pytest.raises(ModelError, match=r"posterior\.regime\(1\)"):
        sb.simulate(posterior, times=np.arange(3.0))
    with pytest.raises(ModelError, match="has no regime 3; it has 1, 2"):
        posterior.regime(3)
    with pytest.raises(ModelError, match=r"observed\.of_regime\(0\)"):
        sb.simulate(posterior.observed_sde_by_regime(), times=np.arange(3.0))
    for ask in (one.observed_sde_by_regime, lambda: one.regime(1), lambda: one.regime_probability(data[0])):
        with pytest.raises(ModelError, match="has no regimes"):
            ask()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Regimes(Regimes(2)), "n="),
        (lambda: Regimes(1), "n=1 must be"),
        (lambda: Regimes(2.5), "n=2.5 must be"),
        (lambda: Regimes(2, Regimes(2)), "the drift is Regimes itself"),
        (lambda: Regimes(2, Linear(by_group=True)), "the drift has by_group=True"),
        (lambda: Regimes(2, diffusion=Constant(by_group=True)), "the diffusion has by_group=True"),
        (lambda: sb.SDEModel(Regimes(2), Constant(by_group=True)), "the diffusion has by_group=True"),
        (
            lambda: sb.SDEModel(Regimes(2), observation=sb.GaussianNoise(by_group=True)),
            "the observation has by_group",
        ),
        (
            lambda: sb.SDEModel(Regimes(2, diffusion=Constant()), Constant("diagonal")),
            "Regimes have one of their own",
        ),
        (lambda: Regimes(2).sample(1, None), "diffusion=None must be"),
    ],
    ids=[
        "nested count",
        "one",
        "half",
        "nested",
        "drift",
        "diffusion",
        "shared",
        "observation",
        "two",
        "sample",
    ],
)
def test_regimes_that_make_no_sense_are_refused(make, message):
    with pytest.raises((ModelError, ArgumentError), match=message):
        make()


def test_more_regimes_than_steps_are_refused():
    few = sb.trajectories([np.random.default_rng(0).normal(size=(3, 1))])
    with pytest.raises(ModelError, match="more regimes than the data have steps, 3"):
        sb.fit(sb.SDEModel(Regimes(4), observation=sb.Exact()), few, sb.Laplace(draws=5), progress=False)
    with pytest.raises(ModelError, match="regimes are summed out"):
        sb.fit(MODEL, few, sb.Marginal(draws=5), progress=False)
    with pytest.raises(ModelError, match="each regime has its own"):
        sb.fit(MODEL, few, sb.ParticleCorrection(), progress=False)
    with pytest.raises(ModelError, match="data of several regimes"):
        sb.calibrate(MODEL, few, sb.Laplace(draws=5), n=2, substeps=3, progress=False)


def test_regimes_are_shown(posterior, data):
    dwell = analysis.regimes.dwell_times(posterior)
    np.testing.assert_allclose(
        dwell["dwell_time"], posterior.data["posterior"]["dwell_time"].values.reshape(-1, 2)
    )
    np.testing.assert_allclose(dwell["share"].sum("regime"), 1)
    found = posterior.regime_probability(data[0], samples=20)
    texts = np.array([[f"{i}-{k}" for k in range(40)] for i in range(8)])
    told = data[0].assign(text=(("trajectory", "time"), texts))
    steps = analysis.regimes.exemplars(found, told, count=2)
    assert (steps["probability"] > 0.95).all()
    row, column = map(int, str(steps["text"].values[0, 0]).split("-"))
    assert data[1][row, column] == 1
    assert steps["name"].values[0, 0] == data[0]["trajectory"].values[row]
    assert len(figures.probability(found, trajectory="trajectory 2").lines) == 2
    assert len(figures.dwell_times(dwell).containers) == 1


@pytest.mark.slow
def test_a_page_has_a_chapter_of_regimes(posterior, data, tmp_path):
    texts = np.array([[f"Text {i}-{k}." for k in range(40)] for i in range(8)])
    told = data[0].assign(text=(("trajectory", "time"), texts))
    held = walks(7, count=3)[0]
    held = held.assign(text=(("trajectory", "time"), texts[:3]))
    page = sb.report(posterior, tmp_path / "page.html", data=told, test=held, draws=10)
    text = page.read_text(encoding="utf-8")
    assert "It was taken to switch between 2 regimes" in text
    assert "What stands in each regime" in text


def test_what_has_no_regimes_is_not_shown(posterior, data):
    with pytest.raises(ModelError, match="several regimes"):
        analysis.regimes.dwell_times(posterior.regime(1))
    found = posterior.regime_probability(data[0], samples=2)
    with pytest.raises(DataError, match="the same data"):
        analysis.regimes.exemplars(found, data[0].isel(trajectory=[0]))
    with pytest.raises(DataError, match="no trajectory 'x'"):
        figures.probability(found, trajectory="x")
