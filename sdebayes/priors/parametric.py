"""The user's own functions: with unknown parameters, or known altogether."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist

from sdebayes._core.arguments import checked
from sdebayes._core.characters import variable_name
from sdebayes._core.errors import ModelError
from sdebayes._core.types import Vector
from sdebayes.dynamics import (
    AbstractDiffusion,
    AbstractDrift,
    LinearDrift,
    ParametricDiffusion,
    ParametricDrift,
)
from sdebayes.dynamics.parametric import as_diffusion, as_drift
from sdebayes.priors.base import AbstractDiffusionPrior, AbstractDriftPrior, Dims
from sdebayes.priors.constants import say_law


@checked
@dataclass(frozen=True, eq=False)
class Parametric(AbstractDriftPrior, AbstractDiffusionPrior):
    """The user's own drift or diffusion with unknown parameters.

    Parameters
    ----------
    function
        ``function(x, t, parameters)``, made of JAX operations: as a drift it returns (state,), as a diffusion the
        factor G, (state, state). ``parameters`` is a dictionary with a value for each name.
    parameters
        A NumPyro distribution for each name.
    by_group
        Whether each group of trajectories has a parameter of each name of its own, near one that all share.

    Raises
    ------
    DataError
        If files hold no variable of the name of a parameter.
    ModelError
        If ``function`` is not callable, a parameter is not a NumPyro distribution, or the function's result has
        another shape than the role asks for.

    See Also
    --------
    sdebayes.priors.Fixed : Where nothing is unknown.
    sdebayes.priors.Sparse : Where the form is not known.

    Examples
    --------
    >>> import numpyro.distributions as dist
    >>> def wells(x, t, p):
    ...     return jnp.stack([p["a"] * x[0] - p["b"] * x[0] ** 3, -p["c"] * x[1]])
    >>> drift = sb.priors.Parametric(wells, {name: dist.LogNormal(0.0, 1.0) for name in "abc"})
    >>> data, truth = sb.datasets.benchmark("double_well", 500, 0.1, n_trajectories=4)
    >>> posterior = sb.fit(sb.SDEModel(drift, observation=sb.Exact()), data, sb.Laplace(draws=50), seed=0)
    >>> {name: float(posterior.data["posterior"][name].mean().round()) for name in "abc"}  # the truth is 1
    {'a': 1.0, 'b': 1.0, 'c': 1.0}
    """

    title: ClassVar[str] = "your function of unknown parameters"
    far: ClassVar[str] = "what the function does"
    function: Callable[[Any, Any, dict[str, Any]], Any]
    parameters: Mapping[str, dist.Distribution] = field(default_factory=dict)
    by_group: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        for name in self.parameters:
            variable_name(name, "The name of a parameter")

    def dims(self) -> Dims:
        """Names of the parameters; a parameter that is not a number gets dimensions of its own."""
        return {
            name: [f"{name}_dim_{axis}" for axis in range(len(law.shape()))]
            for name, law in self.parameters.items()
        }

    def sample(
        self,
        state_dim: int,
        diffusion: AbstractDiffusion | None = None,
        *,
        variance: Vector | None = None,
    ) -> Any:
        """Draw the parameters inside a NumPyro model: a drift where the diffusion is given, else a diffusion."""
        values = {name: numpyro.sample(name, law) for name, law in self.parameters.items()}
        kind = ParametricDrift if diffusion is not None else ParametricDiffusion
        known = kind(self.function, values)
        _check_result("Parametric", known, state_dim, diffusion is None)
        return known

    def describe(self, variance_drawn: bool = False) -> str:
        """Say the prior in words."""
        name = getattr(self.function, "__name__", "function")
        laws = [f"  {key} ~ {say_law(law)}" for key, law in self.parameters.items()]
        return "\n".join([f"Parametric: {name}(x, t, θ)", *laws])


def _check_result(owner: str, function: Callable[..., Any], state_dim: int, diffusion: bool) -> None:
    """Call a drift or a diffusion on shapes alone, and compare the shape of its result with the role's."""
    role, expected = ("diffusion", (state_dim, state_dim)) if diffusion else ("drift", (state_dim,))
    asked = f"{owner}: as a {role} of {state_dim} states the function should return an array of shape {expected}, but"
    try:
        result = jax.eval_shape(function, jnp.zeros(state_dim), jnp.asarray(0.0))
    except Exception as error:
        raise ModelError(f"{asked} it failed: {type(error).__name__}: {error}") from error
    found = getattr(result, "shape", type(result).__name__)
    if found != expected:
        raise ModelError(f"{asked} it returned {found}.")


@checked
@dataclass(frozen=True, eq=False)
class Fixed(AbstractDriftPrior, AbstractDiffusionPrior):
    """A drift or diffusion that is known.

    Parameters
    ----------
    function
        A drift or a diffusion of `sdebayes.dynamics`, or a function ``function(x, t)``.

    Raises
    ------
    ModelError
        If ``function`` cannot be called, or its result has another shape than the role asks for.

    See Also
    --------
    sdebayes.priors.Parametric : With unknown parameters.

    Examples
    --------
    >>> drift = sb.priors.Fixed(lambda x, t: x - x**3)
    >>> drift.affine
    False
    >>> print(sb.priors.Fixed(sb.dynamics.ConstantDiffusion(0.5 * jnp.eye(1))).describe())
    Fixed: ConstantDiffusion
    """

    title: ClassVar[str] = "your function, known"
    far: ClassVar[str] = "what the function does"
    function: Callable[..., Any]

    @property
    def affine(self) -> bool:
        """Whether the known drift is linear."""
        return isinstance(self.function, AbstractDrift) and self.function.as_affine() is not None

    @property
    def stable(self) -> bool:
        """Whether the known drift is a stable `LinearDrift`, which has a stationary distribution."""
        if not isinstance(self.function, LinearDrift):
            return False
        return bool(np.all(np.linalg.eigvals(np.asarray(self.function.matrix)).real > 0))

    @property
    def constant(self) -> bool:
        """Whether the known diffusion is additive."""
        return getattr(self.function, "constant", False)

    @property
    def diagonal(self) -> bool:
        """Whether the known diffusion is additive and independent between states."""
        if not self.constant:
            return False
        diffusion: Any = self.function
        factor = np.asarray(diffusion.factor)  # also read within a program that is being traced
        rate = factor @ factor.T
        return bool(np.all(rate == np.diag(np.diagonal(rate))))

    def sample(
        self,
        state_dim: int,
        diffusion: AbstractDiffusion | None = None,
        *,
        variance: Vector | None = None,
    ) -> Any:
        """Return the known function, in the precision in force."""
        known = (as_diffusion if diffusion is None else as_drift)(self.function)
        known = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype=float), known)
        _check_result("Fixed", known, state_dim, diffusion is None)
        return known

    def describe(self, variance_drawn: bool = False) -> str:
        """Say what is fixed."""
        name = getattr(self.function, "__name__", type(self.function).__name__)
        return f"Fixed: {name}"
