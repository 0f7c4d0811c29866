"""The prior of Gaussian-process fields: its draws, its description, what is refused."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.handlers import seed, substitute, trace
from scipy import linalg, stats

import sdebayes as sb
from sdebayes._core.errors import ModelError
from sdebayes.priors import (
    BNN,
    GP,
    HSGP,
    Constant,
    Inducing,
    Linear,
    Matern52,
    RandomFourier,
)
from tests.cases import first_of
from tests.priors.processes import KERNELS, MIDDLE, UNIT, implied, named, normal_states


@pytest.fixture(autouse=True)
def _double(x64):
    """Everything here in double precision."""


def draws(prior: GP, x, count: int, known=(), outputs=None) -> tuple[np.ndarray, dict]:
    """Values at points, (draw, point, output), of fields drawn from the prior, with their sites."""
    n = x.shape[1]
    scale = jnp.ones(outputs or n)

    def one(key):
        with seed(rng_seed=key), trace() as sites, substitute(data=dict(known)):
            field = prior.sample_field("drift", n, scale)
        return jax.vmap(field)(jnp.asarray(x)), {name: site["value"] for name, site in sites.items()}

    return jax.tree.map(np.asarray, jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(1), count)))


@pytest.mark.parametrize("basis", first_of([Inducing(30), HSGP(30), RandomFourier(200)]), ids=named)
def test_draws_have_the_moments_of_the_process(basis):
    """Three thousand draws of three outputs on two states against the closed covariance."""
    scale = normal_states(2)
    prior = GP(basis=basis, lengthscale=[1.2, 0.9]).scaled_to(scale)
    x = scale.points[:6]
    size = np.array([0.5, 1.0, 3.0])
    u, sites = draws(prior, x, 3000, {"drift_amplitude": jnp.asarray(size)}, outputs=3)
    np.testing.assert_array_equal(sites["drift_amplitude"], np.broadcast_to(size, (3000, 3)))
    closed = implied(prior, np.array([1.2, 0.9]), x)
    standard = u / size
    error = 4.5 / np.sqrt(3000)
    np.testing.assert_allclose(standard.mean(0), 0, atol=error)
    second = np.einsum("spa,sqb->abpq", standard, standard) / 3000
    for a in range(3):
        for b in range(3):
            np.testing.assert_allclose(second[a, b], closed * (a == b), atol=error * np.sqrt(2))


def test_amplitude_and_lengthscale_have_their_priors():
    prior = GP(amplitude=2.0, lengthscale_median=[0.5, 3.0], lengthscale_spread=0.3).scaled_to(
        normal_states(2)
    )
    x = MIDDLE[None, :2]
    _, sites = draws(prior, x, 2000)
    assert {name: np.shape(value)[1:] for name, value in sites.items()} == {
        "drift_amplitude": (2,),
        "drift_amplitude_quantile": (2,),
        "drift_lengthscale": (2,),
        "drift_weights": (100, 2),
    }
    assert stats.kstest(sites["drift_amplitude"][:, 1], stats.halfnorm(scale=2).cdf).pvalue > 1e-3
    for j, median in enumerate((0.5, 3.0)):
        law = stats.norm(np.log(median), 0.3)
        assert stats.kstest(np.log(sites["drift_lengthscale"][:, j]), law.cdf).pvalue > 1e-3


def test_one_amplitude_for_all_outputs_where_asked():
    prior = GP(lengthscale=1.0).scaled_to(normal_states(2))
    with seed(rng_seed=0), trace() as sites:
        prior.sample_field("log_diffusion", 2, jnp.ones(3), shared_amplitude=True)
    assert sites["log_diffusion_amplitude"]["value"].shape == ()
    assert prior.field_dims("log_diffusion", None) == {"log_diffusion_amplitude": []}
    assert prior.field_dims("drift", "state") == {"drift_amplitude": ["state"]}


# Data scale


@pytest.mark.parametrize("prior", [GP(), BNN()], ids=named)
def test_a_field_has_room_beside_a_linear_part_of_any_rate(prior):
    """The data have q / s = s; their autocorrelation falls in two units of time, or in a quarter of one."""
    scale = normal_states(2)
    quick = replace(scale, decorrelation_time=np.full(2, 0.25))
    np.testing.assert_allclose(prior.scaled_to(scale).data_drift_scale, 3 * UNIT[:2])
    np.testing.assert_allclose(prior.scaled_to(quick).data_drift_scale, 12 * UNIT[:2])
    assert prior.mean.variance_spread == 2 * Linear().variance_spread


def test_the_basis_follows_the_number_of_states():
    kinds = [type(GP().scaled_to(normal_states(n)).basis) for n in (1, 2, 3, 4, 8)]
    assert kinds == [HSGP, HSGP, HSGP, RandomFourier, RandomFourier]


@pytest.mark.parametrize("kernel", KERNELS, ids=named)
@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_little_of_the_lengthscale_prior_is_too_short_for_the_basis(kernel, n):
    prior = GP(kernel=kernel).scaled_to(normal_states(n))
    shortest = prior.basis.shortest_lengthscale(kernel, n) / UNIT[:n]
    below = stats.lognorm(s=prior.lengthscale_spread, scale=prior.lengthscale_median).cdf(shortest)
    assert np.all(below < 0.201)
    assert np.all(prior.lengthscale_median >= np.sqrt(n))


def test_the_box_holds_the_data_from_any_middle():
    scale = normal_states(2)
    prior = GP(location=MIDDLE[:2] + UNIT[:2]).scaled_to(scale)
    outermost = np.abs(scale.points - prior.location).max(0)
    assert np.all(prior.basis.half_length >= 1.5 * outermost)


def parts(value):
    """Everything a prior is made of."""
    if is_dataclass(value):
        for part in fields(value):
            yield from parts(getattr(value, part.name))
    elif isinstance(value, tuple):
        for part in value:
            yield from parts(part)
    else:
        yield value


@pytest.mark.parametrize("basis", [HSGP(), HSGP(trend=0.2), RandomFourier(), Inducing()], ids=named)
def test_a_scaled_prior_is_made_of_numbers(basis):
    prior = GP(basis=basis).scaled_to(normal_states(2))
    kinds = {type(part) for part in parts(prior)}
    assert kinds <= {type(None), bool, int, float, str, np.ndarray, np.float64}
    assert prior.scaled_to(normal_states(2, count=50)).describe() == prior.describe()


@pytest.mark.parametrize(
    ("basis", "lengthscale", "fixed"),
    [
        (HSGP(), None, True),
        (HSGP(trend=0.2), None, True),
        (RandomFourier(), None, False),
        (RandomFourier(), 1.0, True),
        (Inducing(), None, False),
        (Inducing(), 1.0, True),
    ],
)
def test_features_are_computed_once_where_no_parameter_moves_them(basis, lengthscale, fixed):
    prior = GP(basis=basis, lengthscale=lengthscale).scaled_to(normal_states(2))
    field = seed(prior.sample_field, 0)("drift", 2, jnp.ones(2))
    x = jnp.asarray(normal_states(2).points[0])
    table = field.tabulate(x, 1)
    assert (table is not None) == fixed
    np.testing.assert_allclose(field.at(table)(x), field(x), rtol=1e-9)


# Drift


@pytest.mark.parametrize(
    ("basis", "diagonal"),
    first_of([(Inducing(10), True), (HSGP(4, trend=0.5), False), (RandomFourier(20), True)]),
)
def test_every_drift_draw_points_inwards_far_away(data, basis, diagonal):
    """In the metric of the linear part's own stationary covariance P: (x − b)ᵀ P⁻¹ f(x) < 0."""
    prior = GP(basis=basis, mean=Linear(diagonal=diagonal), amplitude=3.0)
    model = sb.SDEModel(prior, Constant("diagonal"), observation=sb.Exact()).scaled_to(data)
    observed = [seed(model.build, number)() for number in range(20)]
    observed = jax.tree.map(lambda *leaves: np.stack(leaves), *observed)
    drift = observed.sde.drift
    A, G = drift.linear.matrix, observed.sde.diffusion.factor
    P = np.array([linalg.solve_continuous_lyapunov(a, g @ g.T) for a, g in zip(A, G, strict=True)])
    direction = np.random.default_rng(0).normal(size=(20, 3))
    away = 1e4 * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    away = np.einsum("sij,sj->si", np.linalg.cholesky(P), away)
    f = np.asarray(jax.jit(jax.vmap(lambda d, x: d(x)))(drift, jnp.asarray(drift.linear.location + away)))
    assert np.all(np.sum(np.linalg.solve(P, away[..., None])[..., 0] * f, -1) < 0)
    if diagonal:
        assert np.all(np.sum(away * f, -1) < 0)


def test_a_drifts_interpretable_parameters(data):
    model = sb.SDEModel(GP(), observation=sb.Exact()).scaled_to(data)
    dims = model.dims()
    assert dims["drift_amplitude"] == dims["drift_lengthscale"] == ["state"]
    assert not [name for name in dims if "weights" in name]


def test_the_description_says_the_numbers():
    before = GP().describe()
    for rule in ("Gaussian process", "data standard deviation", "√states", "HSGP for up to three states"):
        assert rule in before
    scale = normal_states(2)
    prior = GP(kernel=Matern52()).scaled_to(scale)
    text = prior.describe()
    for number in (*prior.lengthscale_median, *prior.basis.half_length, *scale.location):
        assert f"{number:.4g}" in text
    for words in ("Matérn 5/2", "10 × 10 Laplacian", "HalfNormal(1)", "length-scales above 2.65"):
        assert words in text
    for number in prior.basis.shortest_lengthscale(Matern52(), 2):
        assert f"{number:.4g}" in text
    fixed = GP(basis=RandomFourier(60, seed=3), lengthscale=2.5).scaled_to(normal_states(5)).describe()
    assert "30 random frequencies" in fixed
    assert "seed 3" in fixed
    assert "ℓ = 2.5" in fixed
    assert "25 k-means centres" in GP(basis=Inducing(25)).scaled_to(scale).describe()


# Errors


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GP(kernel="rbf"), "kernel='rbf' must be an AbstractKernel"),
        (lambda: GP(basis="hsgp"), "basis='hsgp' must be an AbstractExpansion"),
        (lambda: GP(lengthscale=-1.0), "lengthscale=-1.0 must be positive"),
        (lambda: GP(lengthscale_spread=0.0), "lengthscale_spread=0.0 must be a positive"),
        (lambda: GP(mean=Linear(stable=False)), "expected a stable"),
        (lambda: HSGP(functions=0), "functions=0 must be a whole number, 1 or more, or several"),
        (lambda: HSGP(functions=2.5), "functions=2.5 must be a whole number"),
        (lambda: HSGP(box=1.0), "box is 1.0; expected more than 1"),
        (lambda: RandomFourier(features=7), "features is 7; expected an even number"),
        (lambda: Inducing(centres=0), "centres=0 must be a whole number, 1 or more"),
        (
            lambda: GP(basis=HSGP()).scaled_to(normal_states(4)),
            "RandomFourier() or sdebayes.priors.Inducing()",
        ),
        (lambda: GP(basis=HSGP(functions=(3, 4))).scaled_to(normal_states(3)), "expected one number or 3"),
        (lambda: GP().sample_field("drift", 2, jnp.ones(2)), "call model.scaled_to(data)"),
        (
            lambda: (
                GP(lengthscale=[1.0, 2.0]).scaled_to(normal_states(3)).sample_field("drift", 3, jnp.ones(3))
            ),
            "lengthscale has shape (2,)",
        ),
        (
            lambda: GP(basis=RandomFourier(), location=0.0, state_scale=1.0, lengthscale=1.0).sample_field(
                "drift", 2, jnp.ones(2)
            ),
            "frequencies is None, expected (50, 2)",
        ),
        (
            lambda: (
                GP(basis=Inducing(points=np.ones((4, 3))))
                .scaled_to(normal_states(2))
                .sample_field("drift", 2, jnp.ones(2))
            ),
            "points is of shape (4, 3), expected (centre, 2)",
        ),
    ],
)
def test_what_is_refused_and_what_to_do(make, message, untyped):
    with pytest.raises(ModelError, match=re.escape(message)), seed(rng_seed=0):
        make()


def test_one_amplitude_for_all_states():
    """Every state has the same α, which is one parameter of the posterior, and the description says so."""
    prior = GP(lengthscale=1.0, shared_amplitude=True).scaled_to(normal_states(2))
    with seed(rng_seed=0), trace() as sites:
        drift = prior.sample(2, sb.dynamics.ConstantDiffusion(jnp.eye(2)))
    assert sites["drift_amplitude"]["value"].shape == ()
    assert prior.dims()["drift_amplitude"] == []
    assert "α d_j" in prior.describe()
    own = GP(lengthscale=1.0).scaled_to(normal_states(2))
    assert own.dims()["drift_amplitude"] == ["state"]
    assert "α_j d_j" in own.describe()
    assert np.all(np.isfinite(drift(jnp.zeros(2), 0.0)))
