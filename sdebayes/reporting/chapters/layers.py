"""How texts move through the layers of a language model: how far each layer goes beyond what was told before it."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes import plots
from sdebayes._core.errors import DataError
from sdebayes.analysis import depth
from sdebayes.reporting.blocks import Block, Chapter, Figure, Paragraph, Table, Verdict, Verdicts
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.figures import picture
from sdebayes.reporting.wording import MEDIAN, plural, significant

TITLE = "Layers"


def write(context: ReportContext) -> Chapter:
    """Write the chapter."""
    blocks: list[Block] = [
        Paragraph(
            f"Time is depth here: a {context.noun} is one point that moves from layer to layer. Each layer adds to "
            "what the one before has left, so that neighbours are alike by construction, and a forecast of the next "
            "layer is good in any text. What is left to ask is how much a layer adds that those before do not tell: "
            "its noise, and whether it is the same at all depths."
        )
    ]
    try:
        found = depth.noise_growth(context.data.assign_attrs(time_unit="layer"), seed=context.seed)
    except DataError as error:
        return Chapter("layers", TITLE, [*blocks, Paragraph(f"It was not measured. {error}")])
    blocks += [
        Verdicts(judged(found)),
        _table(found),
        Figure(
            picture(plots.depth.noise_growth(found)),
            "How does the noise grow with depth?",
            "Each line is forecast from so many layers before. A straight line is exponential growth; a level one is "
            "what a process has whose drift and diffusion are the same at all layers. Lines on top of each other: the "
            "noise depends on the layer alone, however far it is looked ahead.",
        ),
        Paragraph(
            f"The states of {plural(found.attrs['trajectories'], context.noun)} at one layer are regressed on those at "
            "an earlier one, for each pair of layers by itself; the variance is that of the residuals, a mean over the "
            f"states. Bands and intervals: the Bayesian bootstrap over {context.nouns}, 90 %.",
            quiet=True,
        ),
    ]
    return Chapter("layers", TITLE, blocks)


def judged(found: xr.Dataset) -> list[Verdict]:
    """Judge whether the noise is the same at all layers, and the same however far it is looked ahead."""
    return [_growth(found), *([_distance(found)] if found.sizes["lag"] > 1 else [])]


def _growth(found: xr.Dataset) -> Verdict:
    rate = found["rate"].isel(lag=0)
    low, high = np.quantile(rate, (0.05, 0.95))
    said = f"its variance is multiplied by {_ends(np.exp(rate))} from one layer to the next"
    if low <= 0 <= high:
        return Verdict("not rejected", "Noise by layer", f"not seen to grow or shrink with depth: {said}.")
    verb = "grows" if low > 0 else "shrinks"
    return Verdict(
        "warning",
        "Noise by layer",
        f"it {verb} with depth: {said}. One diffusion for all layers is an average of different ones.",
        "Fit fewer layers, or the paths divided by exp(λ t / 2), with λ of the table; read intervals of diffusion and "
        "forecasts at single layers with care.",
    )


def _distance(found: xr.Dataset) -> Verdict:
    lags = found["lag"].values.tolist()
    last = found["variance"].isel(time=-1)
    ratio = last.isel(lag=-1) / last.isel(lag=0)
    low, high = np.quantile(ratio, (0.05, 0.95))
    said = f"at the last layer, from {lags[-1]} layers before it is {_ends(ratio)} times that from {_layers(lags[0])}"
    if low <= 1 <= high:
        return Verdict(
            "note", "Noise by distance", f"not seen to depend on how far it is looked ahead: {said}."
        )
    return Verdict("note", "Noise by distance", f"it depends on how far it is looked ahead: {said}.")


def _table(found: xr.Dataset) -> Table:
    rows = [
        [
            _layers(lag),
            _ends(found["rate"].sel(lag=lag)),
            *(_ends(found["variance"].sel(lag=lag).isel(time=place)) for place in (lag, -1)),
        ]
        for lag in found["lag"].values.tolist()
    ]
    head = [
        "forecast from",
        f"growth λ of the log variance a layer, {MEDIAN}",
        f"variance at the first layer arrived at, {MEDIAN}",
        f"at layer {found['t'].values[-1]:g}, {MEDIAN}",
    ]
    return Table(head, rows, "Noise variance, a mean over the states, in the square of their units.")


def _layers(lag: int) -> str:
    return f"{plural(lag, 'layer')} before"


def _ends(draws: xr.DataArray | np.ndarray) -> str:
    low, middle, high = (significant(value) for value in np.quantile(draws, (0.05, 0.5, 0.95)))
    return f"{middle} [{low}, {high}]"
