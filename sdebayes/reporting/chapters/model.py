"""The model in words and formulas."""

from __future__ import annotations

from sdebayes import analysis, plots
from sdebayes.reporting.blocks import Block, Chapter, Figure, Formulas, Listing, Paragraph
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.figures import picture


def write(context: ReportContext) -> Chapter:
    """Write the chapter."""
    model = context.posterior.model
    linear = context.linear and not context.posterior.regimes
    blocks: list[Block] = [
        Paragraph(_words(context)),
        Formulas(context.noisy, context.effect, not context.identity, linear, bool(model.levels)),
        Paragraph("The priors, with the numbers that the training data gave them:"),
        Listing(model.describe()),
        *(_level(context, level.covariate) for level in model.levels),
    ]
    return Chapter("model", "The model", blocks)


def _level(context: ReportContext, covariate: str) -> Figure:
    """Show how the level goes with a covariate."""
    name = "the place in the text" if covariate == "t" and context.has_text else covariate
    return Figure(
        picture(plots.level.along(analysis.level.along(context.posterior, covariate))),
        f"How does the level go with {name}?",
        f"How far the level of a state is from that of an average step, as {name} changes and all else stays: "
        "posterior mean or median and 90 % band. Where the band holds zero throughout, the data do not tell that it "
        "matters.",
    )


def _words(context: ReportContext) -> str:
    noun = context.noun
    text = f"Behind each {noun} runs a path X(t) in state space, pushed by a drift f and shaken by a diffusion G (Itô)."
    about = ", about a level that covariates say, B w" if context.posterior.model.levels else ""
    if not context.noisy:
        return f"{text} The path itself is observed{about}."
    text += f" What is observed is the path{about} with noise ε that is new at each step"
    if context.effect:
        text += f" and an offset c that each {noun} keeps from beginning to end"
    return f"{text}."
