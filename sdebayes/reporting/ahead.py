"""What of a report is computed beside the drawing of its figures: numbers only, as matplotlib has one thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from operator import attrgetter

from sdebayes.explorer.library import vega
from sdebayes.reporting.chapters import data, forecasts, moments, order, phase_space
from sdebayes.reporting.context import ReportContext

Numbers = Callable[[ReportContext], object]


def numbers_of(context: ReportContext) -> Iterator[Callable[[], object]]:
    """Yield what takes long to compute, each what the context or its plane keeps, about as the chapters ask for it.

    Parameters
    ----------
    context
        What the chapters are written from.
    """
    one_process = not (context.posterior.groups or context.posterior.regimes)
    asked: list[Numbers] = [_kept("pit"), _kept("findings")]
    asked += [_kept("properties"), _kept("spectrum"), _kept("prior_spectrum")] if one_process else []
    asked += [_kept("pooled_moments"), data.persistence, _kept("horizons"), forecasts.one_step_scores]
    if one_process:
        asked += [_kept("latent"), _kept("portrait")] if len(context.posterior.states) > 1 else []
        asked += [phase_space.explorer_data, lambda _: vega()] if context.explorer else []
    yield from (partial(numbers, context) for numbers in asked)
    plane = context.in_plane
    if plane is not None and one_process:
        names = ("findings", "paths", "portrait", "fixed_points", "law", "nullclines")
        yield from (partial(attrgetter(name), plane) for name in names)
    last: list[Numbers] = [moments.autocorrelation, moments.over_steps]
    last += [order.parts, order.tasks] if context.held_out else []
    yield from (partial(numbers, context) for numbers in [*last, _kept("surprise")])


def _kept(name: str) -> Numbers:
    return attrgetter(name)
