"""Array types shared by all signatures (jaxtyping: dtype, then the names of the axes)."""

from __future__ import annotations

from typing import TypeAlias

from jaxtyping import Array, Float, PRNGKeyArray

Scalar: TypeAlias = Float[Array, ""] | float
Vector: TypeAlias = Float[Array, " state"]
Matrix: TypeAlias = Float[Array, "state state"]
Key: TypeAlias = PRNGKeyArray
