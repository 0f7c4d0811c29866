from __future__ import annotations

import html
import os
import re
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from selenium.webdriver.support.ui import WebDriverWait

import sdebayes as sb
from sdebayes._core.errors import DataError, ModelError, StateSpaceError, StoreError
from sdebayes.inference.findings import SEVERITIES
from sdebayes.reporting import chapters, report
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.wording import MEDIAN
from tests.browser import driven, seen_as, visit
from tests.cases import first_of
from tests.reporting.conftest import SCRIPT

CHAPTERS = [
    "summary",
    "data",
    "comparison",
    "model",
    "diagnostics",
    "calibration",
    "forecasts",
    "phase-space",
    "moments",
    "process",
    "properties",
    "order",
    "trajectories",
    "provenance",
]


@pytest.fixture(scope="module")
def page(noisy, texts, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    return report(noisy, path, data=texts[0], test=texts[1], title=f"Texts {SCRIPT}", draws=10)


@pytest.fixture(scope="module")
def bare(exact, tmp_path_factory):
    return report(exact, tmp_path_factory.mktemp("report") / "report.html", draws=10)


@pytest.fixture
def only(monkeypatch):
    """Leave a page these chapters alone."""
    return lambda *names: monkeypatch.setattr(
        "sdebayes.reporting.page.chapters_of", lambda _: [getattr(chapters, name).write for name in names]
    )


@pytest.mark.parametrize("name", first_of(["page", "bare"]))
def test_a_browser_opens_it_without_complaint_and_without_a_request(name, request, tmp_path):
    seen = visit(request.getfixturevalue(name), tmp_path)
    assert seen.console == []
    assert [url for url in seen.requests if not url.startswith(("file:", "data:"))] == []
    assert seen.screenshot.stat().st_size > 10_000


@pytest.mark.parametrize("name", ["page", pytest.param("bare", marks=pytest.mark.smoke)])
def test_all_chapters_are_there_and_linked(name, request):
    content = request.getfixturevalue(name).read_text(encoding="utf-8")
    assert re.findall(r'<section id="([\w-]+)">', content) == CHAPTERS
    assert re.findall(r'<a href="#([\w-]+)">', content) == CHAPTERS


@pytest.mark.parametrize("name", ["page", "bare"])
def test_every_figure_says_how_to_read_it_and_no_number_is_lost(name, request):
    content = request.getfixturevalue(name).read_text(encoding="utf-8")
    figures = re.findall(r"<figure.*?</figure>", content, re.DOTALL)
    assert len(figures) >= 6
    for figure in figures:
        assert re.search(r'<img src="data:image/(png|svg\+xml);base64,', figure)
        assert re.search(r"</b>.{40,}</figcaption>", figure)
    visible = re.sub(r"<style>.*?</style>|<script.*?</script>|<[^>]*>", " ", content, flags=re.DOTALL)
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b", visible)


def test_scripts_in_texts_and_names_are_shown_as_text(page):
    content = page.read_text(encoding="utf-8")
    assert SCRIPT not in content
    assert content.count("<script") == 3
    assert html.escape(SCRIPT) in content.replace("&#39;", "&#x27;")


def test_the_explorer_is_there_where_it_can_be_and_is_wanted(page, bare, noisy, texts, tmp_path, only):
    assert 'class="screen-only"' in section(page, "phase-space")
    only("phase_space")
    plain = report(noisy, tmp_path / "plain.html", data=texts[0], draws=10, explorer=False)
    for without in (bare, plain):
        content = without.read_text(encoding="utf-8")
        assert "<script" not in content
        assert "script-src" not in content


def test_the_explorer_fits_a_phone_and_print_leaves_it_out(page):
    with driven(page) as browser:
        seen_as(browser, 390, 900)
        WebDriverWait(browser, 30).until(lambda b: b.find_elements("css selector", "[data-ready]"))
        assert browser.find_element("id", "explorer").is_displayed()
        right = "return document.getElementById('explorer').getBoundingClientRect().right"
        assert (
            browser.execute_script(right)
            <= browser.execute_script("return document.documentElement.scrollWidth")
            <= 390
        )
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        assert not browser.find_element("id", "explorer").is_displayed()
        assert browser.get_log("browser") == []


def test_numbers_are_those_of_the_comparison(page, noisy, texts):
    content = page.read_text(encoding="utf-8")
    table = sb.compare({"this model": noisy}, texts[1])
    for value in table["per_step"].values:
        assert f"\N{MINUS SIGN}{abs(value):.3f}" in content
    assert content.count(f"{float(table['difference'][0]):+.2f}".replace("-", "\N{MINUS SIGN}")) >= 1


def test_without_held_out_data_it_says_so(bare):
    content = bare.read_text(encoding="utf-8")
    assert "not judged" in content
    assert "training data, which flatter" in content


def test_what_the_encoder_cut_off_is_said_with_the_data(noisy, texts, untyped):
    attributes = {"cut_off": "3 of 90 sentences are longer than the encoder reads: 5 tokens, in '<b>'."}
    context = SimpleNamespace(data=texts[0].assign_attrs(attributes), posterior=noisy)
    assert "embedded from, 3 of 90 sentences are longer" in chapters.data._cut_off(context)
    context.data = texts[0]
    assert chapters.data._cut_off(context) == ""


def test_the_increments_never_stand_without_their_reference(page):
    head = re.search(r"<thead>.*?R² of the increment.*?</thead>", page.read_text(encoding="utf-8"))
    assert head is not None
    assert "(1 − ρ)/2" in head[0].replace("\u00a0", " ")


@pytest.mark.thorough
def test_the_same_call_writes_the_same_page(bare, exact, tmp_path):
    assert report(exact, tmp_path / "again.html", draws=10).read_bytes() == bare.read_bytes()


def test_a_failed_report_leaves_the_former_one(noisy, texts, series, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("former")
    with pytest.raises(StateSpaceError):
        report(noisy, path, data=texts[0], test=series, draws=10)
    monkeypatch.setattr(os, "replace", lambda *paths: (_ for _ in ()).throw(OSError("disk full")))
    monkeypatch.setattr("sdebayes.reporting.page.chapters_of", lambda _: ())
    with pytest.raises(StoreError, match="disk full"):
        report(noisy, path)
    assert path.read_text() == "former"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.thorough
def test_a_posterior_of_one_draw_is_reported_as_one(exact, tmp_path):
    groups = {name: node.to_dataset() for name, node in exact.data.children.items()}
    single = {name: group.isel(draw=[0], missing_dims="ignore") for name, group in groups.items()}
    tree = xr.DataTree.from_dict(single)
    tree.attrs.update(exact.data.attrs)
    page = report(sb.Posterior(exact.model, tree), tmp_path / "report.html")
    assert "1 draws are too few to tell how near the normal distribution at the mode is" in page.read_text(
        encoding="utf-8"
    )


def test_outputs_that_cannot_be_written_are_refused_before_the_work(exact, tmp_path):
    with pytest.raises(StoreError, match="is a directory"):
        report(exact, tmp_path)
    with pytest.raises(StoreError, match=r"a name that ends in \.html"):
        report(exact, tmp_path / "report.pdf")
    with pytest.raises(StoreError, match="does not exist"):
        report(exact, tmp_path / "nowhere" / "report.html")
    with pytest.raises(DataError, match="draws=1"):
        report(exact, tmp_path / "report.html", draws=1)


@pytest.mark.thorough
def test_another_drift_of_two_states_is_shown_beside_the_model(
    noisy, four_wells, exact, texts, tmp_path, only
):
    only("phase_space")
    path = report(noisy, tmp_path / "report.html", data=texts[0], plane=four_wells, draws=10)
    content = html.unescape(path.read_text(encoding="utf-8")).replace("\u00a0", " ")
    assert content.count("Phase portrait of PC1 and PC2") == 2 * len(("alternative text", "caption"))
    assert "fitted by itself, with Laplace, to these two states of 4 texts of up to 40 steps" in content
    assert "Stable fixed points around the data: 100 % of the draws have 4." in content
    plane = content[content.index("Without a straight line") :]
    assert "Read it as a picture: the checks of this fit are not all good." in plane
    assert 0 < plane.index("<b>Step size.</b>") < plane.index("<figure")
    assert "Where it is hatched no data are near" in plane
    assert '<th scope="col">from data</th>' in plane
    for plane, words in ((exact, "linear map to 1 states"), (noisy, "linear map to 2 states")):
        with pytest.raises(ModelError, match=words):
            report(noisy, tmp_path / "other.html", plane=plane)
    assert not (tmp_path / "other.html").exists()


@pytest.mark.thorough
def test_a_nonlinear_drift_has_places_with_exemplars(four_wells, texts, tmp_path, only):
    only("phase_space")
    path = report(four_wells, tmp_path / "report.html", data=texts[0], draws=10)
    content = html.unescape(path.read_text(encoding="utf-8")).replace("\u00a0", " ")
    assert "Stable fixed points around the data: 100 % of the draws have 4." in content
    assert content.count(", stable in 100 % of the draws") == 4
    assert "circles those that repel" in content


@pytest.mark.slow
def test_one_long_series_with_known_noise_is_judged_on_others(tmp_path, only):
    """One training trajectory has no level of its own to tell, and known noise is no parameter."""
    only("summary", "data", "comparison", "model", "diagnostics", "forecasts", "moments")
    data, _ = sb.datasets.benchmark("ornstein_uhlenbeck_1d", 400, 0.2, 3, seed=0, noise=0.3)
    model = sb.SDEModel(observation=sb.GaussianNoise(covariance=0.09))
    one, others = data.isel(trajectory=[0]), data.isel(trajectory=[1, 2])
    posterior = sb.fit(model, one, sb.Laplace(draws=60), seed=0, progress=False)
    content = report(posterior, tmp_path / "report.html", data=one, test=others, draws=10).read_text("utf-8")
    assert "How far ahead does the model see?" in content
    assert "observation noise taken out" in content


def section(page, key: str) -> str:
    content = html.unescape(page.read_text(encoding="utf-8")).replace("\u00a0", " ")
    return re.search(rf'<section id="{key}">.*?</section>', content, re.DOTALL)[0]


@pytest.mark.parametrize("name", ["page", "bare"])
def test_every_table_says_in_its_head_what_brackets_and_errors_are(name, request):
    tables = re.findall(r"<table>.*?</table>", request.getfixturevalue(name).read_text("utf-8"), re.DOTALL)
    assert len(tables) >= 4
    for table in tables:
        heads = re.findall(r"<th scope=\"col\">(.*?)</th>", table)
        for row in re.findall(r"<tr[^>]*><th scope=\"row\">.*?</tr>", table, re.DOTALL):
            for head, cell in zip(heads[1:], re.findall(r"<td>(.*?)</td>", row), strict=True):
                for mark in "[±(":
                    named = mark in head or (mark == "[" and "interval" in head)
                    assert named or mark not in cell, (head, cell)


@pytest.mark.parametrize("name", ["page", "bare"])
def test_the_worst_is_read_first_and_the_meanings_stand_once(name, request):
    page = request.getfixturevalue(name)
    summary = section(page, "summary")
    shown = re.findall(r'<li class="([\w-]+)">', summary)
    order = [severity.replace(" ", "-") for severity in SEVERITIES]
    _, *others = shown  # what was found stands before what speaks against it
    assert sorted(others, key=order.index) == others
    assert re.search(r'<div class="headline ([\w-]+)">', summary)[1] == min(shown, key=order.index)
    assert summary.index("Read this first") < summary.index("<ul")
    assert ("times as probable" in summary) == (name == "page")
    content = html.unescape(page.read_text("utf-8"))
    assert all(content.count(meaning) == 1 for meaning in SEVERITIES.values())


def test_caveats_stand_before_the_figures_they_are_about(page):
    for key, words in (
        ("phase-space", "<b>Bulk ESS.</b>"),
        ("process", "What the checks of the fit warn of"),
    ):
        chapter = section(page, key)
        assert chapter.index(words) < chapter.index("<figure")


def test_what_the_states_hold_and_the_prior_says_stands_in_the_summary(page, noisy):
    summary = section(page, "summary")
    assert re.search(r"The states hold \d+ % of the variance of the embedding", summary)
    assert "fitted to 4 texts with 160 observed steps, and judged on 2 that were held out" in summary
    assert re.search(
        r"time constant of [\d.]+ \[[\d.]+, [\d.]+\] steps \(before the data: [\d.]+ \[", summary
    )
    assert "the prior's, median [90 %]" in section(page, "process")
    assert section(page, "properties").count('<li class="assumed">') == 3


def test_steps_have_one_name_on_the_page(page, bare):
    for one in (page, bare):
        content = re.sub(r"<[^>]*>", " ", html.unescape(one.read_text("utf-8")))
        assert not re.search(r"per sentence|nats a step|unit time|units? of times", content)


def test_chapters_have_one_autocorrelation(noisy, texts, tmp_path, monkeypatch, only):
    """That of the data's table is that of the figure, each text about its own mean."""
    only("data", "moments")
    drawn = []
    draw = sb.plots.moments.autocorrelation
    monkeypatch.setattr(sb.plots.moments, "autocorrelation", lambda found: drawn.append(found) or draw(found))
    report(noisy, tmp_path / "report.html", data=texts[0], draws=10)
    told = sb.analysis.persistence.persistence(texts[0])["autocorrelation"]
    assert drawn[0]["autocorrelation_data"].sel(lag=1).values == pytest.approx(told.values)


def test_the_chapter_on_the_model_shows_the_level(exact):
    context = ReportContext(exact, exact.training_data(), None, 10, 0)
    first, formulas, *_, figure, table = chapters.model.write(context).blocks
    assert "The path itself is observed, about a level that covariates say" in first.text
    assert formulas.level
    assert figure.title == "How does the level go with t?"
    assert table.head == ["state", f"change of level from 1.137 to 81.08, {MEDIAN}"]
    np.testing.assert_allclose(context.centred["y"], context.latent["x"].mean("sample"), atol=1e-5)


def test_where_no_step_can_be_judged_the_page_says_so(noisy, texts, monkeypatch):
    def refuse(*arguments, **options):
        raise ModelError("the filter broke down")

    monkeypatch.setattr("sdebayes.reporting.context.steps_in_numbers", refuse)
    monkeypatch.setattr("sdebayes.explorer.data.steps_in_numbers", refuse)
    context = ReportContext(noisy, *texts, 10, 0, explorer=True)
    _, said = chapters.texts._surprises(context)
    (explorer,) = chapters.phase_space._explorer(context)
    assert "the filter broke down" in said.text
    assert "the filter broke down" in explorer.text
