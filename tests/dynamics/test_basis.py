"""Basis functions: derivatives, eigenvalues, smooth ends, and what happens far from the data."""

from __future__ import annotations

from functools import partial

import equinox as eqx
import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
import pytest

from sdebayes._core import precision
from sdebayes.dynamics import (
    BasisField,
    FourierBasis,
    JointBasis,
    KernelBasis,
    LaplacianBasis,
    TaperedMonomials,
)
from sdebayes.dynamics.basis import jet_of
from sdebayes.priors import Matern32, Matern52, SquaredExponential

LOCATION = [1.0, -50.0, 0.2]
HALF = [2.0, 30.0, 0.5]
SHAPES = {1: (5,), 2: (4, 3), 3: (3, 2, 4)}


@pytest.fixture(autouse=True)
def x64():
    with precision.scope("float64"):
        yield


def laplacian(n: int) -> LaplacianBasis:
    return LaplacianBasis(jnp.array(LOCATION[:n]), jnp.array(HALF[:n]), SHAPES[n], 0.8)


def trend(n: int) -> JointBasis:
    """Sines, and monomials of degree two and three that end a little within them."""
    powers = tuple(k for k in np.ndindex(*[4] * n) if sum(k) in (2, 3))
    middle, half = jnp.array(LOCATION[:n]), jnp.array(HALF[:n])
    monomials = TaperedMonomials(middle, 0.6 * half, 0.95 * half, powers, 0.7)
    return JointBasis((laplacian(n), monomials), (int(np.prod(SHAPES[n])), len(powers)))


def fourier(n: int) -> FourierBasis:
    omega = np.random.default_rng(1).normal(size=(6, n)) / HALF[:n]
    return FourierBasis(jnp.array(LOCATION[:n]), jnp.asarray(omega), fixed=False)


def kernel(n: int, function) -> KernelBasis:
    centres = LOCATION[:n] + np.random.default_rng(2).normal(size=(7, n)) * HALF[:n]
    return KernelBasis(function, jnp.asarray(centres), 0.7 * jnp.array(HALF[:n]))


KERNELS = (SquaredExponential(), Matern32(), Matern52())
BASES = {
    **{f"box {n}": partial(laplacian, n) for n in (1, 2, 3)},
    **{f"trend {n}": partial(trend, n) for n in (1, 3)},
    **{f"fourier {n}": partial(fourier, n) for n in (1, 3)},
    **{f"{function.title} 3": partial(kernel, 3, function) for function in KERNELS},
    "Matérn 3/2 1": partial(kernel, 1, KERNELS[1]),
}


def points(n: int, count: int = 12) -> jnp.ndarray:
    """Places over the box, its falling rim and outside of it, and the middle."""
    unit = np.random.default_rng(3).uniform(-1.1, 1.1, size=(count, n))
    return jnp.asarray(LOCATION[:n] + np.array(HALF[:n]) * np.vstack([np.zeros(n), unit]))


def state_dim(name: str) -> int:
    return int(name[-1])


def functions(basis, n: int) -> int:
    """How many there are."""
    return jax.eval_shape(basis, jnp.zeros(n)).shape[0]


def in_units(jet, n: int):
    """The derivatives per half-length of the box, so that one tolerance serves all states."""
    unit = np.array(HALF[:n])
    return jet.value, jet.gradient * unit, jet.hessian * unit[:, None] * unit


@pytest.mark.parametrize("name", BASES)
def test_jets_are_the_derivatives(name):
    basis, n = BASES[name](), state_dim(name)
    where = points(n)
    if isinstance(basis, KernelBasis):
        where = jnp.concatenate([where, basis.centres])
    ours = jax.jit(jax.vmap(basis.jet))(where)
    automatic = jax.jit(jax.vmap(lambda x: jet_of(basis, x, 2)))(where)
    # the root of r² + tiny at a centre of Matérn 3/2 rounds its second derivative there at 1e-6
    for a, b in zip(in_units(ours, n), in_units(automatic, n), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=2e-5 if "3/2" in name else 1e-8)


@pytest.mark.parametrize(
    ("name", "order"),
    [
        *((name, 2) for name in BASES),
        *((f"{name} 3", k) for name in ("box", "trend", "fourier", "Matérn 3/2") for k in (0, 1)),
    ],
)
def test_a_combination_is_the_sum_of_the_jets(name, order):
    basis, n = BASES[name](), state_dim(name)
    where = points(n)
    weights = jnp.asarray(np.random.default_rng(4).normal(size=(functions(basis, n), 2)))
    ours = jax.jit(jax.vmap(lambda x: basis.combination(weights, x, order)))(where)
    jets = jax.jit(jax.vmap(lambda x: basis.jet(x, order)))(where)
    for level, (a, b) in enumerate(zip(ours, jets, strict=True)):
        assert (a is None) == (b is None) == (level > order)
        if level <= order:
            np.testing.assert_allclose(a, np.einsum("fo,pf...->po...", weights, b), rtol=1e-9, atol=1e-9)


def products_of_matrices(jaxpr) -> int:
    """How many sums of products in traced code leave axes of both factors."""
    found = 0
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            summed = equation.params["dimension_numbers"][0]
            left = [x.aval.ndim - len(axes) for x, axes in zip(equation.invars, summed, strict=True)]
            found += len(summed[0]) > 0 and min(left) > 0
        inner = [getattr(part, "jaxpr", part) for part in jax.tree.leaves(list(equation.params.values()))]
        found += sum(products_of_matrices(part) for part in inner if isinstance(part, jax.extend.core.Jaxpr))
    return found


@pytest.mark.parametrize("n", [1, 2, 3])
def test_at_one_point_a_box_takes_vectors_times_tables(n):
    """A product of two matrices in the loop of a filter is a call for each of its operations: four times the cost."""
    basis, x = laplacian(n), jnp.zeros(n)
    weights = jnp.ones((functions(basis, n), n))

    def squares(combination, weights, x):
        return sum(jnp.sum(part**2) for part in combination(weights, x))

    def gradients(combination):
        traced = jax.make_jaxpr(jax.grad(partial(squares, combination), (0, 1)))(weights, x)
        return products_of_matrices(traced.jaxpr)

    assert gradients(basis.combination) == 0
    assert gradients(lambda weights, x: (weights.T @ basis.jet(x, 2).hessian.reshape(-1, n * n),)) > 0


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_box_has_orthogonal_eigenfunctions_of_the_laplacian(n):
    basis = LaplacianBasis(jnp.array(LOCATION[:n]), jnp.array(HALF[:n]), SHAPES[n], 0.999)
    inside = jnp.asarray(LOCATION[:n] + 0.9 * (np.asarray(points(n)) - LOCATION[:n]) / 1.1)
    jets = jax.jit(jax.vmap(basis.jet))(inside)
    laplacians = np.einsum("pfjj->pf", jets.hessian)
    eigenvalues = -np.sum(np.asarray(basis.frequencies) ** 2, -1)
    np.testing.assert_allclose(laplacians, eigenvalues * jets.value, atol=1e-9 * np.abs(laplacians).max())

    nodes, weights = np.polynomial.legendre.leggauss(40)
    grid = np.stack(np.meshgrid(*[nodes] * n, indexing="ij"), -1).reshape(-1, n)
    volume = np.prod(np.stack(np.meshgrid(*[weights] * n, indexing="ij"), -1).reshape(-1, n), -1)
    values = jax.jit(jax.vmap(basis))(jnp.asarray(LOCATION[:n] + grid * HALF[:n]))
    gram = np.einsum("pf,p,pg->fg", values, volume, values)
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=2e-3)


@pytest.mark.parametrize("z", [0.8, 1.0, -0.8, -1.0])
def test_the_box_ends_with_continuous_second_derivatives(z):
    basis = laplacian(1)
    x = jnp.array([LOCATION[0] + z * HALF[0]])
    jet = eqx.filter_jit(basis.jet)
    before, after = (jet(x + side * 1e-9) for side in (-1, 1))
    for a, b in zip(before, after, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_monomials_are_those_of_standardised_states_up_to_their_window():
    n = 3
    basis = trend(n).parts[1]
    z = np.random.default_rng(5).uniform(-0.65, 0.65, (8, n))
    expected = np.stack([np.prod((z / 0.6) ** k, -1) for k in basis.powers], -1)
    found = jax.jit(jax.vmap(basis))(jnp.asarray(LOCATION + z * HALF))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert not np.asarray(basis(jnp.asarray(LOCATION + 0.96 * np.array(HALF)))).any()


def test_a_table_is_read_part_by_part():
    basis = trend(2)
    x = points(2)[3]
    ours, table = basis.jet(x, 1), basis.at(basis.tabulate(x, 1)).jet(jnp.full(2, jnp.nan), 1)
    np.testing.assert_allclose(table.value, ours.value, rtol=1e-12)
    np.testing.assert_allclose(table.gradient, ours.gradient, rtol=1e-12)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_far_away_the_box_is_zero(dtype):
    basis = jax.tree.map(lambda a: a.astype(dtype), laplacian(3))
    away = np.multiply.outer([1.5, 1e3, 1e8], np.array(HALF) * [1.0, -1.0, 0.3])
    x = jnp.asarray(LOCATION + away, dtype)
    for part in eqx.filter_jit(lambda basis, x: jax.vmap(basis.jet)(x))(basis, x):
        assert np.all(np.asarray(part) == 0)
    slope = jax.jit(jax.vmap(jax.grad(lambda x, b: jnp.sum(b(x)), argnums=(0, 1)), (0, None)))(x, basis)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(slope))


def test_an_infinite_state_is_outside_of_the_box():
    assert np.all(np.asarray(eqx.filter_jit(laplacian(2))(jnp.array([np.inf, -np.inf]))) == 0)


@pytest.mark.parametrize("function", KERNELS)
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_far_away_kernel_functions_are_zero(function, dtype):
    basis = jax.tree.map(lambda a: a.astype(dtype), kernel(3, function))
    x = basis.centres[0] + 1e4 * basis.lengthscale
    for part in eqx.filter_jit(basis.jet)(x):
        assert np.all(np.asarray(part) == 0)
    slope = jax.jit(jax.grad(lambda x, b: jnp.sum(b(x)), argnums=(0, 1)))(x, basis)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(slope))


@pytest.mark.parametrize("distance", [1e2, 1e6])
def test_cosines_and_sines_stay_bounded(distance):
    basis = fourier(3)
    x = jnp.asarray(np.array(LOCATION) + distance * np.array(HALF))
    value, gradient, hessian = map(np.asarray, eqx.filter_jit(basis.jet)(x))
    omega = np.abs(np.concatenate([basis.frequencies] * 2))
    assert np.all(np.abs(value) <= 1)
    assert np.all(np.abs(gradient) <= omega)
    assert np.all(np.abs(hessian) <= omega[:, :, None] * omega[:, None, :])


@pytest.mark.parametrize("name", ["box 2", "Matérn 5/2 3"])
def test_a_fixed_basis_is_read_from_a_table(name):
    basis, n = BASES[name](), state_dim(name)
    x, elsewhere = points(n)[1:3]
    weights = jnp.asarray(np.random.default_rng(5).normal(size=(functions(basis, n), 2)))
    field = BasisField(basis, weights)
    tabulated = jax.jit(lambda x, y: field.at(field.tabulate(x, 2)).jet(y))(x, elsewhere)
    for a, b in zip(tabulated, eqx.filter_jit(field.jet)(x), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_a_basis_that_depends_on_parameters_has_no_table():
    field = BasisField(fourier(2), jnp.ones((12, 1)))
    assert field.tabulate(points(2)[0], 2) is None
    assert field.at(None) is field
