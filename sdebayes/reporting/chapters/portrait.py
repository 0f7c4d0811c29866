"""Phase portraits: of the report's model, and of another with a nonlinear drift in a plane."""

from __future__ import annotations

import xarray as xr

from sdebayes import plots
from sdebayes.plots.grid_fields import is_far_somewhere
from sdebayes.posterior import Posterior
from sdebayes.reporting.blocks import Block, Figure, Heading, Paragraph
from sdebayes.reporting.chapters import verdicts
from sdebayes.reporting.chapters.fixed_points import fixed_point_blocks
from sdebayes.reporting.figures import picture
from sdebayes.reporting.plane import Plane
from sdebayes.reporting.wording import percent

EDGE = 0.01

_MARKS = {
    True: "equilibria of the draws",
    False: "stable fixed points of the draws, circles those that repel",
}

_POINTS = {True: "the latent paths, smoothed from all steps of each", False: "the data"}


def portrait_figure(
    posterior: Posterior, portrait: xr.Dataset, paths: xr.Dataset, elsewhere: str = ""
) -> Figure:
    """Draw the portrait of the first two states; ``elsewhere`` says where the others are, if there are any."""
    states = posterior.states
    return Figure(
        picture(plots.phase_space.portrait(portrait, data=paths)),
        f"Phase portrait of {states[0]} and {states[1]}",
        "Lines follow the mean drift, pale where the posterior draws do not agree on its direction; crosses are the "
        f"{_MARKS[posterior.model.drift.affine]}, and orange points {_POINTS['x' in paths]}."
        + " Where it is hatched no data are near: the model alone speaks there, and may be surer than it should be."
        * is_far_somewhere(portrait)
        + elsewhere * (len(states) > 2),
    )


def nonlinear_portrait(plane: Plane, nouns: str) -> list[Block]:
    """Write of a nonlinear drift of two states, fitted by itself."""
    posterior, data, states = plane.posterior, plane.data, plane.posterior.states
    doubts = verdicts.caveats(plane.findings)
    blocks: list[Block] = [
        Heading(f"Without a straight line: the plane of {states[0]} and {states[1]}"),
        Paragraph(
            f"The drift here may bend where the {nouns} ask for it: {posterior.model.drift.title}. It was fitted by "
            f"itself, with {posterior.data.attrs['strategy_name'].split(':')[-1]}, to these two states of "
            f"{data.sizes['trajectory']} {nouns} of up to {data.sizes['time']} steps."
            + " Read it as a picture: the checks of this fit are not all good."
            * bool(doubts)
        ),
        *doubts,
        portrait_figure(posterior, plane.portrait, plane.paths),
    ]
    blocks += fixed_point_blocks(plane.fixed_points)
    blocks += _laws(plane, nouns)
    return blocks


def _laws(plane: Plane, nouns: str) -> list[Block]:
    """Show where the process is found after a long time, and where each component of the drift vanishes."""
    first, second = plane.posterior.states
    edge = float(plane.law["edge_share"].median())
    return [
        Figure(
            picture(plots.phase_space.stationary_density(plane.law)),
            "Where is it found after a long time?",
            "The stationary density of the draws, by their Fokker–Planck equations. Each line holds 90 % of one draw's "
            f"probability: lines that differ say how little {nouns} so short tell of the long run."
            + f" {percent(edge)} of the probability lies at the edge of the grid."
            * (edge > EDGE),
        ),
        Figure(
            picture(plots.phase_space.nullclines(plane.nullclines, data=plane.paths)),
            "Where does each pull end?",
            f"On the solid line {first} is pushed neither up nor down, on the dashed one {second}; the bands hold the "
            "lines of 90 % of the draws. They cross at fixed points: where the bands cross widely, so may these lie.",
        ),
    ]
