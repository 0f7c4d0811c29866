"""Marginal by an approximation of the likelihood: how near it is, and the posterior it leads to."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from scipy import stats

import sdebayes as sb
from sdebayes._core import precision
from sdebayes._core.errors import InferenceError, ModelError
from sdebayes.dynamics import SDE, AffineDrift, ConstantDiffusion
from sdebayes.inference.marginal import local_statistics, strategy
from sdebayes.inference.marginal.local_statistics import Point, linearized
from sdebayes.inference.marginal.marginalized import Marginalized
from sdebayes.inference.marginal.surrogate_transition import ACCEPTED, longest_stay, moves_finding
from sdebayes.inference.sufficient_statistics.euler_maruyama import Given, known_log_density
from sdebayes.inference.sufficient_statistics.linear_weights import LinearWeights
from sdebayes.inference.sufficient_statistics.reduction import statistics_of

NOISE = 0.8


def path_of(choice: list[float], count: int) -> xr.Dataset:
    """An Ornstein–Uhlenbeck path of unequal steps, exact."""
    rng = np.random.default_rng(1)
    steps = rng.choice(choice, count)
    x = [0.5]
    for dt in steps:
        decay = np.exp(-dt)
        x.append(1 + decay * (x[-1] - 1) + NOISE * np.sqrt((1 - decay**2) / 2) * rng.normal())
    return sb.trajectories([np.array(x)[:, None]], t=[np.concatenate([[0.0], np.cumsum(steps)])])


@pytest.fixture(scope="module")
def path() -> xr.Dataset:
    """Long steps."""
    return path_of([0.2, 0.4], 160)


@pytest.fixture(scope="module")
def model(path) -> sb.SDEModel:
    return sb.SDEModel(
        sb.priors.Linear(stable=False, rate=1.0, location=0.0, location_spread=1.0),
        sb.priors.Fixed(ConstantDiffusion(jnp.array([[NOISE]]))),
        observation=sb.Exact(),
    ).scaled_to(path)


def all_in(model: sb.SDEModel) -> Marginalized:
    """A drift all of whose terms are in, which `Marginal` leaves to `NUTS`, but whose posterior is known."""
    return Marginalized(LinearWeights(model))


def approximation_of(path, model, scheme):
    """Return the scheme's log-likelihood and its approximation, functions of Θ and Σ, and a point."""
    ready = all_in(sb.SDEModel(model.drift, sb.priors.Constant(), scheme, sb.Exact()).scaled_to(path))
    observations = ready.model.read(path)
    point = Point(jnp.array([[0.8], [-0.9]]), jnp.array([[0.6]]))
    found = linearized(ready, observations, point, statistics_of(ready.functions, observations))
    x, t = (jnp.asarray(path[name].values[0]) for name in ("y", "t"))

    def exact(theta, sigma):
        sde = SDE(AffineDrift(-theta[1:], theta[0]), ConstantDiffusion(jnp.sqrt(sigma)))
        law = jax.vmap(lambda a, b, dt: scheme.log_density(sde, a, b, 0.0, dt))
        return law(x[:-1], x[1:], jnp.diff(t)).sum()

    def near(theta, sigma):
        given = Given(theta, 0 * theta, sigma, x[0] - ready.functions.reference, jnp.eye(1))
        return known_log_density(given, found) - jax.scipy.stats.norm.logpdf(0.0)

    return exact, near, point


@pytest.mark.parametrize(
    "scheme", [sb.schemes.LocalLinearization(), sb.schemes.Moments()], ids=lambda s: s.title
)
def test_the_approximation_has_the_value_and_the_slopes_of_the_likelihood(path, model, scheme):
    with precision.scope("float64"):
        exact, near, point = approximation_of(path, model, scheme)
        values = (float(jax.jit(density)(*point)) for density in (near, exact))
        assert next(values) == pytest.approx(next(values), rel=1e-10)
        slopes = (jax.jit(jax.grad(density, (0, 1)))(*point) for density in (near, exact))
        for mine, theirs in zip(*slopes, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-8)


def test_the_approximation_has_about_the_curvature_of_the_likelihood(model):
    """At steps of a tenth of the time constant and less, up to what the drift does to the covariance."""
    with precision.scope("float64"):
        exact, near, point = approximation_of(path_of([0.05, 0.1], 800), model, sb.schemes.Moments())
        near, exact = (jax.jit(jax.hessian(density))(*point).reshape(2, 2) for density in (near, exact))
        np.testing.assert_allclose(near, exact, rtol=0.08)


@pytest.mark.slow
def test_draws_agree_with_quadrature_of_the_exact_transitions(path, model, monkeypatch):
    """dX = (v − A X) dt + s dW has normal transitions; v and A on a grid, their prior normal."""
    monkeypatch.setattr(strategy, "marginalized", all_in)
    posterior = sb.fit(model, path, sb.Marginal(draws=1000, warmup=50), seed=0, progress=False)
    v, A = np.meshgrid(np.linspace(-1.5, 4.5, 240), np.linspace(0.01, 3.5, 241), indexing="ij")
    density = stats.norm.logpdf(v, 0, 1) + stats.norm.logpdf(A, 0, 1)
    x, t = path["y"].values[0, :, 0], path["t"].values[0]
    for before, after, dt in zip(x[:-1], x[1:], np.diff(t), strict=True):
        decay = np.exp(-A * dt)
        sd = NOISE * np.sqrt((1 - decay**2) / (2 * A))
        density += stats.norm.logpdf(after, v / A + decay * (before - v / A), sd)
    weight = np.exp(density - density.max())
    weight /= weight.sum()
    effective = 300  # of 2,000 draws, half of which are moves taken
    found = posterior.data["posterior"].to_dataset()
    for exact, name in ((v, "drift_offset"), (A, "drift_matrix")):
        mean = np.sum(weight * exact)
        sd = np.sqrt(np.sum(weight * (exact - mean) ** 2))
        draws = found[name].values.ravel()
        assert abs(draws.mean() - mean) < 4 * sd / np.sqrt(effective)
        assert draws.std() == pytest.approx(sd, rel=4 / np.sqrt(2 * effective))
    taken = next(f for f in posterior.diagnosis() if f.subject == "Moves taken")
    assert 0.2 < taken.values["accepted_share"] < 1


@pytest.mark.parametrize(
    ("taken", "stay"),
    [([1, 1, 1, 1, 1, 1], 1.0), ([1, 0, 0, 0, 0, 0], 6.0), ([0, 1, 0, 0, 1, 1], (1 + 9 + 1 + 1) / 6)],
)
def test_the_mean_draw_is_one_of_so_many_equal_ones(taken, stay):
    """The first draw begins a stay, taken or not; the worst chain counts."""
    moves = np.stack([np.ones(6), taken]).astype(bool)
    assert longest_stay(moves) == pytest.approx(stay)


def test_chains_that_stand_still_are_said():
    taken = xr.Dataset({ACCEPTED: (("chain", "draw"), np.eye(2, 50) > 0)})
    finding = moves_finding(taken)
    assert finding.severity == "warning"
    assert finding.values["accepted_share"] == pytest.approx(0.02)
    assert finding.values["longest_stay"] == pytest.approx(50)


def test_what_has_no_closed_form_and_a_gradient_is_left_to_nuts(path, model):
    for call in (lambda: sb.inference.statistics(model, path), lambda: sb.fit(model, path, sb.Marginal())):
        with pytest.raises(
            ModelError, match=r"LocalLinearization is not linear in the drift; use sdebayes.NUTS"
        ):
            call()
    terms = sb.SDEModel(sb.priors.Sparse(), model.diffusion, sb.schemes.Strang(), sb.Exact())
    with pytest.raises(ModelError, match="Strang splits a drift"):
        sb.fit(terms, path, sb.Marginal(), progress=False)


@pytest.mark.thorough
def test_a_search_that_comes_no_nearer_ends(path, model, monkeypatch):
    """Where data run away, sums of their powers have no digits left for the likelihood, however near the point."""
    monkeypatch.setattr(local_statistics, "_error", lambda *_: float("nan"))
    monkeypatch.setattr(strategy, "marginalized", all_in)
    with pytest.raises(InferenceError, match=r"misses the likelihood by nan nats.*NUTS\(\)"):
        sb.fit(model, path, sb.Marginal(draws=25, warmup=25, chains=1), progress=False)
