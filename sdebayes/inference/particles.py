"""Draws of a Gaussian filter's posterior, corrected by particle filters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import jax
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Int

from sdebayes._core.arguments import checked
from sdebayes._core.draws import evenly_spread
from sdebayes._core.errors import InferenceError, ModelError
from sdebayes._core.kinds import Count
from sdebayes._core.types import Key
from sdebayes.inference.findings import Finding, Severity
from sdebayes.inference.importance import importance_finding, smoothed_weights
from sdebayes.inference.nuts import NUTS
from sdebayes.inference.problem import Problem
from sdebayes.inference.progress import progress_bars
from sdebayes.inference.sampling import sampling_findings
from sdebayes.inference.strategy import AbstractStrategy, Draws, RunOptions
from sdebayes.inference.target import Density
from sdebayes.likelihood.arrays import AnyFloat, Observations
from sdebayes.likelihood.particle_filter import draw_paths
from sdebayes.model.rebuild import per_draw, read_draw
from sdebayes.model.sdemodel import SDEModel

_BLOCK = 20
_UNCORRECTED, _PATHS = "uncorrected_stats", "latent_path"
_ADVICE: dict[Severity, str] = {
    "good": "",
    "note": "Means and bands are reliable, far tails less so: take more particles and draws.",
    "problem": "Few draws carry most of the weight, and the correction has failed: take more particles, a filter or "
    "scheme that is nearer the truth (UnscentedKalman(), Moments()), or part of the data.",
}


class ParticleEstimates(NamedTuple):
    """What particle filters say of a draw, or of draws along a leading axis.

    Attributes
    ----------
    log_ratio
        Log of the estimated likelihood over the Gaussian filter's.
    path
        A draw of the path, (trajectory, time, state).
    effect
        A draw of the trajectory effect, (trajectory, state).
    """

    log_ratio: AnyFloat
    path: AnyFloat
    effect: AnyFloat


@checked
@dataclass(frozen=True)
class ParticleCorrection(AbstractStrategy):
    r"""`NUTS` on the Gaussian filter's likelihood, its draws corrected by particle filters: exact under the scheme.

    Where a nonlinear drift is seen through noise, the extended and the unscented Kalman filter approximate the
    likelihood, and a posterior from them has their error. Each draw θ_s of it is weighted by

    .. math::
        w_s = \hat p(y \mid θ_s) \,/\, \tilde p(y \mid θ_s),

    :math:`\hat p` an unbiased estimate by a particle filter and :math:`\tilde p` the Gaussian filter's density, and
    draws are chosen again in proportion to w. As :math:`\hat p` has no bias, what is left is Monte-Carlo error: the
    posterior is that of the scheme's own distribution, however rough the particle filter. The more data, the more
    particles that takes: the variance of :math:`\log \hat p` grows with their number. `diagnosis` judges the weights by
    Pareto's k-hat, and what is left of the draws by R-hat and ESS.

    Parameters
    ----------
    strategy
        How the Gaussian filter's posterior is drawn.
    particles
        Number of particles.
    paths
        Draws of each chain of which the latent path is kept.

    Raises
    ------
    ModelError
        If a number is out of range, or the strategy is another.
    InferenceError
        From `run`, if all weights of a chain are zero.

    See Also
    --------
    sdebayes.NUTS : What is corrected.
    sdebayes.UnscentedKalman : A better filter, which needs less of it.

    Notes
    -----
    Each chain is resampled in its own order, so that copies stand side by side and count as correlation. The
    posterior's group ``latent_path`` has draws of the path, ``x`` (chain, draw, trajectory, time, state), NaN after a
    trajectory's end, and of the trajectory effect; the group ``uncorrected_stats`` has the statistics of the chain
    before, its weights among them. Scores, predictions and `smooth` are the Gaussian filter's, at the corrected draws.

    References
    ----------
    Vihola, Helske & Franks (2020), Importance sampling type estimators based on approximate marginal Markov chain
    Monte Carlo, doi:10.1111/sjos.12492.

    Examples
    --------
    >>> strategy = sb.ParticleCorrection(sb.NUTS(draws=500), particles=2000)
    >>> strategy.strategy.draws, strategy.particles
    (500, 2000)
    >>> strategy.corrects_filter, sb.NUTS().corrects_filter
    (True, False)
    """

    corrects_filter: ClassVar[bool] = True
    strategy: NUTS = field(default_factory=NUTS)
    particles: Count = 1000
    paths: Count = 100

    @property
    def attributes(self) -> Mapping[str, object]:
        """Those of the strategy."""
        return self.strategy.attributes

    @staticmethod
    def findings(tree: xr.DataTree, parts: Collection[str]) -> list[Finding]:
        """Judge the chain that was corrected, what is left of its draws, and the weights."""
        statistics = tree[_UNCORRECTED].to_dataset()
        sampled = xr.DataTree.from_dict(
            {"posterior": tree["posterior"].to_dataset(), "sample_stats": statistics}
        )
        sampled.attrs.update(tree.attrs)
        return [
            *sampling_findings(sampled, int(tree.attrs["max_tree_depth"]), parts),
            importance_finding(sampled, "the Gaussian filter's posterior", _ADVICE),
        ]

    def run(self, problem: Problem, options: RunOptions) -> Draws:
        """Draw from a posterior; see `AbstractStrategy.run`. A checkpoint keeps the chains before their correction."""
        _check(problem.model)
        chain_key, particle_key, choice_key = jax.random.split(options.key, 3)
        drawn = self.strategy.run(problem, replace(options, key=chain_key))
        shape = drawn.position.shape[:2]
        estimates = self._estimate(
            problem, drawn.position.reshape(-1, drawn.position.shape[-1]), particle_key, options.progress
        )
        weights = chain_weights(np.asarray(estimates.log_ratio).reshape(shape), self.particles)
        chosen = _resampled(weights, np.random.default_rng(np.asarray(jax.random.key_data(choice_key))))
        uncorrected = drawn.statistics | {"log_weight": estimates.log_ratio.reshape(shape)}
        return Draws(
            _take(drawn.position, chosen),
            {name: _take(value, chosen) for name, value in drawn.statistics.items()},
            {
                _UNCORRECTED: xr.Dataset({name: (("chain", "draw"), v) for name, v in uncorrected.items()}),
                _PATHS: self._paths(problem, estimates, chosen),
            },
        )

    def _estimate(
        self, problem: Problem, positions: Float[np.ndarray, "draw dimension"], key: Key, progress: bool
    ) -> ParticleEstimates:
        keys = np.asarray(jax.random.key_data(jax.random.split(key, len(positions))))
        with progress_bars(["particles"], len(positions), progress) as advance:
            estimate = _estimator(problem.model, problem.density, self.particles)
            return estimate(
                (positions, keys), problem.observations, advance=lambda done: advance(0, "", done)
            )

    def _paths(
        self, problem: Problem, estimates: ParticleEstimates, chosen: Int[np.ndarray, "chain draw"]
    ) -> xr.Dataset:
        count = chosen.shape[1]
        kept = evenly_spread(count, self.paths)
        sample = chosen[:, kept] + count * np.arange(len(chosen))[:, None]
        lead = ("chain", "draw", "trajectory")
        ended = np.diff(np.asarray(problem.observations.times), prepend=-np.inf, axis=1) <= 0
        path = np.where(ended[..., None], np.nan, estimates.path[sample])
        variables: dict[str, Any] = {"x": ((*lead, "time", "state"), path)}
        if problem.model.observation.trajectory_effect:
            variables["trajectory_effect"] = ((*lead, "state"), estimates.effect[sample])
        return xr.Dataset(variables, {"draw": kept, "state": list(problem.model.frozen_scale.states)})


@lru_cache(maxsize=8)
def _estimator(model: SDEModel, density: Density, particles: int) -> Callable[..., ParticleEstimates]:
    """From positions with keys, and data, to `ParticleEstimates`."""
    likelihood = model.likelihood

    def one(pair: tuple[Array, Array], data: Observations) -> ParticleEstimates:
        position, key = pair
        sde = read_draw(model, density.unravel(position)).observed
        filtered = likelihood.log_density(sde, data)
        found = draw_paths(
            sde, likelihood.scheme, data.centred(sde), particles, jax.random.wrap_key_data(key)
        )
        return ParticleEstimates(found.log_likelihood.sum() - filtered.sum(), found.path, found.effect)

    return per_draw(one, block=_BLOCK)


def _check(model: SDEModel) -> None:
    if not model.observation.normal:
        raise ModelError(
            f"ParticleCorrection has particles for normal noise, but that of {type(model.observation).__name__} has "
            "heavy tails; use sdebayes.NUTS(), or sdebayes.GaussianNoise()."
        )
    if model.pooling is not None:
        raise ModelError(
            "ParticleCorrection is for one SDE, and groups have their own (by_group); use sdebayes.NUTS()."
        )
    if model.regimes is not None:
        raise ModelError(
            "ParticleCorrection is for one SDE, and each regime has its own; use sdebayes.NUTS()."
        )
    if not model.likelihood.approximate:
        raise ModelError(
            "ParticleCorrection corrects the Gaussian filter of a nonlinear drift seen through noise; the likelihood "
            f"of this model ({model.likelihood.title}) is exact under its scheme. Use sdebayes.NUTS()."
        )


def chain_weights(
    log_ratio: Float[np.ndarray, "chain draw"], particles: int
) -> Float[np.ndarray, "chain draw"]:
    """Return smoothed weights of sum 1.

    Parameters
    ----------
    log_ratio
        Log of the estimated likelihood over the Gaussian filter's, (chain, draw).
    particles
        How many there were, for the message.

    Raises
    ------
    InferenceError
        If a chain has none.
    """
    weights = np.zeros(log_ratio.shape)
    if np.isfinite(log_ratio).any():
        weights = smoothed_weights(log_ratio.ravel())[0].reshape(log_ratio.shape)
    empty = np.flatnonzero(weights.sum(axis=1) == 0)
    if empty.size:
        raise InferenceError(
            f"ParticleCorrection: at no draw of chain {empty[0]} did any of {particles} particles come near the data; "
            "the Gaussian filter's posterior misses the true one. Take more particles, UnscentedKalman(), or a scheme "
            "that is nearer the truth."
        )
    return weights


def _resampled(
    weights: Float[np.ndarray, "chain draw"], generator: np.random.Generator
) -> Int[np.ndarray, "chain draw"]:
    """Choose draws of each chain in proportion to their weights, in their order; the shares of chains stay equal."""
    count = weights.shape[1]
    places = (np.arange(count) + generator.random((len(weights), 1))) / count
    cumulated = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    found = [np.searchsorted(*both) for both in zip(cumulated, places, strict=True)]
    return np.minimum(np.stack(found), count - 1)


def _take(values: np.ndarray, chosen: Int[np.ndarray, "chain draw"]) -> np.ndarray:
    return values[np.arange(len(chosen))[:, None], chosen]
