"""Coordinates of weights that multiply a scale: an exact change of variables, and white at every scale."""

from __future__ import annotations

import importlib

import arviz as az
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
import xarray as xr
from scipy import stats

import sdebayes as sb
from sdebayes._core.precision import scope
from sdebayes.dynamics import ConstantDiffusion
from sdebayes.inference.chart import Affine
from sdebayes.inference.curvature import curvature_units, hessian_of, mode_hessian
from sdebayes.inference.mode import Mode, find_mode, find_typical_point, weight_hessian
from sdebayes.inference.target import Target, make_target
from sdebayes.inference.whitening import Place, Whitening, whitening_at

OUTPUTS, FEATURES = 2, 3


@pytest.fixture(autouse=True)
def _double(x64):
    """Everything here is in double precision."""


@pytest.fixture
def quadratic():
    """A likelihood exp(gᵀc − ½ cᵀMc) of c = s w for each output, as its curvature and pull."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(OUTPUTS, FEATURES, FEATURES))
    return Whitening(
        jnp.asarray(root @ root.transpose(0, 2, 1)), jnp.asarray(rng.normal(size=(OUTPUTS, FEATURES)))
    )


def positive(seed: int):
    return np.exp(np.random.default_rng(seed).normal(size=(OUTPUTS, FEATURES)))


def place(seed: int, size: float = 1.0) -> Place:
    return Place(size * positive(seed), size * (positive(seed + 100) - 1))


def test_the_inverse_undoes_it(quadratic):
    v, s = positive(1) - 1, place(2)
    back = jax.jit(lambda v, s: quadratic.inverse(quadratic(v, s)[0], s))(v, s)
    np.testing.assert_allclose(back, v, atol=1e-12)


def test_its_volume_is_the_jacobian_s(quadratic):
    v, s = positive(1) - 1, place(2)

    def moved(u):
        found, volume = quadratic(u.reshape(v.shape), s)
        return found.ravel(), volume

    jacobian, volume = jax.jit(jax.jacfwd(moved, has_aux=True))(v.ravel())
    np.testing.assert_allclose(volume, np.linalg.slogdet(jacobian)[1], rtol=1e-12)


@jax.jit
def white_with_slope(whitening, where, weights):
    """The white coordinates of one output's weights, and their slope."""

    def white(w):
        found = whitening.inverse(w[None], where)[0]
        return found, found

    return jax.jacfwd(white, has_aux=True)(weights)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_the_law_given_any_place_is_standard_normal(quadratic, size):
    """Its mean maps to 0 and its covariance to the identity."""
    scale, offset = place(3, size)
    for j in range(OUTPUTS):
        S, M = np.diag(scale[j]), np.asarray(quadratic.curvature[j])
        covariance = np.linalg.inv(np.eye(FEATURES) + S @ M @ S)
        mean = covariance @ S @ (np.asarray(quadratic.pull[j]) - M @ offset[j])
        block = jax.tree.map(lambda part, j=j: np.asarray(part)[j : j + 1], quadratic)
        where = Place(scale[j : j + 1], offset[j : j + 1])
        slope, white = map(np.asarray, white_with_slope(block, where, mean))
        np.testing.assert_allclose(white, 0.0, atol=1e-6)
        np.testing.assert_allclose(slope @ covariance @ slope.T, np.eye(FEATURES), atol=1e-6)


def test_it_is_found_from_the_derivatives_of_the_posterior(quadratic):
    w, (s, o) = np.asarray(positive(4)) - 1, (np.asarray(part) for part in place(5))
    M, g = np.asarray(quadratic.curvature), np.asarray(quadratic.pull)
    hessian = np.eye(FEATURES) + s[:, :, None] * M * s[:, None, :]
    gradient = w - s * (g - np.einsum("oij,oj->oi", M, o + s * w))
    found = whitening_at(w, place(5), hessian, gradient)
    np.testing.assert_allclose(found.curvature, M, atol=1e-10)
    np.testing.assert_allclose(found.pull, g, atol=1e-10)


def test_a_likelihood_that_curves_upwards_counts_as_flat():
    hessian = np.array([[[0.5, 0.0], [0.0, 3.0]]])
    found = whitening_at(
        np.zeros((1, 2)), Place(jnp.ones((1, 2)), jnp.ones((1, 2))), hessian, np.zeros((1, 2))
    )
    np.testing.assert_allclose(found.curvature[0], np.diag([0.0, 2.0]))


def test_rounding_errors_of_weights_that_the_likelihood_does_not_see_are_not_blown_up():
    """A weight of scale 10⁻¹⁵, such as a high frequency's, whose curvature is an error of 10⁻¹⁰."""
    hessian = np.eye(2) + np.array([[[4.0, 1e-10], [1e-10, 1e-10]]])
    found = whitening_at(
        np.zeros((1, 2)), Place(jnp.array([[2.0, 1e-15]]), jnp.zeros((1, 2))), hessian, np.zeros((1, 2))
    )
    np.testing.assert_allclose(found.curvature[0], np.diag([1.0, 0.0]), atol=0.01)


@pytest.mark.parametrize("interact", [0.0, 0.01, 1.0])
def test_the_curvatures_of_outputs_are_told_apart(interact):
    """A quadratic U, its blocks between outputs from none to as large as the outputs' own."""
    rng = np.random.default_rng(7)
    root = rng.normal(size=(8, 8))
    own = np.kron(np.eye(OUTPUTS), np.ones((FEATURES, FEATURES)))
    curvature = np.zeros((7, 7))
    curvature[1:, 1:] = (root @ root.T)[:6, :6] * np.where(own, 1.0, interact)
    index = 1 + np.arange(OUTPUTS * FEATURES).reshape(OUTPUTS, FEATURES)
    found, apart = weight_hessian(lambda z: curvature @ z, rng.normal(size=7), index, 1e-4)
    truth = np.stack([curvature[np.ix_(output, output)] for output in index])
    np.testing.assert_allclose(
        found, truth, atol=1e-8 if interact in (0.0, 1.0) else 0.05 * np.abs(truth).max()
    )
    assert apart == (interact == 1.0)


# In a posterior density

BASIS = sb.priors.HSGP(functions=6)


@pytest.fixture(scope="module")
def paths():
    """A bistable path, seen exactly."""
    rng = np.random.default_rng(1)
    x = [rng.normal(size=1)]
    for _ in range(400):
        x.append(x[-1] + 0.1 * (x[-1] - x[-1] ** 3) + 0.3 * np.sqrt(0.1) * rng.normal(size=1))
    return sb.trajectories([np.array(x)], t=[0.1 * np.arange(401)])


@pytest.fixture(scope="module")
def target(paths) -> Target:
    model = sb.SDEModel(
        sb.priors.GP(basis=BASIS), sb.priors.Constant(), sb.schemes.EulerMaruyama(), sb.Exact()
    )
    with scope("float64"):
        model = model.scaled_to(paths)
        return make_target(model.program, model.build, model.read(paths), jax.random.key(0))


@pytest.fixture(scope="module")
def mode(target) -> Mode:
    with scope("float64"):
        return find_mode(target, jax.random.key(1))


@pytest.mark.thorough
def test_the_density_of_white_weights_is_the_density_s_own(target, mode):
    factor = np.asarray(curvature_units(target, mode, 500).factor)
    slopes = jax.jit(jax.jacfwd(lambda u: target.density.place(u, mode.whitenings)))
    for white in np.random.default_rng(2).normal(size=(3, len(factor))):
        v = jnp.asarray(np.asarray(mode.position) + factor @ white)
        z = target.density.place(v, mode.whitenings)
        here = target.value_and_gradient(v, mode.whitenings)[0]
        there = target.value_and_gradient(z)[0] - np.linalg.slogdet(slopes(v))[1]
        np.testing.assert_allclose(here, there, rtol=1e-10)
        assert not np.allclose(v, z, rtol=1e-2)


@pytest.mark.thorough
def test_weights_at_the_mode_are_white_given_the_rest(target, mode):
    factor = np.asarray(curvature_units(target, mode, 500).factor)
    (places,) = target.density.weights
    curvature = np.linalg.inv(factor @ factor.T)[np.ix_(places[0], places[0])]
    assert places.shape == (1, 6)
    np.testing.assert_allclose(curvature, np.eye(6), atol=0.05)


def test_above_the_dense_dimension_what_is_no_weight_keeps_its_correlations(target, mode):
    (places,) = target.density.weights
    others = np.setdiff1d(np.arange(target.dimension), places)
    curvature = mode_hessian(target, mode)[np.ix_(others, others)]
    factor, index = curvature_units(target, mode, target.dimension - 1)
    np.testing.assert_array_equal(index, others)
    np.testing.assert_allclose(factor.T @ curvature @ factor, np.eye(len(others)), atol=1e-5)
    axes, index = curvature_units(target, mode, len(others) - 1)
    np.testing.assert_array_equal(index, others)
    np.testing.assert_allclose(axes, np.sqrt(np.diag(np.linalg.inv(curvature))), rtol=1e-5)


def test_where_the_curvature_is_below_the_prior_s_units_are_measured():
    """Along one parameter U is 2 b⁴ − ¼ b², with a curvature of −½ at 0; along the other it is the prior's."""

    def program(data=None):
        b = numpyro.sample("bent", dist.Normal(0.0, 1.0))
        numpyro.sample("straight", dist.Normal(0.0, 1.0))
        numpyro.factor("likelihood", 0.75 * b**2 - 2 * b**4)

    def prior():
        with numpyro.handlers.block(hide=["likelihood"]):
            program()

    target = make_target(program, prior, None, jax.random.key(0))
    middle = Mode(jnp.zeros(2), float(target.value_and_gradient(jnp.zeros(2))[0]), ())
    widths = np.linalg.norm(curvature_units(target, middle, 500).factor, axis=1)
    distance = np.sqrt((0.25 + np.sqrt(0.0625 + 4)) / 4)
    np.testing.assert_allclose(widths, [distance, 1.0], rtol=0.02)


@pytest.mark.parametrize("dense_dimension", [100, 10, 1])
def test_a_gradient_is_pulled_back_through_any_units(target, mode, dense_dimension):
    affine = Affine(mode.position, curvature_units(target, mode, dense_dimension))
    u = np.random.default_rng(2).normal(size=target.dimension)
    v, slope = jax.jit(lambda u: (affine(u), jax.jacfwd(affine)(u)))(u)
    gradient = target.value_and_gradient(v, mode.whitenings)[1]
    pulled = jax.jit(lambda gradient: affine.pull_back(gradient))(gradient)
    np.testing.assert_allclose(pulled, np.asarray(gradient) @ np.asarray(slope), rtol=1e-8, atol=1e-10)
    within = jax.grad(lambda u: target.density.differentiated(affine(u), target.data, mode.whitenings))
    np.testing.assert_allclose(jax.jit(within)(u), pulled, rtol=1e-8, atol=1e-10)


def test_where_the_data_are_many_the_middle_found_in_turns_is_about_the_mode(target, mode):
    middle = find_typical_point(target, jax.random.key(1))
    gradient = np.asarray(target.value_and_gradient(middle.position, middle.whitenings)[1])
    (places,) = target.density.weights
    assert np.abs(gradient[places]).max() < 0.01
    factor = curvature_units(target, mode, 500).factor
    distance = np.linalg.solve(factor, mode.position - middle.position)
    assert np.sum(distance**2) < 0.1 * target.dimension
    assert mode.potential <= middle.potential


def test_models_without_such_weights_have_none(paths):
    model = sb.SDEModel(sb.priors.Linear(), scheme=sb.schemes.EulerMaruyama(), observation=sb.Exact())
    model = model.scaled_to(paths)
    target = make_target(model.program, model.build, model.read(paths), jax.random.key(0))
    mode = find_mode(target, jax.random.key(1))
    assert target.density.weights == mode.whitenings == ()
    np.testing.assert_array_equal(target.density.place(target.start, ()), target.start)


@pytest.mark.parametrize(
    ("dtype", "gradients", "error"), [(np.float64, 4, 1e-4), (np.float32, 6, 1e-4)], ids=["double", "single"]
)
def test_differences_of_a_gradient_to_one_side_or_both(dtype, gradients, error):
    """Of U = Σ x⁴/4 + x₁ x₂: half the gradients in double precision, and hardly less exact."""
    asked = []

    def gradient(x: np.ndarray) -> np.ndarray:
        asked.append(x)
        return x**3 + np.array([x[1], x[0], 0.0])

    x = np.array([1.0, -0.5, 2.0])
    found = hessian_of(gradient, x, dtype)
    np.testing.assert_allclose(found, np.diag(3 * x**2) + np.eye(3)[[1, 0, 2]] * [1, 1, 0], atol=error)
    assert len(asked) == gradients


@pytest.mark.slow
def test_the_mode_of_a_path_seen_through_noise_is_no_narrow_peak():
    """Let run together, weights and amplitude end 101 nats higher in U, at curvatures of −10⁵ to 10⁹."""
    rng = np.random.default_rng(4)
    x = [rng.normal(size=(4, 2))]
    for _ in range(99):
        x.append(x[-1] + 0.4 * (x[-1] - x[-1] ** 3) + 0.4 * rng.normal(size=(4, 2)))
    path = np.stack(x, axis=1)
    noisy = sb.trajectories(list(path + 0.8 * rng.normal(size=path.shape)))
    prior = sb.priors.GP(basis=sb.priors.HSGP(functions=5))
    noise = sb.GaussianNoise(trajectory_effect=True)
    model = sb.SDEModel(prior, scheme=sb.schemes.EulerMaruyama(), observation=noise).scaled_to(noisy)
    target = make_target(model.program, model.build, model.read(noisy), jax.random.key(0))
    mode = find_mode(target, jax.random.key(1))
    position = np.asarray(mode.position)
    curvature = hessian_of(
        lambda v: np.asarray(target.value_and_gradient(jnp.asarray(v), mode.whitenings)[1]),
        position,
        np.float64,
    )
    values = np.linalg.eigvalsh(curvature)
    assert values.min() > 0.1
    assert values.max() < 1e4


@pytest.mark.slow
def test_the_middle_is_found_where_no_weight_is_far_from_all_right_ones():
    """Little noise and strong noise of the observation: the curvature at weight 0 leads to an infinite density."""
    drift = sb.priors.GP(
        sb.priors.Linear(diagonal=True),
        drift_scale=2.0,
        location=0.0,
        state_scale=1.0,
        basis=sb.priors.HSGP(functions=8, half_length=4.0),
        lengthscale=1.0,
    )
    x = [np.array([1.5, -1.5])]
    for _ in range(119):
        x.append(x[-1] + 0.1 * np.array([x[-1][0] - x[-1][0] ** 3 / 3 - x[-1][1], x[-1][0]]))
    noise = 0.1 * np.random.default_rng(0).normal(size=(120, 2))
    noisy = sb.trajectories((np.stack(x) + noise)[None], t=0.1 * np.arange(120))
    model = sb.SDEModel(
        drift,
        sb.priors.Fixed(ConstantDiffusion(0.01 * jnp.eye(2))),
        sb.schemes.LocalLinearization(),
        sb.GaussianNoise(covariance=0.01),
        initial=(np.zeros(2), np.eye(2)),
    ).scaled_to(noisy)
    target = make_target(model.program, model.build, model.read(noisy), jax.random.key(0))
    middle = find_typical_point(target, jax.random.key(1))
    values = np.linalg.eigvalsh(mode_hessian(target, middle))
    assert 0.03 < values.min() < values.max() < 1e3


def test_where_whitened_coordinates_have_no_density_the_middle_before_them_is_kept(target, monkeypatch):
    def search(target, start, whitenings, *arguments):
        found = whole(target, start, whitenings, *arguments)
        return found._replace(potential=np.inf) if len(arguments) == 3 else found

    whole = importlib.import_module("sdebayes.inference.mode")._search
    monkeypatch.setattr("sdebayes.inference.mode._search", search)
    middle = find_typical_point(target, jax.random.key(1))
    assert np.isfinite(target.value_and_gradient(middle.position, middle.whitenings)[0])
    assert np.isfinite(middle.potential)


@pytest.mark.parametrize("amplitude", [0.1, 3.0])
@pytest.mark.slow
def test_an_amplitude_s_posterior_agrees_with_quadrature(paths, amplitude):
    """With the rest known, increments less the linear drift are normal with covariance σ²Δt I + α² Δt² K.

    The prior of the amplitude α makes the weights weakly or well known.
    """
    linear = sb.priors.Linear(location=0.0, location_spread=1e-4, variance=1.0, variance_spread=1e-4)
    prior = sb.priors.GP(linear, amplitude, drift_scale=1.0, basis=BASIS, lengthscale=0.8)
    diffusion = sb.priors.Fixed(ConstantDiffusion(jnp.array([[0.3]])))
    model = sb.SDEModel(prior, diffusion, sb.schemes.EulerMaruyama(), sb.Exact())
    fit = sb.fit(model, paths, sb.NUTS(draws=600, warmup=200, chains=2), seed=0, progress=False)
    found = fit.data["posterior"].to_dataset()["drift_amplitude"].isel(state=0)

    x = paths["y"].values[0, :, 0]
    residual = np.diff(x) + 0.1 * (0.09 / 2) * x[:-1]
    ready = fit.model.drift
    unit = jnp.asarray(ready.state_scale)
    weights = jnp.diag(ready.basis.weight_scale(ready.kernel, 0.8 * unit))
    field = ready.basis.field(ready.kernel, jnp.asarray(ready.location), 0.8 * unit, True, weights)
    design = 0.1 * np.asarray(jax.jit(jax.vmap(field))(jnp.asarray(x[:-1, None])))
    grid = np.linspace(1e-3, 5 * amplitude, 400)
    law = [
        stats.multivariate_normal(cov=0.09 * 0.1 * np.eye(len(residual)) + a**2 * design @ design.T)
        for a in grid
    ]
    log_density = np.array([one.logpdf(residual) for one in law]) - grid**2 / (2 * amplitude**2)
    density = np.exp(log_density - log_density.max())
    mean = np.average(grid, weights=density)
    sd = np.sqrt(np.average((grid - mean) ** 2, weights=density))
    assert abs(float(found.mean()) - mean) < 4 * float(az.mcse(found))
    assert abs(float(found.std()) - sd) < 4 * float(az.mcse(found, method="sd"))
    assert float(az.mcse(found)) < 0.1 * sd
    assert int(fit.data["sample_stats"]["diverging"].sum()) <= 4
    judged_by_the_drift_and_not_by_what_it_is_made_of(fit)


def judged_by_the_drift_and_not_by_what_it_is_made_of(fit: sb.Posterior) -> None:
    """Weights trade places with each other: chains need agree on the function alone."""
    assert "drift_weights" in fit.data["unconstrained"]
    assert "drift_weights" not in fit.data["posterior"]
    assert fit.data["posterior"].sizes["point"] == 11
    groups = {name: node.to_dataset() for name, node in fit.data.children.items()}
    amplitude = groups["posterior"]["drift_amplitude"]
    groups["posterior"] = groups["posterior"].assign(drift_amplitude=amplitude + 10 * amplitude["chain"])
    apart = xr.DataTree.from_dict(groups)
    apart.attrs.update(fit.data.attrs)
    findings = {finding.subject: finding for finding in sb.Posterior(fit.model, apart).diagnosis()}
    assert "(drift_amplitude)" not in findings["R-hat"].message
    assert "(drift_amplitude)" in findings["R-hat of the parts"].message
    assert findings["R-hat of the parts"].severity == "note"
