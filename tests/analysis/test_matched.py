"""Matched fixed points: probabilities that agree with each other and with the draws."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sdebayes._core.errors import DataError
from sdebayes.analysis.phase_space import fixed_point_counts, fixed_points, matched
from sdebayes.analysis.phase_space.matched import membership
from sdebayes.analysis.phase_space.stability import CHARACTERS, KINDS, character
from sdebayes.dynamics import SDE, ConstantDiffusion, ParametricDrift
from sdebayes.reporting.blocks import Paragraph, Table
from sdebayes.reporting.chapters.fixed_points import fixed_point_blocks

REACH, LEAST = 0.05, 0.1


def zeros_of(draws: list[list[tuple]], states: int = 2) -> xr.Dataset:
    """Fixed points as `fixed_points` returns them, from the (place, kind) of each zero of each draw."""
    most = max(1, *(len(own) for own in draws))
    table, kind = np.full((len(draws), most, states), np.nan), np.full((len(draws), most), -1)
    for i, own in enumerate(draws):
        for j, (place, code) in enumerate(own):
            table[i, j], kind[i, j] = place, code
    over = ("sample", "fixed_point")
    return xr.Dataset(
        {
            "location": ((*over, "state"), table),
            "kind": (over, kind, {"flag_meanings": ", ".join(KINDS)}),
            "stable": (over, (kind >= 0) & (character(kind) == 0)),
            "time_constant": (over, np.where(kind >= 0, 1.0, np.nan)),
            "period": (over, np.where(kind >= 0, np.inf, np.nan)),
            "unit": ("state", np.ones(states)),
        },
        {"state": [f"x{i + 1}" for i in range(states)]},
    )


def check_consistency(found: xr.Dataset) -> None:
    """What holds of any table of matched fixed points, whatever the zeros."""
    joined, labels, counts = matched(found), membership(found, REACH, LEAST), fixed_point_counts(found)
    kind, draws = found["kind"].values, len(labels)
    for k in range(joined.sizes["fixed_point"]):
        own = labels == k
        assert (own.sum(axis=1) <= 1).all()
        assert len(set(character(kind[own]))) == 1
        assert float(joined["probability"][k]) == own.any(axis=1).mean() >= LEAST
        assert bool(joined["stable"][k]) == (CHARACTERS[character(kind[own])[0]] == "attracting")
    assert (labels[kind < 0] == -1).all()
    total = (joined["probability"] * joined["kind_probability"]).sum("fixed_point") + joined["unmatched"]
    np.testing.assert_allclose(total, counts["mean"].sel(kind=list(KINDS)), atol=1e-12)
    stable = float(joined["probability"].where(joined["stable"], 0).sum())
    left = float(((labels < 0) & found["stable"].values).sum()) / draws
    np.testing.assert_allclose(stable + left, counts["mean"].sel(kind="stable"), atol=1e-12)
    np.testing.assert_allclose(counts["probability"].sum("number"), 1.0)
    np.testing.assert_allclose((counts["probability"] * counts["number"]).sum("number"), counts["mean"])


place = st.tuples(*[st.integers(-8, 8).map(lambda n: n / 4)] * 2)
zero = st.tuples(place, st.integers(0, len(KINDS) - 1))


@settings(deadline=None)
@example([[((-0.25, 1.25), 0)], [((-0.5, -2.0), 0)], [((0.0, 0.0), 0), ((1.25, -0.5), 0)]])
@given(st.lists(st.lists(zero, max_size=5, unique_by=lambda z: z[0]), min_size=1, max_size=25))
@pytest.mark.thorough
def test_probabilities_agree_with_each_other_and_with_the_draws(draws):
    check_consistency(zeros_of(draws))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 3), st.floats(0.01, 2.0))
def test_scattered_ones_agree_too(seed, places, spread):
    generator = np.random.default_rng(seed)
    centres = generator.uniform(-1, 1, size=(places, 2))
    draws = [
        [
            (centre + spread * generator.normal(size=2), generator.integers(len(KINDS)))
            for centre in centres
            if generator.uniform() < 0.7
        ]
        for _ in range(40)
    ]
    check_consistency(zeros_of(draws))


def stack_of(drift, values, states: int) -> SDE:
    """One draw for each number a, with the drift f(x, t, {"a": a})."""
    diffusion = ConstantDiffusion(jnp.eye(states))
    sdes = [SDE(ParametricDrift(drift, {"a": jnp.asarray(a)}), diffusion) for a in values]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *sdes)


def pitchfork(x, t, p):
    return p["a"] * x - x**3


def cycle(x, t, p):
    pull = p["a"] * (1 - x[0] ** 2 - x[1] ** 2)
    return jnp.stack([pull * x[0] - 2 * x[1], pull * x[1] + 2 * x[0]])


@pytest.fixture(scope="module")
def straddled() -> xr.Dataset:
    """f = a x − x³ with a ~ N(.25, .4): the middle is stable for a < 0, and else two wells beside it are."""
    a = np.random.default_rng(0).normal(0.25, 0.4, size=300)
    a = a[np.abs(a) > 0.02]
    found = fixed_points(stack_of(pitchfork, a, 1), np.linspace(-1.3, 1.3, 33)[:, None])
    return found.assign_attrs(wells=float((a > 0).mean()))


def test_the_middle_of_a_pitchfork_is_stable_in_some_draws_and_unstable_in_the_others(straddled):
    joined, wells = matched(straddled), straddled.attrs["wells"]
    check_consistency(straddled)
    np.testing.assert_array_equal(joined["stable"], [True, True, True, False])
    np.testing.assert_allclose(joined["probability"], [wells, wells, 1 - wells, wells], atol=1e-12)
    place = joined["location"].values[:, 0]
    np.testing.assert_allclose(place[2:], 0.0, atol=1e-4)
    np.testing.assert_allclose(np.sort(place[:2]), [-place[:2].max(), place[:2].max()], atol=1e-3)
    assert 0.5 < place[:2].max() < 0.7
    counts = fixed_point_counts(straddled)["probability"].sel(kind="stable")
    np.testing.assert_allclose(counts, [0, 1 - wells, wells, 0], atol=1e-12)


@pytest.mark.parametrize("edge", [0.01, 0.6])
def test_a_pitchfork_of_which_one_side_is_out_of_the_region(edge):
    """One zero in most draws, at 0 or in the lower well, and in some the upper one too, where it is near enough."""
    a = np.random.default_rng(0).normal(0.25, 0.4, size=600)
    root = np.sqrt(np.maximum(a, 0))
    found = zeros_of(
        [[((0.0, 0.0), 0)] if r == 0 else [((x, 0.0), 0) for x in (-r, r) if x < edge] for r in root]
    )
    joined = matched(found)
    check_consistency(found)
    wells = float((a > 0).mean())
    place = joined["location"].values[:, 0]
    lower, middle = (
        joined["probability"].values[place < -0.4],
        joined["probability"].values[np.abs(place) < 0.05],
    )
    np.testing.assert_allclose(lower, [wells], atol=0.02)
    np.testing.assert_allclose(middle, [1 - wells], atol=0.02)


def test_the_report_says_both(straddled):
    wells = f"{100 * straddled.attrs['wells']:.0f} %"
    words, counts, table = fixed_point_blocks(straddled)
    assert isinstance(words, Paragraph)
    assert f"{wells} of the draws have 2" in words.text
    assert isinstance(counts, Table)
    assert counts.rows[1][:3] == ["stable", "0 %", f"{100 - 100 * straddled.attrs['wells']:.0f} %"]
    assert isinstance(table, Table)
    assert [row[1] for row in table.rows].count(wells) == 3
    assert "0.00 fixed points" in table.caption


def normal_places(generator, centres, share, spread, draws=300):
    """Draws of stable nodes that scatter around centres, each there in a share of the draws."""
    return zeros_of(
        [
            [
                (np.array(centre) + spread * generator.normal(size=2), 0)
                for centre, p in zip(centres, share, strict=True)
                if generator.uniform() < p
            ]
            for _ in range(draws)
        ]
    )


@pytest.mark.parametrize("spread", [0.1, 0.3])
def test_a_well_that_not_all_draws_have_is_one_place_with_those_that_do(spread):
    found = normal_places(np.random.default_rng(1), [(-1, 0), (1, 0)], [1.0, 0.6], spread)
    joined = matched(found)
    np.testing.assert_allclose(joined["location"], [[-1, 0], [1, 0]], atol=0.07)
    np.testing.assert_allclose(joined["probability"], [1.0, 0.6], atol=0.07)


def test_three_wells():
    found = normal_places(np.random.default_rng(2), [(-1, 0), (0, 1), (1, 0)], [0.9, 0.3, 0.6], 0.12)
    joined = matched(found)
    np.testing.assert_allclose(joined["location"], [[-1, 0], [1, 0], [0, 1]], atol=0.05)
    np.testing.assert_allclose(joined["probability"], [0.9, 0.6, 0.3], atol=0.07)


def test_one_zero_here_or_there_is_two_places():
    """No count of zeros tells them apart: the group is split by its two modes."""
    generator = np.random.default_rng(3)
    found = zeros_of(
        [[((side + 0.1 * generator.normal(), 0.0), 0)] for side in generator.choice([-1, 1], 200)]
    )
    joined = matched(found)
    np.testing.assert_allclose(np.sort(joined["location"].values[:, 0]), [-1, 1], atol=0.05)
    np.testing.assert_allclose(joined["probability"].sum(), 1.0)


def test_overlapping_configurations_share_the_place_that_they_have_in_common():
    """{−1, 1} in one half of the draws and {1, 2} in the other: 1 is there always."""
    generator = np.random.default_rng(4)
    found = zeros_of(
        [
            [
                ((x + 0.1 * generator.normal(), 0.0), 0)
                for x in ((-1, 1) if generator.uniform() < 0.5 else (1, 2))
            ]
            for _ in range(300)
        ]
    )
    joined = matched(found)
    np.testing.assert_allclose(joined["location"].values[0, 0], 1.0, atol=0.05)
    assert float(joined["probability"][0]) == 1.0
    np.testing.assert_allclose(joined["probability"][1:].sum(), 1.0)


def test_one_wide_mode_is_not_split():
    generator = np.random.default_rng(5)
    for values in (generator.normal(size=400), generator.uniform(size=400), generator.exponential(size=400)):
        assert matched(zeros_of([[((x, 0.0), 0)] for x in values])).sizes["fixed_point"] == 1


def test_a_saddle_and_a_source_at_one_place_are_two_fixed_points():
    joined = matched(zeros_of([[((0.0, 0.0), 2)]] * 6 + [[((0.0, 0.0), 4)]] * 4))
    np.testing.assert_allclose(joined["probability"], [0.6, 0.4])
    np.testing.assert_allclose(joined["kind_probability"].sel(kind=["saddle", "unstable focus"]), np.eye(2))


def test_zeros_anywhere_on_a_ring_agree_with_their_number():
    generator = np.random.default_rng(6)
    draws = []
    for _ in range(200):
        angles = np.sort(generator.uniform(0, 2 * np.pi, size=2 * generator.integers(1, 4)))
        draws.append([((np.cos(a), np.sin(a)), 2 * (j % 2)) for j, a in enumerate(angles)])
    check_consistency(zeros_of(draws))


def test_a_limit_cycle_has_its_repelling_middle():
    starts = np.random.default_rng(0).uniform(-1.5, 1.5, size=(20, 2))
    found = fixed_points(stack_of(cycle, [0.5, 1.0, 1.5], 2), starts)
    joined = matched(found)
    check_consistency(found)
    assert joined.sizes["fixed_point"] == 1
    assert float(joined["kind_probability"].sel(kind="unstable focus")[0]) == 1.0


def test_counting_needs_what_fixed_points_returns(straddled):
    with pytest.raises(DataError, match="no 'kind'"):
        fixed_point_counts(straddled.drop_vars("kind"))


def test_no_draw_with_a_zero_counts_none():
    counts = fixed_point_counts(zeros_of([[], []]))
    np.testing.assert_array_equal(counts["probability"], 1.0)
    np.testing.assert_array_equal(counts["number"], [0])
