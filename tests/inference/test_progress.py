"""What a fit shows of itself: each stage before it begins, on a terminal and in a file, and nothing unasked."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

import sdebayes as sb
from sdebayes.inference import problem as problems
from sdebayes.inference import progress
from sdebayes.model.sdemodel import SDEModel

DATA = sb.trajectories([np.random.default_rng(0).normal(size=(40, 1))])
MODEL = sb.SDEModel(
    sb.priors.Linear(stable=False),
    sb.priors.Constant("diagonal"),
    sb.schemes.EulerMaruyama(),
    sb.Exact(),
)
FEW, QUICK = sb.NUTS(draws=20, warmup=20, chains=2), sb.Laplace(draws=30)


@pytest.fixture
def screen(monkeypatch):
    """From whether it is a terminal to the text that a console has taken so far."""

    def use(terminal: bool) -> io.StringIO:
        text = io.StringIO()
        console = Console(file=text, force_terminal=terminal, color_system=None, width=120)
        monkeypatch.setattr(progress, "standard_error", lambda: console)
        return text

    return use


def in_order(text: str, *words: str) -> bool:
    places = [text.find(word) for word in words]
    return -1 not in places and places == sorted(places)


@pytest.mark.parametrize(
    ("strategy", "terminal", "search", "count"),
    [
        pytest.param(FEW, True, "searching the middle", "sampling, chain 1", marks=pytest.mark.thorough),
        pytest.param(
            sb.Marginal(draws=30, warmup=20, chains=1),
            False,
            "searching the middle",
            "sampling, chain 1",
            marks=pytest.mark.thorough,
        ),
        (QUICK, True, "searching the mode", "drawing"),
        (QUICK, False, "searching the mode", "drawing"),
        (sb.SVI(draws=30, steps=100), True, "searching the mode", "raising the bound"),
    ],
    ids=["NUTS", "Marginal", "Laplace", "Laplace to a file", "SVI"],
)
def test_every_stage_is_named(screen, strategy, terminal, search, count):
    text = screen(terminal)
    sb.fit(MODEL, DATA, strategy, progress=True)
    assert in_order(text.getvalue(), "reading the data", "compiling", search, count, "left", "predictions")


@pytest.mark.parametrize("terminal", [True, False])
def test_a_stage_is_shown_before_it_begins(screen, monkeypatch, terminal):
    """Reading comes first, so that something is seen at once; compiling, which may take long, is announced."""
    text, seen = screen(terminal), {}

    def noting(name, function):
        def noted(*arguments, **named):
            seen.setdefault(name, text.getvalue())
            return function(*arguments, **named)

        return noted

    monkeypatch.setattr(SDEModel, "scaled_to", noting("reading", SDEModel.scaled_to))
    monkeypatch.setattr(problems, "make_target", noting("compiling", problems.make_target))
    sb.fit(MODEL, DATA, QUICK, progress=True)
    assert "reading the data" in seen["reading"]
    assert "compiling the density" in seen["compiling"]


def test_what_is_left_is_told_on_a_terminal(screen):
    text = screen(True)
    with progress.progress_bars(["sampling"], 4, True) as advance:
        advance(0, "7 steps", 4)
    assert "0:00:00 left 7 steps" in text.getvalue()


def test_a_file_gets_a_line_for_each_stage(screen):
    text = screen(False)
    with progress.stage("compiling", True):
        assert text.getvalue() == "compiling …\n"
    assert text.getvalue() == "compiling …\n"


@pytest.mark.parametrize("terminal", [True, False])
def test_nothing_is_shown_unasked(screen, terminal):
    text = screen(terminal)
    sb.fit(MODEL, DATA, FEW, progress=False)
    assert text.getvalue() == ""
