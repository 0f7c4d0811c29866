"""Principal components of the steps of a training set: what projections are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sdebayes._core.errors import DataError

_RELATIVE_RANK = 1e-7


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
    steps: Float[np.ndarray, "step embedding"], n: int, standardize: bool, name: str
) -> PrincipalComponents:
    """Find the ``n`` leading principal components of complete steps.

    Raises
    ------
    DataError
        If there are fewer than ``n`` + 1 steps or fewer than ``n`` directions that vary, or a dimension to be
        standardised is constant; ``name`` is what the message calls the projection.
    """
    most = most_components(steps)
    if n > most:
        raise DataError(
            f"{name} needs 1 to {most} states here: the training set has {len(steps)} complete steps of "
            f"an embedding of {steps.shape[1]} dimensions. Ask for fewer states or give more steps."
        )
    mean = steps.mean(axis=0)
    centred = steps - mean
    embedding_scale = _embedding_scale(centred) if standardize else None
    if embedding_scale is not None:
        centred = centred / embedding_scale
    _, singular, rows = np.linalg.svd(centred, full_matrices=False)
    rank = int((singular > _RELATIVE_RANK * singular[0]).sum())
    if n > rank:
        raise DataError(
            f"{name}: the training steps vary in {rank} directions only. Ask for at most {rank} states."
        )
    scale = singular / np.sqrt(len(steps))
    return PrincipalComponents(mean, embedding_scale, rows[:n], scale[:n], float((scale**2).sum()))


def most_components(steps: Float[np.ndarray, "step embedding"]) -> int:
    """Return how many components so many steps can have at most."""
    return min(len(steps) - 1, steps.shape[1])


def largest_positive(rows: Float[np.ndarray, "state embedding"]) -> Float[np.ndarray, "state embedding"]:
    """Give each row the sign with which its largest entry is positive."""
    return rows * np.sign(np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1))


def _embedding_scale(centred: np.ndarray) -> np.ndarray:
    scale = centred.std(axis=0)
    constant = np.flatnonzero(scale <= 1e-12 * np.abs(scale).max())
    if constant.size:
        raise DataError(
            f"Dimension {constant[0]} of the embedding is constant ({constant.size} such in all) and cannot be "
            "standardised. Leave it out, or use standardize=False."
        )
    return scale
