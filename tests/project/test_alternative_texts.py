"""Pictures of the pages have words."""

from __future__ import annotations

from types import ModuleType

import pytest
from docutils import nodes
from docutils.utils import new_document

from tests.project.source import extension


@pytest.fixture(scope="module")
def texts() -> ModuleType:
    return extension("alternative_texts")


def test_a_figure_says_its_section_and_what_drew_it(texts):
    page = new_document("page")
    section, cell, output = nodes.section(), nodes.container(classes=["cell"]), nodes.container()
    code = "axes = plots.regimes.timeline(found)\nplots.fields.line(found, axes[0])"
    drawn, told = nodes.image(uri="123.png"), nodes.image(uri="4.png", alt="A cat")
    output += [drawn, told]
    cell += [nodes.literal_block(code, code), output]
    section += [nodes.title("", "Which steps"), cell]
    page += section
    texts.name_figures(None, page)
    assert drawn["alt"] == "Figure: Which steps, drawn by plots.regimes.timeline, plots.fields.line"
    assert told["alt"] == "A cat"


def test_a_figure_of_no_section_has_words_all_the_same(texts):
    page = new_document("page")
    page += nodes.image(uri="123.png")
    texts.name_figures(None, page)
    assert page[0]["alt"] == "Figure: on this page"
