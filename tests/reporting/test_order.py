"""The chapter on order says what the analyses found, and why it has not asked."""

from __future__ import annotations

import re

import pytest

import sdebayes as sb
from sdebayes.reporting.blocks import Figure, Paragraph, Table
from sdebayes.reporting.chapters import order
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.wording import percent, signed


@pytest.fixture(scope="module")
def chapter(noisy, texts):
    return order.write(ReportContext(noisy, *texts, 10, 0))


def test_the_parts_are_those_of_coherence_and_add_up(chapter, noisy, texts):
    (table,) = (block for block in chapter.blocks if isinstance(block, Table))
    found = sb.analysis.quality.coherence(noisy, texts[1], training=texts[0])
    assert [row[0] for row in table.rows] == ["place", "level", "order", "total"]
    for row in table.rows:
        assert row[1] == signed(float(found[row[0]].mean()))
    assert len([block for block in chapter.blocks if isinstance(block, Figure)]) == 2


def test_the_share_of_true_orders_is_that_of_the_analysis(chapter, noisy, texts):
    found = sb.analysis.quality.order_tasks(noisy, texts[1], 0, shuffles=order.SHUFFLES)
    last = chapter.blocks[-1]
    assert isinstance(last, Paragraph)
    own = found["accuracy"].sel(task="steps shuffled", scorer="model")
    assert f"the true order in {percent(float(own))}" in last.text
    best = found["accuracy"].isel(scorer=slice(1, None)).max("scorer")
    above = found["task"].values[(found["lower"].sel(scorer="model") > best).values].tolist()
    said = re.search(r"; its interval lies above the better cosine in (.*)\.$", last.text)
    assert (said[1].split(", ") if said else []) == above


def test_what_cannot_be_asked_is_said(noisy, texts):
    (alone,) = order.write(ReportContext(noisy, texts[0], None, 10, 0)).blocks
    assert "No texts were held out" in alone.text
    short = texts[1].isel(time=slice(3)).assign(n_steps=texts[1]["n_steps"] * 0 + 3)
    last = order.write(ReportContext(noisy, texts[0], short, 10, 0)).blocks[-1]
    assert "The true order was not asked for: order_tasks: no trajectory is long enough" in last.text
