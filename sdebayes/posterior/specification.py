"""Models as JSON: which classes with which constants, and no code."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

from sdebayes import dynamics, priors, schemes
from sdebayes._core.errors import StoreError
from sdebayes.model import Exact, ExtendedKalman, GaussianNoise, StudentT, StudentTNoise, UnscentedKalman
from sdebayes.model.sdemodel import SDEModel

_CLASSES: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        SDEModel,
        Exact,
        StudentT,
        GaussianNoise,
        StudentTNoise,
        priors.DataScale,
        priors.Linear,
        priors.Constant,
        priors.Fixed,
        priors.GP,
        priors.BNN,
        priors.HSGP,
        priors.RandomFourier,
        priors.Inducing,
        priors.SquaredExponential,
        priors.Matern32,
        priors.Matern52,
        priors.Sparse,
        priors.Polynomial,
        priors.SpikeAndSlab,
        priors.Horseshoe,
        priors.Diagonal,
        priors.Full,
        schemes.EulerMaruyama,
        schemes.LinearNoise,
        schemes.LocalLinearization,
        schemes.Moments,
        schemes.Strang,
        schemes.Substeps,
        ExtendedKalman,
        UnscentedKalman,
        dynamics.LinearDrift,
        dynamics.AffineDrift,
        dynamics.ConstantDiffusion,
    )
}


class _Code(Exception):  # noqa: N818
    """A part of the model is code."""


def encode(model: SDEModel) -> str:
    """Write a model as JSON; the empty string where a part of it is the user's own code or distribution."""
    try:
        return json.dumps(_to_json(model))
    except _Code:
        return ""


def decode(text: str) -> SDEModel:
    """Read a model from JSON, its known functions in the precision in force.

    Raises
    ------
    StoreError
        If the text is not a model of this version.
    """
    try:
        model = _from_json(json.loads(text))
    except Exception as error:  # what a file holds may be anything, and fail in any way
        raise StoreError(
            f"The stored model cannot be read ({type(error).__name__}: {error}); give it: "
            "sdebayes.load(path, model=...)."
        ) from error
    if not isinstance(model, SDEModel):
        raise StoreError("The stored model is no SDEModel; give it: sdebayes.load(path, model=...).")
    return model


def _to_json(value: Any) -> Any:
    if isinstance(value, np.ndarray | jax.Array):
        return {"array": np.asarray(value, dtype=np.float64).tolist()}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple | list):
        return {"tuple": [_to_json(item) for item in value]}
    if not isinstance(value, dist.Distribution) and is_dataclass(value) and type(value) in _CLASSES.values():
        return {"class": type(value).__name__} | {
            field.name: _to_json(getattr(value, field.name)) for field in fields(value)
        }
    raise _Code


def _from_json(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return np.asarray(value["array"], dtype=np.float64)
    if "tuple" in value:
        return tuple(_from_json(item) for item in value["tuple"])
    kind = _CLASSES[value["class"]]
    parts = {name: _from_json(item) for name, item in value.items() if name != "class"}
    if issubclass(kind, eqx.Module):
        parts = {
            name: jnp.asarray(part) if isinstance(part, np.ndarray) else part for name, part in parts.items()
        }
    return kind(**parts)
