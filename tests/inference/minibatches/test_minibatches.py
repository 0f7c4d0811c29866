"""Parts read from the disk in random order: each once in an epoch, and those of memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import dask
import jax
import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes.data import blocks
from sdebayes.inference.minibatches import order, structure
from sdebayes.inference.minibatches.order import Minibatches
from sdebayes.inference.minibatches.parts import HeldParts, StreamedParts
from sdebayes.inference.problem import Problem
from tests.cases import first_of

STEPS, COUNT = 8, 90
LATENT = sb.SDEModel(sb.priors.Linear(), observation=sb.GaussianNoise())
OBSERVED = sb.SDEModel(sb.priors.Linear(), observation=sb.Exact())


def walks(ragged=False, times=None, gaps=False, in_part=False) -> xr.Dataset:
    """Trajectories of which all have the same steps, some end early, some have gaps, a Δt of their own, or a step that
    is seen in part."""
    rng = np.random.default_rng(0)
    y = np.cumsum(rng.standard_normal((COUNT, STEPS, 2)), axis=1)
    if gaps:
        y[3::7, 4] = np.nan
    if in_part:
        y[33, 4, 1] = np.nan
    lengths = np.where(np.arange(COUNT) % 5 == 0, STEPS - 3, STEPS) if ragged else np.full(COUNT, STEPS)
    between = {None: np.ones((COUNT, STEPS)), "few": rng.choice([0.5, 1.0], (COUNT, STEPS))}.get(times)
    between = rng.uniform(0.5, 1.5, (COUNT, STEPS)) if between is None else between
    t = np.cumsum(between, axis=1)
    cut = [(one[:n], when[:n]) for one, when, n in zip(y, t, lengths, strict=True)]
    return sb.trajectories([one for one, _ in cut], [when for _, when in cut])


KINDS = {
    "alike": {},
    "few steps": {"times": "few", "ragged": True},
    "gaps": {"gaps": True, "ragged": True},
    "in part": {"in_part": True},
    "any steps": {"times": "any"},
    "ragged": {"ragged": True},
}


def problems(model, data, folder, monkeypatch) -> tuple[Problem, Problem]:
    """The same problem of data in memory and on the disk, read five trajectories at a time."""
    monkeypatch.setattr(blocks, "READ", 4 * 16 * 5 * STEPS * 2)
    data.chunk(trajectory=5).to_zarr(folder / "a.zarr", consolidated=False, zarr_format=2)
    lazy = xr.open_zarr(folder / "a.zarr", consolidated=False, chunks=None)
    pieces = blocks.shuffled_pieces(lazy)
    assert {one.stop - one.start for one in pieces} == {5}
    assert blocks.shuffled_pieces(lazy.load()) == pieces
    ready, key = model.scaled_to(data), jax.random.key(0)
    lazy = xr.open_zarr(folder / "a.zarr", consolidated=False, chunks=None)
    some = ready.read(lazy.isel(trajectory=slice(0, COUNT, 3)))
    streamed = StreamedParts.of(ready, lazy, pieces)
    held = Problem(ready, ready.read(data), key, pieces=pieces)
    return held, Problem(ready, some, key, streamed=streamed, pieces=pieces)


@pytest.mark.parametrize("kind", first_of(KINDS, 4))
@pytest.mark.parametrize("model", [LATENT, OBSERVED], ids=["latent", "observed"])
def test_parts_from_the_disk_are_those_of_memory(model, kind, x64, tmp_path, monkeypatch):
    """An epoch has each part once; a run that goes on has what it would have had."""
    monkeypatch.setattr(order, "_FED", 3 * 16 * STEPS)
    if kind == "any steps":
        monkeypatch.setattr(structure, "MOST_STEPS", 20)
    data = walks(**KINDS[kind])
    held, lazy = problems(model, data, tmp_path, monkeypatch)
    assert type(held.parts) is HeldParts
    assert held.parts.counts == lazy.parts.counts
    count = sum(lazy.parts.counts)
    assert (lazy.parts.structure.grid is not None) == held.observations.shared
    assert lazy.parts.structure.complete == held.observations.complete
    key, seen = jax.random.key(1), Counter()
    fed = [list(Minibatches(one.parts, 15, key).read(0, 60, 20, "float64")) for one in (held, lazy)]
    for mine, other in zip(*fed, strict=True):
        assert jax.tree.structure(mine) == jax.tree.structure(other) or kind == "any steps"
        for name in ("values", "seen", "times"):
            np.testing.assert_array_equal(getattr(mine, name), getattr(other, name))
        for own in (mine, other):
            taken = np.take_along_axis(own.steps, own.step_index.reshape(len(own.steps), -1), axis=1)
            passed = np.diff(own.times, axis=-1).reshape(taken.shape)
            np.testing.assert_allclose(np.where(passed > 0, taken, 0), passed, rtol=1e-12)
        seen.update(mine.values.reshape(-1, *mine.values.shape[2:])[..., -1, 0].ravel().tolist())
    whole = sum(one.values.shape[0] * one.values.shape[1] for one in fed[0])
    assert whole == 60 * 15
    assert sum(seen.values()) == whole
    if kind == "alike":
        assert set(seen.values()) <= {whole // count, whole // count + 1}
        assert len(seen) == count
    later = list(Minibatches(lazy.parts, 15, key).read(40, 60, 20, "float64"))
    again = [np.concatenate([one.values for one in some]) for some in (fed[1], later)]
    np.testing.assert_array_equal(again[0][40:], again[1])


def test_epochs_and_keys_have_orders_of_their_own(x64, tmp_path, monkeypatch):
    _, lazy = problems(LATENT, walks(), tmp_path, monkeypatch)
    first, other = (
        np.concatenate(
            [
                one.values
                for one in Minibatches(lazy.parts, 9, jax.random.key(seed)).read(0, 20, 20, "float64")
            ]
        )
        for seed in (0, 1)
    )
    epochs = first.reshape(2, COUNT, -1)
    assert not np.array_equal(epochs[0], epochs[1])
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(*(np.sort(one, axis=0) for one in epochs))
    # neighbours on the disk come with others of their epoch
    stored = lazy.streamed.data["y"].values[:, -1, 0]
    places = [int(np.flatnonzero(stored == last)[0]) // 5 for last in first[:2, :, -1, 0].ravel()]
    assert len(set(places)) > 8


@pytest.mark.parametrize("kind", first_of(["few steps", "any steps", "gaps"]))
@pytest.mark.parametrize("scheduler", first_of(["threads", None]))
def test_a_pass_has_the_density_of_all_at_once(kind, scheduler, x64, tmp_path, monkeypatch):
    if kind == "any steps":
        monkeypatch.setattr(structure, "MOST_STEPS", 20)
    held, lazy = problems(LATENT, walks(**KINDS[kind]), tmp_path, monkeypatch)
    exact = replace(held, pieces=None).target
    points = np.stack([held.density.draw_prior(key) for key in jax.random.split(jax.random.key(3), 2)])
    one = jax.numpy.asarray(points[0])
    none = held.density.no_whitening
    with dask.config.set(scheduler=scheduler):
        found = lazy.target.values(points, none)
        value, slope = lazy.target.value_and_gradient(one)
    expected, gradient = exact.value_and_gradient(one)
    np.testing.assert_allclose(found, exact.values(points, none), rtol=1e-10)
    np.testing.assert_allclose(value, expected, rtol=1e-10)
    np.testing.assert_allclose(slope, gradient, rtol=1e-8, atol=1e-8 * np.abs(gradient).max())


def test_some_trajectories_stand_for_all(x64, tmp_path, monkeypatch):
    held, lazy = problems(LATENT, walks(), tmp_path, monkeypatch)
    some, whole = lazy.sample, Problem(lazy.model, lazy.observations, lazy.key)
    assert some.share == 3
    v = held.target.start
    prior = float(held.density.prior_potential(v, held.density.no_whitening))
    own = float(whole.target.value_and_gradient(v)[0]) - prior
    np.testing.assert_allclose(some.target.value_and_gradient(v)[0], prior + 3 * own, rtol=1e-10)
    assert held.sample is held
    monkeypatch.setattr(blocks, "KEPT", 30 * STEPS * 2)
    assert replace(held).sample.share == 3
