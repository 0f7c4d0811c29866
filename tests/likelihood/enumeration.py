"""Linear SDEs that switch between regimes, by all sequences of regimes: another route to the likelihood."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from scipy import linalg
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift, ObservedSDE


class Switching(NamedTuple):
    """Regimes of dX = A (b − X) dt + dW, Σ: A (regime, state, state), b, sigma; Q; R and C."""

    A: np.ndarray
    b: np.ndarray
    sigma: np.ndarray
    Q: np.ndarray
    R: np.ndarray
    C: np.ndarray

    @property
    def stationary(self) -> np.ndarray:
        """P of each regime, its distribution of the first state."""
        return np.array(
            [linalg.solve_continuous_lyapunov(A, sigma) for A, sigma in zip(self.A, self.sigma, strict=True)]
        )

    def model(self) -> ObservedSDE:
        """The same as the likelihoods take it."""
        factors = np.linalg.cholesky(self.sigma)
        sde = SDE(
            LinearDrift(jnp.array(self.A[0]), jnp.array(self.b[0])), ConstantDiffusion(jnp.array(factors[0]))
        )
        one = ObservedSDE(
            sde,
            jnp.array(self.b),
            jnp.array(self.stationary),
            jnp.eye(self.b.shape[1]),
            jnp.array(self.R),
            jnp.array(self.C),
            generator=jnp.array(self.Q),
        )
        parts = lambda m: (m.sde.drift.matrix, m.sde.drift.location, m.sde.diffusion.factor)  # noqa: E731
        import equinox as eqx

        return eqx.tree_at(parts, one, (jnp.array(self.A), jnp.array(self.b), jnp.array(factors)))

    def log_likelihood(self, values: np.ndarray, times: np.ndarray) -> tuple[float, np.ndarray]:
        """Return log p(y) and p(r_k | y), (time, regime), of one trajectory whose missing entries are NaN."""
        count, length = len(self.A), len(values)
        start = linalg.null_space(self.Q.T)[:, 0]
        start = start / start.sum()
        moves = [linalg.expm(self.Q * dt) for dt in np.diff(times)]
        terms, paths = [], list(product(range(count), repeat=max(length - 1, 1)))
        for path in paths:
            chance = np.log(start[path[0]]) + sum(
                np.log(moves[k][path[k], path[k + 1]]) for k in range(len(path) - 1)
            )
            terms.append(chance + self._given(values, times, path))
        total = logsumexp(terms)
        weights = np.exp(np.array(terms) - total)
        led = np.array([(path[0], *path) for path in paths])[:, :length]
        shares = [[weights[led[:, k] == j].sum() for j in range(count)] for k in range(length)]
        return float(total), np.array(shares)

    def _given(self, values: np.ndarray, times: np.ndarray, path: tuple[int, ...]) -> float:
        """Log density of all values at once, given the regimes: one normal law of the whole trajectory."""
        n, length = values.shape[1], len(values)
        means, covariance = np.zeros((length, n)), np.zeros((length, n, length, n))
        means[0], covariance[0, :, 0] = self.b[path[0]], self.stationary[path[0]]
        for k in range(1, length):
            r, dt = path[k - 1], times[k] - times[k - 1]
            F, P = linalg.expm(-self.A[r] * dt), self.stationary[r]
            means[k] = self.b[r] + F @ (means[k - 1] - self.b[r])
            covariance[k] = np.einsum("ij,jkl->ikl", F, covariance[k - 1])
            covariance[:, :, k] = np.moveaxis(covariance[k], 0, -1)
            covariance[k, :, k] = F @ covariance[k - 1, :, k - 1] @ F.T + P - F @ P @ F.T
        S = covariance.reshape(length * n, length * n) + np.kron(np.eye(length), self.R)
        S = S + np.kron(np.ones((length, length)), self.C)
        seen = np.isfinite(values.ravel())
        return multivariate_normal.logpdf(values.ravel()[seen], means.ravel()[seen], S[np.ix_(seen, seen)])


def two_regimes(noise: float = 0.0, effect: float = 0.0, states: int = 2) -> Switching:
    """Two regimes that differ in place, rate and spread."""
    A = np.array([[[0.4, 0.3], [-0.2, 0.6]], [[1.2, 0.0], [0.5, 0.9]]])[:, :states, :states]
    b = np.array([[0.0, 0.5], [2.0, -1.0]])[:, :states]
    sigma = np.array([[[0.5, 0.1], [0.1, 0.4]], [[1.5, -0.3], [-0.3, 0.8]]])[:, :states, :states]
    unit = np.eye(states)
    return Switching(A, b, sigma, np.array([[-0.3, 0.3], [0.5, -0.5]]), noise * unit, effect * unit)
