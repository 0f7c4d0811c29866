"""State spaces: how an embedding becomes a few states, and how a state is read as text again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float
from scipy.spatial.distance import cdist

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError, StateSpaceError
from sdebayes._core.kinds import Count, Numbers
from sdebayes.data.container import feature_dim, to_arrays, validate
from sdebayes.data.fingerprint import fingerprint
from sdebayes.data.validation import checked_blocks

_VARIABLES = {
    "space_mean": ("embedding",),
    "space_components": ("state", "embedding"),
    "space_scale": ("state",),
    "space_embedding_scale": ("embedding",),
}


@checked
@dataclass(frozen=True, eq=False)
class StateSpace:
    """An affine map from embeddings to states: z = diag(s)⁻¹ V (e − m) / r.

    Attributes
    ----------
    mean
        m, (embedding,).
    components
        V, (state, embedding), with rows of unit length; orthogonal ones if the states are principal components.
    scale
        s, (state,), which gives the states of the training set unit standard deviation, each or all together.
    embedding_scale
        r, (embedding,), or None where the embedding is not standardised.
    spec
        How the space came to be: a flat mapping that JSON can hold.

    See Also
    --------
    sdebayes.PCA : Makes one.
    sdebayes.TICA : Makes one.

    Examples
    --------
    Continuing the example of :class:`sdebayes.PCA`:

    >>> space.states
    ['PC1', 'PC2']
    >>> space.components.shape
    (2, 384)
    >>> near = space.exemplars(states["y"][0, 3], states, n=2)  # the step itself comes first
    >>> dict(near.sizes), int(near["step"][0])
    ({'exemplar': 2}, 3)
    """

    mean: Float[np.ndarray, " embedding"]
    components: Float[np.ndarray, "state embedding"]
    scale: Float[np.ndarray, " state"]
    embedding_scale: Float[np.ndarray, " embedding"] | None
    spec: dict[str, Any]

    @property
    def states(self) -> list[str]:
        """The labels of the states: "PC1", "PC2", … of `PCA`, "TIC1", "TIC2", … of `TICA`."""
        label = "PC" if self.autocorrelation is None else "TIC"
        return [f"{label}{index + 1}" for index in range(len(self.scale))]

    @property
    def explained_variance(self) -> Float[np.ndarray, " state"]:
        """The share of the embedding's variance on the training set that each state holds."""
        return np.array(self.spec["explained_variance"])

    @property
    def autocorrelation(self) -> Float[np.ndarray, " state"] | None:
        """Of each state at the lag that `TICA` had, on the training set; None for a space of other kind."""
        found = self.spec.get("autocorrelation")
        return None if found is None else np.array(found)

    @property
    def time_constants(self) -> Float[np.ndarray, " state"] | None:
        """The implied time scale −lag / ln λ of each state of `TICA` in steps, noise included; NaN where λ ≤ 0."""
        found = self.autocorrelation
        return None if found is None else -self.spec["lag"] / np.log(np.where(found > 0, found, np.nan))

    @property
    def log_volume(self) -> float:
        r"""The log of how much the map from embeddings to states stretches volumes in the span of V's rows.

        :math:`\tfrac12 \log |V V^\top| - \sum_j \log s_j`, in nats a step. Log scores of complete steps with this
        added are those of the embedding in that span: two spaces of one span, such as ``PCA(n)`` and
        ``TICA(n, components=n)`` of the same data, compare by them.
        """
        return float(np.linalg.slogdet(self.components @ self.components.T)[1] / 2 - np.log(self.scale).sum())

    @property
    def hash(self) -> str:
        """A hash of the arrays and the specification, which equal spaces share, and only these."""
        named = {"explained_variance": self.explained_variance, **self._arrays()}
        if self.autocorrelation is not None:
            named["autocorrelation"] = self.autocorrelation
        return fingerprint({name: value for name, value in self.spec.items() if name not in named}, named)

    def describe(self) -> str:
        """Say in a sentence what the space is."""
        standardised = "standardised " if self.embedding_scale is not None else ""
        share = 100 * self.explained_variance.sum()
        correlation = self.autocorrelation
        common = self.spec.get("common_scale", False)
        scaled = (
            "states have unit variance on average" if common else "each state has unit standard deviation"
        )
        kind = (
            "principal components of"
            if correlation is None
            else f"time-lagged independent components, slowest first (autocorrelation {correlation[0]:.2f} to "
            f"{correlation[-1]:.2f} at lag {self.spec['lag']}), of {self.spec['components']} principal components of"
        )
        return (
            f"{len(self.scale)} {kind} a {standardised}{len(self.mean)}-dimensional embedding, "
            f"fitted on {self.spec['training_steps']} steps of {self.spec['training_trajectories']} trajectories, "
            f"holding {share:.1f} % of its variance; {scaled} there."
        )

    def transform(self, data: xr.Dataset | Numbers) -> Any:
        """Map embeddings to states.

        Parameters
        ----------
        data
            A data set of embeddings, or an array (..., embedding). A lazy data set is read block by block.

        Returns
        -------
        xr.Dataset or np.ndarray
            ``y(trajectory, time, state)`` in memory, with the space and its hash on board, all else as it was, lazy or
            not; or an array (..., state). A step with any missing entry is missing as a whole.

        Raises
        ------
        DataError
            If the width of the embedding is another one, or the data are not valid.
        StateSpaceError
            If the data are already states of a space.
        """
        if not isinstance(data, xr.Dataset):
            return self._project(np.asarray(data, dtype=np.float64))
        refuse_states(data)
        states = np.empty((*data["y"].shape[:2], len(self.scale)))
        for block in checked_blocks(data):
            states[block.rows] = self._project(np.asarray(block.values, dtype=np.float64))
        result = data.drop_dims(feature_dim(data))
        result["y"] = (("trajectory", "time", "state"), states)
        result = result.assign_coords(state=self.states)
        for name, array in self._arrays().items():
            result[name] = (_VARIABLES[name], array)
        result.attrs |= {"space": json.dumps(self.spec, sort_keys=True), "space_hash": self.hash}
        return validate(result)

    def inverse_transform(self, data: xr.Dataset | Numbers) -> Any:
        """Map states back to the embeddings nearest to the training mean that have these states.

        Parameters
        ----------
        data
            A data set of states of this space, or an array (..., state).

        Returns
        -------
        xr.Dataset or np.ndarray
            ``y(trajectory, time, embedding)``, or an array (..., embedding).

        Raises
        ------
        DataError
            If the number of states is another one.
        StateSpaceError
            If the data are states of another space.
        """
        if not isinstance(data, xr.Dataset):
            return self._reconstruct(np.asarray(data, dtype=np.float64))
        self._refuse_other(data)
        embedding = self._reconstruct(to_arrays(data).values)
        result = data.drop_dims(["state", "embedding"])
        result["y"] = (("trajectory", "time", "embedding"), embedding)
        result.attrs = {
            key: value for key, value in result.attrs.items() if key not in ("space", "space_hash")
        }
        return validate(result)

    def exemplars(self, x: Numbers, traj: xr.Dataset, n: Count = 3) -> xr.Dataset:
        """Find the steps nearest to a state, so that a place in state space can be read.

        Parameters
        ----------
        x
            One state (state,) or several (point, state), in units of this space.
        traj
            Where to look: a data set of embeddings, or of states of this space.
        n
            How many steps for each point; all observed steps if there are fewer.

        Returns
        -------
        xr.Dataset
            With dims ([point,] exemplar), nearest first: ``name`` (of the trajectory), ``time`` (in the unit of
            ``t``), ``step``, ``distance`` (Euclidean, in units of the states) and, where ``traj`` has it, ``text``.

        Raises
        ------
        DataError
            If ``x`` has another number of states or is not finite, or ``n`` < 1.
        StateSpaceError
            If ``traj`` holds states of another space.
        """
        points = np.asarray(x, dtype=np.float64)
        if points.ndim not in (1, 2) or points.shape[-1] != len(self.scale) or not np.isfinite(points).all():
            raise DataError(
                f"x has shape {points.shape}; expected finite values of shape ({len(self.scale)},) or "
                f"(point, {len(self.scale)})."
            )
        if feature_dim(traj) == "embedding" or "space_hash" not in traj.attrs:
            traj = self.transform(traj)
        self._refuse_other(traj)
        values = to_arrays(traj).values
        trajectory, step = np.nonzero(np.isfinite(values).all(axis=-1))
        distance = cdist(np.atleast_2d(points), values[trajectory, step]).reshape(*points.shape[:-1], -1)
        nearest = np.argsort(distance, axis=-1, kind="stable")[..., :n]
        trajectory, step = trajectory[nearest], step[nearest]
        dims = ("point", "exemplar")[2 - nearest.ndim :]
        found = xr.Dataset(
            {
                "name": (dims, traj["trajectory"].values[trajectory]),
                "step": (dims, step),
                "distance": (dims, np.take_along_axis(distance, nearest, axis=-1)),
                "time": (dims, traj["t"].values[trajectory, step]),
            },
            attrs={"space_hash": self.hash, "time_unit": traj.attrs.get("time_unit", "step")},
        )
        if "text" in traj:
            near = xr.Variable(dims, trajectory), xr.Variable(dims, step)
            found["text"] = (dims, traj.variables["text"][near].values)
        return found

    @classmethod
    def from_dataset(cls, dataset: xr.Dataset) -> StateSpace:
        """Rebuild the space that made these states.

        Parameters
        ----------
        dataset
            What :meth:`transform` returned.

        Returns
        -------
        StateSpace

        Raises
        ------
        StateSpaceError
            If the data set carries no space, or its arrays do not match its hash.
        """
        required = ("space_mean", "space_components", "space_scale")
        if "space" not in dataset.attrs or any(name not in dataset for name in required):
            raise StateSpaceError(
                "The data set carries no state space; only StateSpace.transform puts one on board."
            )
        arrays: list[Any] = [dataset[name].values if name in dataset else None for name in _VARIABLES]
        changed = StateSpaceError(
            "The state space on board does not match its hash: the data set was changed by hand."
        )
        if not all(
            array is None or (array.dtype.kind in "fiu" and np.isfinite(array).all()) for array in arrays
        ):
            raise changed
        mean, components, scale, embedding_scale = arrays
        try:
            space = cls(mean, components, scale, embedding_scale, json.loads(dataset.attrs["space"]))
            whole = bool(space.hash == dataset.attrs.get("space_hash"))
        except (TypeError, ValueError, LookupError, AttributeError, RecursionError) as error:
            raise changed from error
        if not whole:
            raise changed
        return space

    def _arrays(self) -> dict[str, np.ndarray]:
        arrays = (self.mean, self.components, self.scale, self.embedding_scale)
        return {name: array for name, array in zip(_VARIABLES, arrays, strict=True) if array is not None}

    def _project(self, embedding: np.ndarray) -> np.ndarray:
        _check_width(embedding, len(self.mean), "embedding")
        centred = embedding - self.mean
        if self.embedding_scale is not None:
            centred = centred / self.embedding_scale
        return centred @ self.components.T / self.scale

    def _reconstruct(self, states: np.ndarray) -> np.ndarray:
        _check_width(states, len(self.scale), "state")
        centred = (states * self.scale) @ np.linalg.pinv(self.components).T
        if self.embedding_scale is not None:
            centred = centred * self.embedding_scale
        return centred + self.mean

    def _refuse_other(self, dataset: xr.Dataset) -> None:
        found = dataset.attrs.get("space_hash")
        if found != self.hash:
            raise StateSpaceError(
                f"These are states of another space (hash {str(found)[:12]}, this one is {self.hash[:12]}). "
                "Transform the embeddings with this space."
            )


def _check_width(array: np.ndarray, width: int, what: str) -> None:
    if array.ndim == 0 or array.shape[-1] != width:
        raise DataError(
            f"The space was fitted on {what}s of width {width}, but the data have shape {array.shape}. "
            "Use the encoder and the step the space was fitted with."
        )


def refuse_states(dataset: xr.Dataset) -> None:
    """Raise a StateSpaceError if the data are states of a space rather than embeddings; or a DataError, if no data."""
    feature_dim(dataset)
    if "space_hash" in dataset.attrs:
        raise StateSpaceError(
            "The data are already states of a space; give the embeddings they were made from."
        )
