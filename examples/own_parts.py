"""One part of each kind, written outside of the package: docs/how-to/extend.md shows them, the tests use them."""

import re
import string
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.infer.autoguide import AutoMultivariateNormal
from numpyro.infer.initialization import init_to_value

from sdebayes.data import Step, Steps
from sdebayes.dynamics import FunctionBasis, ParametricDiffusion, ParametricDrift, ScaleMixture
from sdebayes.inference import AbstractGuide, AbstractStrategy, Draws, Finding
from sdebayes.likelihood import ExtendedKalman, GaussianFilter, Kalman
from sdebayes.model import AbstractObservation, ObservationDraw
from sdebayes.priors import AbstractDiffusionPrior, AbstractDriftPrior, AbstractLibrary
from sdebayes.schemes import AbstractScheme


class Heun(AbstractScheme):
    """The mean by Heun's rule, the covariance by Euler–Maruyama's."""

    def transition(self, sde, x, t, dt):
        """Return the mean and covariance of X(t + Δt) given X(t) = x."""
        here = sde.drift(x, t)
        there = sde.drift(x + here * dt, t + dt)
        return x + 0.5 * (here + there) * dt, sde.covariance(x, t) * dt


def two_wells(x, t, p):
    """Return f_j(x) = a_j (2 w_j tanh(x_j / w_j) − x_j)."""
    return p["rate"] * (2 * p["width"] * jnp.tanh(x / p["width"]) - x)


@dataclass(frozen=True, eq=False)
class TwoWells(AbstractDriftPrior):
    """Wells near ±2w in each state, by default as far from 0 as the data spread."""

    title: ClassVar[str] = "two wells in each state"
    far: ClassVar[str] = "back to the wells, at a constant rate"
    rate: Any = None
    width: Any = None

    def scaled_to(self, scale):
        """Return a copy with numbers in the place of what is scaled to data."""
        rate = 1 / scale.decorrelation_time if self.rate is None else self.rate
        return replace(
            self, rate=rate, width=np.sqrt(scale.variance) / 2 if self.width is None else self.width
        )

    def dims(self):
        """Return the parameters that a reader wants to see, and their dimensions."""
        return {"well_rate": ["state"], "well_width": ["state"]}

    def sample(self, state_dim, diffusion, *, variance=None):
        """Draw a and w, and return the drift."""
        rate = numpyro.sample("well_rate", dist.HalfNormal(jnp.asarray(self.rate)).to_event(1))
        width = numpyro.sample(
            "well_width", dist.LogNormal(jnp.log(jnp.asarray(self.width)), 0.5).to_event(1)
        )
        return ParametricDrift(two_wells, {"rate": rate, "width": width})

    def describe(self, variance_drawn=False):
        """Say the prior."""
        return f"Drift: a (2 w tanh(x/w) − x), a ~ HalfNormal({self.rate}), log w ~ Normal(log {self.width}, 0.5)"


def growing(x, t, p):
    """Return the factor G(x) = diag(g_j √(1 + x_j²/s_j²))."""
    return jnp.diag(p["level"] * jnp.sqrt(1 + (x / p["spread"]) ** 2))


@dataclass(frozen=True, eq=False)
class Growing(AbstractDiffusionPrior):
    """Noise that grows with the distance from 0."""

    title: ClassVar[str] = "noise that grows outwards"
    rate: Any = None
    spread: Any = None

    def scaled_to(self, scale):
        """Return a copy with numbers in the place of what is scaled to data."""
        return replace(self, rate=scale.rate, spread=np.sqrt(scale.variance))

    def dims(self):
        """Return the parameter and its dimension."""
        return {"noise_level": ["state"]}

    def sample(self, state_dim, *, variance=None):
        """Draw g, and return the diffusion."""
        prior = dist.LogNormal(0.5 * jnp.log(jnp.asarray(self.rate)), 0.5).to_event(1)
        level = numpyro.sample("noise_level", prior)
        return ParametricDiffusion(growing, {"level": level, "spread": jnp.asarray(self.spread)})

    def describe(self, variance_drawn=False):
        """Say the prior."""
        return f"Diffusion: G_jj = g √(1 + x²/s²), s = {self.spread}, log g ~ Normal(½ log {self.rate}, 0.5)"


@dataclass(frozen=True, eq=False)
class Instrument(AbstractObservation):
    """States read by an instrument whose standard error its maker tells."""

    error: float = 0.1

    def likelihood(self, linear, scheme):
        """Return how the distribution of trajectories is computed."""
        return Kalman(scheme) if linear else GaussianFilter(scheme, ExtendedKalman())

    def sample(self, state_dim):
        """Return H = I, R, no trajectory effect, and no variance that is drawn here."""
        same = jnp.eye(state_dim)
        return ObservationDraw(same, self.error**2 * same, 0 * same, None)

    def describe(self):
        """Say the observation."""
        return f"Observation: Y = X + ε, ε ~ Normal(0, {self.error:g}²)"


@dataclass(frozen=True)
class FailingInstrument(Instrument):
    """The same, of whose readings some are much farther off."""

    outliers: float = 0.05
    factor: float = 10.0
    normal = False

    def likelihood(self, linear, scheme):
        """Return the filter that meets each reading with both errors."""
        return GaussianFilter(scheme, ExtendedKalman(), trajectory_effect=False, linear=linear)

    def sample(self, state_dim):
        """Multiply R by one, or by the squared factor."""
        shares = jnp.array([1 - self.outliers, self.outliers])
        scales = ScaleMixture(jnp.log(shares), jnp.array([1.0, self.factor**2]))
        return super().sample(state_dim)._replace(noise_scales=scales)

    def describe(self):
        """Say the observation."""
        return f"{super().describe()}, or {self.factor:g} times as far off with probability {self.outliers:g}"


@dataclass(frozen=True)
class RandomWalk(AbstractStrategy):
    """Metropolis's random walk on unconstrained space, in blocks that a checkpoint keeps."""

    draws: int = 1000
    stride: float = 0.3
    block: int = 100

    def run(self, problem, options):
        """Draw from the posterior."""
        target = problem.target
        state = (target.start, self.potential(target, target.start))
        kept = options.checkpoint
        state, blocks = (state, []) if kept is None else kept.restore(0, state)
        walk = jax.jit(lambda state, keys: jax.lax.scan(lambda s, k: self.move(target, s, k), state, keys))
        for number in range(len(blocks), -(-self.draws // self.block)):
            state, found = walk(state, jax.random.split(jax.random.fold_in(options.key, number), self.block))
            blocks.append({name: np.asarray(values) for name, values in found.items()})
            if kept is not None:
                kept.keep(0, state, blocks)
        found = {name: np.concatenate([block[name] for block in blocks])[None] for name in blocks[0]}
        return Draws(found.pop("position"), found)

    def potential(self, target, v):
        """Return −log p(v, y)."""
        return target.density.potential(v, target.data, target.density.no_whitening)

    def move(self, target, state, key):
        """Propose a step, and take it or not."""
        (v, energy), (step_key, choice_key) = state, jax.random.split(key)
        there = v + self.stride * jax.random.normal(step_key, v.shape, v.dtype)
        proposed = self.potential(target, there)
        taken = jnp.log(jax.random.uniform(choice_key, dtype=v.dtype)) < energy - proposed
        v, energy = jnp.where(taken, there, v), jnp.where(taken, proposed, energy)
        return (v, energy), {"position": v, "lp": -energy, "accepted": taken}

    @staticmethod
    def findings(tree, parts):
        """Judge the share of moves that were taken."""
        share = float(tree["sample_stats"]["accepted"].mean())
        fine = 0.1 < share < 0.6
        advice = "" if fine else "Change the stride."
        return [Finding("Acceptance", "good" if fine else "warning", f"{share:.0%} of the moves.", advice)]


@dataclass(frozen=True)
class FullNormal(AbstractGuide):
    """A normal distribution with any covariance."""

    def build(self, program, dimension):
        """Return NumPyro's guide for a program with the one site u."""
        middle = init_to_value(values={"u": jnp.zeros(dimension)})
        return AutoMultivariateNormal(program, init_loc_fn=middle, init_scale=0.5)


class Letters:
    """An encoder: the share of each letter in a text."""

    identity = "letters 1"

    def encode(self, texts):
        """Embed each text, (text, letter)."""
        return np.array(
            [[text.lower().count(one) / len(text) for one in string.ascii_lowercase] for text in texts]
        )


@dataclass(frozen=True)
class Words(Steps):
    """So many words in a step; what is left at the end is left out."""

    count: int = 20

    @property
    def meaning(self):
        """What a step is, for the report."""
        return f"{self.count} words"

    def cut(self, text):
        """Cut a text into steps."""
        words = list(re.finditer(r"\S+", text))
        firsts = range(0, len(words) - self.count + 1, self.count)
        groups = [words[first : first + self.count] for first in firsts]
        return [Step((" ".join(word[0] for word in group),), group[0].start()) for group in groups]


def waves(x):
    """Return 1, and sine and cosine of each state."""
    return jnp.concatenate([jnp.ones(1, x.dtype), jnp.sin(x), jnp.cos(x)])


@dataclass(frozen=True, eq=False)
class Waves(AbstractLibrary):
    """A library for `sdebayes.priors.Sparse`: waves along each state."""

    size: Any = None

    def basis(self, state_dim):
        """Return the functions."""
        return FunctionBasis(waves)

    def names(self, states):
        """Return a name for each function."""
        return ["1", *(f"sin {state}" for state in states), *(f"cos {state}" for state in states)]
