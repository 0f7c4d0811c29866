"""Variables that have a unit carry it."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from sdebayes._core.units import plural_unit, with_units
from sdebayes.analysis import fields, phase_space
from sdebayes.dynamics import SDE, ConstantDiffusion, LinearDrift
from tests.reliability.callables import Public, callables, fitting_values
from tests.reliability.calls import Calls

PURE = [
    "asymmetry",
    "autocorrelation",
    "bounded",
    "committor",
    "correlation",
    "count",
    "coverage",
    "direction",
    "edge",
    "exists",
    "explosive",
    "grade",
    "innovation",
    "kind",
    "kurtosis",
    "lower",
    "multiplier",
    "overall",
    "p_value",
    "pairs",
    "pit",
    "probability",
    "quasi",
    "r2",
    "reached",
    "share",
    "skewness",
    "slope",
    "stable",
    "statistic",
    "tail",
    "term",
    "test",
    "unmatched",
    "upper",
    "words",
    "cell_peclet",
    "path",
    "noise",
    "trajectory_effect",
    "step",
    "z",
    "dissipative",
    "ergodic",
    "energy_variance",
    "mean_square",
    "t",
    "prior_probability",
    "state_p_value",
    "nominal",
    "verdict",
]
"""How names of pure numbers begin, shares of a variance and statistics of tests among them."""


def test_a_name_stands_for_those_that_begin_with_it():
    dataset = xr.Dataset(
        {name: ("lag", [1.0]) for name in ("mean", "mean_data", "mean_square_data", "meaning")},
        {"time": 0.0},
        {"time_unit": "sentence"},
    )
    found = with_units(dataset, mean="state per time", mean_square="state²", time="time")
    units = {name: value.attrs.get("units") for name, value in found.variables.items()}
    rate = "state per sentence"
    assert units == {
        "mean": rate, "mean_data": rate, "mean_square_data": "state²", "meaning": None, "time": "sentence",
    }  # fmt: skip
    assert with_units(xr.Dataset({"a": 1.0}), a="per time")["a"].attrs["units"] == "per unit of time"
    assert (plural_unit("unit of time"), plural_unit("sentence")) == ("units of time", "sentences")


def test_shares_and_ratios_do_not_inherit_units():
    sde = SDE(LinearDrift(jnp.eye(2), jnp.zeros(2)), ConstantDiffusion(jnp.eye(2)))
    plane = phase_space.portrait(sde, points=3)
    units = {name: value.attrs.get("units") for name, value in plane.data_vars.items()}
    assert units["drift_sd"] == "state per unit of time"
    assert units["direction_agreement"] == units["direction_resultant"] == "1"
    assert fields.signal_to_noise(fields.grid(sde, points=2), 0.1).attrs["units"] == "1"
    law = phase_space.stationary_density(sde, points=5)
    assert law["density"].attrs["units"] == "per state²"
    assert law["current"].attrs["units"] == "per state and unit of time"


@pytest.mark.slow
def test_every_variable_of_every_analysis_has_its_unit_or_is_a_number(tmp_path, untyped):
    calls = Calls(tmp_path, fitting_values())
    missing = {}
    for one in callables():
        if one.owner is not None or not one.name.startswith("sdebayes.analysis."):
            continue
        missing[one.name] = without(calls, one)
    assert {name: found for name, found in missing.items() if found} == {}


def without(calls: Calls, one: Public) -> list[str]:
    """Names of the variables of a result that have no unit, and should."""
    function, given = calls.of(one)
    try:
        result = function(**given)
    except ValueError:
        return []
    result = next(iter(result.values())) if isinstance(result, dict) else result
    parts = {result.name: result} if isinstance(result, xr.DataArray) else result.data_vars
    return [
        str(name)
        for name, value in parts.items()
        if np.issubdtype(value.dtype, np.floating)
        and "units" not in value.attrs
        and not str(name).startswith(tuple(PURE))
    ]
