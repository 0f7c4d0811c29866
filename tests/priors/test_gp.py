"""Gaussian-process fields: kernels against integrals, bases against the exact process, what every draw satisfies."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.handlers import seed, substitute, trace
from scipy import linalg, special, stats
from sklearn.gaussian_process import kernels as peer

import sdebayes as sb
from sdebayes._core.errors import ModelError
from sdebayes.priors import (
    GP,
    HSGP,
    Constant,
    DataScale,
    Inducing,
    Linear,
    Matern32,
    Matern52,
    RandomFourier,
    SquaredExponential,
)

KERNELS = [SquaredExponential(), Matern32(), Matern52()]
UNIT = np.array([1.0, 20.0, 0.1, *np.ones(5)])
MIDDLE = np.array([0.0, -50.0, 3.0, *np.zeros(5)])


def named(value) -> str:
    return type(value).__name__


@pytest.fixture(autouse=True)
def _double(x64):
    """Everything here in double precision."""


def normal_states(n: int, count: int = 300) -> DataScale:
    """The scale of normal data in n states of unlike units."""
    standard = np.random.default_rng(n).normal(size=(count, n))
    unit, middle = UNIT[:n], MIDDLE[:n]
    return DataScale(
        states=tuple(f"x{i}" for i in range(n)),
        location=middle,
        variance=unit**2,
        rate=unit**2,
        observed_variance=unit**2,
        step=0.1,
        decorrelation_time=np.full(n, 2.0),
        extent=unit * np.abs(standard).max(0),
        points=middle + unit * standard,
        path_variance=unit**2,
    )


def exact(kernel, x, y, lengthscale):
    """The exact process's covariance between two sets of points."""
    return np.asarray(kernel.covariance(jnp.sqrt(jnp.sum(((x[:, None] - y) / lengthscale) ** 2, -1))))


def implied(prior: GP, lengthscale, x) -> np.ndarray:
    """The covariance Φ C Φᵀ at points, (point, point), that standard normal weights give with unit amplitude."""
    unit = np.asarray(prior.state_scale)
    weights = jnp.diag(prior.basis.weight_scale(prior.kernel, jnp.asarray(unit * lengthscale)))
    field = prior.basis.field(
        prior.kernel, jnp.asarray(prior.location), jnp.asarray(unit * lengthscale), True, weights
    )
    root = np.asarray(jax.jit(jax.vmap(field))(jnp.asarray(x)))
    return root @ root.T


def draws(prior: GP, x, count: int, known=(), outputs=None) -> tuple[np.ndarray, dict]:
    """Values at points, (draw, point, output), of fields drawn from the prior, with their sites."""
    n = x.shape[1]
    scale = jnp.ones(outputs or n)

    def one(key):
        with seed(rng_seed=key), trace() as sites, substitute(data=dict(known)):
            field = prior.sample_field("drift", n, scale)
        return jax.vmap(field)(jnp.asarray(x)), {name: site["value"] for name, site in sites.items()}

    return jax.tree.map(np.asarray, jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(1), count)))


# Kernels


@pytest.mark.parametrize("kernel", KERNELS, ids=named)
def test_kernels_agree_with_another_library(kernel):
    x = np.linspace(0, 4, 30)[:, None]
    theirs = {
        "SquaredExponential": peer.RBF(),
        "Matern32": peer.Matern(nu=1.5),
        "Matern52": peer.Matern(nu=2.5),
    }
    np.testing.assert_allclose(exact(kernel, x, x, 1.0), theirs[named(kernel)](x), atol=1e-12)


@pytest.mark.parametrize("kernel", KERNELS, ids=named)
def test_slope_and_bend_are_derivatives(kernel):
    r = jnp.linspace(0.1, 4, 20)
    for function, derivative in ((kernel.covariance, kernel.slope), (kernel.slope, kernel.bend)):
        np.testing.assert_allclose(derivative(r), jax.vmap(jax.grad(function))(r) / r, rtol=1e-9)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("kernel", KERNELS, ids=named)
def test_the_spectral_density_is_the_kernels_fourier_transform(kernel, n):
    """Along one axis of an anisotropic kernel, by the radial inversion formula (Hankel's transform)."""
    lengthscale = jnp.array([0.7, 20.0, 0.1][:n])
    wave = {
        1: lambda z: np.cos(z) / np.pi,
        2: lambda z: special.j0(z) / (2 * np.pi),
        3: lambda z: np.sinc(z / np.pi) / (2 * np.pi**2),
    }
    nodes, weights = np.polynomial.legendre.leggauss(400)
    radius = 40 * (nodes + 1)
    omega = np.zeros((400, n))
    omega[:, 0] = radius / lengthscale[0]
    density = np.asarray(kernel.spectral_density(jnp.asarray(omega), lengthscale)) / np.prod(lengthscale)
    for r in (0.0, 0.5, 1.3):
        integral = 40 * weights @ (density * wave[n](radius * r) * radius ** (n - 1))
        np.testing.assert_allclose(integral, kernel.covariance(jnp.array(r)), atol=1e-4)


@pytest.mark.parametrize("n", [1, 2, 8])
@pytest.mark.parametrize("kernel", KERNELS, ids=named)
def test_frequencies_have_the_law_of_the_spectral_density(kernel, n):
    surface = 2 * np.pi ** (n / 2) / special.gamma(n / 2)

    def density(radius):
        omega = np.zeros((len(radius), n))
        omega[:, 0] = radius
        density = np.asarray(kernel.spectral_density(jnp.asarray(omega), jnp.ones(n)))
        return density * surface * (radius / (2 * np.pi)) ** n / radius

    probabilities = np.array([0.1, 0.5, 0.95])
    for probability, end in zip(probabilities, kernel.spectral_radius(probabilities, n), strict=True):
        nodes, weights = np.polynomial.legendre.leggauss(60)
        integral = end / 2 * weights @ density(end / 2 * (nodes + 1))
        assert integral == pytest.approx(probability, abs=1e-6)


# Bases against the exact process


@pytest.mark.parametrize(
    ("kernel", "n", "functions"),
    [
        (SquaredExponential(), 1, 40),
        (SquaredExponential(), 2, 24),
        (SquaredExponential(), 3, 14),
        (Matern32(), 1, 80),
        (Matern32(), 2, 24),
        (Matern52(), 2, 24),
        (Matern52(), 3, 12),
    ],
)
def test_the_box_has_the_kernels_covariance_around_the_data(kernel, n, functions):
    prior = GP(kernel=kernel, basis=HSGP(functions)).scaled_to(normal_states(n))
    x = MIDDLE[:n] + 0.7 * (normal_states(n).points[:40] - MIDDLE[:n])
    ratio = prior.basis.shortest_lengthscale(kernel, n) / UNIT[:n]
    lengthscale = np.maximum(1.2 * ratio, 0.8)
    expected = exact(kernel, x, x, UNIT[:n] * lengthscale)
    tolerance = 0.01 if isinstance(kernel, SquaredExponential) else 0.05
    np.testing.assert_allclose(implied(prior, lengthscale, x), expected, atol=tolerance)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_default_box_has_the_prior_variance_it_says(n):
    """At the prior median of the length-scale, at points where the data are."""
    prior = GP().scaled_to(normal_states(n))
    variance = np.diag(implied(prior, prior.lengthscale_median, normal_states(n).points))
    assert np.all(variance < 1.001)
    assert np.mean(variance) > 0.96
    assert np.quantile(variance, 0.05) > 0.85


@pytest.mark.parametrize("kernel", KERNELS, ids=named)
@pytest.mark.parametrize("n", [2, 8])
def test_random_features_have_the_kernels_covariance(kernel, n):
    """For one seed up to Monte-Carlo error; closer on average over seeds, in the closed form of the frequencies."""
    x = normal_states(n).points[:40]
    lengthscale = np.sqrt(n) * np.linspace(0.8, 1.2, n)
    expected = exact(kernel, x, x, UNIT[:n] * lengthscale)
    angle = (x[:, None] - x) / (UNIT[:n] * lengthscale)
    closed = []
    for number in range(40):
        prior = GP(kernel=kernel, basis=RandomFourier(200, seed=number)).scaled_to(normal_states(n))
        closed.append(np.mean(np.cos(angle @ prior.basis.frequencies.T), -1))
    np.testing.assert_allclose(implied(prior, lengthscale, x), closed[-1], atol=1e-9)
    single = np.sqrt(np.mean((np.array(closed) - expected) ** 2, (1, 2)))
    assert np.all(single < 1 / np.sqrt(2 * 100))
    assert np.sqrt(np.mean((np.mean(closed, 0) - expected) ** 2)) < 2.5 / np.sqrt(2 * 100 * 40)


def test_random_directions_are_orthogonal_in_blocks():
    prior = RandomFourier(48).scaled_to(normal_states(8), MIDDLE, UNIT, SquaredExponential())
    for block in prior.frequencies.reshape(3, 8, 8):
        gram = block @ block.T
        np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-12)


@pytest.mark.parametrize(("kernel", "n"), [(SquaredExponential(), 1), (Matern32(), 3), (Matern52(), 8)])
def test_inducing_points_have_nystroms_covariance(kernel, n):
    scale = normal_states(n)
    prior = GP(kernel=kernel, basis=Inducing(25)).scaled_to(scale)
    x, z, unit = scale.points[:40], prior.basis.points, UNIT[:n] * 1.3
    K = exact(kernel, z, z, unit) + np.sqrt(np.finfo(float).eps) * np.eye(25)
    across = exact(kernel, x, z, unit)
    covariance = implied(prior, np.full(n, 1.3), x)
    np.testing.assert_allclose(covariance, across @ np.linalg.solve(K, across.T), atol=1e-6)
    assert np.all(np.diag(covariance) < 1 + 1e-6)
    np.testing.assert_allclose(np.diag(implied(prior, np.full(n, 1.3), z)), 1, atol=1e-4)
    np.testing.assert_allclose(
        implied(prior, np.full(n, 1.3), MIDDLE[:n] + 100 * UNIT[None, :n]), 0, atol=1e-12
    )


def test_centres_do_not_depend_on_units_and_are_never_more_than_the_data():
    scale = normal_states(2)
    centres = [
        Inducing(10).scaled_to(scale, scale.location, UNIT[:2] * factor, KERNELS[0]).points
        for factor in (1.0, 2.0)
    ]
    np.testing.assert_allclose(np.sort(centres[0], 0), np.sort(centres[1], 0), rtol=1e-6)
    few = normal_states(2, count=4)
    assert GP(basis=Inducing(10)).scaled_to(few).basis.count(2) == 4


@pytest.mark.parametrize("basis", [HSGP(30), RandomFourier(200), Inducing(30)], ids=named)
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


def test_the_basis_follows_the_number_of_states():
    kinds = [type(GP().scaled_to(normal_states(n)).basis) for n in (1, 2, 3, 4, 8)]
    assert kinds == [HSGP, HSGP, HSGP, RandomFourier, RandomFourier]


@pytest.mark.parametrize("kernel", KERNELS, ids=named)
@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_little_of_the_lengthscale_prior_is_too_short_for_the_basis(kernel, n):
    prior = GP(kernel=kernel).scaled_to(normal_states(n))
    shortest = prior.basis.shortest_lengthscale(kernel, n) / UNIT[:n]
    below = stats.lognorm(s=prior.lengthscale_spread, scale=prior.lengthscale_median).cdf(shortest)
    assert np.all(below < 0.101)
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


@pytest.mark.parametrize("basis", [HSGP(), RandomFourier(), Inducing()], ids=named)
def test_a_scaled_prior_is_made_of_numbers(basis):
    prior = GP(basis=basis).scaled_to(normal_states(2))
    kinds = {type(part) for part in parts(prior)}
    assert kinds <= {type(None), bool, int, float, str, np.ndarray, np.float64}
    assert prior.scaled_to(normal_states(2, count=50)).describe() == prior.describe()


@pytest.mark.parametrize(
    ("basis", "lengthscale", "fixed"),
    [
        (HSGP(), None, True),
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
    ("basis", "diagonal"), [(HSGP(4), False), (RandomFourier(20), True), (Inducing(10), True)]
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
        (lambda: GP(kernel="rbf"), "expected an object such as sdebayes.priors.Matern52()"),
        (lambda: GP(basis="hsgp"), "expected sdebayes.priors.HSGP()"),
        (lambda: GP(lengthscale=-1.0), "lengthscale is -1.0; expected positive"),
        (lambda: GP(lengthscale_spread=0.0), "lengthscale_spread is 0.0; expected positive"),
        (lambda: GP(mean=Linear(stable=False)), "expected a stable"),
        (lambda: HSGP(functions=0), "functions is 0; expected positive whole numbers"),
        (lambda: HSGP(functions=2.5), "functions is 2.5; expected positive whole numbers"),
        (lambda: HSGP(box=1.0), "box is 1.0; expected more than 1"),
        (lambda: RandomFourier(features=7), "features is 7; expected an even number"),
        (lambda: Inducing(centres=0), "centres is 0; expected a positive number"),
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
