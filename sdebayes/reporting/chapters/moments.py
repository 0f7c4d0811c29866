"""Moments and memory of the data beside simulated ensembles."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes import analysis, plots
from sdebayes._core.errors import DataError
from sdebayes._core.once import once
from sdebayes.analysis import summarize
from sdebayes.reporting.beginnings import said_of
from sdebayes.reporting.blocks import Block, Chapter, Figure, Paragraph, Table
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.figures import picture
from sdebayes.reporting.times import regular, same_times
from sdebayes.reporting.wording import number, plural

LAGS = 20
MOST_PANELS = 8
MOST_ALLAN = 4
ALLAN_LENGTHS = (1, 2, 3, 5, 8, 13, 20, 32)


def write(context: ReportContext) -> Chapter:
    """Write the chapter."""
    simulated, pooled = context.replicates, context.pooled_moments
    if simulated is None or pooled is None:
        text = "The observation matrix is not the identity: simulated states do not compare with the data."
        return Chapter("moments", "Moments and memory", [Paragraph(text)])
    memory = autocorrelation(context)
    blocks: list[Block] = [
        Paragraph(_ensemble(context, simulated)),
        Figure(
            picture(plots.moments.autocorrelation(memory.isel(state=slice(MOST_PANELS)))),
            "How long do the data remember?",
            "Dots inside the band: the model remembers as long as the data do. The band holds 90 % of simulated "
            "copies, each of another posterior draw; a drop at lag 1 is noise. As in the table of the data each "
            f"{context.noun} is taken about its own mean, so that its level does not count as memory.",
        ),
    ]
    if same_times(context.cut) and context.cut.sizes["trajectory"] > 1:
        over_time = over_steps(context)
        blocks.append(
            Figure(
                picture(plots.moments.moments(over_time)),
                f"Moments of {over_time['state'].values[0]} from step to step",
                "Lines of the data that leave the band for long stretches speak against a process that is the same "
                "from beginning to end; single excursions are chance (10 % of steps).",
            )
        )
    blocks.append(_allan(context, simulated))
    if regular(context.cut) and not context.groups:
        blocks += _coefficients(context, simulated)
    blocks.append(_table(pooled))
    return Chapter("moments", "Moments and memory", blocks)


@once
def autocorrelation(context: ReportContext) -> xr.Dataset:
    """Measure the memory of the data beside that of simulated copies."""
    lags = min(LAGS, context.cut.sizes["time"] - 1)
    return analysis.moments.autocorrelation(context.cut, lags, context.replicates, centre="trajectory")


@once
def over_steps(context: ReportContext) -> xr.Dataset:
    """Measure the moments of each step beside those of simulated copies."""
    return analysis.moments.moments(context.cut, context.replicates)


def _allan(context: ReportContext, simulated: xr.Dataset) -> Figure:
    lengths = [m for m in ALLAN_LENGTHS if 2 * m <= context.cut.sizes["time"]]
    found = analysis.moments.allan_deviation(context.cut, lengths, simulated)
    return Figure(
        picture(plots.moments.allan_deviation(found.isel(state=slice(MOST_ALLAN)))),
        "On which scale does it move?",
        "By how much means over neighbouring blocks differ. Noise falls with the root of the block's length, a slow "
        "path lifts the curve up to its own time constant. Dots outside the band: the data move on a scale that the "
        "model does not have.",
    )


def _coefficients(context: ReportContext, simulated: xr.Dataset) -> list[Block]:
    """Compare the Kramers–Moyal coefficients of the first state with those of simulated copies."""
    if context.noisy and context.posterior.regimes:
        return []
    noise = analysis.variance.noise(context.posterior) if context.noisy else None
    try:
        found = analysis.moments.kramers_moyal(
            context.cut, simulated=simulated, noise=noise, seed=context.seed
        )
    except DataError:
        return []
    if not np.isfinite(found["drift_data"]).any():
        return []
    removed = ", observation noise taken out" if context.noisy else ""
    return [
        Figure(
            picture(plots.moments.kramers_moyal(found)),
            f"Drift and diffusion of {found['state'].values[0]} from its increments alone",
            f"Kramers–Moyal coefficients in bins{removed}, with two standard errors, beside those of simulated copies "
            "with the same bias. Points that leave the band in a row ask for a nonlinear drift, or for noise that "
            "varies with the state.",
        )
    ]


def _ensemble(context: ReportContext, simulated: xr.Dataset) -> str:
    lost = int(simulated.attrs.get("paths_nonfinite", 0))
    text = (
        f"{simulated.sizes['sample']} posterior draws were each asked for {plural(simulated.sizes['path'], 'path')}, "
        f"one for each {context.noun}, at its times, with its length and gaps."
    )
    text = f"{text} {said_of(context.cut, context.data, context.nouns)}".rstrip()
    return f"{text} {lost} simulated paths became infinite." if lost else text


def _table(pooled: xr.Dataset) -> Table:
    own = pooled[[name for name in pooled.data_vars if str(name).endswith("_data")]]
    copies = summarize(pooled[["mean", "covariance", "skewness", "kurtosis"]])
    labels = [str(label) for label in own["state"].values]
    rows = []
    for index, label in enumerate(labels[:16]):
        row = [label]
        for name in ("mean", "sd", "skewness", "kurtosis"):
            value, low, high = (
                _moment(source, name, index)
                for source in (own, *(_at(copies, s) for s in ("lower", "upper")))
            )
            mark = " *" if value < low or value > high else ""
            row.append(f"{number(value)} [{number(low)}, {number(high)}]{mark}")
        rows.append(row)
    return Table(
        ["state", *(f"{name} [90 % of copies]" for name in ("mean", "s.d.", "skewness", "excess kurtosis"))],
        rows,
        "All steps pooled: the data's moment, and in brackets the range of 90 % of the simulated copies. "
        "A star marks a moment outside; of many numbers a tenth may be.",
    )


def _at(copies: xr.Dataset, statistic: str) -> xr.Dataset:
    chosen = copies.sel(statistic=statistic)
    return chosen.rename({name: f"{name}_data" for name in ("mean", "covariance", "skewness", "kurtosis")})


def _moment(source: xr.Dataset, name: str, index: int) -> float:
    if name == "sd":
        return float(np.sqrt(source["covariance_data"].values[index, index]))
    return float(source[f"{name}_data"].values[index])
