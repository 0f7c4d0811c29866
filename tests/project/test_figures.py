"""Every analysis has a figure, and a figure has the name of the analysis that it alone shows."""

from __future__ import annotations

from types import ModuleType

import pytest

from tests.project.source import extension


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    """The module of the documentation that reads the figures from docstrings."""
    return extension("figures")


def test_every_analysis_has_a_figure(figures):
    """Name its maker, ``sdebayes.analysis.<module>.<function>``, where a figure's docstring says what it takes."""
    without = {name for name, shown in figures.figures_of().items() if not shown}
    assert without == set(figures.WITHOUT)


def test_figures_name_analyses_that_exist(figures):
    known = {name for name, _ in figures.functions("sdebayes.analysis")}
    assert len(known) > 50
    assert set(figures.figures_of()) - known == set()


def misnamed(shown: dict[str, list[str]]) -> dict[str, str]:
    """Figures that alone show one analysis and nothing else, and have another name."""
    figures = {figure for of_one in shown.values() for figure in of_one}
    count = {figure: sum(figure in of_one for of_one in shown.values()) for figure in figures}
    return {
        of_one[0]: name
        for name, of_one in shown.items()
        if len(of_one) == 1 and count[of_one[0]] == 1 and of_one[0] != name
    }


def test_figures_are_named_as_what_they_show(figures):
    assert misnamed(figures.figures_of()) == {}


def test_the_rules_see_what_they_should(figures):
    def figure(dataset, ax=None, *, truth=None):
        """Draw.

        Parameters
        ----------
        dataset
            As ``sdebayes.analysis.fields.grid`` returns it, or `sdebayes.analysis.quality.surprise`.
        ax
            Axes, or None.
        truth
            As ``sdebayes.analysis.fields.line`` returns it.
        """

    assert figures.analyses_of(figure) == ["fields.grid", "quality.surprise"]
    assert misnamed({"a.b": ["a.c"], "a.d": ["a.d"], "a.e": ["a.f", "a.g"], "a.h": []}) == {"a.c": "a.b"}


def test_the_page_has_a_row_for_every_analysis(figures):
    page = figures.figures_page()
    assert "| `moments.allan_deviation` | `moments.allan_deviation` |" in page
    assert "| `fields.points` | none: " in page
