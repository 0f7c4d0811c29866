"""Principal components of the steps of a training set: what projections are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.linalg import eigh

from sdebayes._core.errors import DataError
from sdebayes.data.moments import Moments, Steps, root

_RELATIVE_RANK = 1e-7
_TOLD_BY_SQUARES = 1e-6  # of the largest variance: what is less has less than ten digits left


@dataclass(frozen=True)
class PrincipalComponents:
    """The leading right singular vectors of centred steps.

    Attributes
    ----------
    mean
        (embedding,).
    embedding_scale
        (embedding,), by which centred steps are divided, or None.
    rows
        (state, embedding), orthonormal.
    scale
        (state,), the standard deviation of the steps along each row.
    total
        The variance of the steps in all directions.
    """

    mean: Float[np.ndarray, " embedding"]
    embedding_scale: Float[np.ndarray, " embedding"] | None
    rows: Float[np.ndarray, "state embedding"]
    scale: Float[np.ndarray, " state"]
    total: float

    def centred(self, values: Float[np.ndarray, "*step embedding"]) -> Float[np.ndarray, "*step embedding"]:
        """Centre embeddings, and standardise them where the components are those of standardised ones."""
        centred = values - self.mean
        return centred if self.embedding_scale is None else centred / self.embedding_scale

    def transform(self, values: Float[np.ndarray, "*step embedding"]) -> Float[np.ndarray, "*step state"]:
        """Project embeddings, in the units of the centred embedding."""
        return self.centred(values) @ self.rows.T


def principal_components(
    found: Moments, again: Callable[[], Iterable[Steps]], n: int, standardize: bool, name: str
) -> PrincipalComponents:
    """Find the ``n`` leading principal components of complete steps.

    They are read off the second moments. Those are squares, so that small components would lose digits: these, and
    components of steps so few that it costs less, are read off the steps.

    Parameters
    ----------
    found
        The moments of the steps.
    again
        Goes through the same steps.
    n
        How many components.
    standardize
        Whether each dimension is divided by its standard deviation.
    name
        What messages call the projection.

    Raises
    ------
    DataError
        If there are fewer than ``n`` + 1 steps or fewer than ``n`` directions that vary, or a dimension to be
        standardised is constant.
    """
    width, most = len(found.mean), most_components(found)
    if n > most:
        raise DataError(
            f"{name} needs 1 to {most} states here: the training set has {found.count} complete steps of "
            f"an embedding of {width} dimensions. Ask for fewer states or give more steps."
        )
    covariance = found.scatter / found.count
    embedding_scale = _embedding_scale(covariance) if standardize else None
    unit = np.ones(width) if embedding_scale is None else embedding_scale
    covariance /= np.outer(unit, unit)
    total = float(np.trace(covariance))
    if found.count > 2 * width:
        variance, vectors = eigh(covariance, subset_by_index=(width - n, width - 1))
        if variance[0] > _TOLD_BY_SQUARES * variance[-1]:
            rows, scale = vectors.T[::-1], np.sqrt(variance[::-1])
            return PrincipalComponents(found.mean, embedding_scale, rows, scale, total)
    _, singular, rows = np.linalg.svd(
        root(((steps - found.mean) / unit for steps in again()), width), full_matrices=False
    )
    rank = int((singular > _RELATIVE_RANK * singular[0]).sum())
    if n > rank:
        raise DataError(
            f"{name}: the training steps vary in {rank} directions only. Ask for at most {rank} states."
        )
    scale = singular[:n] / np.sqrt(found.count)
    return PrincipalComponents(found.mean, embedding_scale, rows[:n], scale, total)


def most_components(found: Moments) -> int:
    """Return how many components so many steps can have at most."""
    return min(found.count - 1, len(found.mean))


def largest_positive(rows: Float[np.ndarray, "state embedding"]) -> Float[np.ndarray, "state embedding"]:
    """Give each row the sign with which its largest entry is positive."""
    return rows * np.sign(np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1))


def _embedding_scale(covariance: np.ndarray) -> np.ndarray:
    scale = np.sqrt(np.diagonal(covariance))
    constant = np.flatnonzero(scale <= 1e-12 * np.abs(scale).max())
    if constant.size:
        raise DataError(
            f"Dimension {constant[0]} of the embedding is constant ({constant.size} such in all) and cannot be "
            "standardised. Leave it out, or use standardize=False."
        )
    return scale
