"""Figures of scalar fields over states, and of fields along trajectories."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdebayes import plots
from sdebayes._core.errors import DataError
from sdebayes.analysis import fields, phase_space
from sdebayes.data import trajectories
from sdebayes.dynamics import SDE, ParametricDiffusion, ParametricDrift
from sdebayes.simulation import as_source

LIMITS = [(-2.0, 2.0), (-3.0, 3.0)]


def drift(x, t, p):
    return jnp.stack([x[1], p["mu"] * (1 - x[0] ** 2) * x[1] - x[0]])


def factor(x, t, p):
    return jnp.diag(0.5 + 0.1 * x**2)


def van_der_pol(mu: float) -> SDE:
    return SDE(ParametricDrift(drift, {"mu": jnp.asarray(mu)}), ParametricDiffusion(factor, {}))


TRUTH = van_der_pol(1.0)
DRAWS = jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(van_der_pol, (0.5, 1.0, 1.5)))


def grid(source, *over: int):
    return fields.grid(source, over, [LIMITS[i] for i in over], points=9, at=[0.0, 0.0])


def line(ax, label: str):
    return next(artist for artist in ax.lines if artist.get_label() == label)


def test_divergence_over_one_state():
    x = fields.points(grid(DRAWS, 0))
    ax = plots.fields.divergence(fields.divergence(DRAWS, x), truth=fields.divergence(TRUTH, x))
    for label in ("posterior, mean", "truth"):
        np.testing.assert_allclose(line(ax, label).get_ydata(), 1 - np.linspace(-2, 2, 9) ** 2, atol=1e-5)
    assert (ax.get_xlabel(), ax.get_ylabel().replace("\n", " ")) == (
        "x1",
        "divergence ∇·f of the drift, per unit of time",
    )


def test_divergence_over_two_states():
    x = fields.points(grid(DRAWS, 0, 1))
    ax = plots.fields.divergence(fields.divergence(DRAWS, x))
    mesh = ax.collections[0]
    expected = np.broadcast_to(1 - np.linspace(-2, 2, 9) ** 2, (9, 9))
    np.testing.assert_allclose(np.asarray(mesh.get_array()).reshape(9, 9), expected, atol=1e-5)
    assert mesh.get_clim() == pytest.approx((-3.0, 3.0), rel=1e-5)
    compared = plots.fields.divergence(fields.divergence(DRAWS, x), truth=fields.divergence(TRUTH, x))
    assert compared.get_legend_handles_labels()[1] == ["mean", "truth"]


def test_a_field_that_is_the_same_everywhere_and_in_every_draw():
    values = fields.divergence(TRUTH, fields.points(grid(TRUTH, 0, 1))) * 0 + 2.0
    ax = plots.fields.scalar(values, truth=values)
    np.testing.assert_array_equal(ax.collections[0].get_array(), 2.0)


def test_rotation_is_half_of_the_curl():
    x = fields.points(grid(DRAWS, 1))
    found = fields.rotation(DRAWS, x)
    # f = (y, …), so that at x = 0 the curl is ∂f₂/∂x − ∂f₁/∂y = −1 − 1.
    ax = plots.fields.rotation(found, truth=fields.rotation(TRUTH, x))
    np.testing.assert_allclose(line(ax, "posterior, mean").get_ydata(), -1.0, atol=1e-5)
    back = plots.fields.rotation(found, states=("x2", "x1"))
    np.testing.assert_allclose(line(back, "posterior, mean").get_ydata(), 1.0, atol=1e-5)
    assert back.get_ylabel() == "rotation from x2 to x1, radians\nper unit of time"
    with pytest.raises(DataError, match="got x1, x1"):
        plots.fields.rotation(found, states=("x1", "x1"))


def test_covariance_and_stratonovich_drift():
    read = grid(DRAWS, 0)
    entry = read["covariance"].sel(state="x1", state_bis="x1")
    x = np.linspace(-2, 2, 9)
    ax = plots.fields.scalar(entry)
    np.testing.assert_allclose(line(ax, "posterior, mean").get_ydata(), (0.5 + 0.1 * x**2) ** 2, rtol=1e-5)
    assert ax.get_ylabel().replace("\n", " ") == "covariance rate, state² per unit of time (x1, x1)"
    axes = plots.fields.stratonovich(fields.stratonovich(DRAWS, fields.points(read)))
    correction = 0.5 * (0.5 + 0.1 * x**2) * 0.2 * x
    np.testing.assert_allclose(line(axes[0], "Stratonovich, mean").get_ydata(), -correction, atol=1e-5)
    np.testing.assert_allclose(line(axes[0], "Itô, mean").get_ydata(), 0.0, atol=1e-5)


def test_drift_and_noise_along_a_trajectory():
    y = np.zeros((2, 4, 2))
    y[0, 0, 0] = 1.0
    y[:, :, 1] = [[1.0, 2.0, 3.0, 4.0], [2.0, 2.5, 3.0, 3.5]]
    data = trajectories(y, names=["first", "second"]).assign_coords(state=["x1", "x2"])
    found = fields.along(DRAWS, data)
    axes = plots.fields.along(found, trajectory="second")
    # At x = 0 the drift is (y, μ y).
    speed = y[1, :, 1] * np.mean(np.sqrt(1 + np.array([0.5, 1.0, 1.5]) ** 2))
    np.testing.assert_allclose(line(axes[0], "posterior, mean").get_ydata(), speed, rtol=1e-5)
    noise = np.sqrt(0.25 + (0.5 + 0.1 * y[1, :, 1] ** 2) ** 2)
    np.testing.assert_allclose(line(axes[1], "posterior, mean").get_ydata(), noise, rtol=1e-5)
    assert axes[0].get_title(loc="left") == "second"
    with pytest.raises(DataError, match="no trajectory 'third' among first, second"):
        plots.fields.along(found, trajectory="third")
    with pytest.raises(DataError, match="field along trajectories"):
        plots.fields.along(grid(DRAWS, 0))


def test_places_that_are_no_grid():
    found = fields.divergence(DRAWS, np.zeros((3, 2)))
    for draw in (plots.fields.divergence, plots.fields.scalar):
        with pytest.raises(DataError, match=r"sample, point; expected draws .*fields.points"):
            draw(found)


def hatched(ax):
    return [
        artist for artist in ax.collections if artist.get_hatch() or getattr(artist, "hatches", [None])[0]
    ]


def test_what_is_far_from_all_data_is_hatched_and_named():
    seen = replace(as_source(DRAWS, 2), seen=np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 2.0], [0.0, -2.0]]))
    near, wide = [(-0.1, 0.1), (1.9, 2.1)], [(-9.0, 9.0), (-9.0, 9.0)]
    for limits, is_far in ((near, False), (wide, True)):
        found = fields.grid(seen, (0, 1), limits, points=9, at=[0.0, 0.0])
        plane = phase_space.portrait(seen, limits=limits, points=9, at=[0.0, 0.0])
        profile = fields.grid(seen, (0,), limits[:1], points=9, at=[0.0, 2.0])
        for ax in (
            plots.fields.scalar(found["drift"].sel(state="x1")),
            plots.fields.divergence(fields.divergence(seen, fields.points(found))),
            plots.phase_space.portrait(plane),
            plots.fields.profile(profile)[0],
        ):
            assert bool(hatched(ax)) == is_far
            legends = [ax.get_legend(), *ax.figure.legends]
            named = [
                text.get_text() for legend in legends if legend is not None for text in legend.get_texts()
            ]
            assert ("no data near" in named) == is_far


def test_truths_have_nothing_hatched():
    assert not hatched(plots.fields.scalar(grid(TRUTH, 0, 1)["drift"].sel(state="x1")))
