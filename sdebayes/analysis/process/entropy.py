r"""How far a stationary process is from being reversible in time.

With the stationary density p and the current :math:`J = f p - \tfrac12 ∇ \cdot (Σ p)` the entropy production rate is

.. math:: e = 2 \int \frac{J^\top Σ^{-1} J}{p}\, dx
            = \mathrm{E}\left[φ(X)\right], \qquad
          φ = F^\top f + \tfrac12 \mathrm{tr}(Σ\, ∂F), \qquad F = 2 Σ^{-1} (f - \tfrac12 ∇ \cdot Σ),

the mean of the Stratonovich work :math:`\int F^\top \circ dX` per unit of time, its martingale part left out.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Int

from sdebayes._core import precision
from sdebayes._core.arguments import checked
from sdebayes._core.draws import choose_draws
from sdebayes._core.kinds import Count, CountFromTwo, Seed, StateOrNumber, Times
from sdebayes._core.linalg import stationary_covariance
from sdebayes.analysis.evaluate import in_chunks
from sdebayes.analysis.process.effective import chains_of, effective_draws
from sdebayes.analysis.process.settled_paths import MOST_SIMULATED, PATHS, settled_paths
from sdebayes.dynamics import SDE, ObservedSDE
from sdebayes.simulation import Source, as_source
from sdebayes.simulation.source import SourceLike

_RIDGE = 1e-12
_DRAWS_PER_ENTRY = 3


@checked
def entropy_production(
    source: SourceLike,
    samples: Count | None = None,
    *,
    times: Times | None = None,
    x0: StateOrNumber | None = None,
    paths: CountFromTwo = PATHS,
    seed: Seed = 0,
) -> xr.Dataset:
    r"""Return the entropy production rate of the stationary process: zero if and only if it is reversible in time.

    Of a stable linear drift :math:`f = A(b - x)` with constant Σ in closed form,

    .. math:: e = 2\, \mathrm{tr}(K^\top Σ^{-1} K P^{-1}), \qquad K = A P - \tfrac12 Σ,

    P the stationary covariance. Otherwise as the mean of φ (see the module) over simulated paths.

    Parameters
    ----------
    source
        A posterior or an SDE.
    samples
        At most so many draws, evenly spread; default all of a linear SDE, else at most 50.
    times
        Times of the simulation, (time,), of which the first half is left out as burn-in; default 400 steps of half the
        time in which the drift's Jacobian acts. Not read for a linear SDE, nor is what follows.
    x0
        Start, (state,), where the source has no initial distribution.
    paths
        Number of simulated paths of each draw, at least 2.
    seed
        Seed of the simulation.

    Returns
    -------
    xarray.Dataset
        Over ``sample``: ``rate``, in nats per unit of time, NaN where there is no stationary distribution or Σ is
        singular, and its Monte-Carlo ``standard_error``, zero in closed form. Of a linear SDE with two or more draws
        also ``rate_reference``: the rate of K replaced by :math:`\sqrt 2 (K - \bar K)`, K̄ its posterior mean: what
        draws have where the truth is K = 0 and the posterior of K is normal about an estimate that errs by as much; and
        ``p_value``, the probability of a K̄ as far from zero, in the metric of the draws' covariance, if K = 0 and the
        posterior is such a one: Hotelling's T², which counts that this covariance is estimated from the draws, as many
        as they are effectively. It is NaN of fewer effective draws than three times the entries of K above its
        diagonal: 8 states take 84 draws, 16 take 360.

    Raises
    ------
    DataError
        If samples, paths or times cannot be used.
    ModelError
        If a nonlinear SDE has no initial distribution and ``x0`` was not given.

    See Also
    --------
    sdebayes.analysis.process.reversibility : A test by the data alone.
    sdebayes.plots.process.entropy_production : Draws it.

    Notes
    -----
    The rate is positive in almost every draw of a model that allows K ≠ 0, so an interval above zero is no evidence of
    irreversibility; that it lies above ``rate_reference``, or a small ``p_value``, is. Only what the states show
    counts: hidden states may be irreversible where the observed ones are not. Simulated paths are taken as stationary
    after the first half of the times: where the process forgets its start more slowly than that, as `mixing_time`
    tells, the way from the start counts as irreversible.

    References
    ----------
    Seifert (2012), sec. 2, doi:10.1088/0034-4885/75/12/126001; linear: Godrèche & Luck (2019),
    doi:10.1088/1751-8121/aaf190.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("ornstein_uhlenbeck", 10, 0.1)
    >>> float(sb.analysis.process.entropy_production(truth)["rate"].squeeze().round(2))  # 2 ω²/λ
    8.0

    Continuing the example of :func:`sdebayes.fit`:

    >>> bool(sb.analysis.process.entropy_production(posterior)["p_value"] < 0.05)
    True
    """
    stacked = as_source(source, None if x0 is None else np.size(x0))
    if stacked.sde.linear is not None:
        draws = choose_draws(stacked.n_draws, 24 * stacked.n_states**2, samples)
        return _labelled(stacked, draws, _linear(stacked.take(draws), chains_of(stacked, draws)))
    draws = choose_draws(stacked.n_draws, 1, samples, MOST_SIMULATED)
    settled = settled_paths(stacked.take(draws), times, x0, paths, seed)
    return rate_along(stacked, draws, settled)


def rate_along(source: Source, draws: np.ndarray, settled: xr.Dataset) -> xr.Dataset:
    """Return the rate of chosen draws from their settled paths, two or more of each draw."""
    return _labelled(source, draws, _simulated(source.take(draws), settled))


def _labelled(source: Source, draws: np.ndarray, variables: dict[str, np.ndarray]) -> xr.Dataset:
    unit = f"nats per {source.time_unit}"
    names = {
        "rate": "entropy production rate",
        "standard_error": "Monte-Carlo standard error of the entropy production rate",
        "rate_reference": "entropy production rate if K = 0",
    }
    labelled: dict[str, Any] = {
        name: ("sample", value, {"long_name": names[name], "units": unit})
        for name, value in variables.items()
        if name in names
    }
    if "p_value" in variables:
        labelled["p_value"] = ((), variables["p_value"], {"long_name": "p-value of K = 0"})
    return xr.Dataset(labelled, {"sample": draws}, source.provenance)


def linear_rate(
    K: Float[np.ndarray, "sample state state"],
    covariance: Float[np.ndarray, "sample state state"],
    P: Float[np.ndarray, "sample state state"],
) -> Float[np.ndarray, " sample"]:
    """Return 2 tr(Kᵀ Σ⁻¹ K P⁻¹) of every draw, NaN where Σ or P is singular or not finite."""
    rate = np.full(len(K), np.nan)
    finite = np.isfinite(P).all(axis=(1, 2))
    good = finite.copy()
    for matrix in (covariance, P):
        values = np.linalg.eigvalsh(matrix[finite])
        good[finite] &= values[:, 0] > _RIDGE * values[:, -1]
    left = np.linalg.solve(covariance[good], K[good])
    right = np.linalg.solve(P[good], K[good].swapaxes(-1, -2))
    rate[good] = 2 * np.einsum("sij,sji->s", left, right)
    return rate


def reference_rate(
    K: Float[np.ndarray, "sample state state"],
    covariance: Float[np.ndarray, "sample state state"],
    P: Float[np.ndarray, "sample state state"],
) -> Float[np.ndarray, " sample"]:
    """Return the rate of √2 (K − K̄) in the place of K."""
    return linear_rate(np.sqrt(2) * (K - np.nanmean(K, axis=0)), covariance, P)


def tail_beyond_zero(
    K: Float[np.ndarray, "sample state state"], chains: Int[np.ndarray, " sample"] | None = None
) -> dict[str, np.ndarray]:
    r"""Return ``p_value`` of K = 0 by Hotelling's T², NaN of few draws; nothing where K has no entries.

    k are the entries of K above the diagonal, in the w directions in which draws differ, k̄ and S their mean and
    covariance over n effective draws. Let the posterior be :math:`\mathcal N(\hat k, C)` and its estimate err by as
    much: :math:`\hat k \sim \mathcal N(0, C)` if K = 0. Then :math:`\bar k \sim \mathcal N(0, (1 + 1/n) C)` and, apart
    from it, :math:`(n - 1) S` is Wishart with n − 1 degrees of freedom and matrix C, so that

    .. math:: \frac{n - w}{w (n - 1)} \, \frac{\bar k^\top S^{-1} \bar k}{1 + 1/n} \sim F(w, n - w).

    For n → ∞ it is the χ² tail of :math:`\hat k^\top C^{-1} \hat k`, the posterior probability of a k farther from its
    mean than zero is. S is found only where n is a few times w: below n = 3w there is no p-value. Dependent draws count
    as n independent ones, and S is then brought to its expectation C.

    References
    ----------
    Anderson (2003), An Introduction to Multivariate Statistical Analysis, sec. 5.2.
    """
    from scipy.stats import f

    finite = np.isfinite(K).all(axis=(1, 2))
    entries = K[finite][:, *np.triu_indices(K.shape[-1], 1)]
    if not entries.size:
        return {}
    n = effective_draws(entries, None if chains is None else chains[finite])
    mean = entries.mean(axis=0)
    _, size, axes = np.linalg.svd(entries - mean, full_matrices=False)
    w = int((size > size[0] * max(entries.shape) * np.finfo(float).eps).sum())
    if w == 0 or n < _DRAWS_PER_ENTRY * w:
        return {"p_value": np.asarray(np.nan)}
    variance = size[:w] ** 2 / len(entries) / (1 - 1 / n)
    distance = ((axes[:w] @ mean) ** 2 / variance).sum() / (1 + 1 / n)
    return {"p_value": np.asarray(f.sf(distance * (n - w) / (w * (n - 1)), w, n - w))}


def stationary_parts(source: Source) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return K, Σ and P of every draw of a linear SDE, each (sample, state, state); K and P NaN where not stable."""
    with precision.scope(source.precision):
        A, covariance, P = (np.asarray(part, dtype=np.float64) for part in _parts(source.sde))
    unstable = ~((np.linalg.eigvals(A).real > 0).all(axis=-1) & np.isfinite(P).all(axis=(1, 2)))
    P = np.where(unstable[:, None, None], np.nan, P)
    K = A @ P - 0.5 * covariance
    return 0.5 * (K - K.swapaxes(-1, -2)), covariance, P


@eqx.filter_jit
def _parts(sde: SDE) -> tuple[Array, Array, Array]:
    def one(own: Any) -> tuple[Array, Array, Array]:
        A = own.drift.matrix
        covariance = own.covariance(jnp.zeros(A.shape[-1], A.dtype))
        return A, covariance, stationary_covariance(A, covariance)

    return eqx.filter_vmap(one)(sde)


def _linear(source: Source, chains: np.ndarray | None) -> dict[str, np.ndarray]:
    K, covariance, P = stationary_parts(source)
    rate = linear_rate(K, covariance, P)
    found = {"rate": rate, "standard_error": np.where(np.isnan(rate), np.nan, 0.0)}
    if np.isfinite(K).all(axis=(1, 2)).sum() > 1:
        found["rate_reference"] = reference_rate(K, covariance, P)
        found |= tail_beyond_zero(K, chains)
    return found


def _simulated(source: Source, settled: xr.Dataset) -> dict[str, np.ndarray]:
    path = settled["x"].transpose("sample", "path", "time", "state").values
    lost = ~np.isfinite(path).all(axis=(1, 2, 3))
    points = np.where(lost[:, None, None, None], 0.0, path).reshape(len(path), -1, source.n_states)
    work = in_chunks(_work, source, np.arange(len(path)), points)[0]
    means = work.reshape(path.shape[:3]).mean(axis=2, dtype=np.float64)
    means[lost] = np.nan
    error = means.std(axis=1, ddof=1) / np.sqrt(path.shape[1])
    return {"rate": means.mean(axis=1), "standard_error": error}


@eqx.filter_jit
def _work(
    observed: ObservedSDE, points: Float[Array, "sample point state"]
) -> tuple[Float[Array, "sample point"]]:
    def at(sde: SDE, x: Float[Array, " state"]) -> Array:
        f, covariance = sde.drift(x), sde.covariance(x)
        if sde.diffusion.constant:
            return 2 * f @ jnp.linalg.solve(covariance, f) + jnp.trace(sde.drift.jacobian(x))

        def force(y: Array) -> Array:
            spread = jnp.einsum("ijj->i", jax.jacfwd(sde.covariance)(y))
            return 2 * jnp.linalg.solve(sde.covariance(y), sde.drift(y) - 0.5 * spread)

        return force(x) @ f + 0.5 * jnp.einsum("ij,ji->", covariance, jax.jacfwd(force)(x))

    return (eqx.filter_vmap(lambda one, own: jax.vmap(lambda x: at(one.sde, x))(own))(observed, points),)
