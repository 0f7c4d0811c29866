"""How far ahead the model sees, and whether simple sentences are easier to predict."""

from __future__ import annotations

import xarray as xr

from sdebayes import analysis, plots
from sdebayes._core.errors import DataError
from sdebayes._core.once import once
from sdebayes.reporting.beginnings import said_of
from sdebayes.reporting.blocks import Block, Chapter, Figure, Heading, Paragraph, Table
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.figures import picture
from sdebayes.reporting.wording import bracketed, percent, plural, signed

SHOWN_HORIZONS = (1, 2, 3, 5, 10)
TITLE = "Forecasts"
MEASURES = ("words", "clauses", "reading_ease")
NAMES = {"words": "length in words", "clauses": "clauses", "reading_ease": "reading ease"}


def write(context: ReportContext) -> Chapter:
    """Write the chapter."""
    table = context.horizons
    if table is None:
        text = f"Not judged: that takes two or more held-out {context.nouns} with several steps each."
        return Chapter("forecasts", TITLE, [Paragraph(text)])
    blocks: list[Block] = [
        Figure(
            picture(plots.forecasts.by_horizon(table)),
            "How far ahead does the model see?",
            f"Skill is the share of the energy score of {table.attrs['baseline']} that a forecast saves: 1 is perfect, "
            f"0 no better. Bands are 95 % intervals over held-out {context.nouns}. Where the blue band overlaps a "
            "grey one, model and simple rule can hardly be told apart.",
        ),
        _table(context, table),
    ]
    if context.has_text:
        blocks += _complexity(context)
    return Chapter("forecasts", TITLE, blocks)


def _table(context: ReportContext, table: xr.Dataset) -> Table:
    own = table.isel(candidate=0)
    covered = own["coverage"].mean("state")
    rows = []
    for horizon in own["horizon"].values:
        if horizon not in SHOWN_HORIZONS:
            continue
        at = own.sel(horizon=horizon)
        shares = [percent(float(covered.sel(horizon=horizon, nominal=nominal))) for nominal in (0.5, 0.9)]
        gains = [
            f"{signed(float(at[name]))} {bracketed(float(at[f'{name}_lower']), float(at[f'{name}_upper']), 2)}"
            for name in ("energy_score_skill", "log_gain")
        ]
        rows.append([str(horizon), *gains, *shares])
    steps = int(own["n_steps"].sum())
    caption = (
        f"Forecasts of {plural(steps, 'step')} of {plural(own.sizes['trajectory'], context.noun)} beside "
        f"{table.attrs['baseline']}, with 95 % intervals over {context.nouns}; coverage is a mean over the states. "
        f"{table.attrs['part']}{table.attrs['caution']}"
    )
    gains = ["skill [95 %]", "gain of log score, nats per step [95 %]"]
    head = ["steps ahead", *gains, "in 50 % intervals", "in 90 % intervals"]
    return Table(head, rows, caption)


@once
def one_step_scores(context: ReportContext) -> xr.Dataset:
    """Score the one-step forecasts."""
    return analysis.forecasts.scores(context.predicted, context.forecast_of, seed=context.seed)


def _complexity(context: ReportContext) -> list[Block]:
    """Relate the error of one-step forecasts to the complexity of the sentences."""
    title = Heading("Error and complexity")
    error = (-one_step_scores(context)["log_score"].isel(horizon=0)).rename("error (nats per step)")
    try:
        measures = analysis.forecasts.complexity(context.forecast_of["text"])[list(MEASURES)]
        found = analysis.forecasts.dependence(error, measures, seed=context.seed)
    except DataError as reason:
        return [title, Paragraph(f"Not judged: {reason}", quiet=True)]
    figure = Figure(
        picture(plots.forecasts.dependence(found)),
        "Are simple steps predicted better?",
        "Mean error, minus the log score of the one-step forecast, of a fifth of the steps each, with 90 % intervals; "
        "above each panel the rank correlation ρ within texts. Rising lines from short to long would say yes.",
    )
    return [
        title,
        figure,
        Paragraph(_answer(found), quiet=False),
        Paragraph(
            f"{said_of(context.forecast_of, context.judged, context.nouns)}{found.attrs['cannot_tell']}",
            quiet=True,
        ),
    ]


def _answer(found: xr.Dataset) -> str:
    parts = []
    for term in found["term"].values:
        at = found.sel(term=term)
        value, low, high = (float(at[f"within_slope{end}"]) for end in ("", "_lower", "_upper"))
        parts.append(f"{NAMES[str(term)]} {signed(value)} [{signed(low)}, {signed(high)}]")
    return (
        "Within texts, one standard deviation of a measure adds to the error, in nats per step: "
        + "; ".join(parts)
        + ". Brackets hold 90 % bootstrap intervals over texts."
    )
