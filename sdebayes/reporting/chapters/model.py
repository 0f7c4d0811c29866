"""The model in words and formulas."""

from __future__ import annotations

from sdebayes.reporting.blocks import Block, Chapter, Formulas, Listing, Paragraph
from sdebayes.reporting.context import ReportContext


def write(context: ReportContext) -> Chapter:
    """Write the chapter."""
    model = context.posterior.model
    blocks: list[Block] = [
        Paragraph(_words(context)),
        Formulas(context.noisy, context.effect, not context.identity, context.linear),
        Paragraph("The priors, with the numbers that the training data gave them:"),
        Listing(model.describe()),
    ]
    return Chapter("model", "The model", blocks)


def _words(context: ReportContext) -> str:
    noun = context.noun
    text = f"Behind each {noun} runs a path X(t) in state space, pushed by a drift f and shaken by a diffusion G (Itô)."
    if not context.noisy:
        return f"{text} The path itself is observed."
    text += " What is observed is the path with noise ε that is new at each step"
    if context.effect:
        text += f" and an offset c that each {noun} keeps from beginning to end"
    return f"{text}."
