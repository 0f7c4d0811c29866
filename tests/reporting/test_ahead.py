"""What is computed beside the figures is what the chapters ask for, in numbers alone, and changes nothing."""

from __future__ import annotations

import sys
from contextlib import nullcontext

import pytest

from sdebayes._core.errors import ModelError
from sdebayes.reporting import report
from sdebayes.reporting.ahead import numbers_of
from sdebayes.reporting.chapters import chapters_of
from sdebayes.reporting.context import ReportContext


@pytest.fixture(scope="module")
def context(noisy, four_wells, texts) -> ReportContext:
    return ReportContext(noisy, *texts, 10, 0, plane=four_wells, explorer=True)


def known(context: ReportContext) -> set[str]:
    return {*vars(context), *vars(context.in_plane)}


@pytest.mark.thorough
def test_no_number_needs_matplotlib_and_each_is_asked_for_by_a_chapter(context, monkeypatch):
    with monkeypatch.context() as without:
        for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
            without.delitem(sys.modules, name)
        without.setitem(sys.modules, "matplotlib", None)
        for numbers in numbers_of(context, chapters_of(context)):
            numbers()
    ahead = known(context)
    fresh = ReportContext(
        *(getattr(context, name) for name in ("posterior", "data", "test", "draws", "seed"))
    )
    vars(fresh).update(plane=context.plane, explorer=True)
    for write in chapters_of(fresh):
        write(fresh)
    assert ahead <= known(fresh)
    assert {"findings", "_judgement", "horizons", "latent", "law"} <= ahead


@pytest.mark.thorough
def test_threads_change_no_byte_of_a_page(noisy, four_wells, texts, tmp_path, monkeypatch):
    options = {"data": texts[0], "test": texts[1], "plane": four_wells, "draws": 10}
    beside = report(noisy, tmp_path / "beside.html", **options).read_bytes()
    monkeypatch.setattr("sdebayes.reporting.page.beside", lambda tasks: nullcontext())
    assert report(noisy, tmp_path / "alone.html", **options).read_bytes() == beside


def test_an_error_beside_the_chapters_is_that_of_the_chapter(noisy, texts, tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise ModelError("no judgement")

    monkeypatch.setattr("sdebayes.reporting.context.properties", refuse)
    with pytest.raises(ModelError, match=r"^no judgement$"):
        report(noisy, tmp_path / "report.html", texts[0], texts[1], draws=10, explorer=False)
    assert list(tmp_path.iterdir()) == []
