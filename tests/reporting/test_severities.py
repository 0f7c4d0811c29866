"""One table of severities: every place that shows one knows all of them, and a summary is as severe as its chapter."""

from __future__ import annotations

import re
from importlib.resources import files

import numpy as np
import pytest
import xarray as xr

import sdebayes as sb
from sdebayes.cli.console import COLOURS
from sdebayes.inference.findings import SEVERITIES, Finding, Findings
from sdebayes.posterior.advice import ADVICE
from sdebayes.reporting.blocks import Verdict
from sdebayes.reporting.chapters import properties, summary, verdicts
from sdebayes.reporting.chapters.headline import headline
from sdebayes.reporting.context import ReportContext

GAIN = Verdict("good", "Held-out score", "+.4 over the baseline.")
CALM = [
    GAIN,
    Verdict("not rejected", "Moments", "as they should be."),
    Verdict("assumed", "Ergodicity", "by the prior."),
]


def test_terminal_and_page_have_a_colour_for_each():
    assert set(COLOURS) == set(SEVERITIES)
    style = files("sdebayes.reporting").joinpath("templates/style.css").read_text()
    for severity in SEVERITIES:
        assert re.search(rf"\.{severity.replace(' ', '-')}\b[^}}]*--colour", style)
    neutral = COLOURS["assumed"], COLOURS["not rejected"]
    assert neutral[0] == neutral[1] != COLOURS["good"]


def test_the_headline_is_calm_only_where_nothing_was_found():
    said = headline(CALM, [GAIN])
    assert said.severity == "good"
    assert "No check found fault" in said.title
    assert "does not prove" in said.title
    assert GAIN.message in said.lines[0]


@pytest.mark.parametrize("severity", ["note", "warning", "problem"])
@pytest.mark.parametrize("subject", ["R-hat", "Stationarity"])
def test_one_bad_check_of_the_computation_or_the_model_is_the_headline(severity, subject):
    said = headline([*CALM, Verdict(severity, subject, "is off.", "Mend it.")], [GAIN])
    assert said.severity == severity
    assert subject.lower() in " ".join([said.title, *said.lines]).lower()
    assert ("No check found fault" in said.title) == (severity == "note")
    if severity != "note":
        assert "is off. Mend it." in said.lines[0]


def test_the_headline_names_all_of_the_worst_and_tells_the_first():
    many = [Verdict("warning", f"Check {k}", f"message {k}.") for k in range(5)]
    said = headline([Verdict("note", "Small", "thing."), *many], [GAIN])
    assert (
        said.title
        == "A conclusion may be wrong (5 warnings: check 0, check 1, check 2, check 3 and check 4)."
    )
    assert [line.split(":")[0] for line in said.lines] == ["Check 0", "Check 1", "The others stand below."]
    assert "Gaussian innovations" in headline([Verdict("warning", "Gaussian innovations", "")], [GAIN]).title


def test_what_was_found_stands_before_what_speaks_against_it():
    warning, note = Verdict("warning", "Moments", "tails."), Verdict("note", "Calibration", "few.")
    checks = [Verdict("problem", "R-hat", "2."), Verdict("good", "Divergences", "none."), CALM[2]]
    listed = summary._shortened([GAIN, note, warning], checks)
    assert [one.subject for one in listed] == [
        "Held-out score",
        "R-hat",
        "Moments",
        "Calibration",
        "Assumed, not tested",
        "As they should be",
    ]


def material_with(posterior: sb.Posterior, table: xr.Dataset) -> ReportContext:
    """A report's context whose properties are those of the table."""
    context = ReportContext(posterior, posterior.training_data(), None, 10, 0)
    context.__dict__["_judgement"] = (table, "")
    return context


def table(**p_values: float) -> xr.Dataset:
    """Verdicts of tests with these p-values."""
    names = [name.replace("_", " ") for name in p_values]
    p = np.array(list(p_values.values()))
    text = ("property", ["words"] * len(names))
    return xr.Dataset(
        {
            "verdict": ("property", np.where(p < 0.05, "rejected", "not rejected")),
            "p_value": ("property", p),
            "about": ("property", ["data"] * len(names)),
            "meaning": text,
            "evidence": text,
            "cannot_tell": text,
        },
        {"property": names},
        {"alpha": 0.05},
    )


@pytest.mark.parametrize(
    ("p", "severity"),
    [(0.001, "warning"), (0.4, "not rejected")],
    ids=["stands", "passes"],
)
def test_summary_and_chapter_judge_a_rejection_alike(exact, p, severity):
    context = material_with(exact, table(stationarity=p, Markov_property=0.5, Gaussian_innovations=0.6))
    line = properties.judged(context)
    chapter = [v for block in properties.write(context).blocks for v in getattr(block, "items", ())]
    assert line.severity == severity == chapter[0].severity
    assert ("stationarity" in line.message) == (p < 0.05)


def test_a_path_that_circulates_is_a_warning_only_where_the_model_has_none(exact):
    both = table(reversibility_of_the_model=0.01, reversibility_of_the_data=0.01, stationarity=0.5)
    assert properties.judged(material_with(exact, both)).severity == "note"
    data_only = table(reversibility_of_the_model=0.6, reversibility_of_the_data=0.01, stationarity=0.5)
    assert properties.judged(material_with(exact, data_only)).severity == "warning"
    more = table(reversibility_of_the_model=0.01, reversibility_of_the_data=0.01, stationarity=0.01)
    line = properties.judged(material_with(exact, more))
    assert line.severity == "warning"
    assert "stationarity" in line.message


@pytest.mark.parametrize("name", ["exact", "noisy"])
def test_heavy_tails_have_a_remedy_that_the_model_permits(name, request):
    posterior = request.getfixturevalue(name)
    context = material_with(posterior, table(Gaussian_innovations=1e-4))
    assert "StudentT" in properties.judged(context).advice
    assert ("StudentTNoise" in properties.judged(context).advice) == (name == "noisy")
    for observation in (sb.Exact(innovations=sb.StudentT()), sb.StudentTNoise()):
        assert "StudentT" not in ADVICE["Gaussian innovations"](sb.SDEModel(observation=observation))


def test_caveats_are_what_a_reader_of_figures_must_know_first():
    findings = Findings(tuple(Finding(s, s, "message") for s in SEVERITIES))
    (block,) = verdicts.caveats(findings)
    assert [v.severity for v in block.items] == ["problem", "warning"]
    assert verdicts.caveats(Findings((Finding("a", "good", "b"),))) == []
