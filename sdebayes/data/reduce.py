"""Reductions: from the embeddings of a training set to a state space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count
from sdebayes.data.container import to_arrays
from sdebayes.data.space import StateSpace, refuse_states

__all__ = ["PCA", "StateSpace"]

_RELATIVE_RANK = 1e-7


@checked
@dataclass(frozen=True)
class PCA:
    """Principal components of the training embeddings, not whitened beyond the scale of each state.

    The embedding is centred (and standardised on demand), projected on the leading right singular vectors, and each
    state is divided by its standard deviation over the training steps. The sign is such that the largest entry of
    each component is positive.

    Parameters
    ----------
    n
        The number of states.
    standardize
        Divide each dimension of the embedding by its standard deviation first: for hidden states of language
        models, whose few huge dimensions would otherwise be all one sees.

    Raises
    ------
    DataError
        If ``n`` is no whole number of at least 1.
    """

    n: Count
    standardize: bool = False

    def fit(self, train: xr.Dataset) -> StateSpace:
        """Fit on the steps of the training set.

        Parameters
        ----------
        train
            ``y(trajectory, time, embedding)``; a data set of states from ``trajectories`` serves as an embedding too.

        Returns
        -------
        StateSpace

        Raises
        ------
        DataError
            If there are fewer than ``n`` + 1 complete steps or fewer than ``n`` dimensions that vary, or a dimension
            to be standardised is constant.
        StateSpaceError
            If the data are already states of a space.
        """
        refuse_states(train)
        values = to_arrays(train).values
        steps = values[np.isfinite(values).all(axis=-1)]
        most = min(len(steps) - 1, steps.shape[1])
        if self.n > most:
            raise DataError(
                f"PCA({self.n}) needs 1 to {most} states here: the training set has {len(steps)} complete steps of "
                f"an embedding of {steps.shape[1]} dimensions. Ask for fewer states or give more steps."
            )
        mean = steps.mean(axis=0)
        centred = steps - mean
        embedding_scale = _embedding_scale(centred) if self.standardize else None
        if embedding_scale is not None:
            centred = centred / embedding_scale
        _, singular, rows = np.linalg.svd(centred, full_matrices=False)
        rank = int((singular > _RELATIVE_RANK * singular[0]).sum())
        if self.n > rank:
            raise DataError(
                f"PCA({self.n}): the training steps vary in {rank} directions only. Ask for at most {rank} states."
            )
        components = rows[: self.n]
        largest = np.take_along_axis(components, np.abs(components).argmax(axis=1)[:, None], axis=1)
        variance = singular**2 / (singular**2).sum()
        spec = {
            "kind": "PCA",
            "n": int(self.n),
            "standardize": bool(self.standardize),
            "explained_variance": variance[: self.n].tolist(),
            "training_steps": len(steps),
            "training_trajectories": train.sizes["trajectory"],
        } | {key: train.attrs[key] for key in ("encoder", "step") if key in train.attrs}
        scale = singular[: self.n] / np.sqrt(len(steps))
        return StateSpace(mean, components * np.sign(largest), scale, embedding_scale, spec)


def _embedding_scale(centred: np.ndarray) -> np.ndarray:
    scale = centred.std(axis=0)
    constant = np.flatnonzero(scale <= 1e-12 * np.abs(scale).max())
    if constant.size:
        raise DataError(
            f"Dimension {constant[0]} of the embedding is constant ({constant.size} such in all) and cannot be "
            "standardised. Leave it out, or use standardize=False."
        )
    return scale
