"""From chapters to a page on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xarray as xr

from sdebayes._core import files
from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError, StoreError
from sdebayes._core.kinds import CountFromTwo, Name, PathLike, Seed
from sdebayes._core.precision import single_blas_thread
from sdebayes._core.threads import beside
from sdebayes.posterior import Posterior
from sdebayes.reporting.ahead import numbers_of
from sdebayes.reporting.blocks import Chapter, Explorer
from sdebayes.reporting.chapters import chapters_of
from sdebayes.reporting.chapters.steered import check_log
from sdebayes.reporting.context import ReportContext
from sdebayes.reporting.handed_in import check_comparison


@checked
def report(
    posterior: Posterior,
    path: PathLike,
    data: xr.Dataset | None = None,
    test: xr.Dataset | None = None,
    *,
    title: Name = "A Bayesian SDE report",
    comparison: xr.Dataset | None = None,
    plane: Posterior | None = None,
    steered: xr.Dataset | None = None,
    draws: CountFromTwo = 100,
    explorer: bool = True,
    seed: Seed = 0,
) -> Path:
    """Write one self-contained HTML page about a fit.

    Parameters
    ----------
    posterior
        What `sdebayes.fit` returned. The page of one with several groups says what differs between them; drift, phase
        space and properties are those of one group, ``report(posterior.group(name), …)``.
    path
        The page, ``….html``. One that is there already is replaced only when the new one is complete.
    data
        The trajectories the model was fitted to; with ``text(trajectory, time)`` the page shows the sentences at
        places in state space. By default the posterior's own copy, which has no texts.
    test
        Trajectories that were held out, on which forecasts are judged and compared with the nulls. Without them
        forecasts are judged on the training data, which flatters them, and no comparison is made.
    title
        The page's title.
    comparison
        Scores of ``test`` as `sdebayes.compare` returned them with the nulls, this posterior's in the first row, so
        that other models are shown beside it. By default this model is compared with the nulls alone.
    plane
        A fit of a nonlinear drift to two states, perhaps of a few trajectories only, whose phase portrait is shown
        beside this model's.
    steered
        What `sdebayes.steer` returned, or the ``log`` of its error: a chapter says what was chosen, and why.
    draws
        Number of posterior draws that are simulated for the moments' bands.
    explorer
        Whether the chapter on phase space holds what `sdebayes.explore` shows of the data, some 1 MB and what the texts
        take; it needs two states or more, and one process. Print leaves it out.
    seed
        Seed of shuffles and simulations.

    Returns
    -------
    pathlib.Path
        ``path``.

    Raises
    ------
    StateSpaceError
        If data, test or the steered text are in another state space than the posterior.
    DataError
        If they are not valid, ``steered`` is no log of steering, ``comparison`` does not score ``test``, or
        ``draws`` < 2.
    ModelError
        If ``posterior`` is none, ``plane`` has another number of states than two, or a linear drift, or the first row
        of ``comparison`` is another model's.
    StoreError
        If the page cannot be written, or its name does not end in ``.html`` or ``.htm``.

    See Also
    --------
    sdebayes.explore : The phase portrait by itself.
    sdebayes.Posterior.diagnosis : What the page says of the computation.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> sb.report(posterior, "report.html", data=train, draws=2, explorer=False).name
    'report.html'
    """
    path = Path(path)
    if plane is not None and (len(plane.states) != 2 or plane.model.drift.affine):
        raise ModelError(
            f"plane is a fit of a {plane.model.drift.title} to {len(plane.states)} states; expected a nonlinear drift "
            "of two, such as sdebayes.priors.GP() and the states sdebayes.PCA(2).fit(train).transform(train)."
        )
    if steered is not None:
        check_log(posterior, steered)
    if comparison is not None:
        check_comparison(comparison, test)
    files.check_writable(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise StoreError(
            f"report: {str(path)!r} is to be a page of HTML; expected a name that ends in .html."
        )
    data = posterior.training_data() if data is None else data
    context = ReportContext(posterior, data, test, draws, seed, comparison, plane, explorer, steered)
    writers = chapters_of(context)
    with single_blas_thread(), beside(numbers_of(context, writers)):
        chapters = [write(context) for write in writers]
    page = _render(title, chapters)
    files.write(path, page.encode())
    return path


def _render(title: str, chapters: list[Chapter]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader("sdebayes.reporting"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        finalize=_kept_together,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    drawings = [
        block.drawing for chapter in chapters for block in chapter.blocks if isinstance(block, Explorer)
    ]
    shown = {"title": title, "chapters": chapters, "explorer": next(iter(drawings), None)}
    return environment.get_template("page.html").render(shown)


def _kept_together(value: Any) -> Any:
    """Keep a number and its percent sign on one line, and scripts and styles as they are."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return value.replace(" %", "\N{NO-BREAK SPACE}%")
