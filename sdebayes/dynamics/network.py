"""A multilayer perceptron as a bounded, smooth field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sdebayes._core.arguments import Said, checked
from sdebayes._core.types import Vector
from sdebayes.dynamics.field import AbstractField

type Activation = Annotated[
    Literal["tanh", "swish"],
    Said("'tanh' or 'swish', which have the second derivatives that schemes need", lambda value: True),
]

_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {"tanh": jnp.tanh, "swish": jax.nn.swish}


@checked
class Network(AbstractField):
    r"""A multilayer perceptron, (state,) → (output,), that is smooth, and bounded whatever its activation.

    .. math::
        a_1 = \frac{W_1^\top z + b_1}{\sqrt{1 + |z|^2 / ρ^2}}, \quad z = \frac{x - m}{s}, \qquad
        a_{l+1} = W_{l+1}^\top φ(a_l) + b_{l+1}.

    The first layer is the linear map of the point (z, ρ) carried to the sphere of radius ρ: the units change sign
    where those of an ordinary perceptron do, but never grow beyond :math:`|(W_1, b_1 / ρ)| ρ`.

    Parameters
    ----------
    weights
        W_l of each layer, (inputs, units); the first has ``state`` inputs, the last ``output`` units.
    biases
        b_l of each layer, (units,).
    location, state_scale
        m and s, (state,).
    radius
        ρ, in standard deviations.
    activation
        φ: ``"tanh"`` or ``"swish"``, z / (1 + e⁻ᶻ).

    Raises
    ------
    ModelError
        If the activation is not known.

    See Also
    --------
    sdebayes.priors.BNN : Its prior.

    Examples
    --------
    >>> weights = (jnp.ones((2, 8)), jnp.ones((8, 1)))
    >>> biases = (jnp.zeros(8), jnp.zeros(1))
    >>> network = sb.dynamics.Network(weights, biases, jnp.zeros(2), jnp.ones(2), radius=2.8)
    >>> network(jnp.array([0.0, 0.0])).tolist()
    [0.0]
    """

    weights: tuple[Float[Array, "_inputs _units"], ...]
    biases: tuple[Float[Array, " _units"], ...]
    location: Vector
    state_scale: Vector
    radius: float = eqx.field(static=True)
    activation: Activation = eqx.field(static=True, default="tanh")

    def __check_init__(self) -> None:
        activation_function(self.activation)

    def __call__(self, x: Vector) -> Float[Array, " output"]:
        """Return the value at x, (output,)."""
        activation = activation_function(self.activation)
        z = (x - self.location) / self.state_scale
        a = (z @ self.weights[0] + self.biases[0]) / jnp.sqrt(1 + z @ z / self.radius**2)
        for weights, biases in zip(self.weights[1:], self.biases[1:], strict=True):
            a = activation(a) @ weights + biases
        return a


def activation_function(name: str) -> Callable[[Array], Array]:
    """Return the activation of a name."""
    return _ACTIVATIONS[name]
