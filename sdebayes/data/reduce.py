"""Reductions: from the embeddings of a training set to a state space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Count
from sdebayes.data.blocks import blocks
from sdebayes.data.moments import complete, moments
from sdebayes.data.principal import largest_positive, principal_components
from sdebayes.data.space import StateSpace, refuse_states
from sdebayes.data.validation import checked_blocks

__all__ = ["PCA", "StateSpace"]


@checked
@dataclass(frozen=True)
class PCA:
    """Principal components of the training embeddings, not whitened beyond the scale of each state.

    The embedding is centred (and standardised on demand), projected on the leading right singular vectors, and each
    state is divided by its standard deviation over the training steps, or all by one number. The sign is such that the
    largest entry of each component is positive.

    Parameters
    ----------
    n
        The number of states.
    standardize
        Divide each dimension of the embedding by its standard deviation first: for hidden states of language
        models, whose few huge dimensions would otherwise be all one sees.
    common_scale
        Divide all states by one number, the root of their mean variance: distances are then those of the embedding, and
        later components count for less. Few texts tell the variance of many components badly.

    Raises
    ------
    DataError
        If ``n`` is no whole number of at least 1.

    See Also
    --------
    sdebayes.TICA : Components that forget slowest.
    sdebayes.StateSpace : What ``fit`` returns.

    Examples
    --------
    Continuing the example of :func:`sdebayes.embed`:

    >>> space = sb.PCA(2).fit(embedded)
    >>> states = space.transform(embedded)
    >>> dict(states["y"].sizes)
    {'trajectory': 8, 'time': 12, 'state': 2}
    >>> states["y"].std(("trajectory", "time")).values.round(2)
    array([1., 1.])
    """

    n: Count
    standardize: bool = False
    common_scale: bool = False

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
        total = moments(complete(checked_blocks(train)), train["y"].shape[-1])
        found = principal_components(
            total, lambda: complete(blocks(train)), self.n, self.standardize, f"PCA({self.n})"
        )
        spec = {
            "kind": "PCA",
            "n": int(self.n),
            "standardize": bool(self.standardize),
            "explained_variance": (found.scale**2 / found.total).tolist(),
        } | origin(train, total.count)
        scale = found.scale
        if self.common_scale:
            scale, spec["common_scale"] = np.full_like(scale, np.sqrt(np.mean(scale**2))), True
        return StateSpace(found.mean, largest_positive(found.rows), scale, found.embedding_scale, spec)


def origin(train: xr.Dataset, steps: int) -> dict[str, Any]:
    """Say what a space was fitted on."""
    return {
        "training_steps": steps,
        "training_trajectories": train.sizes["trajectory"],
    } | {key: train.attrs[key] for key in ("encoder", "step") if key in train.attrs}
