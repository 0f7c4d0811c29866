"""``sb.explore``: the explorer in a notebook, or as a page of its own."""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import xarray as xr

from sdebayes._core import files
from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Name, PathLike
from sdebayes.explorer.data import ExplorerData
from sdebayes.explorer.drawing import draw
from sdebayes.explorer.library import template
from sdebayes.posterior import Posterior

HEIGHT = 860
"""Height of the frame in a notebook, in pixels."""


@checked
@dataclass(frozen=True)
class Explorer:
    """A phase portrait to be touched. A notebook shows it as the value of a cell; ``save`` writes it as a page.

    Parameters
    ----------
    data
        What it shows.
    title
        Title of the page.
    """

    data: ExplorerData
    title: Name

    @cached_property
    def html(self) -> str:
        """The page: one text without a network, whose scripts run by their hashes alone."""
        from jinja2 import Environment

        page = Environment(autoescape=True, trim_blocks=True).from_string(template("page.html"))
        return page.render(title=self.title, drawing=draw(self.data))

    def save(self, path: PathLike) -> Path:
        """Write it as one page, which opens from disk in any browser.

        Parameters
        ----------
        path
            The page. One that is there already is replaced only when the new one is complete.

        Returns
        -------
        pathlib.Path
            ``path``.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        files.check_writable(Path(path))
        files.write(Path(path), self.html.encode())
        return Path(path)

    def _repr_html_(self) -> str:
        return (
            f'<iframe sandbox="allow-scripts" title="{html.escape(self.title)}" '
            f'style="width: 100%; height: {HEIGHT}px; border: 0" srcdoc="{html.escape(self.html)}"></iframe>'
        )


@checked
def explore(posterior: Posterior, data: xr.Dataset, *, title: Name = "Explorer") -> Explorer:
    """Make a phase portrait to be touched: point at a place to read its sentence, play a text along its path.

    Parameters
    ----------
    posterior
        A fit to two states or more. Of several groups or regimes, the drift of one is drawn at a time.
    data
        Trajectories in its state space, such as those it was fitted to; with ``text(trajectory, time)`` points can be
        read, with ``group(trajectory)`` they are coloured.
    title
        Title of the page.

    Returns
    -------
    Explorer
        Shows itself in a notebook; ``.save(path)`` writes a page of its own, with the library that draws it.

    Raises
    ------
    ModelError
        If ``posterior`` is none, or has one state.
    StateSpaceError
        If the data are in another state space.
    DataError
        If they are not valid.
    MissingDependencyError
        If the package ``vl-convert-python`` is not installed.

    See Also
    --------
    sdebayes.report : A page of all that is known of a fit.
    sdebayes.plots.phase_space.portrait : The same as a figure.

    Notes
    -----
    Paths are smoothed where states are not observed, in the coordinates of the drift: without the offset of the
    trajectory, if the model has one. Bars reach over 90 % of what is not known of each coordinate, given the draw and
    between draws. Arrows are the mean drift with the other states at the equilibrium of a linear drift, else in the
    middle of the data, pale where the draws do not agree on its direction or, for a drift that is no straight line, no
    data are near; they are there for pairs of the first six states, and sixteen states at most can be axes. Of more
    than 12,000 steps as many trajectories are kept as hold so many, evenly spread. Surprise is that of
    `sdebayes.analysis.quality.surprise`, given all other steps where one pass tells, else given those before.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> explorer = sb.explore(posterior, test, title="Two trajectories")
    >>> explorer.data.states
    ['x1', 'x2']
    >>> explorer.save("explorer.html").name
    'explorer.html'
    """
    return Explorer(ExplorerData.of(posterior, data), title)
