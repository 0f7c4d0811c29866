"""The contract of priors over fields, and the nonlinear drift that every one of them gives."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import ClassVar, cast

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax.scipy.special import erfinv, ndtr, ndtri
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import Numbers, Positive, PositiveNumbers
from sdebayes._core.types import Vector
from sdebayes.dynamics import AbstractDiffusion, AbstractField, FieldDrift, LinearDrift
from sdebayes.priors.base import AbstractDiffusionPrior, AbstractDriftPrior, DataScale, Dims
from sdebayes.priors.constants import constant, say
from sdebayes.priors.linear import Linear

# Decision 0020: a drift that bends slowly is a small part of a long and high field, beside a linear part of any rate.
_ROOM, _VARIANCE_SPREAD = 3.0, 2.0


@checked
@dataclass(frozen=True, eq=False)
class AbstractFieldPrior(AbstractDriftPrior):
    r"""A prior over bounded, smooth functions of the state with mean zero; as a drift, a stable linear map beside it.

    .. math:: f_j(x) = [A (b - x)]_j + α_j d_j u_j(x), \qquad α_j \sim \mathrm{HalfNormal}(a),

    where u has prior mean 0 and prior standard deviation 1 around the data, and :math:`d_j` is the size of a drift
    that moves the data as they are seen to move. Where the states are observed exactly it is three times the larger of
    s_j / T_j, with the data's standard deviation and decorrelation time, and q_j / s_j, with their mean squared
    increment per unit of time, which a drift has to balance: a drift that bends slowly is what is left of a field of
    long length-scales, larger than itself, beside the linear part. Behind observation noise it is
    :math:`Σ_{jj} / 2\sqrt{P_{jj}}`. That is far too small for a path that the drift drives and noise hardly moves:
    there, give ``drift_scale``.

    Parameters
    ----------
    mean
        Prior of the linear part, a stable `Linear`; default: one whose stationary variance may differ much from the
        data's, ``Linear(variance_spread=2.0)``, for beside a field it says nothing of where the path stays.
    amplitude
        Prior scale a.
    shared_amplitude
        Whether all states have the same α. Many states have much to say of one amplitude and each little of its own,
        which then has a wide posterior that samplers are slow in.
    drift_scale
        d_j, (state,) or a number, in state per unit of time; default: the rule above.
    location, state_scale
        Middle and standard deviation of each state that the field counts in, (state,) or a number; default: the data's
        middle, and the standard deviation that the observation's prior expects of the path.
    data_drift_scale
        The number that the rule gives d_j where the states are observed exactly, (state,); set by the data.

    Raises
    ------
    ModelError
        If the linear part is not a stable `Linear`, or a scale is not positive.
    """

    far: ClassVar[str] = "a stable linear map and a bounded field: paths come back"
    identified: ClassVar[bool] = False
    mean: Linear = field(default_factory=lambda: Linear(variance_spread=_VARIANCE_SPREAD))
    amplitude: Positive = 1.0
    shared_amplitude: bool = False
    drift_scale: PositiveNumbers | None = None
    location: Numbers | None = None
    state_scale: PositiveNumbers | None = None
    data_drift_scale: PositiveNumbers | None = None

    def __post_init__(self) -> None:
        refuse_groups(type(self).__name__, mean=self.mean)
        name = type(self).__name__
        if not self.mean.stable:
            raise ModelError(
                f"{name}: mean is {self.mean!r}; expected a stable sdebayes.priors.Linear(), without which simulated "
                "paths could explode."
            )

    def scaled_to(self, scale: DataScale) -> AbstractFieldPrior:
        """Return a copy with numbers in the place of the data-scaled constants."""
        path = scale.of_path()
        sd = np.sqrt(path.variance)
        return replace(
            self,
            mean=self.mean.scaled_to(scale),
            data_drift_scale=_ROOM * np.maximum(sd / path.decorrelation_time, path.rate / sd),
            location=scale.location if self.location is None else self.location,
            state_scale=sd if self.state_scale is None else self.state_scale,
        )

    def dims(self) -> Dims:
        """Names and dimensions of the linear part's parameters and of the field's."""
        return self.mean.dims() | self.field_dims("drift", None if self.shared_amplitude else "state")

    @abstractmethod
    def field_dims(self, name: str, output: str | None) -> Dims:
        """Names and dimensions of the field's interpretable parameters; weights are none.

        Parameters
        ----------
        name
            Prefix of its sites.
        output
            Dimension of the outputs; None where one amplitude is shared by all.
        """

    @abstractmethod
    def sample_field(
        self,
        name: str,
        state_dim: int,
        scale: Float[Array, " output"],
        shared_amplitude: bool = False,
        beside: Float[Array, "linear output"] | None = None,
    ) -> AbstractField:
        """Draw α_j d_j u_j(x) inside a NumPyro model.

        Parameters
        ----------
        name
            Prefix of its sites.
        state_dim
            Number of states.
        scale
            d, (output,).
        shared_amplitude
            Whether all outputs have the same α.
        beside
            Value at the location and slopes, (1 + state, output), of about the function that the field is added to.
            The law does not depend on it; the sampler's coordinates may.
        """

    @abstractmethod
    def describe_field(self, symbol: str) -> list[str]:
        """Say the law of u in words and formulas, a line each; ``symbol`` is the field's name in formulas."""

    def sample_amplitude(self, name: str, output_dim: int, shared: bool) -> Float[Array, " output"]:
        """Draw α, (output,), as a function of a standard normal value, whose posterior has light tails near α = 0."""
        law = dist.Normal(0.0, 1.0)
        z = numpyro.sample(
            f"{name}_amplitude_quantile", law if shared else law.expand([output_dim]).to_event(1)
        )
        amplitude = numpyro.deterministic(f"{name}_amplitude", self.amplitude * half_normal_quantile(z))
        return jnp.broadcast_to(amplitude, (output_dim,))

    def sample(
        self, state_dim: int, diffusion: AbstractDiffusion, *, variance: Vector | None = None
    ) -> FieldDrift:
        """Draw the linear part and the field inside a NumPyro model."""
        linear = cast("LinearDrift", self.mean.sample(state_dim, diffusion, variance=variance))
        owner = type(self).__name__
        if self.drift_scale is not None:
            scale = jnp.asarray(constant("drift_scale", self.drift_scale, owner, state_dim))
        elif variance is None:
            scale = jnp.asarray(constant("data_drift_scale", self.data_drift_scale, owner, state_dim))
        else:
            sigma = diffusion.reference(linear.location)
            scale = 0.5 * jnp.diagonal(sigma) / jnp.sqrt(variance)
        location = jnp.asarray(constant("location", self.location, owner, state_dim))
        beside = jnp.concatenate([linear(location)[None], linear.jacobian(location).T])
        return FieldDrift(
            linear, self.sample_field("drift", state_dim, scale, self.shared_amplitude, beside=beside)
        )

    def describe(self, variance_drawn: bool = False) -> str:
        """Say the prior in words and formulas."""
        head, *lines = self.mean.describe(variance_drawn).split("\n")
        known = self.data_drift_scale if self.drift_scale is None else self.drift_scale
        size = (
            "½Σ_jj/√P_jj"
            if variance_drawn and self.drift_scale is None
            else say(known, f"{_ROOM:g} max(s_j/T_j, q_j/s_j) of the data") + " per unit of time"
        )
        alpha = "α" if self.shared_amplitude else "α_j"
        return "\n".join(
            [
                f"Drift: f(x) = A (b − x) + u(x), {self.title}",
                "  linear part: " + head.removeprefix("Drift: linear, "),
                *("  " + line for line in lines),
                f"  u_j(x) = {alpha} d_j g_j(x), {alpha} ~ HalfNormal({self.amplitude:g}), d_j = {size}",
                *("  " + line for line in self.describe_field("g")),
            ]
        )


def half_normal_quantile(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return the half-normal law's quantile at Φ(z): |N(0, 1)| in law where z is standard normal."""
    small = jnp.sqrt(2.0) * erfinv(ndtr(jnp.where(z < 0, z, 0.0)))
    return jnp.where(z < 0, small, -ndtri(0.5 * ndtr(-jnp.where(z < 0, 0.0, z))))


def refuse_groups(owner: str, **parts: AbstractDriftPrior | AbstractDiffusionPrior) -> None:
    """Raise a ModelError if a prior that is a part of another one has by_group: the whole has it, or has not."""
    for name, part in parts.items():
        if part.by_group:
            raise ModelError(
                f"{owner}: {name} has by_group=True; give it to the whole, {owner}(by_group=True)."
            )
