"""Libraries of functions of which a sparse drift chooses some."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import Count, Labels, Numbers, PositiveNumbers
from sdebayes._core.stored import Stored
from sdebayes.dynamics import AbstractBasis, FunctionBasis, MonomialBasis
from sdebayes.priors.base import DataScale
from sdebayes.priors.constants import constant


@checked
class AbstractLibrary(Stored, ABC):
    """Known functions of the state.

    Attributes
    ----------
    size
        Root mean square of each function over the data, (feature,): what coefficients are scaled by; None before the
        data are known.

    See Also
    --------
    sdebayes.priors.Polynomial : Monomials.
    sdebayes.priors.Functions : Functions of your own.

    Examples
    --------
    >>> [library.names(["x"]) for library in (sb.priors.Polynomial(2), sb.priors.Functions(jnp.sin, ["sin x"]))]
    [['1', 'x', 'x²'], ['sin x']]
    """

    size: Any = None

    def scaled_to(self, scale: DataScale) -> AbstractLibrary:
        """Return a copy that knows the functions' size over the data, for which ``size`` is a field."""
        library: Any = self
        return self if self.size is not None else replace(library, size=self.measured(scale))

    @abstractmethod
    def basis(self, state_dim: int) -> AbstractBasis:
        """Return the functions."""

    @abstractmethod
    def names(self, states: Sequence[str]) -> list[str]:
        """Return a name for each function."""

    def measured(self, scale: DataScale) -> Float[np.ndarray, " feature"]:
        """Return the root mean square of each function over some of the data."""
        basis = self.basis(len(scale.states))
        values = jax.jit(jax.vmap(basis))(jnp.asarray(scale.points))
        size = np.sqrt(np.mean(np.asarray(values, dtype=np.float64) ** 2, 0))
        if not np.all(np.isfinite(size) & (size > 0)):
            names = [n for n, s in zip(self.names(scale.states), size, strict=True) if not s > 0]
            raise ModelError(
                f"{type(self).__name__}: the functions {', '.join(names)} are 0 or not finite over the data; leave "
                "them out."
            )
        return size


@checked
@dataclass(frozen=True, eq=False)
class Polynomial(AbstractLibrary):
    """All monomials up to a degree, the constant included.

    Parameters
    ----------
    degree
        Highest total degree.
    origin
        Where the states count from, (state,) or a number. What is sparse around one origin is not so around another.
    size
        Root mean square of each monomial, (feature,); default: over the data.

    Raises
    ------
    ModelError
        If a number is out of its range.

    See Also
    --------
    sdebayes.priors.Functions : Functions of your own.
    sdebayes.priors.Sparse : Chooses among them.

    Examples
    --------
    >>> sb.priors.Polynomial(degree=2).names(["x", "y"])
    ['1', 'x', 'y', 'x²', 'x y', 'y²']
    >>> sb.priors.Polynomial(degree=2).basis(2)(jnp.array([2.0, 3.0])).tolist()
    [1.0, 2.0, 3.0, 4.0, 6.0, 9.0]
    """

    degree: Count = 3
    origin: Numbers = 0.0
    size: PositiveNumbers | None = None

    def basis(self, state_dim: int) -> MonomialBasis:
        """Return the monomials."""
        origin = jnp.asarray(constant("origin", self.origin, "Polynomial", state_dim))
        return MonomialBasis(origin, self._powers(state_dim))

    def names(self, states: Labels) -> list[str]:
        """Return names such as ``1``, ``x1``, ``x1² x2``."""
        return [_name(row, states) for row in self._powers(len(states))]

    def _powers(self, state_dim: int) -> tuple[tuple[int, ...], ...]:
        chosen = (
            factors
            for degree in range(self.degree + 1)
            for factors in combinations_with_replacement(range(state_dim), degree)
        )
        return tuple(tuple(factors.count(state) for state in range(state_dim)) for factors in chosen)


@checked
@dataclass(frozen=True, eq=False)
class Functions(AbstractLibrary):
    """The user's own functions.

    Parameters
    ----------
    function
        (state,) → (feature,), made of JAX operations.
    labels
        A name for each.
    size
        Root mean square of each, (feature,); default: over the data.

    Raises
    ------
    ModelError
        If ``function`` cannot be called, or returns another number of values than there are names.

    See Also
    --------
    sdebayes.priors.Polynomial : Monomials.
    sdebayes.priors.Sparse : Chooses among them.

    Examples
    --------
    >>> library = sb.priors.Functions(lambda x: jnp.stack([x[0], jnp.sin(x[0])]), ["x", "sin x"])
    >>> library.basis(1)(jnp.array([0.0])).tolist()
    [0.0, 0.0]
    >>> sb.priors.Sparse(library, states=["x"]).coords()
    {'library_term': ['x', 'sin x']}
    """

    function: Callable[[Any], Any]
    labels: Labels
    size: PositiveNumbers | None = None

    def basis(self, state_dim: int) -> FunctionBasis:
        """Return the functions."""
        found = jax.eval_shape(self.function, jnp.zeros(state_dim))
        if found.shape != (len(self.labels),):
            raise ModelError(
                f"Functions: the function returns an array of shape {found.shape}, expected ({len(self.labels)},), a "
                "value for each label."
            )
        return FunctionBasis(self.function)

    def names(self, states: Labels) -> list[str]:
        """Return the labels."""
        return list(self.labels)


def _name(powers: Sequence[int], states: Sequence[str]) -> str:
    raised = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
    parts = [
        state + (str(power).translate(raised) if power > 1 else "")
        for power, state in zip(powers, states, strict=True)
        if power
    ]
    return " ".join(parts) or "1"
