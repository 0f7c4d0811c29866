"""Trajectories on the devices of a mesh."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from sdebayes._core.errors import ModelError
from sdebayes.likelihood import Observations
from sdebayes.likelihood.arrays import row_axes, rows

AXIS = "trajectory"


def over_devices(observations: Observations) -> Observations:
    """Divide trajectories among the devices of the mesh in force (``jax.set_mesh``), if it has an axis of their name.

    Parameters
    ----------
    observations
        The data.

    Returns
    -------
    Observations
        The data with every array divided along its trajectories, filled up to a multiple of the devices by
        trajectories of which nothing is seen; the same where there is no such axis.

    Raises
    ------
    ModelError
        If the axis is one along which JAX does not divide work by itself, or the data have groups.
    """
    mesh = jax.sharding.get_mesh()
    if AXIS not in mesh.axis_names:
        return observations
    if dict(zip(mesh.axis_names, mesh.axis_types, strict=True))[AXIS] is not AxisType.Auto:
        raise ModelError(
            f"The axis {AXIS!r} of the mesh in force is not of the type that lets JAX divide work by itself; make it "
            f"by jax.make_mesh((devices,), ({AXIS!r},), axis_types=(jax.sharding.AxisType.Auto,))."
        )
    if observations.rows_of_groups is not None:
        raise ModelError(
            f"Trajectories of several groups are not divided among devices; fit without the axis {AXIS!r} in the mesh."
        )
    along, everywhere = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in ((AXIS,), ()))
    whole = _filled_up(observations, mesh.shape[AXIS])
    places = jax.tree.map(
        lambda axis: everywhere if axis is None else along, row_axes(whole), is_leaf=_is_none
    )
    return jax.device_put(whole, places)


def _is_none(leaf: object) -> bool:
    return leaf is None


def _filled_up(observations: Observations, devices: int) -> Observations:
    """Repeat the last trajectory, unseen, until each device has as many as the others."""
    count = len(observations.values)
    wanted = -(-count // devices) * devices
    if wanted == count:
        return observations
    whole = rows(observations, np.minimum(np.arange(wanted), count - 1))
    there = np.arange(wanted)[:, None, None] < count
    seen = np.asarray(whole.seen) & there
    return replace(whole, seen=seen, values=np.where(there, np.asarray(whole.values), 0.0))
