"""Hilbert-space Gaussian processes, for up to three states."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from math import prod, sqrt
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import Counts, NotNegative, Positive, PositiveNumbers
from sdebayes._core.types import Vector
from sdebayes.dynamics import AbstractBasis, BasisField, JointBasis, LaplacianBasis, TaperedMonomials
from sdebayes.priors.base import DataScale
from sdebayes.priors.constants import constant, say
from sdebayes.priors.expansion import AbstractExpansion
from sdebayes.priors.kernels import AbstractKernel

_FUNCTIONS = {1: 20, 2: 10, 3: 6}
MOST_STATES = max(_FUNCTIONS)
_FULL = 0.4  # share of the way from the farthest datum to the edge over which the prior is left as it is
_DEGREE = 3
_BEYOND = 4 / 3  # where monomials end, in half-lengths; they are left as they are up to 1


@checked
@dataclass(frozen=True, eq=False)
class HSGP(AbstractExpansion):
    r"""Laplacian eigenfunctions φ of a box around the data, and monomials where asked for, for up to three states.

    .. math::
        g(x) = \sum_i \sqrt{S(ω_i)}\, φ_i(x)\, z_i + c \sum_{2 ≤ |k| ≤ 3} z'_k \prod_j v_j^{k_j}, \qquad
        v_j = \frac{x_j - m_j}{\sqrt n\, s_j}, \quad z, z' \sim N(0, 1),

    with the kernel's spectral density S in n states. The functions do not depend on the length-scale. The sines are cut
    off smoothly outside of the data, from 40 % of the way between the farthest datum and the edge of the box, and are 0
    beyond. Their prior variance is 1 farther than about one and a half length-scales from the edge, and falls towards
    it. The monomials go on to the edge and fall to 0 in a third of the half-length more. With them the prior grows
    outwards, as a drift does that holds a path: without them bands are too narrow where the data end.

    Parameters
    ----------
    functions
        Number m of functions of each state, one number or (state,); default: 20 for one state, 10 each for two, 6
        each for three. Their product is the size of the basis. It represents length-scales above q L_j / m_j, with
        q = 1.75 (squared-exponential), 2.65 (Matérn 5/2) or 3.42 (Matérn 3/2).
    box
        Half-length of the box in multiples of the extent of the data, without their noise; above 1.
    half_length
        L, (state,), in units of state; default: ``box`` times the largest distance of the data from the
        middle, times the root of the path's expected share of their variance.
    trend
        Prior standard deviation c of the monomials' weights; 0 leaves them out. With 0.2, 95 % bands off the data
        hold benchmark drifts at about their rate, and many draws of the prior itself are stiff.
    unit
        s, (state,), in units of state; default: the standard deviations that the field's prior counts in.

    Raises
    ------
    ModelError
        If a number is out of its range, or there are more than three states.

    See Also
    --------
    sdebayes.priors.GP : Takes it.
    sdebayes.priors.RandomFourier : For more than three states.

    References
    ----------
    Solin & Särkkä (2020), doi:10.1007/s11222-019-09886-w; the rule for m: Riutort-Mayol et al. (2023),
    doi:10.1007/s11222-022-10167-2.

    Examples
    --------
    >>> basis = sb.priors.HSGP(functions=(8, 12))
    >>> basis.count(2), sb.priors.HSGP(functions=(8, 12), trend=0.2, unit=1.0).count(2)  # three squares, four cubes
    (96, 103)
    >>> sb.priors.GP(basis=basis).basis == basis
    True
    """

    most_states: ClassVar[int | None] = MOST_STATES
    tabulated: ClassVar[bool] = True
    far: ClassVar[str] = "0 outside of a box around them"
    functions: Counts | None = None
    box: Positive = 1.5
    half_length: PositiveNumbers | None = None
    trend: NotNegative = 0.0
    unit: PositiveNumbers | None = None

    def __post_init__(self) -> None:
        if self.box <= 1:
            raise ModelError(
                f"HSGP: box is {self.box}; expected more than 1, such as 1.5: room around the data."
            )

    def scaled_to(
        self, scale: DataScale, location: np.ndarray, unit: np.ndarray, kernel: AbstractKernel
    ) -> HSGP:
        """Return a copy with the box and the numbers of functions."""
        extent = scale.extent + np.abs(location - scale.location)
        return replace(
            self,
            functions=self._numbers(len(scale.states)),
            half_length=self.box * extent if self.half_length is None else self.half_length,
            unit=unit if self.unit is None else self.unit,
        )

    def shortest_lengthscale(self, kernel: AbstractKernel, state_dim: int) -> np.ndarray:
        """Return q L_j / m_j, (state,), in units of state."""
        half_length = constant("half_length", self.half_length, "HSGP", state_dim)
        return kernel.resolution * half_length / np.array(self._numbers(state_dim))

    def count(self, state_dim: int) -> int:
        """Return the product of the numbers of functions, and the number of monomials."""
        return prod(self._numbers(state_dim)) + len(self._powers(state_dim))

    def weight_scale(self, kernel: AbstractKernel, lengthscale: Vector) -> Float[Array, " feature"]:
        """Return the root of the spectral density at each function's frequency, and the monomials' c."""
        basis = self._sines(jnp.zeros_like(lengthscale))
        log_density = kernel.log_spectral_density(basis.frequencies, lengthscale)
        sines = jnp.exp(0.5 * (log_density - jnp.sum(jnp.log(basis.half_length))))
        return jnp.append(sines, jnp.full(len(self._powers(lengthscale.shape[0])), self.trend, sines.dtype))

    def field(
        self,
        kernel: AbstractKernel,
        location: Vector,
        lengthscale: Vector,
        fixed: bool,
        weights: Float[Array, "feature output"],
    ) -> BasisField:
        """Return the function that weights make."""
        sines: AbstractBasis = self._sines(location)
        n = location.shape[0]
        powers = self._powers(n)
        if not powers:
            return BasisField(sines, weights)
        half_length = _BEYOND * constant("half_length", self.half_length, "HSGP", n)
        unit = sqrt(n) * constant("unit", self.unit, "HSGP", n)
        monomials = TaperedMonomials(
            location, jnp.asarray(unit), jnp.asarray(half_length), powers, 1 / _BEYOND
        )
        counts = (prod(self._numbers(n)), len(powers))
        return BasisField(JointBasis((sines, monomials), counts), weights)

    def _sines(self, location: Vector) -> LaplacianBasis:
        n = location.shape[0]
        half_length = jnp.asarray(constant("half_length", self.half_length, "HSGP", n))
        window = (1 + _FULL * (self.box - 1)) / self.box
        return LaplacianBasis(location, half_length, self._numbers(n), window)

    def _powers(self, state_dim: int) -> tuple[tuple[int, ...], ...]:
        """Return the powers of each monomial of degree two and three."""
        if not self.trend:
            return ()
        every = product(range(_DEGREE + 1), repeat=state_dim)
        return tuple(powers for powers in every if 2 <= sum(powers) <= _DEGREE)

    def describe(self, kernel: AbstractKernel) -> list[str]:
        """Say the basis in words and formulas, a line each."""
        default = "20 (one state), 10 × 10 (two) or 6 × 6 × 6 (three)"
        numbers = default if self.functions is None else " × ".join(map(str, np.atleast_1d(self.functions)))
        lines = [
            f"basis: {numbers} Laplacian eigenfunctions of the box |x_i − m_i| < L_i, 0 outside, "
            f"L = {say(self.half_length, f'{self.box:g} × extent of the path')}"
        ]
        if self.half_length is not None and isinstance(self.functions, tuple):
            shortest = self.shortest_lengthscale(kernel, len(self.functions))
            lines.append(
                f"represents length-scales above {kernel.resolution:g}·L_i/m_i = {say(shortest, '')}"
            )
        if self.trend:
            lines.append(
                f"and monomials of degree 2 and 3 of (x_i − m_i) / (√states s_i), weights ~ Normal(0, {self.trend:g}), "
                f"to the edge and 0 from {_BEYOND:.3g} L_i on"
            )
        return lines

    def _numbers(self, state_dim: int) -> tuple[int, ...]:
        if state_dim not in _FUNCTIONS:
            raise ModelError(
                f"HSGP: the basis is a product over states, too large for {state_dim} of them; for more than "
                f"{MOST_STATES} states use sdebayes.priors.RandomFourier() or sdebayes.priors.Inducing()."
            )
        numbers = np.atleast_1d(_FUNCTIONS[state_dim] if self.functions is None else self.functions)
        if numbers.size not in (1, state_dim):
            raise ModelError(f"HSGP: functions is {self.functions}; expected one number or {state_dim}.")
        return tuple(int(number) for number in np.broadcast_to(numbers, (state_dim,)))
