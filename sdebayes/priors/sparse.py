"""Drifts that are sums of few known functions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
import numpyro
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import Labels, PositiveNumbers
from sdebayes._core.types import Vector
from sdebayes.dynamics import AbstractDiffusion, BasisField, LibraryDrift
from sdebayes.priors.base import AbstractDriftPrior, DataScale, Dims
from sdebayes.priors.constants import constant, say
from sdebayes.priors.library import AbstractLibrary, Polynomial
from sdebayes.priors.selection import AbstractSelection, SpikeAndSlab


@checked
@dataclass(frozen=True, eq=False)
class Sparse(AbstractDriftPrior):
    r"""A drift that is a sum of few functions out of a library.

    .. math:: f_j(x) = \sum_i W_{ij} φ_i(x), \qquad W_{ij} = c_{ij} d_j / r_i,

    with :math:`r_i` the root mean square of :math:`φ_i` over the data, :math:`d_j` the size of a drift that moves the
    data as they are seen to move, and a prior over c that has most of them at 0 or near it.

    Parameters
    ----------
    library
        The functions: `Polynomial`, or `Functions` of your own.
    selection
        Prior of c: `SpikeAndSlab`, for which the strategy is `Marginal`, or `Horseshoe`, for any.
    drift_scale
        d, (state,) or a number, in state per unit of time; default: the larger of s/T and q/s of each state's standard
        deviation s, decorrelation time T and mean squared increment per unit of time q.
    states
        Labels of the states; default: the data's.
    by_group
        Whether each group of trajectories has a drift of its own, near one that all share.

    Raises
    ------
    ModelError
        If a part is of the wrong kind, or a number is not positive.

    See Also
    --------
    sdebayes.priors.Polynomial : The usual library.
    sdebayes.priors.SpikeAndSlab : Terms in or out.
    sdebayes.Marginal : Fits it.

    Notes
    -----
    A polynomial may point outwards far from the data, where it sends paths to infinity: such draws are counted in
    ``diagnosis()``.

    Examples
    --------
    >>> drift = sb.priors.Sparse(sb.priors.Polynomial(degree=2), states=["x", "y"])
    >>> drift.coords()
    {'library_term': ['1', 'x', 'y', 'x²', 'x y', 'y²']}
    >>> drift.smooth, sb.priors.Sparse(selection=sb.priors.Horseshoe()).smooth
    (False, True)
    """

    title: ClassVar[str] = "sum of few known functions"
    far: ClassVar[str] = "what its terms of highest degree do: paths may run away"
    identified: ClassVar[bool] = False
    linear_in_weights: ClassVar[bool] = True
    shares_scale: ClassVar[bool] = False
    may_explode: ClassVar[bool] = True
    library: AbstractLibrary = field(default_factory=Polynomial)
    selection: AbstractSelection = field(default_factory=SpikeAndSlab)
    drift_scale: PositiveNumbers | None = None
    states: Labels | None = None
    by_group: bool = field(default=False, kw_only=True)

    @property
    def smooth(self) -> bool:
        """Whether the density is a smooth function of the parameters."""
        return self.selection.smooth

    @property
    def location(self) -> float:
        """Where its functions count from is the library's: no linear part needs a reference."""
        return 0.0

    def scaled_to(self, scale: DataScale) -> Sparse:
        """Return a copy with numbers in the place of the data-scaled constants."""
        path = scale.of_path()
        sd = np.sqrt(path.variance)
        size = np.maximum(sd / path.decorrelation_time, path.rate / sd)
        return replace(
            self,
            library=self.library.scaled_to(scale),
            drift_scale=size if self.drift_scale is None else self.drift_scale,
            states=tuple(scale.states) if self.states is None else self.states,
        )

    def dims(self) -> Dims:
        """Names and dimensions of the coefficients and of what chooses them."""
        return {"drift_coefficients": ["library_term", "state"]} | self.selection.dims()

    def coords(self) -> dict[str, list[str]]:
        """Names of the library's functions."""
        return {"library_term": self.library.names(self.states or ())}

    def sample(
        self, state_dim: int, diffusion: AbstractDiffusion, *, variance: Vector | None = None
    ) -> LibraryDrift:
        """Draw the coefficients inside a NumPyro model."""
        basis = self.library.basis(state_dim)
        if self.library.size is None:
            raise ModelError(
                "Sparse: the size of the library's functions is that over data which the prior has not seen; call "
                "model.scaled_to(data)."
            )
        if variance is None:
            scale = jnp.asarray(constant("drift_scale", self.drift_scale, "Sparse", state_dim))
        else:
            scale = 0.5 * jnp.diagonal(diffusion.reference(jnp.zeros(state_dim))) / jnp.sqrt(variance)
        unit = scale / jnp.asarray(self.library.size)[:, None]
        weights = numpyro.deterministic("drift_coefficients", self.selection.sample(unit))
        return LibraryDrift(BasisField(basis, weights))

    def weight_sites(self, weights: Float[Array, "feature state"]) -> dict[str, Array]:
        """Return weights of which all are included."""
        return self.selection.weight_sites(weights)

    def describe(self, variance_drawn: bool = False) -> str:
        """Say the prior in words and formulas."""
        size = (
            "½Σ_jj/√P_jj"
            if variance_drawn
            else say(self.drift_scale, "max(s_j/T_j, q_j/s_j) of the data") + " per unit of time"
        )
        terms = ", ".join(self.coords()["library_term"]) if self.states else type(self.library).__name__
        return "\n".join(
            [
                "Drift: f_j(x) = Σ_i c_ij d_j φ_i(x) / r_i, a sum of few functions",
                f"  φ: {terms}",
                f"  r_i = root mean square of φ_i over the data, d_j = {size}",
                *("  " + line for line in self.selection.describe()),
            ]
        )
