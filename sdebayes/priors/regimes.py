"""Several drifts, and perhaps diffusions, between which a Markov chain switches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, Float, PyTree
from numpyro.handlers import scope, trace

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import CountFromTwo, Positive
from sdebayes._core.types import Vector
from sdebayes.dynamics import AbstractDiffusion, AbstractDrift
from sdebayes.priors.base import AbstractDiffusionPrior, AbstractDriftPrior, DataScale, Dims
from sdebayes.priors.constants import say
from sdebayes.priors.linear import Linear

RATES, RATIOS = "switching_rates", "regime_variance_ratio"
"""Sites: the rates of leaving each regime for each other one, row by row, and how each regime's variance differs."""

SHORTEST_DWELL = 5
_RATIO_SPREAD = 0.5


class Switching(NamedTuple):
    """What the regimes are made of, each array with a leading regime axis.

    Attributes
    ----------
    drift
        All drifts.
    diffusion
        All diffusions.
    generator
        Q, (regime, regime), in 1/time.
    """

    drift: AbstractDrift
    diffusion: AbstractDiffusion
    generator: Float[Array, "regime regime"]


@checked
@dataclass(frozen=True, eq=False)
class Regimes(AbstractDriftPrior):
    r"""A drift, and perhaps a diffusion, for each regime Z of a Markov chain in continuous time.

    .. math::
        dX = f_Z(X, t)\,dt + G_Z(X, t)\,dW, \qquad P(Z_{t + Δt} = j \mid Z_t = i) = \exp(Q Δt)_{ij},
        \qquad \log q_{ij} \sim N(-\log((n - 1)\, D), s^2), \quad i \neq j.

    All regimes have the same prior, so none is a first one: after a fit they are put in order, the one that most steps
    are of first. Z is summed out and never sampled. It stays as it is over a step, as the one at its start. Z₁ has the
    stationary distribution of Q, and the first state the distribution that it has in this regime: the stationary one
    where a single drift would have it. Give it as the drift of an `SDEModel`.

    Parameters
    ----------
    n
        Number of regimes, at least 2.
    drift
        Prior of each regime's drift.
    diffusion
        Prior of each regime's diffusion, in the place of the model's. None: all regimes share the diffusion of the
        model, and their drifts alone differ.
    dwell_time
        D, prior median of the mean time that is spent in a regime at a stretch, of two regimes (and about that of
        more), in time; default: the geometric mean of five steps and the median duration of a trajectory.
    dwell_time_spread
        s, prior standard deviation of the log of a rate; default: half the log of that duration over five steps, at
        least 1, so that two thirds of the dwell times lie between them.

    Raises
    ------
    ModelError
        If ``n`` is no whole number from 2 on, a part has ``by_group`` or is `Regimes` itself.

    See Also
    --------
    sdebayes.analysis.regimes.dwell_times : How long each lasts.
    sdebayes.Posterior : Whose ``regime_probability`` says which one each step is of.

    Notes
    -----
    Where the observation draws the variance v of the path, each regime has its own, :math:`v_j r_{zj}` with
    :math:`\log r_{zj} \sim N(0, ½^2)`, beside that of a change of regime.

    References
    ----------
    Hamilton (1989), doi:10.2307/1912559; as a model of sentences: arXiv 2506.04374.

    Examples
    --------
    >>> drift = sb.priors.Regimes(2, diffusion=sb.priors.Constant())
    >>> data, truth = sb.datasets.benchmark("double_well", 100, 0.1, n_trajectories=4)
    >>> posterior = sb.fit(sb.SDEModel(drift, observation=sb.Exact()), data, sb.Laplace(draws=50), seed=0)
    >>> dict(posterior.regime_probability(data)["probability"].sizes)
    {'sample': 50, 'trajectory': 4, 'time': 100, 'regime': 2}
    """

    title: ClassVar[str] = "regimes"
    n: CountFromTwo
    drift: AbstractDriftPrior = field(default_factory=Linear)
    diffusion: AbstractDiffusionPrior | None = None
    dwell_time: Positive | None = None
    dwell_time_spread: Positive | None = None

    def __post_init__(self) -> None:
        if isinstance(self.drift, Regimes):
            raise ModelError("Regimes: the drift is Regimes itself; give Regimes of all of them together.")
        for name, part in (("drift", self.drift), ("diffusion", self.diffusion)):
            if part is not None and part.by_group:
                raise ModelError(
                    f"Regimes: the {name} has by_group=True, but regimes are the same in all groups; fit each group "
                    "by itself, or leave by_group out."
                )

    @property
    def labels(self) -> list[int]:
        """The names of the regimes, from 1 on."""
        return list(range(1, self.n + 1))

    @property
    def far(self) -> str:
        """What a draw does far from the data."""
        return f"{self.drift.far}, in each regime"

    @property
    def affine(self) -> bool:
        """Whether the drift of every regime is linear."""
        return self.drift.affine

    @property
    def stable(self) -> bool:
        """Whether the drift of every regime is a stable linear map."""
        return self.drift.stable

    @property
    def smooth(self) -> bool:
        """Whether the density is a smooth function of the parameters."""
        return self.drift.smooth

    @property
    def identified(self) -> bool:
        """Whether a function has one value of the parameters."""
        return self.drift.identified

    @property
    def overparameterized(self) -> bool:
        """Whether very different weights make one function."""
        return self.drift.overparameterized

    @property
    def may_explode(self) -> bool:
        """Whether a draw may send paths to infinity in finite time."""
        return self.drift.may_explode

    def scaled_to(self, scale: DataScale) -> Regimes:
        """Return a copy with numbers in the place of the data-scaled constants."""
        shortest = SHORTEST_DWELL * scale.step
        longest = max(scale.duration, shortest)
        spread = max(0.5 * float(np.log(longest / shortest)), 1.0)
        middle = float(np.sqrt(shortest * longest))
        return replace(
            self,
            drift=self.drift.scaled_to(scale),
            diffusion=None if self.diffusion is None else self.diffusion.scaled_to(scale),
            dwell_time=middle if self.dwell_time is None else self.dwell_time,
            dwell_time_spread=spread if self.dwell_time_spread is None else self.dwell_time_spread,
        )

    def dims(self) -> Dims:
        """Names and dimensions of the parameters: each regime's, and the mean dwell times and rates of change."""
        own = self.drift.dims() | ({} if self.diffusion is None else self.diffusion.dims())
        return {name: ["regime", *dims] for name, dims in own.items()} | {
            "dwell_time": ["regime"],
            "switching_rate": ["regime", "regime_bis"],
        }

    def coords(self) -> dict[str, list[str]]:
        """Labels of dimensions that are the drift prior's own."""
        return self.drift.coords()

    def sample(
        self, state_dim: int, diffusion: AbstractDiffusion, *, variance: Vector | None = None
    ) -> AbstractDrift:
        """Refuse: there are several drifts; `sample_all` draws them."""
        raise ModelError("Regimes are several drifts; give them as SDEModel(drift=Regimes(...)).")

    def sample_all(
        self, state_dim: int, shared: AbstractDiffusionPrior, variance: Vector | None
    ) -> Switching:
        """Draw all regimes inside a NumPyro model.

        Parameters
        ----------
        state_dim
            Number of states.
        shared
            The model's diffusion prior: of all regimes together where they have none of their own.
        variance
            Stationary variance of each state, (state,), where the observation has drawn it already.

        Returns
        -------
        Switching
            Drifts, diffusions and Q.
        """
        generator = self._sample_generator()
        variances = self._sample_variances(variance)
        if self.diffusion is None:
            diffusions = [shared.sample(state_dim, variance=variance)] * self.n
        else:
            prior = self.diffusion
            diffusions = self._each(lambda k: prior.sample(state_dim, variance=variances[k]), prior.dims())
        drifts = self._each(
            lambda k: self.drift.sample(state_dim, diffusions[k], variance=variances[k]), self.drift.dims()
        )
        return Switching(_stacked(drifts), _stacked(diffusions), generator)

    def _sample_generator(self) -> Float[Array, "regime regime"]:
        middle, spread = self._dwell
        count = self.n * (self.n - 1)
        law = dist.LogNormal(-np.log((self.n - 1) * middle), spread).expand([count]).to_event(1)
        off = jnp.zeros((self.n, self.n)).at[off_diagonal(self.n)].set(numpyro.sample(RATES, law))
        numpyro.deterministic("switching_rate", off)
        numpyro.deterministic("dwell_time", 1 / off.sum(1))
        return off - jnp.diag(off.sum(1))

    @property
    def _dwell(self) -> tuple[float, float]:
        if self.dwell_time is None or self.dwell_time_spread is None:
            raise ModelError(
                "Regimes: the prior of dwell times is scaled to data that it has not seen; call "
                "model.scaled_to(data), or give dwell_time= and dwell_time_spread= yourself."
            )
        return self.dwell_time, self.dwell_time_spread

    def _sample_variances(self, variance: Vector | None) -> list[Vector | None]:
        if variance is None:
            return [None] * self.n
        law = dist.LogNormal(0.0, _RATIO_SPREAD).expand([self.n, *variance.shape]).to_event(2)
        return list(variance * numpyro.sample(RATIOS, law))

    def _each(self, draw: Callable[[int], Any], dims: Dims) -> list[Any]:
        """Draw a part for each regime, and what readers want to see of all as one array."""
        drawn, found = [], []
        for k, label in enumerate(self.labels):
            prefix = site_prefix(label)
            with scope(prefix=prefix, divider=""), trace() as sites:
                drawn.append(draw(k))
            found.append({name.removeprefix(prefix): site["value"] for name, site in sites.items()})
        for name in dims:
            numpyro.deterministic(name, jnp.stack([one[name] for one in found]))
        return drawn

    def describe(self, variance_drawn: bool = False) -> str:
        """Say the prior in words and formulas."""
        own = [self.drift] + ([] if self.diffusion is None else [self.diffusion])
        of_each = "\n".join(part.describe(variance_drawn) for part in own)
        middle, spread = (
            say(self.dwell_time, "√(5 steps · duration)"),
            say(self.dwell_time_spread, "½ log(duration / 5 steps)"),
        )
        lines = [
            f"Regimes: {self.n}, Z a Markov chain of rates q_ij, held over a step; Z₁ ~ its stationary distribution",
            f"  log q_ij ~ Normal(−log({self.n - 1} · {middle}), {spread})",
            *(["  P_jj of regime z: times r_zj, log r_zj ~ Normal(0, ½)"] if variance_drawn else []),
            "In each regime:",
            *(f"  {line}" for line in of_each.split("\n")),
        ]
        return "\n".join(lines)


def site_prefix(label: int) -> str:
    """Return what the names of the sites of one regime begin with."""
    return f"regime_{label}_"


def off_diagonal(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the places off the diagonal of (n, n), row by row."""
    rows, columns = np.nonzero(~np.eye(n, dtype=bool))
    return rows, columns


def _stacked(parts: list[PyTree]) -> Any:
    """Stack equal parts along a new regime axis; what is no array is the same in all."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves) if eqx.is_array(leaves[0]) else leaves[0], *parts)
