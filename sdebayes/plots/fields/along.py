"""Drift and noise along a trajectory."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Panels, Probability
from sdebayes.plots.grid_fields import rate_unit
from sdebayes.plots.style import band, look, need, panels, share_legend


@checked
def along(
    dataset: xr.Dataset, ax: Panels | None = None, *, trajectory: str | None = None, prob: Probability = 0.9
) -> np.ndarray:
    """Draw how large drift and noise are from step to step of one trajectory.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.fields.along`` returns it.
    ax
        Two axes, or None.
    trajectory
        Name of the trajectory; by default the first.
    prob
        Probability of the band.

    Returns
    -------
    numpy.ndarray
        The axes, (2,): ‖f‖ and the size of the noise ‖G‖ = (tr Σ)^½, mean and band over the draws, with a gap where
        the state is missing.

    Raises
    ------
    DataError
        If the dataset holds no field along trajectories, or there is no such trajectory.

    See Also
    --------
    sdebayes.analysis.fields.along : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.fields.along`:

    >>> axes = sb.plots.fields.along(found)
    >>> [ax.get_ylabel() for ax in axes]
    ['drift ‖f‖ (per unit of time)', 'noise ‖G‖ (per √unit of time)']
    """
    need(dataset, ["magnitude", "covariance"], "sdebayes.analysis.fields.along")
    if "trajectory" not in dataset.dims:
        raise DataError("Expected a field along trajectories; make it with sdebayes.analysis.fields.along.")
    names = [str(name) for name in dataset["trajectory"].values]
    if trajectory is not None and trajectory not in names:
        raise DataError(f"There is no trajectory {trajectory!r} among {', '.join(names)}.")
    here = dataset.isel(trajectory=0 if trajectory is None else names.index(trajectory))
    matrices = here["covariance"].transpose("sample", "time", "state", "state_bis").values
    noise = here["magnitude"].copy(data=np.sqrt(np.trace(matrices, axis1=-2, axis2=-1)))
    unit = rate_unit(dataset)
    parts = {f"drift ‖f‖ ({unit})": here["magnitude"], f"noise ‖G‖ ({unit.replace('per ', 'per √')})": noise}
    with look():
        axes = panels(2, ax)
        for (label, draws), one in zip(parts.items(), axes, strict=True):
            band(one, here["time"].values, draws, prob=prob, label="posterior")
            one.set(xlabel="step", ylabel=label)
            one.set_ylim(bottom=0)
        axes[0].set_title(str(here["trajectory"].values), loc="left")
        share_legend(axes)
    return axes
