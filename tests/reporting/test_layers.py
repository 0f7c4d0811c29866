"""The chapter on layers: there where time is depth, and what it says of noise whose growth is known."""

from __future__ import annotations

import numpy as np
import pytest

import sdebayes as sb
from sdebayes.analysis.depth import noise_growth
from sdebayes.reporting.blocks import Figure, Paragraph, Table, Verdicts
from sdebayes.reporting.chapters import chapters_of, layers
from sdebayes.reporting.context import ReportContext
from tests.analysis.test_depth import growing


@pytest.fixture(scope="module")
def deep():
    """Texts over layers, with noise that grows."""
    return growing(60).assign_attrs(step_meaning=sb.Layers().meaning)


@pytest.fixture
def about(exact):
    """What the chapter is written from: data, and any posterior of one process."""
    return lambda data: ReportContext(exact, data, None, 10, 0)


def of(chapter, kind):
    return [block for block in chapter.blocks if isinstance(block, kind)]


def test_it_is_there_where_time_is_depth(deep, about):
    def written(data):
        return layers.write in chapters_of(about(data))

    assert written(deep)
    assert written(sb.PCA(2).fit(embedded := deep.rename(state="embedding")).transform(embedded))
    assert written(growing(5).assign_attrs(time_unit="layer"))
    assert not written(growing(5))
    assert not written(growing(5).assign_attrs(step_meaning="one sentence"))


def test_growth_is_said_with_its_interval(deep, about):
    chapter = layers.write(about(deep))
    growth, distance = of(chapter, Verdicts)[0].items
    found = noise_growth(deep)
    middle, low, high = np.exp(np.quantile(found["rate"].sel(lag=1), (0.5, 0.05, 0.95)))
    assert growth.severity == "warning"
    assert growth.message.startswith("it grows with depth")
    assert f"multiplied by {middle:.3g} [{low:.3g}, {high:.3g}] from one layer to the next" in growth.message
    assert distance.message.startswith(
        "it depends on how far it is looked ahead: at the last layer, from 8 layers"
    )
    (table,) = of(chapter, Table)
    assert [row[0] for row in table.rows] == [f"{lag} layer{'s' * (lag > 1)} before" for lag in (1, 2, 4, 8)]
    last = np.median(found["variance"].sel(lag=8).isel(time=-1))
    assert table.rows[3][3].startswith(f"{last:.3g} [")
    first = np.median(found["variance"].sel(lag=2).isel(time=2))
    assert table.rows[1][2].startswith(f"{first:.3g} [")
    assert table.head[3].startswith("at layer 15")
    assert len(of(chapter, Figure)) == 1


@pytest.mark.parametrize(
    ("rate", "severity", "words"),
    [(0.0, "not rejected", "not seen to grow"), (-0.2, "warning", "it shrinks")],
)
def test_it_says_where_noise_does_not_grow(rate, severity, words):
    growth = layers.judged(noise_growth(growing(300, rate)))[0]
    assert growth.severity == severity
    assert growth.message.startswith(words)


def test_noise_of_the_layer_alone_is_not_said_to_depend_on_distance():
    found = noise_growth(growing(60), lags=[1, 2])
    alike = found.assign(
        variance=found["variance"].sel(lag=1, drop=True).expand_dims(lag=found["lag"], axis=1)
    )
    assert layers.judged(alike)[1].message.startswith("not seen to depend")
    assert len(layers.judged(found.isel(lag=[0]))) == 1


def test_what_is_too_little_is_said_and_the_page_goes_on(deep, about):
    chapter = layers.write(about(deep.isel(trajectory=slice(3))))
    assert not of(chapter, Figure)
    assert "Give more trajectories" in of(chapter, Paragraph)[-1].text
