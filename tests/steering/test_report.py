"""The chapter on a steered text, and the figure of its path, say what the log holds."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes import plots
from sdebayes._core.errors import DataError, StateSpaceError, UnlikelyTargetWarning
from sdebayes.reporting.blocks import Figure, Quotes, Table, Verdicts
from sdebayes.reporting.chapters import chapters_of, steered
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.page import report
from sdebayes.reporting.wording import number, signed
from tests.steering.places import proposing, sentence, states_at
from tests.steering.places import steered as written


def chapter(posterior, log):
    return steered.write(ReportContext(posterior, posterior.training_data(), None, 10, 0, steered=log))


def of(chapter, kind):
    return [block for block in chapter.blocks if isinstance(block, kind)]


@pytest.fixture(scope="module")
def log(posterior):
    return written(posterior, proposing(0), states_at(posterior, np.array([1.2, -1.0])))


def test_each_step_is_told_with_what_was_not_chosen(posterior, log):
    found = chapter(posterior, log)
    (table,) = of(found, Table)
    assert [row[0] for row in table.rows] == list(log["text"].values)
    chosen = log.isel(candidate=log["chosen"])
    assert [row[1] for row in table.rows] == [signed(float(one)) for one in chosen["fit"]]
    assert [row[-1] for row in table.rows] == [number(float(one)) for one in chosen["distance"]]
    begun, others = of(found, Quotes)
    assert begun.items[0].text == sentence(np.zeros(2))
    assert len(others.items) == steered.BESIDE * log.sizes["step"]
    second = np.sort(log["score"].values[0])[-2]
    assert (
        others.items[0].text == log["candidates"].values[0, int(np.argmax(log["score"].values[0] == second))]
    )
    assert others.items[0].source.endswith(
        f"{signed(second - log['score'].values[0].max())} nats beside what was chosen"
    )
    assert len(of(found, Figure)) == 2
    assert of(found, Verdicts)[0].items[0].severity == "good"


def test_without_a_target_nothing_is_said_of_one(posterior):
    found = chapter(
        posterior, written(posterior, lambda text, n: [sentence(np.ones(2))], steps=1, context="")
    )
    assert len(of(found, Figure)) == 1
    assert not of(found, Verdicts)
    assert not of(found, Quotes)
    assert len(of(found, Table)[0].head) == 4


def test_a_target_that_was_not_come_to_is_a_warning(posterior):
    with pytest.warns(UnlikelyTargetWarning):
        far = written(posterior, proposing(0), states_at(posterior, np.array([40.0, 40.0])))
    (verdict,) = of(chapter(posterior, far), Verdicts)[0].items
    assert verdict.severity == "warning"
    assert "has not come to it, and hardly could" in verdict.message
    likely = far.assign(free_tail_probability=far["free_tail_probability"] * 0 + 0.5)
    (verdict,) = of(chapter(posterior, likely), Verdicts)[0].items
    assert "hardly could" not in verdict.message
    assert verdict.advice.startswith("Offer more candidates")


def test_the_page_has_the_chapter_where_a_text_was_steered(posterior, log, tmp_path, monkeypatch):
    context = ReportContext(posterior, posterior.training_data(), None, 10, 0)
    assert steered.write not in chapters_of(context)
    with_log = ReportContext(posterior, context.data, None, 10, 0, steered=log)
    assert steered.write in chapters_of(with_log)
    monkeypatch.setattr("sdebayes.reporting.page.chapters_of", lambda _: [steered.write])
    page = report(posterior, tmp_path / "page.html", steered=log).read_text()
    assert all(str(text) in page for text in log["text"].values)
    with pytest.raises(DataError, match="steered has no variable 'candidates'"):
        report(posterior, tmp_path / "page.html", steered=xr.Dataset())
    with pytest.raises(StateSpaceError, match="give the posterior that steered it"):
        report(posterior, tmp_path / "page.html", steered=log.assign_attrs(space_hash="other"))


def test_the_path_is_drawn_beside_its_target(posterior, log):
    axes = plots.steering.path(log)
    assert [one.get_ylabel() for one in axes] == ["distance to the target", "PC1", "PC2"]
    lines = {line.get_label(): line for line in axes[1].get_lines()}
    rows = np.arange(log.sizes["step"])
    np.testing.assert_allclose(lines["chosen"].get_ydata(), log["y"].values[rows, log["chosen"].values, 0])
    np.testing.assert_array_equal(lines["target"].get_ydata(), log["target"].values[:, 0])
    distance = next(line for line in axes[0].get_lines() if line.get_label() == "chosen")
    np.testing.assert_allclose(distance.get_ydata(), log["distance"].values[rows, log["chosen"].values])
    assert len(plots.steering.path(log, states=1)) == 2
    with pytest.raises(DataError, match="not steered towards a place"):
        plots.steering.path(log.assign(target=log["target"] * np.nan))
    with pytest.raises(DataError, match=r"sdebayes\.steer"):
        plots.steering.path(sb.trajectories(np.random.default_rng(0).normal(size=(5, 2))))
