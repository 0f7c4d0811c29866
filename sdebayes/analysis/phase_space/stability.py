"""The type of a fixed point, read from the eigenvalues of the drift's Jacobian."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float, Int

KINDS = ("stable node", "stable focus", "saddle", "unstable node", "unstable focus", "non-hyperbolic")
"""Names of the types, in the order of their codes."""

NO_KIND = -1
"""Code where there is no fixed point."""

CHARACTERS = ("attracting", "saddle", "repelling", "undecided")
"""What types are alike: a node and a focus of one stability, which no bifurcation parts."""

_CHARACTER_OF_KIND = np.array([0, 0, 1, 2, 2, 3])
_ZERO = 1e-9


def kinds(values: Complex[np.ndarray, "*shape state"]) -> Int[np.ndarray, "*shape"]:
    """Return the code of each type, an index into ``KINDS``.

    A node or a focus by the leading eigenvalue, that of largest real part: it is the slowest to decay or the fastest to
    grow, and what is seen near the point turns if it is complex.

    Parameters
    ----------
    values
        Eigenvalues of ∂f/∂x, (…, state), in 1/time.

    Returns
    -------
    numpy.ndarray
        (…).
    """
    scale = np.abs(values).max(axis=-1, keepdims=True)
    real = np.where(np.abs(values.real) <= _ZERO * scale, 0.0, values.real)
    leading = _leading(values)
    turns = np.abs(leading.imag) > _ZERO * scale[..., 0]
    stable, unstable = (real < 0).all(axis=-1), (real > 0).all(axis=-1)
    codes = np.full(values.shape[:-1], KINDS.index("saddle"))
    codes[stable & ~turns] = KINDS.index("stable node")
    codes[stable & turns] = KINDS.index("stable focus")
    codes[unstable & ~turns] = KINDS.index("unstable node")
    codes[unstable & turns] = KINDS.index("unstable focus")
    codes[(real == 0).any(axis=-1)] = KINDS.index("non-hyperbolic")
    return codes


def character(kind: Int[np.ndarray, "*shape"]) -> Int[np.ndarray, "*shape"]:
    """Return the character of each type, an index into ``CHARACTERS``; that of ``NO_KIND`` means nothing."""
    return _CHARACTER_OF_KIND[kind]


def times(
    values: Complex[np.ndarray, "*shape state"],
) -> tuple[Float[np.ndarray, "*shape"], Float[np.ndarray, "*shape"]]:
    """Return 1/|Re λ| and 2π/|Im λ| (infinite without rotation) of the leading eigenvalue, (…) each, in time."""
    leading = _leading(values)
    with np.errstate(divide="ignore"):
        return 1 / np.abs(leading.real), 2 * np.pi / np.abs(leading.imag)


def _leading(values: np.ndarray) -> np.ndarray:
    first = values.real.argmax(axis=-1)[..., None]
    return np.take_along_axis(values, first, axis=-1)[..., 0]
