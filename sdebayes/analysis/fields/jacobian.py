"""Eigenvalues of the drift's Jacobian."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Numbers
from sdebayes._core.places import Places
from sdebayes.analysis.evaluate import jacobians, n_states, reference_state
from sdebayes.analysis.spectrum import spectrum
from sdebayes.simulation import as_source
from sdebayes.simulation.source import SourceLike


@checked
def jacobian_spectrum(source: SourceLike, x: Numbers | None = None) -> xr.Dataset:
    """Return the eigenvalues of the drift's Jacobian, with their time constants and rotation periods.

    Parameters
    ----------
    source
        A posterior or an SDE.
    x
        Places to linearise at: (state,) or (point, state). None for an affine drift, whose Jacobian is the same
        everywhere, else the reference state of :func:`grid`.

    Returns
    -------
    xarray.Dataset
        Over (sample, point, mode), modes sorted by decreasing real part (slowest decay first), of a conjugate pair the
        positive imaginary part first: ``real_part`` and ``imaginary_part`` in 1/time, ``time_constant`` = ``1/|Re λ|``
        and ``period`` = ``2π/|Im λ|`` (infinite without rotation) in time. A positive ``real_part`` is a direction of
        growth.

    Raises
    ------
    DataError
        If x has the wrong number of states.

    See Also
    --------
    sdebayes.analysis.phase_space.time_scales : Of the density, where the drift is not linear.
    sdebayes.plots.fields.jacobian_spectrum : Draws it.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("ornstein_uhlenbeck", 10, 0.1)
    >>> found = sb.analysis.fields.jacobian_spectrum(truth)
    >>> found["time_constant"].values.round(2).squeeze(), found["period"].values.round(2).squeeze()
    (array([1., 1.]), array([3.14, 3.14]))
    """
    stacked = as_source(source, n_states(x))
    place = Places.read(reference_state(stacked, None) if x is None else x, stacked.states).flat().points
    draws = np.arange(stacked.n_draws)
    values = np.linalg.eigvals(jacobians(stacked, draws, place)).astype(complex)
    scale = np.abs(values).max(axis=-1, keepdims=True)
    real = np.where(np.abs(values.real) < 1e-12 * scale, 0.0, values.real)
    order = np.lexsort((-values.imag, -np.round(real / np.where(scale > 0, scale, 1), 9)), axis=-1)
    values = np.take_along_axis(values, order, axis=-1)
    coords = {
        "sample": draws,
        "point": np.arange(len(place)),
        "state": list(stacked.states),
        "place": (("point", "state"), place, {"units": "state"}),
    }
    return spectrum(values, ("sample", "point", "mode"), coords, stacked.provenance)
