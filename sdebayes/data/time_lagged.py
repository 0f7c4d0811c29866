"""Slow coordinates: time-lagged independent components of the leading principal components."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, CountFromTwo, Counts, Seed
from sdebayes.data.blocks import blocks, read
from sdebayes.data.lagged import Lagged, pairs, regular_step, slowest, vamp2
from sdebayes.data.moments import Moments, complete, moments
from sdebayes.data.principal import (
    PrincipalComponents,
    largest_positive,
    most_components,
    principal_components,
)
from sdebayes.data.reduce import origin
from sdebayes.data.space import StateSpace, refuse_states
from sdebayes.data.validation import checked_blocks

__all__ = ["TICA"]


@checked
@dataclass(frozen=True)
class TICA:
    r"""Time-lagged independent components: of all directions those that forget slowest.

    Of steps :math:`x`, projected on their ``components`` leading principal components and centred, it takes the
    directions :math:`w` of largest autocorrelation :math:`λ` at the lag :math:`l`:

    .. math::
        C_l w = λ C_0 w, \qquad
        C_0 = \frac{1}{2N} \sum (x_k x_k^\top + x_{k+l} x_{k+l}^\top), \qquad
        C_l = \frac{1}{2N} \sum (x_k x_{k+l}^\top + x_{k+l} x_k^\top),

    the sums over the N pairs of complete steps ``lag`` apart. This is the estimate for a process that looks the same
    backwards, so that all λ are real. To find w, C₀ is shrunk towards a multiple of the identity, by the rule of Chen
    et al. (2010), which matters where steps are few; the autocorrelation that is told is that along w itself,
    :math:`w^\top C_l w / w^\top C_0 w`, of which none exceeds 1. Slowest first; each state is divided by its standard
    deviation over the training steps, and signs are those of `PCA`.

    No pair is of two trajectories or across a missing step at one of its ends. Where most steps take one and the same
    time, no pair is across a longer one; where times are irregular throughout, lags count steps.

    Parameters
    ----------
    n
        The number of states.
    components
        How many principal components to begin with, ``n`` or more; by default the number of the largest `score`
        among ``n``, 2 ``n``, 4 ``n``, …, half of the directions of the training steps at most.
    lag
        Steps between the two of a pair.
    standardize
        Divide each dimension of the embedding by its standard deviation first.

    Raises
    ------
    DataError
        If ``n``, ``components`` or ``lag`` is no whole number of at least 1, or ``components`` is less than ``n``.

    See Also
    --------
    sdebayes.PCA : Components of largest variance.
    sdebayes.plots.scores.components : Draws the scores of ``score``.

    References
    ----------
    Molgedey & Schuster (1994), Separation of a mixture of independent signals using time delayed correlations,
    doi:10.1103/PhysRevLett.72.3634. Pérez-Hernández et al. (2013), Identification of slow molecular order parameters
    for Markov model construction, doi:10.1063/1.4811489. Chen et al. (2010), Shrinkage algorithms for MMSE covariance
    estimation, doi:10.1109/TSP.2010.2053029.

    Examples
    --------
    Continuing the example of :func:`sdebayes.embed`:

    >>> space = sb.TICA(2, components=8).fit(embedded)
    >>> dict(space.transform(embedded)["y"].sizes)
    {'trajectory': 8, 'time': 12, 'state': 2}
    >>> bool(space.autocorrelation[0] >= space.autocorrelation[1])
    True
    """

    n: Count
    components: Count | None = None
    lag: Count = 1
    standardize: bool = False

    def __post_init__(self) -> None:
        if self.components is not None and self.components < self.n:
            raise DataError(
                f"TICA({self.n}, components={self.components}): {self.n} states cannot be made of {self.components} "
                f"principal components. Give {self.n} or more."
            )

    def fit(self, train: xr.Dataset) -> StateSpace:
        """Fit on the steps of the training set.

        Parameters
        ----------
        train
            ``y(trajectory, time, embedding)``; a data set of states from ``trajectories`` serves as an embedding too.

        Returns
        -------
        StateSpace
            With the ``autocorrelation`` and the ``time_constants`` of its states.

        Raises
        ------
        DataError
            If there are too few complete steps, pairs of them, or directions that vary, for the components; or, where
            the number of components is to be chosen, too few trajectories.
        StateSpaceError
            If the data are already states of a space.
        """
        refuse_states(train)
        total = _moments(train)
        components = self.components or int(self.score(train)["vamp2"].mean("fold").idxmax())
        found = self._components(train, total, components)
        autocorrelation, vectors, share = slowest(self._enough(self._lagged(train, found), train), self.n)
        vectors /= np.linalg.norm(vectors, axis=0)
        spread = found.scale[:, None] * vectors
        spec = {
            "kind": "TICA",
            "n": int(self.n),
            "components": int(components),
            "lag": int(self.lag),
            "standardize": bool(self.standardize),
            "shrinkage": round(share, 6),
            "autocorrelation": autocorrelation.tolist(),
            "explained_variance": (_held(spread, found.scale) / found.total).tolist(),
        } | origin(train, total.count)
        rows = largest_positive(vectors.T @ found.rows)
        return StateSpace(found.mean, rows, np.linalg.norm(spread, axis=0), found.embedding_scale, spec)

    def score(
        self, train: xr.Dataset, components: Counts | None = None, folds: CountFromTwo = 5, seed: Seed = 0
    ) -> xr.Dataset:
        r"""Score numbers of principal components by how slow the states are in trajectories held out.

        Parameters
        ----------
        train
            ``y(trajectory, time, embedding)``, at least two trajectories.
        components
            Numbers of components; by default those that `fit` chooses from.
        folds
            Into how many parts the trajectories are divided, at most one for each.
        seed
            The same seed gives the same parts.

        Returns
        -------
        xr.Dataset
            ``vamp2`` (components, fold), NaN of a part that has no more pairs than there are states.

        Raises
        ------
        DataError
            If there are too few trajectories, steps, or pairs of them, in all parts, or fewer components than states.
        StateSpaceError
            If the data are already states of a space.

        Notes
        -----
        Each part is held out once. States z are fitted to the others, and their covariances read off the part:

        .. math:: 1 + \lVert C_0^{-1/2} C_l C_0^{-1/2} \rVert_F^2,

        which is 1 plus the sum of squared autocorrelations. What was found by chance forgets at once in texts that
        the fit did not see, and scores less.

        References
        ----------
        Wu & Noé (2020), Variational approach for learning Markov processes from time series data,
        doi:10.1007/s00332-019-09567-y.
        """
        refuse_states(train)
        parts = list(_parts(train, folds, seed))
        totals = [_moments(fitted) for fitted, _ in parts]
        numbers = self._candidates(totals, components)
        scores = np.empty((len(numbers), len(parts)))
        for fold, ((fitted, held_out), total) in enumerate(zip(parts, totals, strict=True)):
            whole = self._components(fitted, total, max(numbers))
            known, unknown = self._enough(self._lagged(fitted, whole), fitted), self._lagged(held_out, whole)
            for row, number in enumerate(numbers):
                _, vectors, _ = slowest(known.leading(number), self.n)
                scores[row, fold] = (
                    vamp2(unknown.leading(number).of(vectors)) if unknown.count > self.n else np.nan
                )
        if np.isnan(scores).all():
            raise DataError(
                f"TICA({self.n}).score: no part of the trajectories has more than {self.n} pairs of steps {self.lag} "
                "apart to be held out. Use fewer folds or states, or give components= to the projection."
            )
        return xr.Dataset(
            {"vamp2": (("components", "fold"), scores)},
            {"components": numbers, "fold": np.arange(1, len(parts) + 1)},
            {"n": int(self.n), "lag": int(self.lag)},
        )

    def _candidates(self, fitted: list[Moments], components: object | None) -> list[int]:
        if components is not None:
            numbers = sorted({int(number) for number in np.atleast_1d(np.asarray(components))})
            if numbers[0] < self.n:
                raise DataError(
                    f"TICA({self.n}).score: components={numbers[0]} is less than the {self.n} states."
                )
            return numbers
        most = max(min(most_components(part) for part in fitted) // 2, self.n)
        return [self.n * 2**power for power in range((most // self.n).bit_length())]

    def _components(self, data: xr.Dataset, total: Moments, number: int) -> PrincipalComponents:
        return principal_components(
            total, lambda: complete(blocks(data)), number, self.standardize, self._name(number)
        )

    def _lagged(self, data: xr.Dataset, found: PrincipalComponents) -> Lagged:
        step = regular_step(read(data.variables["t"]))
        components = len(found.rows)
        total = Lagged(0, np.zeros((components, components)), np.zeros((components, components)))
        for block in blocks(data):
            total += pairs(found.transform(block.values), block.times, self.lag, step).moments()
        return total

    def _enough(self, found: Lagged, data: xr.Dataset) -> Lagged:
        components = len(found.instant)
        if found.count <= components:
            raise DataError(
                f"{self._name(components)} needs more than {components} pairs of steps {self.lag} apart; "
                f"{data.sizes['trajectory']} trajectories have {found.count}. Ask for fewer components or "
                "states, or give more steps."
            )
        return found

    def _name(self, components: int) -> str:
        return f"TICA({self.n}, components={components})"


def _moments(data: xr.Dataset) -> Moments:
    return moments(complete(checked_blocks(data)), data["y"].shape[-1])


def _held(spread: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return the variance of the embedding that each state explains beside the slower ones, linearly.

    Parameters
    ----------
    spread
        (component, state), what a standard deviation of each principal component makes of each state.
    scale
        (component,), these standard deviations.
    """
    directions, _ = np.linalg.qr(spread)
    return np.asarray(((scale[:, None] * directions) ** 2).sum(axis=0))


def _parts(data: xr.Dataset, folds: int, seed: int) -> Iterator[tuple[xr.Dataset, xr.Dataset]]:
    count = data.sizes["trajectory"]
    if count < 2:
        raise DataError(
            "The number of components is chosen by holding out trajectories, but there is 1. Give components=."
        )
    fold = np.random.default_rng(seed).permutation(count) % min(folds, count)
    for part in range(min(folds, count)):
        yield data.isel(trajectory=fold != part), data.isel(trajectory=fold == part)
