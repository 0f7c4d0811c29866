"""Likelihood, one-step laws and smoother of a linear SDE against one dense multivariate normal, to 1e-8."""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdebayes as sb
from sdebayes.likelihood import Kalman, LinearTransitions
from sdebayes.likelihood.arrays import read
from sdebayes.likelihood.linear_gaussian import kalman_filter, linear_gaussian, shared_log_density
from sdebayes.schemes import LocalLinearization

SCHEME = LocalLinearization()
LENGTHS = [9, 5, 12]


def times_of(lengths: list[int], seed: int = 5) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [np.cumsum(rng.choice([0.05, 0.7, 1.0, 13.0], size=n)) + rng.normal() for n in lengths]


def pieces(data) -> list[tuple[np.ndarray, np.ndarray]]:
    """Values and times of each trajectory up to its end."""
    ends = data["n_steps"].values
    return [(y[:n], t[:n]) for y, t, n in zip(data["y"].values, data["t"].values, ends, strict=True)]


@eqx.filter_jit
def answers(likelihood, model, observations):
    return (
        likelihood.log_density(model, observations),
        likelihood.one_step(model, observations),
        likelihood.smooth(model, observations),
    )


@eqx.filter_jit
def log_density(likelihood, model, observations):
    return likelihood.log_density(model, observations)


def agree(dense, data, observation) -> None:
    """Compare the log density, its one-step laws and the smoother with dense Gaussian conditioning."""
    model, likelihood = dense.observed_sde(), observation.likelihood(True, SCHEME)
    observations = read(data, drop_missing_steps=likelihood.states_observed)
    found = jax.tree.map(np.asarray, answers(likelihood, model, observations))
    terms, (means, covariances), (x, V) = found
    expected = [dense.log_density(y, t) for y, t in pieces(data)]
    np.testing.assert_allclose(terms.sum(-1), expected, rtol=1e-8, atol=1e-8)
    d = len(dense.b)
    for i, (y, t) in enumerate(pieces(data)):
        for k in range(len(t)):
            mean, covariance = dense.predict(y, t, k)
            np.testing.assert_allclose(means[i, k], mean, atol=1e-8)
            np.testing.assert_allclose(covariances[i, k], covariance, atol=1e-8)
        mean, covariance = dense.smooth(y, t)
        for k in range(len(t)):
            here = slice(k * d, (k + 1) * d)
            np.testing.assert_allclose(x[i, k, :d], mean[here], atol=1e-8)
            np.testing.assert_allclose(V[i, k, :d, :d], covariance[here, here], atol=1e-8)
            if observation.trajectory_effect:
                np.testing.assert_allclose(x[i, k, d:], mean[len(t) * d :], atol=1e-8)
                np.testing.assert_allclose(V[i, k, d:, d:], covariance[len(t) * d :, len(t) * d :], atol=1e-8)


def without_effect(dense):
    return dataclasses.replace(dense, C=np.zeros_like(dense.C))


@pytest.mark.parametrize("effect", [True, False])
def test_regular_times_and_early_ends(rotating, make_values, effect, x64):
    data = sb.trajectories(make_values(0, LENGTHS, 2), t=0.4)
    assert read(data).shared
    dense = rotating if effect else without_effect(rotating)
    agree(dense, data, sb.GaussianNoise(trajectory_effect=effect))


@pytest.mark.smoke
@pytest.mark.parametrize("effect", [True, False])
def test_irregular_times_gaps_and_partly_missing_steps(rotating, make_values, effect, x64):
    values = make_values(1, LENGTHS, 2, missing=0.3)
    values[0][3:6] = np.nan
    values[2][0] = np.nan
    data = sb.trajectories(values, t=times_of(LENGTHS))
    assert not read(data).shared
    dense = rotating if effect else without_effect(rotating)
    agree(dense, data, sb.GaussianNoise(trajectory_effect=effect))


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_an_observation_matrix(partly_observed, make_values, missing, x64):
    lengths = [8, 11]
    data = sb.trajectories(make_values(2, lengths, 2, missing), t=times_of(lengths))
    observation = sb.GaussianNoise(matrix=partly_observed.H, trajectory_effect=True)
    agree(partly_observed, data, observation)


def test_a_shared_irregular_grid_takes_the_fast_path(rotating, make_values, x64):
    grid = times_of([12])[0]
    data = sb.trajectories(make_values(3, LENGTHS, 2), t=[grid[:n] for n in LENGTHS])
    assert read(data).shared
    agree(rotating, data, sb.GaussianNoise(trajectory_effect=True))


@pytest.mark.parametrize("effect", [True, False])
def test_the_fast_path_is_the_general_path(rotating, make_values, effect, x64):
    data = sb.trajectories(make_values(4, [40, 25, 3, 60], 2), t=0.4)
    observations = read(data)

    @jax.jit
    def both(model):
        steps = jnp.asarray(observations.steps)
        transitions = jax.vmap(lambda dt: SCHEME.affine_transition(model.sde.linear, dt))(steps)
        system = linear_gaussian(model, transitions, effect)
        return shared_log_density(system, observations), kalman_filter(system, observations).log_density

    fast, general = both(rotating.observed_sde())
    np.testing.assert_allclose(fast, general, rtol=1e-8, atol=1e-8)
    assert np.all(np.asarray(fast)[2, 3:] == 0)


@pytest.mark.thorough
def test_the_gradient_of_both_paths_is_that_of_the_dense_normal(rotating, make_values, x64):
    values = make_values(6, [6, 4], 2)
    gapped = [array.copy() for array in values]
    gapped[0][2, 1] = np.nan
    h = 1e-5
    for arrays in (values, gapped):
        data = sb.trajectories(arrays, t=0.4)
        observations = read(data)

        def total(model, observations=observations):
            return Kalman(SCHEME, True).log_density(model, observations).sum()

        slope = jax.jit(jax.grad(total))(rotating.observed_sde())
        for name, leaf in (("A", slope.sde.drift.matrix), ("R", slope.noise_covariance)):
            for i, j in np.ndindex(2, 2):
                shift = np.zeros((2, 2))
                shift[i, j] += h / 2
                if name == "R":
                    shift = shift + shift.T
                up, down = (
                    sum(
                        dataclasses.replace(rotating, **{name: getattr(rotating, name) + s}).log_density(y, t)
                        for y, t in pieces(data)
                    )
                    for s in (shift, -shift)
                )
                found = np.sum(np.asarray(leaf) * shift) * 2
                np.testing.assert_allclose(found, up - down, rtol=1e-5, atol=1e-9)


def test_little_noise_beside_a_wide_effect_keeps_eight_digits(rotating, make_values, x64):
    dense = dataclasses.replace(rotating, R=1e-6 * np.eye(2), C=1e3 * np.eye(2))
    data = sb.trajectories(make_values(7, [30, 20], 2), t=0.1)
    for d in (data, data.assign(y=data["y"].where(data["time"] != 4))):
        terms = log_density(Kalman(SCHEME, True), dense.observed_sde(), read(d))
        expected = [dense.log_density(y, t) for y, t in pieces(d)]
        np.testing.assert_allclose(np.asarray(terms).sum(-1), expected, rtol=1e-8)


def test_units_of_a_million_change_the_density_by_their_jacobian_only(rotating, make_values, x64):
    unit = 1e6
    large = dataclasses.replace(
        rotating,
        b=unit * rotating.b,
        m0=unit * rotating.m0,
        **{name: unit**2 * getattr(rotating, name) for name in ("sigma", "P0", "R", "C")},
    )
    values = make_values(8, [7, 5], 2, missing=0.2)
    small_data, large_data = sb.trajectories(values), sb.trajectories([unit * v for v in values])
    small, big = (
        np.asarray(log_density(Kalman(SCHEME, True), d.observed_sde(), read(s))).sum(-1)
        for d, s in ((rotating, small_data), (large, large_data))
    )
    counts = np.isfinite(small_data["y"].values).sum((1, 2))
    np.testing.assert_allclose(big, small - counts * np.log(unit), rtol=1e-9)


@pytest.mark.thorough
def test_exact_observation_is_the_product_of_transitions(rotating, make_values, x64):
    dense = dataclasses.replace(without_effect(rotating), R=np.zeros((2, 2)))
    for t in (0.4, times_of(LENGTHS)):
        agree(dense, sb.trajectories(make_values(9, LENGTHS, 2), t=t), sb.Exact())


def test_exact_observation_integrates_missing_entries_and_steps_out(rotating, make_values, x64):
    dense = dataclasses.replace(without_effect(rotating), R=np.zeros((2, 2)))
    values = make_values(10, [9, 12], 2, missing=0.3)
    values[0][4] = np.nan
    data = sb.trajectories(values, t=times_of([9, 12]))
    observations = read(data, drop_missing_steps=True)
    terms = log_density(LinearTransitions(SCHEME), dense.observed_sde(), observations)
    expected = [dense.log_density(y, t) for y, t in pieces(data)]
    np.testing.assert_allclose(np.asarray(terms).sum(-1), expected, rtol=1e-8)


def test_times_far_from_zero_keep_their_steps(rotating, make_values, x64):
    values = make_values(11, [8, 6], 2)
    near = read(sb.trajectories(values, t=0.1))
    far = read(sb.trajectories(values, t=[1.7e9 + 0.1 * np.arange(8), 1.7e9 + 0.1 * np.arange(6)]))
    assert near.shared
    assert far.shared
    assert len(near.steps) == len(far.steps) == 1
    np.testing.assert_allclose(far.steps, near.steps, rtol=1e-6)
