"""The result of a calibration study: ranks, coverage, and whether the ranks are uniform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.ratio import wilson_interval
from sdebayes._core.uniformity import p_values, share_of_band
from sdebayes.posterior.calibration_study import Record
from sdebayes.posterior.quantities import Quantities

NOMINAL = (0.5, 0.9, 0.95)
BAND = 0.95
_PROB = 0.95


def labelled(
    records: list[Record],
    ranked: Quantities,
    rng: np.random.Generator,
    attrs: Mapping[str, object],
    *,
    exact: bool = True,
) -> xr.Dataset:
    """Randomise ties and gaps between ranks, count coverage, judge the ranks, and name the dimensions.

    Parameters
    ----------
    records
        One for each data set.
    ranked
        What was ranked.
    rng
        Breaks ties.
    attrs
        Attributes of the result.
    exact
        Whether ranks are uniform if all is right, as they are where the prior that truths are drawn from is the one
        that is fitted; else there are no ranks in the result, but a bias.
    """
    values = {
        name: np.array([getattr(record, name) for record in records])
        for name in ("truth", "below", "equal", "mean", "standard_deviation", "effective_draws")
    }
    uniform = rng.random((2, *values["truth"].shape))
    rank = values["below"] + np.floor(uniform[0] * (values["equal"] + 1))
    count = np.array([record.ranked for record in records])[:, None]
    pit = (rank + uniform[1]) / (count + 1)
    values |= {"rank": rank, "pit": pit} if exact else {}
    failed = np.array([bool(record.message) for record in records])
    unknown = _unknown(values, ~failed)
    both = ("replicate", "quantity")
    variables: dict[str, Any] = {
        name: (both, values[name][:, unknown], {"long_name": text})
        for name, text in {
            "rank": "number of posterior draws below the truth",
            "pit": "normalised randomised rank",
            "truth": "value under the parameters that made the data",
            "mean": "posterior mean",
            "standard_deviation": "posterior standard deviation",
            "effective_draws": "bulk effective sample size of the fit",
        }.items()
        if name in values
    }
    variables["failed"] = ("replicate", failed, {"long_name": "whether the fit failed"})
    variables["message"] = (
        "replicate",
        [record.message for record in records],
        {"long_name": "why it failed"},
    )
    done = np.ix_(~failed, unknown)
    variables |= _coverage(pit[done])
    variables |= _uniformity(pit[done]) if exact else _bias({n: v[done] for n, v in values.items()})
    return xr.Dataset(
        variables,
        {
            "replicate": np.arange(len(records)),
            "quantity": np.array(ranked.labels)[unknown],
            "part": ("quantity", np.array(ranked.parts)[unknown]),
            "nominal": ("nominal", list(NOMINAL), {"long_name": "probability of a central interval"}),
        },
        {**attrs, "prob": _PROB},
    )


def _unknown(values: dict[str, np.ndarray], done: np.ndarray) -> np.ndarray:
    """Return which quantities the data sets' posteriors leave open: a known variance, say, is none."""
    size = np.abs(values["mean"][done]) + np.abs(values["truth"][done])
    return np.any(values["standard_deviation"][done] > 1e-9 * size, axis=0)


def _coverage(pit: np.ndarray) -> dict[str, Any]:
    """Count how often central intervals hold the truth."""
    covered = np.array([np.mean(np.abs(pit - 0.5) <= nominal / 2, axis=0) for nominal in NOMINAL])
    lower, upper = wilson_interval(covered, len(pit), _PROB)
    both = ("nominal", "quantity")
    return {
        "coverage": (both, covered, {"long_name": "share of central intervals that hold the truth"}),
        "lower": (both, lower, {"long_name": "lower end of the coverage's 95 % Wilson interval"}),
        "upper": (both, upper, {"long_name": "upper end of the coverage's 95 % Wilson interval"}),
    }


def _uniformity(pit: np.ndarray) -> dict[str, Any]:
    """Test whether ranks are uniform."""
    number = pit.shape[1]
    p_value = p_values(pit)
    return {
        "p_value": ("quantity", p_value, {"long_name": "p-value of uniform ranks"}),
        "share_of_band": (
            "quantity",
            share_of_band(pit, 1 - (1 - BAND) / number),
            {
                "long_name": "largest deviation of the ranks' distribution function, as a share of what leaves the band"
            },
        ),
        "overall_p_value": (
            (),
            min(1.0, number * p_value.min()),
            {"long_name": "p-value of uniform ranks of all quantities, by Bonferroni's bound"},
        ),
    }


def _bias(values: dict[str, np.ndarray]) -> dict[str, Any]:
    """Say how far posterior means are from the truth, in posterior standard deviations."""
    off = (values["mean"] - values["truth"]) / values["standard_deviation"]
    error = off.std(axis=0, ddof=1) / np.sqrt(len(off)) if len(off) > 1 else np.full(off.shape[1], np.nan)
    unit = "posterior standard deviations"
    return {
        "bias": (
            "quantity",
            off.mean(axis=0),
            {"long_name": "mean error of the posterior mean", "units": unit},
        ),
        "bias_error": ("quantity", error, {"long_name": "standard error of the bias", "units": unit}),
    }
