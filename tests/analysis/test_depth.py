"""Noise by layer: of processes whose noise is known, and the figure."""

from __future__ import annotations

import numpy as np
import pytest

import sdebayes as sb
from sdebayes._core.errors import DataError
from sdebayes.analysis.depth import noise_growth

DECAY, START, RATE, STEPS = 0.8, 0.5, 0.15, 12


def growing(count: int, rate: float = RATE, seed: int = 0):
    """Trajectories x' = D x + e, in two states, where the variance of e grows by a rate, at the times 4, 5, …"""
    generator = np.random.default_rng(seed)
    x = [generator.standard_normal((count, 2))]
    for step in range(1, STEPS):
        noise = generator.standard_normal((count, 2))
        x.append(DECAY * x[-1] + np.sqrt(START * np.exp(rate * step)) * noise)
    return sb.trajectories(np.stack(x, axis=1), t=np.tile(np.arange(4.0, 4 + STEPS), (count, 1)))


def test_growth_and_variance_are_those_of_the_noise_that_was_drawn():
    found = noise_growth(growing(2000), lags=[1, 3], samples=60)
    own = START * np.exp(RATE * np.arange(1, STEPS))
    added = own[2:] + DECAY**2 * own[1:-1] + DECAY**4 * own[:-2]
    error = np.sqrt(2 / (2000 * 2))
    for lag, expected in ((1, own), (3, added)):
        variance = found["variance"].sel(lag=lag)
        assert variance.isel(time=slice(lag)).isnull().all()
        middle = variance.median("sample").values[lag:]
        assert np.abs(middle / expected - 1).max() < 4 * error
        spread = (variance.std("sample").values[lag:] / expected).mean()
        np.testing.assert_allclose(spread, error, rtol=0.2)
    np.testing.assert_allclose(found["rate"].median("sample"), RATE, atol=0.01)
    np.testing.assert_array_equal(found["t"], 4 + np.arange(STEPS))


def test_the_rate_is_for_a_unit_of_time_and_gaps_are_left_out():
    data = growing(200)
    thinned = data.isel(time=slice(None, None, 2))
    whole, half = noise_growth(data, [2], 30), noise_growth(thinned, [1], 30)
    np.testing.assert_allclose(half["variance"][:, 0, 1:], whole["variance"][:, 0, 2::2])
    np.testing.assert_allclose(half["rate"].median(), RATE, atol=0.05)
    y = data["y"].copy()
    y[3, 5] = np.nan
    gap = noise_growth(data.assign(y=y), [2], 30)
    assert gap.attrs["trajectories"] == 199
    without = noise_growth(data.drop_sel(trajectory=data["trajectory"].values[3]), [2], 30)
    np.testing.assert_array_equal(gap["rate"], without["rate"])


def test_the_usual_lags_are_those_that_the_data_are_long_enough_for():
    data = growing(30)
    assert noise_growth(data, samples=5)["lag"].values.tolist() == [1, 2, 4, 8]
    assert noise_growth(data.isel(time=slice(5)), samples=5)["lag"].values.tolist() == [1, 2]


def test_what_cannot_be_measured_is_said():
    data = growing(30)
    with pytest.raises(DataError, match=r"4 of 4 trajectories have all 12 steps; .* needs 5 or more"):
        noise_growth(data.isel(trajectory=slice(4)))
    with pytest.raises(DataError, match=r"lag 10 of 12 steps leaves fewer than 3 .* lags up to 9"):
        noise_growth(data, [1, 10])
    moved = data["t"].copy()
    moved[0] += 1
    with pytest.raises(DataError, match="different times"):
        noise_growth(data.assign(t=moved))
    same = data["y"].copy()
    same[:, :, 1] = same[:, :, 0]
    with pytest.raises(DataError, match="states depend on each other"):
        noise_growth(data.assign(y=same))
    kept = data["y"].copy()
    kept[:, 5] = kept[:, 4]
    with pytest.raises(DataError, match="without error"):
        noise_growth(data.assign(y=kept))


def test_the_figure_has_a_line_for_each_lag_on_a_logarithmic_axis():
    found = noise_growth(growing(30), samples=40)
    ax = sb.plots.depth.noise_growth(found, prob=0.5)
    assert ax.get_yscale() == "log"
    lines = ax.get_lines()
    assert [line.get_label() for line in lines] == [
        "from 1 step before",
        *(f"from {lag} steps before" for lag in (2, 4, 8)),
    ]
    for lag, line, band in zip((1, 2, 4, 8), lines, ax.collections, strict=True):
        own = found["variance"].sel(lag=lag).values[:, lag:]
        np.testing.assert_allclose(line.get_ydata(), np.median(own, axis=0))
        np.testing.assert_array_equal(line.get_xdata(), found["t"].values[lag:])
        low, high = np.quantile(own, (0.25, 0.75), axis=0)
        np.testing.assert_allclose(np.unique(band.get_paths()[0].vertices[:, 1]), np.unique([low, high]))
    with pytest.raises(DataError, match="noise_growth"):
        sb.plots.depth.noise_growth(growing(5))
