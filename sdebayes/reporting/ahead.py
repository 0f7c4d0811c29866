"""What of a report is computed beside the drawing of its figures: numbers only, as matplotlib has one thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from operator import attrgetter

from sdebayes.explorer.library import vega
from sdebayes.reporting.chapters import (
    Write,
    data,
    forecasts,
    moments,
    order,
    phase_space,
    process,
    properties,
    summary,
    texts,
)
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.times import same_times

Numbers = Callable[[ReportContext], object]


def numbers_of(context: ReportContext, chapters: Iterable[Write]) -> Iterator[Callable[[], object]]:
    """Yield what takes chapters long to compute, each what the context or its plane keeps.

    Parameters
    ----------
    context
        What the chapters are written from.
    chapters
        What writes them.
    """
    for write in chapters:
        yield from (partial(numbers, context) for numbers in _OF.get(write, ()))


def _kept(*names: str) -> tuple[Numbers, ...]:
    return tuple(attrgetter(name) for name in names)


def _where(asked: Callable[[ReportContext], bool], numbers: Numbers) -> Numbers:
    return lambda context: numbers(context) if asked(context) else None


def _read_and_forecast(context: ReportContext) -> bool:
    return context.has_text and context.horizons is not None


def _beside_copies(context: ReportContext) -> bool:
    return context.replicates is not None


def _over_steps(context: ReportContext) -> bool:
    return _beside_copies(context) and same_times(context.cut) and context.cut.sizes["trajectory"] > 1


_held_out, _explored = attrgetter("held_out"), attrgetter("explorer")
_IN_PLANE = "findings", "paths", "portrait", "fixed_points", "law", "nullclines"

_OF: dict[Write, tuple[Numbers, ...]] = {
    summary.write: _kept("pit", "findings", "pooled_moments"),
    data.write: (data.persistence,),
    forecasts.write: (*_kept("horizons"), _where(_read_and_forecast, forecasts.one_step_scores)),
    phase_space.write: (
        *_kept("latent"),
        _where(_explored, phase_space.explorer_data),
        _where(_explored, lambda _: vega()),
        *(_where(attrgetter("in_plane"), attrgetter(f"in_plane.{name}")) for name in _IN_PLANE),
    ),
    moments.write: (_where(_beside_copies, moments.autocorrelation), _where(_over_steps, moments.over_steps)),
    process.write: _kept("spectrum", "prior_spectrum"),
    properties.write: _kept("properties"),
    order.write: (_where(_held_out, order.parts), _where(_held_out, order.tasks)),
    texts.write: _kept("surprise"),
}
"""About in the order in which the chapters stand; what two ask for belongs to the first that is always there."""
