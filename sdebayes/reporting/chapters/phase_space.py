"""The drift as a field, and the sentences that lie in it."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes import analysis, plots
from sdebayes._core.errors import ModelError
from sdebayes._core.once import once
from sdebayes.analysis import summarize
from sdebayes.data import StateSpace
from sdebayes.explorer import ExplorerData
from sdebayes.explorer.drawing import draw
from sdebayes.reporting.beginnings import said_of
from sdebayes.reporting.blocks import (
    Block,
    Chapter,
    Explorer,
    Figure,
    Heading,
    Paragraph,
    Quote,
    Quotes,
    Table,
)
from sdebayes.reporting.chapters import verdicts
from sdebayes.reporting.chapters.fixed_points import MOST_STATES, fixed_point_blocks
from sdebayes.reporting.chapters.portrait import nonlinear_portrait, portrait_figure
from sdebayes.reporting.context import SMOOTHED_DRAWS, ReportContext
from sdebayes.reporting.figures import picture
from sdebayes.reporting.wording import MEDIAN, interval, number, passage, percent
from sdebayes.simulation import as_source

POLES = 3
POLE_DISTANCE = 2.0
EXEMPLARS = 3
PROFILE_DRAWS = 400
SHOWN_TRAJECTORIES = 20


_SLICE = (
    " It is a slice with the other states at {}: a pull that runs through them is not seen in it, and the "
    "paths leave the slice."
)


def write(context: ReportContext) -> Chapter:
    """Write the chapter."""
    blocks = verdicts.caveats(context.findings)
    if context.effect:
        blocks.append(
            Paragraph(
                f"The model gives each {context.noun} an offset of its own, so the drift lives in coordinates from "
                f"which it is taken: the points below are the latent paths as smoothed from whole {context.nouns}, "
                f"not the observed steps, and the equilibrium is that of a {context.noun} without offset.",
                quiet=True,
            )
        )
    if part := said_of(context.smoothed_of, context.data, context.nouns):
        blocks.append(Paragraph(part.strip(), quiet=True))
    blocks += _pictures(context)
    blocks += _equilibrium(context)
    if context.in_plane is not None:
        blocks += nonlinear_portrait(context.in_plane, context.nouns)
    if context.posterior.space is not None and context.has_text:
        blocks += _exemplars(context, context.posterior.space)
    return Chapter("phase-space", "Drift and phase space", blocks)


def _pictures(context: ReportContext) -> list[Block]:
    posterior, states = context.posterior, context.posterior.states
    profile = analysis.fields.grid(posterior, states=(0,), points=31, samples=PROFILE_DRAWS)
    line = Figure(
        picture(plots.fields.profile(profile.isel(state=slice(4)))),
        f"The drift along {states[0]}, the other states at {_reference(context)}"
        if len(states) > 1
        else "The drift",
        "Where the line is above zero the state is pushed up, below zero down; the band is the 90 % posterior "
        "interval. A band that holds zero everywhere: no pull is known.",
    )
    if len(states) < 2:
        return [line, _signal(context)]
    around = portrait_figure(posterior, context.portrait, context.latent, _SLICE.format(_reference(context)))
    return [around, *_explorer(context), line, _signal(context)]


@once
def explorer_data(context: ReportContext) -> ExplorerData:
    """Compute what the explorer shows of the training data."""
    return ExplorerData.of(context.posterior, context.data)


def _explorer(context: ReportContext) -> list[Block]:
    if not context.explorer:
        return []
    try:
        drawing = draw(explorer_data(context))
    except ModelError as error:
        return [Paragraph(f"There is nothing to be explored: {error}")]
    note = (
        f"The training {context.nouns}, whose surprise is less than that of new ones: the fit has seen them."
    )
    return [Explorer(drawing, "The same to be explored", note)]


def _signal(context: ReportContext) -> Figure:
    step = float(context.posterior.training_scale.step)
    places = context.latent.isel(trajectory=slice(SHOWN_TRAJECTORIES))
    draws = places.sizes.get("sample", SMOOTHED_DRAWS)
    along = analysis.fields.along(context.posterior, places, samples=draws)
    return Figure(
        picture(plots.fields.signal_to_noise(analysis.fields.signal_to_noise(along, step))),
        "Is a step drift, or chance?",
        "The share of places at which the drift over one step is smaller than so many times the diffusion: left of the "
        "dotted line single steps are mostly chance, and the drift shows only over many.",
    )


def _reference(context: ReportContext) -> str:
    return "the equilibrium" if context.linear else "their mean at the start"


def _equilibrium(context: ReportContext) -> list[Block]:
    places = as_source(context.posterior).equilibrium()
    if places is None:
        return fixed_point_blocks(context.fixed_points)
    states = context.posterior.states
    summary = summarize(_over_states(places, states))["equilibrium"]
    head = ["state", f"equilibrium, {MEDIAN}", "posterior s.d."]
    rows = [
        [state, interval(summary.sel(state=state)), number(float(summary.sel(state=state, statistic="sd")))]
        for state in states[:MOST_STATES]
    ]
    caption = "Where the drift vanishes, in units of the states."
    if context.effect:
        head.append(f"s.d. between {context.nouns}")
        between = context.latent["trajectory_effect"].mean("sample").std("trajectory")
        for row in rows:
            row.append(number(float(between.sel(state=row[0]))))
        caption += f" In a single {context.noun} it lies its offset away, by so much in the last column."
    return [Table(head, rows, caption)]


def _over_states(places: np.ndarray, states: list[str]) -> xr.DataArray:
    return xr.DataArray(places, {"state": states}, ("sample", "state"), "equilibrium")


def _exemplars(context: ReportContext, space: StateSpace) -> list[Block]:
    data = context.centred
    scale = context.posterior.training_scale
    places = as_source(context.posterior).equilibrium()
    blocks: list[Block] = [
        Heading("What lies where"),
        Paragraph(
            f"The steps of the training {context.nouns} nearest to a place, in all "
            f"{len(context.posterior.states)} states at once. "
            "A single step is half noise or more: read what such passages have in common, not each by itself."
            + f" The offset of its {context.noun} is taken from each step."
            * context.effect,
            quiet=True,
        ),
    ]
    if places is not None:
        mean, sd = np.nanmean(places, axis=0), np.nanstd(places, axis=0)
        spread = f"posterior sd {number(float(sd.min()))} to {number(float(sd.max()))} of a state's standard deviation"
        blocks.append(_quotes(space.exemplars(mean, data, EXEMPLARS), f"At the equilibrium ({spread})"))
    else:
        for k, place in enumerate(context.attractors["location"].values):
            share = percent(float(context.attractors["probability"][k]))
            blocks.append(
                _quotes(
                    space.exemplars(place, data, EXEMPLARS),
                    f"At place {k + 1}, stable in {share} of the draws",
                )
            )
    for index, state in enumerate(context.posterior.states[:POLES]):
        for sign, word in ((1, "high"), (-1, "low")):
            place = np.array(scale.location, dtype=float)
            place[index] += sign * POLE_DISTANCE * float(np.sqrt(scale.variance[index]))
            title = f"{state} {word} (mean {'+' if sign > 0 else '−'} {POLE_DISTANCE:g} sd)"
            blocks.append(_quotes(space.exemplars(place, data, EXEMPLARS), title))
    return blocks


def _quotes(found: xr.Dataset, title: str) -> Quotes:
    items = [
        Quote(
            passage(str(found["text"].values[i])),
            f"{found['name'].values[i]}, step {int(found['step'].values[i]) + 1}, "
            f"distance {number(float(found['distance'].values[i]))}",
        )
        for i in range(found.sizes["exemplar"])
    ]
    return Quotes(title, items)
