"""The Ornstein–Uhlenbeck process seen through noise as one dense multivariate normal, by SciPy."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from scipy import linalg
from scipy.stats import multivariate_normal

from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift, ObservedSDE


@dataclass
class Dense:
    """A stable OU process, its first state's law, and its observation, all as NumPy arrays."""

    A: np.ndarray
    b: np.ndarray
    sigma: np.ndarray
    m0: np.ndarray
    P0: np.ndarray
    H: np.ndarray
    R: np.ndarray
    C: np.ndarray

    @classmethod
    def of(cls, stacked: ObservedSDE, sample: int) -> Dense:
        """Read one draw of a stacked model."""

        def leaf(array):
            return np.asarray(array)[sample]

        factor = leaf(stacked.sde.diffusion.factor)
        return cls(
            leaf(stacked.sde.drift.matrix),
            leaf(stacked.sde.drift.location),
            factor @ factor.T,
            leaf(stacked.initial_mean),
            leaf(stacked.initial_covariance),
            leaf(stacked.matrix),
            leaf(stacked.noise_covariance),
            leaf(stacked.effect_covariance),
        )

    def observed_sde(self) -> ObservedSDE:
        """Return the same as sdebayes reads it."""
        sde = SDE(
            LinearDrift(jnp.asarray(self.A), jnp.asarray(self.b)),
            ConstantDiffusion(jnp.asarray(np.linalg.cholesky(self.sigma))),
        )
        return ObservedSDE(sde, *(jnp.asarray(p) for p in (self.m0, self.P0, self.H, self.R, self.C)))

    def joint(self, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean and covariance of z = (x(t_1), …, x(t_n), c), and the map from z to the noiseless y."""
        n, d = len(t), len(self.b)
        P = linalg.solve_continuous_lyapunov(self.A, self.sigma)
        flow = [linalg.expm(-self.A * (s - t[0])) for s in t]
        mean = np.concatenate([self.b + F @ (self.m0 - self.b) for F in flow] + [np.zeros(d)])
        covariance = np.zeros((n * d + d, n * d + d))
        for j in range(n):
            V = P + flow[j] @ (self.P0 - P) @ flow[j].T
            for k in range(j, n):
                block = linalg.expm(-self.A * (t[k] - t[j])) @ V
                covariance[k * d : (k + 1) * d, j * d : (j + 1) * d] = block
                covariance[j * d : (j + 1) * d, k * d : (k + 1) * d] = block.T
        covariance[n * d :, n * d :] = self.C
        read = np.hstack([np.kron(np.eye(n), self.H), np.tile(self.H, (n, 1))])
        return mean, covariance, read

    def observations(self, y: np.ndarray, t: np.ndarray):
        """Mean and covariance of the entries of y that are not NaN, and those entries' indices in y.ravel()."""
        mean, covariance, read = self.joint(t)
        seen = np.flatnonzero(np.isfinite(y.ravel()))
        noise = np.kron(np.eye(len(t)), self.R)
        return (read @ mean)[seen], (read @ covariance @ read.T + noise)[np.ix_(seen, seen)], seen

    def log_density(self, y: np.ndarray, t: np.ndarray) -> float:
        """Log density of all that was seen of one trajectory."""
        if not np.isfinite(y).any():
            return 0.0
        mean, covariance, seen = self.observations(y, t)
        return float(multivariate_normal(mean, covariance).logpdf(y.ravel()[seen]))

    def smooth(self, y: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of z = (x(t_1), …, x(t_n), c) given all that was seen."""
        prior_mean, prior, read = self.joint(t)
        mean, covariance, seen = self.observations(y, t)
        cross = prior @ read[seen].T
        gain = np.linalg.solve(covariance, cross.T).T
        return prior_mean + gain @ (y.ravel()[seen] - mean), prior - gain @ cross.T

    def predict(self, y: np.ndarray, t: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of y_k (all entries) given what was seen before step k."""
        m = self.H.shape[0]
        prior_mean, prior, read = self.joint(t)
        target = read[k * m : (k + 1) * m]
        past = np.flatnonzero(np.isfinite(y[:k].ravel()))
        if not past.size:
            return target @ prior_mean, target @ prior @ target.T + self.R
        noise = np.kron(np.eye(len(t)), self.R)[np.ix_(past, past)]
        covariance = read[past] @ prior @ read[past].T + noise
        cross = target @ prior @ read[past].T
        gain = np.linalg.solve(covariance, cross.T).T
        mean = target @ prior_mean + gain @ (y.ravel()[past] - read[past] @ prior_mean)
        return mean, target @ prior @ target.T - gain @ cross.T + self.R
