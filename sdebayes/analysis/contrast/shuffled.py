"""Differences between groups beside those between groups that were drawn by lot."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.kinds import Count, Seed
from sdebayes.analysis.contrast.pairs import differences, sources_of, values_of
from sdebayes.analysis.contrast.quantities import QUANTITIES, Quantity
from sdebayes.simulation.posterior_like import PosteriorLike
from sdebayes.simulation.source import has_groups

SHUFFLED, P_VALUE = "_shuffled", "_p_value"


@checked
def shuffled_groups(
    posterior: PosteriorLike,
    refit: Callable[[xr.Dataset], PosteriorLike],
    quantity: Quantity,
    groups: Sequence[str] | None = None,
    *,
    ratio: bool = False,
    shuffles: Count = 20,
    seed: Seed = 0,
) -> xr.Dataset:
    """Compare differences between groups with those between groups that were drawn by lot.

    Parameters
    ----------
    posterior
        A posterior of several groups.
    refit
        Fits the same model to other data, such as ``lambda data: sdebayes.fit(posterior.model, data, strategy)``. It is
        called with the training data, the groups of whose trajectories have changed places, once for each shuffle.
    quantity, groups, ratio
        As in `contrast`.
    shuffles
        Number of fits.
    seed
        Seed of the shuffles.

    Returns
    -------
    xarray.Dataset
        Over ``contrast``: the posterior median of each variable's difference, with the ending ``_shuffled`` over
        (replicate, contrast, …) those of shuffled groups, and with the ending ``_p_value`` the share of shuffles, this
        one among them, with a difference as far from none.

    Raises
    ------
    ModelError, DataError
        As `contrast`; a ModelError if the posterior has no groups.

    See Also
    --------
    sdebayes.analysis.contrast.contrast : The difference itself.
    sdebayes.plots.contrast.shuffled_groups : Draws it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.contrast.contrast`, with two shuffles where a test takes
    twenty:

    >>> def refit(data):
    ...     return sb.fit(model, data, sb.Laplace(draws=50))
    >>> found = sb.analysis.contrast.shuffled_groups(posterior, refit, "time_constants", shuffles=2)
    >>> dict(found["time_constant_shuffled"].sizes)
    {'replicate': 2, 'contrast': 3, 'mode': 1}
    """
    if not has_groups(posterior):
        raise ModelError("shuffled_groups: the posterior has no groups, whose labels could be shuffled.")
    read = QUANTITIES[quantity] if isinstance(quantity, str) else quantity
    data = posterior.training_data()
    generator = np.random.default_rng(seed)

    def median(fitted: PosteriorLike) -> xr.Dataset:
        chosen, _ = sources_of(fitted, groups, None)
        return differences(values_of(chosen, read), ratio).median("sample", keep_attrs=True)

    own = median(posterior)
    null = []
    for _ in range(shuffles):
        labels = generator.permutation(data["group"].values)
        null.append(median(refit(data.assign_coords(group=("trajectory", labels)))))
    others = xr.concat(null, "replicate", join="exact")
    result = own.assign({f"{name}{SHUFFLED}": values for name, values in others.data_vars.items()})
    for name in own.data_vars:
        far, all_far = _from_none(own[name], ratio), _from_none(others[name], ratio)
        result[f"{name}{P_VALUE}"] = (1 + (all_far >= far).sum("replicate")) / (1 + shuffles)
    return result.assign_attrs({**own.attrs, "seed": seed})


def _from_none(values: xr.DataArray, ratio: bool) -> xr.DataArray:
    """Return how far differences, or ratios, are from there being none."""
    distance: xr.DataArray = xr.apply_ufunc(lambda one: np.abs(np.log(one) if ratio else one), values)
    return distance
