"""Trajectories on the devices of a mesh."""

from __future__ import annotations

from functools import partial

import jax
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from jaxtyping import Array

from sdebayes._core.errors import ModelError
from sdebayes.likelihood import Observations
from sdebayes.likelihood.arrays import by_row, filled_up

AXIS = "trajectory"


def over_devices(observations: Observations) -> Observations:
    """Divide trajectories among the devices of the mesh in force (``jax.set_mesh``), if it has an axis of their name.

    The devices may be those of several processes, which all have the data.

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
    devices = mesh.shape[AXIS]
    whole = filled_up(observations, -(-len(observations.values) // devices) * devices)
    return by_row(whole, partial(_placed, sharding=along), partial(_placed, sharding=everywhere))


def _placed(leaf: Array | np.ndarray, sharding: NamedSharding) -> Array:
    """Put an array on the devices of all processes, each of which has it and takes its share."""
    array = np.asarray(leaf, dtype=jax.dtypes.canonicalize_dtype(leaf.dtype))
    return jax.make_array_from_callback(array.shape, sharding, lambda part: array[part])
