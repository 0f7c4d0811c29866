"""Networks: against plain NumPy, derivatives against differences, bounds far away, and what is refused."""

from __future__ import annotations

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdebayes._core import precision
from sdebayes._core.errors import ModelError
from sdebayes.dynamics import FieldDrift, LinearDrift, Network

WIDTHS = {"one": (1, 5, 1), "two": (2, 6, 4, 3), "three": (3, 4, 4, 4, 2)}
ACTIVATIONS = ("tanh", "swish")


@pytest.fixture(autouse=True)
def x64():
    with precision.scope("float64"):
        yield


def network(widths: tuple[int, ...], activation: str, seed: int = 0) -> Network:
    rng = np.random.default_rng(seed)
    weights = tuple(jnp.asarray(rng.normal(size=pair)) for pair in pairwise(widths))
    biases = tuple(jnp.asarray(rng.normal(size=width)) for width in widths[1:])
    n = widths[0]
    location, scale = rng.normal(size=n), np.exp(rng.normal(size=n))
    return Network(weights, biases, jnp.asarray(location), jnp.asarray(scale), 4.0, activation)


def by_hand(net: Network, x: np.ndarray) -> np.ndarray:
    """Write every unit of the network as a loop over its inputs; the first layer sees a point of a sphere."""
    z = (x - np.asarray(net.location)) / np.asarray(net.state_scale)
    length = np.sqrt(np.sum(z**2) + 16.0)
    inputs, last = [*(4 * z / length), 4 / length], len(net.weights) - 1
    for layer, (weights, biases) in enumerate(zip(net.weights, net.biases, strict=True)):
        rows = np.vstack([weights, biases])
        sums = [sum(a * w for a, w in zip(inputs, column, strict=True)) for column in rows.T]
        if layer == last:
            return np.array(sums)
        squash = np.tanh if net.activation == "tanh" else lambda a: a / (1 + np.exp(-a))
        inputs = [*(float(squash(a)) for a in sums), 1.0]
    raise RuntimeError


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("widths", WIDTHS.values(), ids=WIDTHS)
def test_it_is_what_numpy_says(widths, activation):
    net = network(widths, activation)
    x = np.asarray(net.location) + 2 * np.random.default_rng(1).normal(size=(8, widths[0]))
    expected = np.array([by_hand(net, point) for point in x])
    np.testing.assert_allclose(jax.jit(jax.vmap(net))(x), expected, rtol=1e-10)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("widths", WIDTHS.values(), ids=WIDTHS)
def test_derivatives_are_those_of_differences(widths, activation):
    net, n = network(widths, activation), widths[0]
    x = np.asarray(net.location) + 2 * np.random.default_rng(2).normal(size=(4, n)) * np.asarray(
        net.state_scale
    )
    both = jax.jit(jax.vmap(lambda point: (net.jet(point, 2), net(point), net.jet(point, 1).gradient)))
    jets = both(x)[0]
    for j in range(n):
        h = 1e-5 * float(net.state_scale[j]) * np.eye(n)[j]
        (_, *up), (_, *down) = both(x + h), both(x - h)
        slope, curvature = (
            (np.asarray(a) - np.asarray(b)) / (2 * h[j]) for a, b in zip(up, down, strict=True)
        )
        np.testing.assert_allclose(jets.gradient[..., j], slope, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(jets.hessian[..., j], curvature, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_it_is_bounded_and_smooth_everywhere(activation):
    """Along every ray it tends to a constant; no unit of the first layer passes its bound |(W, b/ρ)| ρ."""
    net = network(WIDTHS["two"], activation)
    rays = np.random.default_rng(3).normal(size=(20, 2))
    far, farther = (
        jnp.asarray(np.asarray(net.location) + size * rays * np.asarray(net.state_scale))
        for size in (1e6, 1e8)
    )
    jets = jax.jit(jax.vmap(lambda point: net.jet(point, 2)))(far)
    assert all(np.all(np.isfinite(part)) for part in jets)
    np.testing.assert_allclose(jets.value, jax.jit(jax.vmap(net))(farther), rtol=1e-4, atol=1e-4)
    rows = np.vstack([net.weights[0], net.biases[0] / 4.0])
    first = Network(net.weights[:1], net.biases[:1], net.location, net.state_scale, 4.0, activation)
    bound = 4.0 * np.linalg.norm(rows, axis=0)
    assert np.all(np.abs(np.asarray(jax.jit(jax.vmap(first))(far))) <= bound)
    gradients = jax.jit(jax.grad(lambda one: jnp.sum(jax.vmap(one)(far) ** 2)))(net)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradients))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_beside_a_stable_map_paths_come_back(activation):
    net = network((2, 6, 2), activation)
    drift = FieldDrift(LinearDrift(jnp.array([[0.5, 0.4], [-0.4, 0.3]]), jnp.zeros(2)), net)
    rays = np.random.default_rng(4).normal(size=(50, 2))
    far = jnp.asarray(1e4 * rays / np.linalg.norm(rays, axis=1, keepdims=True))
    outward = np.sum(np.asarray(far) * np.asarray(jax.jit(jax.vmap(drift))(far)), axis=1)
    assert np.all(outward < 0)


def test_it_is_read_in_single_precision():
    net = jax.tree.map(lambda a: a.astype(jnp.float32), network(WIDTHS["two"], "swish"))
    x = jnp.asarray([1e6, -1e6], dtype=jnp.float32)
    jet = jax.jit(lambda x: net.jet(x, 2))(x)
    assert jet.value.dtype == jnp.float32
    assert all(np.all(np.isfinite(part)) for part in jet)


@pytest.mark.parametrize("name", ["relu", "sine"])
def test_other_activations_are_refused(untyped, name):
    with pytest.raises(ModelError, match=rf"{name}.*'tanh' or 'swish'.*second derivatives"):
        network(WIDTHS["one"], name)
