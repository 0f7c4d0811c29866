"""The posterior density of data that memory does not hold: each point costs a pass over them, many points cost one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sdebayes._core.interning import interned
from sdebayes._core.precision import Precision, scope, single_blas_thread
from sdebayes._core.tasks import total
from sdebayes.inference.minibatches.parts import StreamedParts, together
from sdebayes.inference.target import Density, Flat, Target, Whitenings, density_of


@dataclass(frozen=True)
class StreamedTarget(Target):
    """A posterior density of data that are read for each evaluation, as tasks of the Dask scheduler that is active.

    Parameters
    ----------
    parts
        The data.
    """

    parts: StreamedParts = field(kw_only=True)

    def value_and_gradient(
        self, v: Flat, whitenings: Whitenings | None = None
    ) -> tuple[Float[Array, ""], Flat]:
        """Return U(v) and its gradient, of one pass."""
        known = whitenings or self.density.no_whitening
        found = self._passed(jnp.asarray(v)[None], known, gradients=True)
        prior, slope = self.density.prior_value_and_gradient(v, known)
        less = found.pieces - 1
        return jnp.asarray(found.values[0] - less * prior), jnp.asarray(found.gradients[0] - less * slope)

    def values(
        self, points: Float[np.ndarray, "draw dimension"], whitenings: Whitenings
    ) -> Float[np.ndarray, " draw"]:
        """Return U at several points, of one pass for all of them."""
        found = self._passed(jnp.asarray(points), whitenings, gradients=False)
        prior = [float(self.density.prior_value_and_gradient(jnp.asarray(v), whitenings)[0]) for v in points]
        return found.values - (found.pieces - 1) * np.array(prior)

    @property
    def at_once(self) -> int:
        """How many points are best evaluated together."""
        return 2**12

    def _passed(self, points: Array, whitenings: Whitenings, gradients: bool) -> _Sums:
        precision: Precision = "float64" if points.dtype == jnp.float64 else "float32"
        asked = _Asked(self.parts, np.asarray(points), whitenings, gradients, precision)
        return total(_evaluated, asked, together(range(len(self.parts.pieces))), _Sums.add)


class _Asked(NamedTuple):
    """What a task is sent."""

    parts: StreamedParts
    points: np.ndarray
    whitenings: Whitenings
    gradients: bool
    precision: Precision


class _Sums(NamedTuple):
    """Sums of U over pieces of the data, the prior's part in each of them."""

    values: np.ndarray
    gradients: np.ndarray
    pieces: int

    def add(self, other: _Sums) -> _Sums:
        """Return the sums of both."""
        return _Sums(self.values + other.values, self.gradients + other.gradients, self.pieces + other.pieces)


def _evaluated(asked: _Asked, pieces: tuple[int, ...]) -> _Sums:
    """Sum up U over some pieces."""
    with scope(asked.precision), single_blas_thread():
        model = interned(asked.parts.model)
        density = density_of(model.program, model.build)
        first, *others = (_of_piece(asked, density, piece) for piece in pieces)
        for other in others:
            first = first.add(other)
    return first


def _of_piece(asked: _Asked, density: Density, piece: int) -> _Sums:
    data = asked.parts.whole(piece)
    points = jnp.asarray(asked.points)
    if not asked.gradients:
        values = density.potentials(points, data, asked.whitenings)
        return _Sums(np.asarray(values, np.float64), np.zeros(0), 1)
    found = [density.value_and_gradient(v, data, asked.whitenings) for v in points]
    values, slopes = (np.array([np.asarray(one[k]) for one in found], np.float64) for k in (0, 1))
    return _Sums(values, slopes, 1)
