"""Replicates of data under every posterior draw."""

from __future__ import annotations

import jax
import numpy as np
import xarray as xr

from sdebayes._core import precision
from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Count, Seed
from sdebayes.posterior import compiled
from sdebayes.posterior.posterior import Posterior


@checked
def replicate(
    posterior: Posterior, data: xr.Dataset, samples: Count | None = None, seed: Seed = 0
) -> xr.Dataset:
    """Draw data like the given ones: each trajectory at its own times, with its own length and gaps.

    Parameters
    ----------
    posterior
        The fit.
    data
        Trajectories in the state space of the training data.
    samples
        At most so many draws, evenly spread; default at most 100, fewer where an array would pass 1 GiB.
    seed
        Seed.

    Returns
    -------
    xr.Dataset
        ``y`` (sample, path, time, state), or over ``observed`` where the observation matrix is not the identity, a path
        for each trajectory, NaN where the data are missing; from the distribution by which the likelihood goes from
        step to step, so that its error for long steps is in the replicates as it is in the fit.

    Raises
    ------
    DataError, StateSpaceError, ModelError
        As ``posterior.log_score``.

    See Also
    --------
    sdebayes.simulate : Paths at any times.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> from sdebayes.posterior import replicate
    >>> dict(replicate(posterior, test, samples=20)["y"].sizes)
    {'sample': 20, 'path': 4, 'time': 100, 'state': 2}
    """
    observations = posterior._read(data)
    model, chosen = posterior._draws(samples, 8 * observations.values.size)
    with precision.scope(posterior.precision):
        keys = np.asarray(jax.random.key_data(jax.random.split(jax.random.key(seed), chosen.size)))
        y = compiled.replicates(posterior.model.likelihood)((model, keys), observations)
    coordinate = "state" if posterior.model.observation.observation_matrix is None else "observed"
    values = np.where(np.asarray(observations.seen), np.asarray(y), np.nan)
    coords = {"sample": chosen, "path": np.arange(values.shape[1]), coordinate: data["state"].values}
    attrs = posterior._provenance() | {"seed": seed, "source": "posterior"}
    return xr.Dataset({"y": (("sample", "path", "time", coordinate), values)}, coords, attrs)
