"""How many independent draws the draws of a posterior are worth."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from sdebayes.simulation import Source

_FEWEST = 4


def chains_of(source: Source, draws: np.ndarray) -> Int[np.ndarray, " sample"] | None:
    """Return the chain that each of some draws is of, None where the source does not tell."""
    return None if source.n_chains is None else np.asarray(draws) * source.n_chains // source.n_draws


def effective_draws(
    values: Float[np.ndarray, "sample entry"], chains: Int[np.ndarray, " sample"] | None
) -> float:
    """Return the effective number of draws of the mean, at most their number.

    With chains it is that of ArviZ, the least of all entries. Without, that of one sequence by the autocorrelation
    which is the mean over entries, summed as long as pairs of neighbours are positive (Geyer 1992,
    doi:10.1214/ss/1177011137): of independent draws very nearly their number.
    """
    if len(values) < _FEWEST:
        return float(len(values))
    found = _one_sequence(values) if chains is None else _of_chains(values, chains)
    return min(found, float(len(values)))


def _of_chains(values: np.ndarray, chains: np.ndarray) -> float:
    import arviz_stats as az

    parts = [values[chains == chain] for chain in np.unique(chains)]
    shortest = min(map(len, parts))
    if shortest < _FEWEST:
        return 0.0
    stacked = np.stack([part[:shortest] for part in parts])
    return min(float(az.ess(stacked[..., entry], method="mean")) for entry in range(stacked.shape[-1]))


def _one_sequence(values: np.ndarray) -> float:
    count = len(values)
    z = values - values.mean(axis=0)
    spread = z.std(axis=0)
    z = z[:, spread > 0] / spread[spread > 0]
    if not z.size:
        return float(count)
    power = np.abs(np.fft.rfft(z, 2 * count, axis=0)) ** 2
    correlation = np.fft.irfft(power, axis=0)[:count].mean(axis=1) / count
    pairs = correlation[: count // 2 * 2].reshape(-1, 2).sum(axis=1)
    end = int(np.argmax(pairs <= 0)) if (pairs <= 0).any() else len(pairs)
    return count / max(2 * float(pairs[:end].sum()) - 1, 1.0)
