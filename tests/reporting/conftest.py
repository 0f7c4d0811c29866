"""Small fits that the tests of the report share."""

from __future__ import annotations

import numpy as np
import numpyro.distributions as dist
import pytest
import xarray as xr

import sdebayes as sb

SCRIPT = "<script>document.title = 'broken'</script>"
TINY = sb.NUTS(draws=30, warmup=30, chains=2, workers=1)
QUICK = sb.Laplace(draws=60)


class Letters:
    """An encoder without a network: a slow walk through the plane that the text of each step tells."""

    def encode(self, texts: list[str]) -> np.ndarray:
        places = np.array([[float(word) for word in text.split()[:3]] for text in texts])
        return np.hstack([places, places[:, :1] * places[:, 1:2]])


def walk(seed: int, steps: int = 40) -> str:
    """A text whose sentences say where a noisy slow process is."""
    generator = np.random.default_rng(seed)
    x, lines = np.zeros(3), []
    for _ in range(steps):
        x = 0.8 * x + 0.6 * generator.standard_normal(3)
        seen = x + 0.3 * generator.standard_normal(3)
        lines.append(" ".join(f"{value:.6f}" for value in seen) + f" {SCRIPT}")
    return "\n".join(lines)


class Lines(sb.data.Steps):
    """One line a step."""

    def cut(self, text: str) -> list[sb.data.Step]:
        starts, position = [], 0
        for line in text.split("\n"):
            starts.append(sb.data.Step((line,), position))
            position += len(line) + 1
        return starts


@pytest.fixture(scope="session")
def texts() -> tuple[xr.Dataset, xr.Dataset]:
    """States of training and held-out texts whose names and sentences hold a script."""
    corpus = {f"{SCRIPT} {index}": walk(index) for index in range(6)}
    data = sb.embed(corpus, Letters(), Lines(), cache=False, progress=False)
    train, test = sb.split(data, test=2, seed=0)
    space = sb.PCA(2).fit(train)
    return space.transform(train), space.transform(test)


@pytest.fixture(scope="session")
def noisy(texts) -> sb.Posterior:
    """A fit to texts, with noise and a text effect."""
    model = sb.SDEModel(observation=sb.GaussianNoise(trajectory_effect=True))
    return sb.fit(model, texts[0], TINY, seed=0, progress=False)


@pytest.fixture(scope="session")
def series() -> xr.Dataset:
    """One trajectory of one state at irregular times."""
    generator = np.random.default_rng(0)
    times = np.cumsum(generator.uniform(0.5, 1.5, 80))
    x = np.zeros(80)
    for k in range(1, 80):
        decay = np.exp(-(times[k] - times[k - 1]) / 5)
        x[k] = decay * x[k - 1] + np.sqrt(1 - decay**2) * generator.standard_normal()
    return sb.trajectories(x[:, None], t=times)


@pytest.fixture(scope="session")
def exact(series) -> sb.Posterior:
    """A fit to an exactly observed series about a level that time says."""
    model = sb.SDEModel(observation=sb.Exact(), level=sb.Level("t"))
    return sb.fit(model, series, QUICK, seed=0, progress=False)


@pytest.fixture(scope="session")
def four_wells(texts) -> sb.Posterior:
    """A fit of a drift with stable equilibria at (±1, ±1), with a scheme too coarse for it."""
    drift = sb.priors.Parametric(lambda x, t, p: p["rate"] * (x - x**3), {"rate": dist.Gamma(2, 10)})
    model = sb.SDEModel(drift, scheme=sb.schemes.EulerMaruyama(), observation=sb.Exact())
    return sb.fit(model, texts[0], QUICK, seed=0, progress=False)


@pytest.fixture(scope="session")
def grouped(texts) -> sb.Posterior:
    """A fit of two groups, of which one lies higher in the first state and drifts from sentence to sentence."""
    train = with_groups(texts[0])
    model = sb.SDEModel(
        sb.priors.Linear(diagonal=True, by_group=True),
        sb.priors.Constant("diagonal"),
        observation=sb.Exact(),
        level=sb.Level("t"),
    )
    return sb.fit(model, train, QUICK, seed=0, progress=False)


def with_groups(data: xr.Dataset) -> xr.Dataset:
    """Divide texts into two groups and move those of one along the first state."""
    labels = np.array(["<b>high</b>", "low"] * data.sizes["trajectory"])[: data.sizes["trajectory"]]
    data = data.assign_coords(group=("trajectory", labels))
    first = xr.DataArray(np.arange(data.sizes["state"]) == 0, dims="state")
    moved = data["y"] + 3.0 * (data["group"] == "<b>high</b>") * first
    return data.assign(y=moved.transpose(*data["y"].dims))
