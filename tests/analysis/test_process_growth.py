"""Existence, dissipativity and ergodicity of processes for which theory knows the answer."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdebayes._core.errors import DataError
from sdebayes.analysis import process
from sdebayes.datasets import benchmark
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift, ParametricDiffusion, ParametricDrift

UNIT = [(-1.0, 1.0)]


def one_state(drift, factor=lambda x: jnp.ones((1, 1))) -> SDE:
    return SDE(
        ParametricDrift(lambda x, t, p: drift(x), {}), ParametricDiffusion(lambda x, t, p: factor(x), {})
    )


def verdict(sde: SDE, limits=UNIT) -> tuple[bool, bool, bool]:
    found = process.growth(sde, limits=limits)
    inward = process.dissipativity(sde, limits=limits)
    return bool(found.bounded[0]), bool(found.explosive[0]), bool(inward.ergodic[0])


def cubed(x, t, p):
    return p["a"] * x**3


ERGODIC, EXISTS, EXPLODES, NEITHER = (
    (True, False, True),
    (True, False, False),
    (False, True, False),
    (False,) * 3,
)
POLYNOMIALS = [
    ((0, 0, -1), (1, 0, 0), ERGODIC),
    ((1, 0, -1), (1, 0, 0), ERGODIC),
    ((-1, 0, 0), (1, 0, 0), ERGODIC),
    ((0.3, 0, 0), (0, 0.5, 0), EXISTS),
    ((0, 0, 1), (1, 0, 0), EXPLODES),
    ((0, 0, 1), (0, 0, 0), EXPLODES),
    ((0, 1, 0), (1, 0, 0), EXPLODES),
    # Feller's test: the scale function ∫ x^(−1/2) dx of f = x³, Σ = 4x⁴ is infinite at infinity: no explosion there
    ((0, 0, 1), (0, 0, 2), NEITHER),
]


@pytest.mark.thorough
def test_one_state():
    """Each draw has a drift a x + b x² + c x³ and a factor u + v x + w x²."""
    drifts, factors = (np.array([row[k] for row in POLYNOMIALS], dtype=float) for k in (0, 1))

    def one(a, u) -> SDE:
        drift = ParametricDrift(lambda x, t, p: p["a"][0] * x + p["a"][1] * x**2 + p["a"][2] * x**3, {"a": a})
        factor = ParametricDiffusion(
            lambda x, t, p: (p["u"][0] + p["u"][1] * x + p["u"][2] * x**2)[:, None], {"u": u}
        )
        return SDE(drift, factor)

    stacked = jax.vmap(one)(drifts, factors)
    found, inward = process.growth(stacked, limits=UNIT), process.dissipativity(stacked, limits=UNIT)
    verdicts = zip(found.bounded.values, found.explosive.values, inward.ergodic.values, strict=True)
    assert [tuple(map(bool, row)) for row in verdicts] == [row[2] for row in POLYNOMIALS]


def test_the_condition_of_brownian_motion_on_an_exponential():
    """Of f = μx, G = σx it is (μ + σ²/2) r²/(1 + r²) on every sphere; the Lipschitz constants are μ and σ."""
    sde = one_state(lambda x: 0.3 * x, lambda x: 0.5 * x[:, None])
    found = process.growth(sde, [1.0, 3.0, 10.0], UNIT)
    squared = np.array([1.0, 9.0, 100.0])
    np.testing.assert_allclose(found.growth[0], (0.3 + 0.125) * squared / (1 + squared), rtol=1e-12)
    assert float(found.lipschitz_drift[0]) == pytest.approx(0.3)
    assert float(found.lipschitz_diffusion[0]) == pytest.approx(0.5)
    radial = process.dissipativity(sde, [1.0, 3.0], UNIT).radial_drift
    np.testing.assert_allclose(radial[0], 0.3, rtol=1e-12)


def test_a_stable_matrix_that_stretches_first():
    """f = A x with eigenvalues −1, −2 points outward in some direction of the plain box, yet is dissipative."""
    sde = SDE(LinearDrift(jnp.array([[1.0, -20.0], [0.0, 2.0]]), jnp.zeros(2)), ConstantDiffusion(jnp.eye(2)))
    assert verdict(sde, None) == (True, False, True)
    degenerate = SDE(sde.drift, ConstantDiffusion(jnp.diag(jnp.array([1.0, 0.0]))))
    assert verdict(degenerate, [(0.0, 2.0), (0.0, 2.0)]) == (True, False, False)
    unstable = SDE(LinearDrift(-jnp.eye(2), jnp.zeros(2)), ConstantDiffusion(jnp.eye(2)))
    assert verdict(unstable, None) == (True, False, False)


@pytest.mark.thorough
def test_lorenz():
    """About (0, 0, ρ + σ) the quadratic terms cancel: bounded and dissipative; about zero only bounded."""
    _, sde = benchmark("lorenz63", 3, 0.01)
    assert verdict(sde, [(-20.0, 20.0), (-20.0, 20.0), (18.0, 58.0)]) == (True, False, True)
    assert verdict(sde, None)[:2] == (True, False)
    skewed = verdict(sde, [(-20.0, 20.0), (-30.0, 30.0), (0.0, 50.0)])
    assert not skewed[1]


@pytest.mark.thorough
def test_every_draw_is_judged_on_its_own():
    one = [
        SDE(ParametricDrift(cubed, {"a": jnp.asarray(a)}), ConstantDiffusion(jnp.eye(1)))
        for a in (-1.0, 1.0, -0.5)
    ]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *one)
    found = process.growth(stacked)
    np.testing.assert_array_equal(found.bounded, [True, False, True])
    np.testing.assert_array_equal(found.explosive, [False, True, False])
    assert found.growth.dims == ("sample", "radius")
    assert process.dissipativity(stacked, samples=2).sizes == {"sample": 2, "radius": 9}


def test_limits_are_needed_for_each_state():
    sde = SDE(LinearDrift(jnp.eye(2), jnp.zeros(2)), ConstantDiffusion(jnp.eye(2)))
    for analyse in (process.growth, process.dissipativity, process.properties):
        with pytest.raises(DataError, match="each of the 2 states"):
            analyse(sde, limits=[(0.0, 1.0)])


def test_limits_are_ends_and_no_middle_with_half_widths():
    """The largest slope of f = −x³ in the box (−1, 5) is 3·25."""
    found = process.growth(one_state(lambda x: -(x**3)), limits=[(-1.0, 5.0)])
    assert 65 < float(found.lipschitz_drift[0]) <= 75


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"radii": [2.0, 1.0]}, "growing positive"),
        ({"limits": [(0.0, -1.0)]}, r"limits=\[\[0.0, -1.0\]\] must be one \(low, high\) pair"),
        ({"limits": [(0.0, np.inf)]}, "inf"),
        ({"samples": 0}, "samples=0"),
    ],
)
def test_bad_arguments(arguments, message):
    sde = one_state(lambda x: -x)
    with pytest.raises(DataError, match=message):
        process.growth(sde, **{"limits": UNIT} | arguments)
