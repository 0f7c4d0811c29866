"""Bayesian neural networks: the prior's moments at any width, what the layers' scales do, and what is refused."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.handlers import seed, trace
from scipy import linalg, stats

import sdebayes as sb
from sdebayes._core import precision
from sdebayes._core.errors import ModelError
from sdebayes.dynamics import ConstantDiffusion
from sdebayes.model.scale import data_scale
from sdebayes.priors import BNN, Linear
from tests.cases import first_of

ARCHITECTURES = {
    "narrow": BNN(hidden=(2,)),
    "default": BNN(),
    "deep": BNN(hidden=(16, 3, 8), layer_scale=2.0),
    "swish": BNN(hidden=(8, 8), activation="swish"),
}


def frozen(data, prior: BNN) -> BNN:
    return prior.scaled_to(data_scale(data, sb.Exact()))


def fields_at(prior: BNN, places: np.ndarray, scale: np.ndarray, count: int, shared: bool = False):
    """Draw the field's values at some places, (draw, place, output), with its sites."""

    @jax.jit
    @jax.vmap
    def one(key):
        with seed(rng_seed=key), trace() as sites:
            field = prior.sample_field("u", places.shape[1], jnp.asarray(scale), shared)
        return jax.vmap(field)(jnp.asarray(places)), {name: site["value"] for name, site in sites.items()}

    return jax.tree.map(np.asarray, one(jax.random.split(jax.random.key(0), count)))


def places_of(prior: BNN) -> np.ndarray:
    """The data's middle, places around it, its rim, and far away."""
    unit = np.array([[0, 0, 0], [1, 0, 0], [-1, 1, -1], [0, 2, 2], [0, -4, 1], [1e6, 0, -1e6]])
    return np.asarray(prior.location) + unit * np.asarray(prior.state_scale)


@pytest.mark.parametrize("architecture", first_of(ARCHITECTURES.values()), ids=ARCHITECTURES)
def test_the_prior_has_the_moments_that_it_says(data, architecture, x64):
    """Mean 0 and standard deviation α_j d_j at every place; with HalfNormal(a) for α, a d_j over all draws."""
    prior, scale, count = frozen(data, architecture), np.array([0.5, 20.0]), 3000
    values, sites = fields_at(prior, places_of(prior), scale, count)
    unit = values / (sites["u_amplitude"] * scale)[:, None]
    kurtosis = np.mean(unit**4) / np.mean(unit**2) ** 2
    error = 4 * np.sqrt((kurtosis - 1) / 4 / count)
    assert error < 0.1
    np.testing.assert_allclose(np.std(unit, axis=0), 1.0, atol=error)
    assert np.all(np.abs(np.mean(unit, axis=0)) < 4 / np.sqrt(count))
    np.testing.assert_allclose(np.std(values, axis=0) / scale, 1.0, atol=0.12)
    assert stats.kstest(sites["u_amplitude"][:, 1], stats.halfnorm.cdf).pvalue > 1e-3
    assert (
        stats.kstest(np.log(sites["u_layer_scale_1"]), stats.norm(np.log(prior.layer_scale), 0.5).cdf).pvalue
        > 1e-3
    )


def test_outputs_share_an_amplitude_on_request(data, x64):
    prior = frozen(data, BNN(hidden=(4,), amplitude=0.3))
    values, sites = fields_at(prior, places_of(prior), np.ones(6), 2000, shared=True)
    assert sites["u_amplitude"].shape == (2000,)
    assert stats.kstest(sites["u_amplitude"], stats.halfnorm(scale=0.3).cdf).pvalue > 1e-3
    np.testing.assert_allclose(np.std(values, axis=0), 0.3, rtol=0.15)
    correlation = np.corrcoef(values[:, 0] / sites["u_amplitude"][:, None], rowvar=False)
    assert np.all(np.abs(correlation[~np.eye(6, dtype=bool)]) < 0.1)


@pytest.mark.thorough
def test_layer_scales_bend_the_function_and_leave_its_size(data, x64):
    """The second difference of u across the data, in units of its first: small for small scales, else large."""

    def bend(scale: float) -> float:
        prior = frozen(data, BNN(hidden=(16,), layer_scale=scale, layer_scale_spread=0.01))
        steps = np.linspace(-1, 1, 3)[:, None] * np.array([0.0, 1.0, 0.0]) * np.asarray(prior.state_scale)
        values, _ = fields_at(prior, np.asarray(prior.location) + steps, np.ones(1), 500)
        values = values[..., 0]
        np.testing.assert_allclose(np.std(values, axis=0), 1.0, atol=0.2)
        second = values[:, 0] - 2 * values[:, 1] + values[:, 2]
        return float(np.std(second) / np.std(values[:, 2] - values[:, 0]))

    assert 4 * bend(0.05) < bend(4.0)


@pytest.mark.thorough
def test_every_draw_of_the_drift_comes_back(data, x64):
    """With P the linear part's stationary covariance, xᵀP⁻¹x falls along the drift far away, in every direction."""
    prior = frozen(data, BNN(Linear(diagonal=True), hidden=(8, 8), activation="swish", amplitude=3.0))
    diffusion = ConstantDiffusion(jnp.diag(jnp.array([1.0, 20.0, 0.1])))
    rays = np.random.default_rng(0).normal(size=(20, 3)) * [1.0, 20.0, 0.1]

    @jax.jit
    @jax.vmap
    def one(key):
        drift = seed(prior.sample, key)(3, diffusion)
        return drift.linear.matrix, jax.vmap(drift)(drift.linear.location + 1e6 * rays)

    for A, f in zip(*map(np.asarray, one(jax.random.split(jax.random.key(0), 60))), strict=True):
        inverse = np.linalg.inv(linalg.solve_continuous_lyapunov(A, np.asarray(diffusion.factor) ** 2))
        assert np.all(np.einsum("pi,ij,pj->p", rays, inverse, f) < 0)


def test_its_sites_are_named_and_shaped_as_it_says(data):
    prior, shapes = frozen(data, BNN(hidden=(4, 5))), {}

    def once(key):
        with seed(rng_seed=key), trace() as sites:
            prior.sample(3, ConstantDiffusion(jnp.eye(3)))
        shapes.update({name: site["value"].shape for name, site in sites.items()})

    jax.eval_shape(once, jax.random.key(0))
    dims = prior.dims()
    assert {name: len(shapes[name]) for name in dims} == {name: len(d) for name, d in dims.items()}
    own = prior.field_dims("drift", "state")
    assert own == {"drift_amplitude": ["state"], "drift_layer_scale_1": [], "drift_layer_scale_2": []}
    assert prior.field_dims("u", None)["u_amplitude"] == []
    assert [shapes[f"drift_weights_{layer}"] for layer in (1, 2, 3)] == [(4, 4), (5, 5), (6, 3)]


@pytest.mark.thorough
def test_it_is_scaled_to_data_once_and_says_so(data):
    rule = BNN(hidden=(4, 5), layer_scale=1.5)
    assert "data standard deviation" in rule.describe()
    prior = frozen(data, rule)
    text = prior.describe()
    for part in (
        "Drift:",
        "4 and 5 tanh units",
        "Normal(log 1.5, 0.5)",
        "HalfNormal(1)",
        "standard deviation 1",
    ):
        assert part in text
    for number in (*np.asarray(prior.location), *np.asarray(prior.state_scale)):
        assert f"{number:.4g}" in text
    assert "data mean" not in text
    with pytest.raises(ModelError, match=r"scaled to data.*scaled_to"):
        seed(rule.sample_field, 0)("u", 3, jnp.ones(3))


def test_it_is_drawn_in_single_precision_after_a_trace_in_double(data):
    prior = frozen(data, BNN(hidden=(2,)))

    def field(scale):
        return seed(prior.sample_field, 0)("u", 3, scale).weights[0]

    with precision.scope("float64"):
        jax.jit(field)(jnp.ones(3))
    assert jax.eval_shape(field, jnp.ones(3)).dtype == jnp.float32


def test_its_constants_can_be_written_down(data):
    def plain(value) -> bool:
        if is_dataclass(value):
            return all(plain(getattr(value, field.name)) for field in fields(value))
        if isinstance(value, tuple):
            return all(map(plain, value))
        return value is None or isinstance(value, bool | int | float | str | np.ndarray)

    assert plain(frozen(data, BNN()))


@pytest.mark.parametrize(
    ("constants", "message"),
    [
        ({"activation": "relu"}, r"relu.*'tanh' or 'swish'.*second derivatives"),
        ({"activation": "sine"}, "sine.*'tanh' or 'swish'"),
        ({"hidden": ()}, r"hidden is \(\).*for example \(32, 32\)"),
        ({"hidden": (8, 0)}, "hidden=.*a list of a whole number, 1 or more"),
        ({"hidden": (8, 2.5)}, "hidden="),
        ({"hidden": 32}, "hidden=32"),
        ({"layer_scale": 0.0}, "layer_scale=0.0 must be a positive"),
        ({"layer_scale_spread": -1.0}, "layer_scale_spread=-1.0 must be a positive"),
        ({"amplitude": np.nan}, "amplitude=nan must be a positive"),
        ({"mean": Linear(stable=False)}, "expected a stable"),
    ],
)
def test_what_is_no_network_is_refused(untyped, constants, message):
    with pytest.raises(ModelError, match=message):
        BNN(**constants)
