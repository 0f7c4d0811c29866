"""Bayesian neural networks as priors over fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import Count, Positive
from sdebayes.dynamics import Network
from sdebayes.dynamics.network import Activation, activation_function
from sdebayes.priors.base import Dims
from sdebayes.priors.constants import constant, say
from sdebayes.priors.field import AbstractFieldPrior

# Evidence for a limit cycle's drift (2 states, N = 1,000, 3 seeds) in the limit of wide layers, in nats beside the best
# squared-exponential kernel's: −1.6 to 0.1 at 2; −2.3 to −0.5 at 3; −3.8 to −1.5 at 5. At 1 it is 0.8 to 2.3, but
# there little is left to tell places beyond two standard deviations apart.
_REACH = 2.0


@checked
@dataclass(frozen=True, eq=False)
class BNN(AbstractFieldPrior):
    r"""A Bayesian neural network u beside a stable linear drift; or, in a diffusion, a field of its own.

    .. math::
        a_1 = \frac{W_1^\top z + b_1}{\sqrt{1 + |z|^2 / ρ^2}}, \quad z = \frac{x - m}{s}, \qquad
        a_{l+1} = W_{l+1}^\top φ(a_l) + b_{l+1}, \qquad u = a_{L+1},

    with :math:`ρ = 2\sqrt{n}` in n states, L hidden layers of widths :math:`h_l`, and independent normal weights,

    .. math::
        W_1 \sim N(0, r_1^2 / n), \quad b_1 \sim N(0, r_1^2 ρ^2 / n), \qquad
        W_{l+1} \sim N\!\left(0, \frac{r_{l+1}^2}{(h_l + 1)\, q_l}\right), \quad
        b_{l+1} \sim N\!\left(0, \frac{r_{l+1}^2}{h_l + 1}\right), \qquad q_l = \mathrm{E}\, φ(a_l)^2,

    sampled in units of their standard deviations. The scales :math:`r_l` of the hidden layers are learned;
    :math:`r_{L+1} = 1`. Divided by the root, the first layer sees x as a point on a sphere: so the input of every layer
    has the same prior standard deviation at every x, :math:`2 r_1` for the first and :math:`r_l` for the others, and u
    has 1. The scales say how nonlinear u is, and nothing about its size.

    Parameters
    ----------
    mean, amplitude, shared_amplitude, drift_scale, location, state_scale, data_drift_scale
        Linear part, size and scales of the field, as in every `AbstractFieldPrior`.
    hidden
        Width of each hidden layer.
    activation
        φ: ``"tanh"`` or ``"swish"``. ReLU has no second derivative, which schemes need.
    layer_scale
        Prior median of r_l.
    layer_scale_spread
        Prior standard deviation of log r_l.
    by_group
        Whether each group of trajectories has a drift of its own, near one that all share.

    Raises
    ------
    ModelError
        If a width is not a whole number of at least 1, the activation is not known, or a constant is out of range.

    See Also
    --------
    sdebayes.priors.GP : The usual choice, whose parameters are fewer.

    References
    ----------
    Neal (1996), Bayesian Learning for Neural Networks, sec. 2.1, doi:10.1007/978-1-4612-0745-0, for weights whose
    prior scale falls with the width, so that functions have the same distribution in networks of any width.

    Examples
    --------
    >>> drift = sb.priors.BNN(hidden=(16,), activation="swish")
    >>> drift.overparameterized
    True
    >>> list(drift.dims())
    ['equilibrium', 'drift_matrix', 'stationary_variance', 'drift_amplitude', 'drift_layer_scale_1']
    """

    title: ClassVar[str] = "Bayesian neural network"
    overparameterized: ClassVar[bool] = True
    hidden: Sequence[Count] = (32, 32)
    activation: Activation = "tanh"
    layer_scale: Positive = 1.0
    layer_scale_spread: Positive = 0.5
    by_group: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.hidden:
            raise ModelError(
                f"BNN: hidden is {self.hidden!r}; expected the width of each hidden layer, for example (32, 32)."
            )

    def field_dims(self, name: str, output: str | None) -> Dims:
        """Names and dimensions of α and of each layer's scale."""
        scales: Dims = {f"{name}_layer_scale_{layer}": [] for layer in range(1, len(self.hidden) + 1)}
        return {f"{name}_amplitude": [] if output is None else [output]} | scales

    def sample_field(
        self,
        name: str,
        state_dim: int,
        scale: Float[Array, " output"],
        shared_amplitude: bool = False,
        beside: Float[Array, "linear output"] | None = None,
    ) -> Network:
        """Draw α_j d_j u_j(x) inside a NumPyro model."""
        radius = _REACH * float(np.sqrt(state_dim))
        spread: Any = 1 / np.sqrt(state_dim)
        bias_input: Any = radius
        layers = []
        for layer, (inputs, units) in enumerate(pairwise((state_dim, *self.hidden)), 1):
            size = self._layer_scale(f"{name}_layer_scale_{layer}")
            layers.append(
                _affine(f"{name}_weights_{layer}", inputs, size * spread * jnp.ones(units), bias_input)
            )
            bias_input = self._activity(_REACH * size if layer == 1 else size)
            spread = 1 / (bias_input * jnp.sqrt(units + 1.0))
        size = scale * self.sample_amplitude(name, scale.shape[0], shared_amplitude)
        layers.append(_affine(f"{name}_weights_{layer + 1}", units, size * spread, bias_input))
        weights, biases = zip(*layers, strict=True)
        owner = type(self).__name__
        return Network(
            weights,
            biases,
            jnp.asarray(constant("location", self.location, owner, state_dim)),
            jnp.asarray(constant("state_scale", self.state_scale, owner, state_dim)),
            radius,
            self.activation,
        )

    def _layer_scale(self, name: str) -> Float[Array, ""]:
        return numpyro.sample(name, dist.LogNormal(jnp.log(self.layer_scale), self.layer_scale_spread))

    def _activity(self, sd: Float[Array, ""]) -> Float[Array, ""]:
        """Return the root mean square of φ(a), a ~ N(0, sd²), by the trapezoidal rule."""
        # Not NumPy constants: JAX 0.12 mixes up their precisions between a trace and an eager call.
        nodes = jnp.linspace(-8.0, 8.0, 161, dtype=sd.dtype)
        mass = jnp.exp(-0.5 * nodes**2)
        activation = activation_function(self.activation)
        return jnp.sqrt(activation(sd * nodes) ** 2 @ (mass / mass.sum()))

    def describe_field(self, symbol: str) -> list[str]:
        """Say the distribution of the network in words and formulas."""
        widths = " and ".join(str(width) for width in self.hidden)
        return [
            f"{symbol}(x): network of {widths} {self.activation} units, "
            "prior mean 0 and standard deviation 1 at every x",
            f"  inputs z = (x − m)/s, m = {say(self.location, 'data mean')}, "
            f"s = {say(self.state_scale, 'standard deviation of the path')}, "
            f"drawn into a ball of radius {_REACH:g}·√states",
            "  weights ~ Normal(0, r_l²/inputs), inputs in units of their root mean square, "
            f"log r_l ~ Normal(log {self.layer_scale:g}, {self.layer_scale_spread:g})",
        ]


def _affine(
    name: str, inputs: int, spread: Float[Array, " units"], bias_input: Any
) -> tuple[Float[Array, "inputs units"], Float[Array, " units"]]:
    """Draw a layer's weights and biases; a bias is the weight of one more input, which is constant."""
    law = dist.Normal(0.0, 1.0).expand([inputs + 1, spread.shape[0]]).to_event(2)
    rows = spread * numpyro.sample(name, law)
    return rows[:-1], bias_input * rows[-1]
